/* What only PostgreSQL has: a server that goes and comes back, transactions that meet, sessions that hang. */
#include "platform/sql/tests/helper.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "platform/sql/testing_postgresql.h"

static struct testing_postgresql *server;
static const char *url;

static const char *with(const char *parameters)
{
    static char out[256];
    snprintf(out, sizeof out, "%s?%s", url, parameters);
    return out;
}

static void check_refused(const char *bad, const char *part)
{
    CTX ctx = ctx_new();
    struct sql_db *db = sql_open(ctx, str_of(bad), "test", NULL, 0);
    if (!CHECK(!db && ctx_failed(ctx) && says(ctx, part)))
        fprintf(stderr, "%s\n", bad);
    sql_close(db);
}

static void test_refused(void)
{
    check_refused("postgresql://fanfare@127.0.0.1:1/postgres", "refused");
    check_refused("postgresql://fanfare@127.0.0.1:none/postgres", "port");
    check_refused(with("pool=0"), "pool=0");
    check_refused(with("pool=many"), "pool=many");
    check_refused(with("schema=pg_catalog"), "schema=");
    check_refused(with("schema=Quoted%22"), "schema=");
    check_refused(with("nonsense=1"), "nonsense");
    char there[128];
    snprintf(there, sizeof there, "%.*s/nowhere", (int)(strrchr(url, '/') - url), url);
    check_refused(there, "nowhere");
    /* A password is never shown. */
    CTX ctx = ctx_new();
    CHECK(!sql_open(ctx, STR("postgresql://fanfare:s3cret@127.0.0.1:1x/postgres?x=y"), "test", NULL,
                    0));
    CHECK(ctx_failed(ctx) && !strstr(ctx->error.detail.ptr, "s3cret"));
}

/* Services share a database, each in its schema. */
static void test_schemas(void)
{
    CTX ctx = ctx_new();
    struct sql_db *one = db_open(url);
    struct sql_db *two =
        sql_open(ctx, str_of(url), "other-service", test_migrations, COUNT(test_migrations));
    struct sql_db *three = db_open(with("schema=third&pool=2&connect_timeout=3"));
    REQUIRE(OK(ctx, two != NULL));
    OK(ctx, write_text(ctx, one, "UPDATE counter SET n = 1"));
    OK(ctx, write_text(ctx, two, "UPDATE counter SET n = 2"));
    CHECK_INT(read_number(one, "SELECT n FROM counter"), 1);
    CHECK_INT(read_number(two, "SELECT n FROM counter"), 2);
    CHECK_INT(read_number(three, "SELECT n FROM counter"), 0);
    sql_close(one);
    sql_close(two);
    sql_close(three);
    OK(ctx, sql_erase(ctx, str_of(url), "other-service"));
    OK(ctx, sql_erase(ctx, str_of(with("schema=third")), "test"));
}

/* Several instances start at the same time: one makes the tables, all go on. */
static void *open_and_close(void *argument)
{
    struct thread *thread = argument;
    CTX ctx = ctx_new();
    struct sql_db *db =
        sql_open(ctx, str_of(url), "together", test_migrations, COUNT(test_migrations));
    thread->failed = !db;
    if (!db)
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx->error.detail));
    sql_close(db);
    return NULL;
}

static void test_migrate_together(void)
{
    CTX ctx = ctx_new();
    threads_run(NULL, open_and_close, NULL);
    OK(ctx, sql_erase(ctx, str_of(url), "together"));
}

/* ---- transactions that meet ---- */

struct crossing {
    const char *first, *second;
    int *waiting;
    sem_t *met;
    int runs;
};

/* The first time, both hold one row before they want the other's. */
static bool cross(struct ctx *ctx, void *argument)
{
    struct crossing *crossing = argument;
    if (!sql_exec(ctx, NULL, "UPDATE thing SET n = n + 1 WHERE id = $1", sql_text(crossing->first)))
        return false;
    if (crossing->runs++ == 0) {
        if (__atomic_add_fetch(crossing->waiting, 1, __ATOMIC_SEQ_CST) == 2) {
            sem_post(crossing->met);
            sem_post(crossing->met);
        }
        while (sem_wait(crossing->met) != 0)
            ;
    }
    return sql_exec(ctx, NULL, "UPDATE thing SET n = n + 1 WHERE id = $1",
                    sql_text(crossing->second));
}

struct crosser {
    struct sql_db *db;
    struct crossing crossing;
    bool ok;
};

static void *cross_main(void *argument)
{
    struct crosser *crosser = argument;
    CTX ctx = ctx_new();
    crosser->ok = sql_write(ctx, crosser->db, cross, &crosser->crossing) && !ctx_failed(ctx);
    return NULL;
}

static void test_deadlock(void)
{
    struct sql_db *db = db_open(url);
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "INSERT INTO thing (id, n) VALUES ('a', 0), ('b', 0)"));
    int waiting = 0;
    sem_t met;
    sem_init(&met, 0, 0);
    struct crosser crossers[2] = { { db, { "a", "b", &waiting, &met, 0 }, false },
                                   { db, { "b", "a", &waiting, &met, 0 }, false } };
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        REQUIRE(pthread_create(&threads[i], NULL, cross_main, &crossers[i]) == 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK(crossers[i].ok);
    }
    CHECK(crossers[0].crossing.runs + crossers[1].crossing.runs >= 3);
    CHECK_INT(read_number(db, "SELECT SUM(n) FROM thing"), 4);
    OK(ctx, write_text(ctx, db, "DELETE FROM thing"));
    sql_close(db);
    sem_destroy(&met);
}

/* A column changed under a prepared statement: the connection is made anew, the job run again. */
static void test_schema_changes(void)
{
    struct sql_db *db = db_open(with("pool=1")), *later = db_open(url);
    CTX ctx = ctx_new();
    static const char *const insert =
        "INSERT INTO thing (id, n) VALUES ('c', 1) ON CONFLICT (id) DO UPDATE SET n = 2 "
        "RETURNING *";
    OK(ctx, write_text(ctx, db, insert));
    OK(ctx, write_text(ctx, db, insert));
    OK(ctx, write_text(ctx, later, "ALTER TABLE thing ADD COLUMN later TEXT"));
    OK(ctx, write_text(ctx, db, insert));
    CHECK_INT(read_number(db, "SELECT n FROM thing"), 2);
    OK(ctx, write_text(ctx, later, "DELETE FROM thing"));
    sql_close(db);
    sql_close(later);
}

/* More readers than connections: they wait for each other; with a deadline, no longer than that. */
static void *read_often(void *argument)
{
    struct thread *thread = argument;
    CTX ctx = ctx_new();
    struct number_query query = { "SELECT n FROM counter", -1 };
    for (int i = 0; i < 30; i++)
        thread->failed += !sql_read(ctx, thread->db, number_run, &query) || query.n < 0;
    return NULL;
}

static bool read_while_reading(struct ctx *ctx, void *db)
{
    CTX other = ctx_new();
    struct number_query query = { "SELECT 1", 0 };
    other->deadline_us = clock_mono_us() + 20 * US_PER_MS;
    FAILS(other, ERR_TIMEOUT, sql_read(other, db, number_run, &query));
    return true;
}

static void test_readers_wait(void)
{
    struct sql_db *db = db_open(with("pool=1"));
    CTX ctx = ctx_new();
    threads_run(db, read_often, NULL);
    OK(ctx, sql_read(ctx, db, read_while_reading, db));
    sql_close(db);
}

/* ---- a process that is stopped in the middle of a transaction ---- */

static bool stop_in_the_middle(struct ctx *ctx, void *argument)
{
    if (!sql_exec(ctx, NULL, "UPDATE counter SET n = 1000000"))
        return false;
    raise(
        SIGSTOP); /* kill() may let this thread run on until another of the process takes the signal */
    return sql_exec(ctx, NULL, "UPDATE counter SET n = n + 1");
}

static void test_stopped(void)
{
    const char *impatient = with("options=-c%20idle_in_transaction_session_timeout%3D300ms");
    struct sql_db *db = db_open(impatient);
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 0"));
    sql_close(db);
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct sql_db *own = db_open(impatient);
        CTX mine = ctx_new();
        bool ok = sql_write(mine, own, stop_in_the_middle, NULL);
        bool refused = !ok && mine->error.code == ERR_UNAVAILABLE;
        ctx_clear(mine);
        bool again = write_text(mine, own, "UPDATE counter SET n = n + 10");
        _exit(refused && again ? 0 : 1);
    }
    waitpid(pid, &status, WUNTRACED);
    CHECK(WIFSTOPPED(status));
    db = db_open(url);
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = n + 1"));
    CHECK_INT(read_number(db, "SELECT n FROM counter"), 1);
    kill(pid, SIGCONT);
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
    CHECK_INT(read_number(db, "SELECT n FROM counter"), 11);
    sql_close(db);
}

/* ---- the server goes down and comes back ---- */

struct going_on {
    _Atomic bool stop;
    _Atomic int stored, refused;
    int failed;
};

struct said {
    int thread, number;
};

static bool insert_one(struct ctx *ctx, void *argument)
{
    struct said *said = argument;
    return sql_exec(ctx, NULL, "INSERT INTO thing (id, n) VALUES ($1, 1)",
                    sql_str(arena_printf(ctx->arena, "%d-%d", said->thread, said->number)));
}

static bool there(struct ctx *ctx, void *argument)
{
    struct said *said = argument;
    struct sql_rows rows;
    bool yes = sql_one(ctx, &rows, "SELECT 1 FROM thing WHERE id = $1",
                       sql_str(arena_printf(ctx->arena, "%d-%d", said->thread, said->number)));
    sql_rows_close(&rows);
    return yes;
}

static void *keep_writing(void *argument)
{
    struct thread *thread = argument;
    struct going_on *going = thread->more;
    enum { MOST = 20000 };
    bool *yes = mem_alloc(MOST);
    struct said said = { thread->number, 0 };
    CTX ctx = ctx_new();
    for (; said.number < MOST && !atomic_load(&going->stop); said.number++) {
        yes[said.number] = sql_write(ctx, thread->db, insert_one, &said);
        atomic_fetch_add(yes[said.number] ? &going->stored : &going->refused, 1);
        thread->failed += !yes[said.number] && ctx->error.code != ERR_UNAVAILABLE;
        if (!yes[said.number])
            usleep(5000);
        ctx_clear(ctx);
        arena_clear(ctx->arena);
    }
    /* What was answered no may be there all the same: the answer to its commit was lost. */
    for (int i = 0; i < said.number; i++) {
        struct said one = { thread->number, i };
        thread->failed += yes[i] && !sql_read(ctx, thread->db, there, &one);
        ctx_clear(ctx);
        arena_clear(ctx->arena);
    }
    free(yes);
    return NULL;
}

static void wait_for(_Atomic int *count, int more)
{
    int until = atomic_load(count) + more;
    for (int i = 0; i < 3000 && atomic_load(count) < until; i++)
        usleep(10000);
}

static void *crash_it(void *argument)
{
    struct going_on *going = argument;
    for (int i = 0; i < 3; i++) {
        wait_for(&going->stored, 40);
        testing_postgresql_crash(server);
        wait_for(&going->refused, 40);
        going->failed += !testing_postgresql_again(server);
    }
    wait_for(&going->stored, 200);
    atomic_store(&going->stop, true);
    return NULL;
}

static void test_crashes(void)
{
    struct sql_db *db = db_open(url);
    static struct going_on going;
    pthread_t crasher;
    REQUIRE(pthread_create(&crasher, NULL, crash_it, &going) == 0);
    threads_run(db, keep_writing, &going);
    pthread_join(crasher, NULL);
    CHECK_INT(going.failed, 0);
    CHECK(atomic_load(&going.stored) >= 320 && atomic_load(&going.refused) >= 120);
    CHECK(read_number(db, "SELECT COUNT(*) FROM thing") >= atomic_load(&going.stored));

    /* Away: refused at once, not after a time-out each. */
    testing_postgresql_crash(server);
    CTX ctx = ctx_new();
    FAILS(ctx, ERR_UNAVAILABLE, write_text(ctx, db, "UPDATE counter SET n = 0"));
    int64_t began = clock_mono_us();
    for (int i = 0; i < 50; i++) {
        struct number_query query = { "SELECT n FROM counter", 0 };
        FAILS(ctx, ERR_UNAVAILABLE, sql_read(ctx, db, number_run, &query));
    }
    CHECK(clock_mono_us() - began < US_PER_S);
    CHECK(testing_postgresql_again(server));
    sql_close(db);
}

int main(void)
{
    server = testing_postgresql_new(true);
    if (!server)
        return 77;
    url = testing_postgresql_url(server);
    test_stopped(); /* forks: before there are threads */
    test_refused();
    test_schemas();
    test_migrate_together();
    test_deadlock();
    test_schema_changes();
    test_readers_wait();
    test_crashes();
    testing_postgresql_free(server);
    return check_end();
}
