/* What only SQLite has: files, full disks, failed syncs, kills. */
#include "platform/sql/tests/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char url[128];

/* ---- a disk that fails: these take the place of the C library's in the whole process ---- */

static _Atomic bool disk_full, sync_fails;

int fdatasync(int fd)
{
    if (atomic_load(&sync_fails)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fdatasync(fd);
}

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at)
{
    if (atomic_load(&disk_full)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, bytes, at);
}

/* ---- URLs and folders ---- */

static void check_refused(const char *bad, const char *part)
{
    CTX ctx = ctx_new();
    struct sql_db *db = sql_open(ctx, str_of(bad), "test", NULL, 0);
    if (!CHECK(!db && ctx_failed(ctx) && says(ctx, part)))
        fprintf(stderr, "%s\n", bad);
    sql_close(db);
}

static const char *in_folder(const char *name)
{
    static char out[192];
    snprintf(out, sizeof out, "sqlite:%s/%s", folder, name);
    return out;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(in_folder(name) + strlen("sqlite:"), "w");
    REQUIRE(file);
    fputs(text, file);
    fclose(file);
}

static void test_refused(void)
{
    check_refused("", "sqlite:<path>");
    check_refused("mysql://somewhere/x", "sqlite:<path>");
    check_refused("sqlite:", "names no file");
    check_refused("sqlite::memory:", "names no file");
    check_refused("sqlite://host/file.db", "names no file");
    check_refused("sqlite:file.db?mode=ro", "names no file");
    check_refused(in_folder("no/such/folder.db"), "cannot be used: No such file");
    write_file("plain", "x");
    check_refused(in_folder("plain/below.db"), "is not a folder");
    mkdir(in_folder("directory") + strlen("sqlite:"), 0700);
    check_refused(in_folder("directory"), "not a file");
    write_file("nonsense",
               "This is certainly no database, though it is long enough to be looked at as one: "
               "SQLite reads a hundred bytes of it first.");
    check_refused(in_folder("nonsense"), "not a database");
    if (getuid() != 0) {
        mkdir(in_folder("closed") + strlen("sqlite:"), 0500);
        check_refused(in_folder("closed/x.db"), "cannot be written");
        return;
    }
    int before = checks_failed;
    pid_t pid = fork();
    if (pid == 0) {
        mkdir(in_folder("closed") + strlen("sqlite:"), 0700);
        chmod(folder, 0711);
        if (setuid(65534) != 0)
            _exit(2);
        check_refused(in_folder("closed/x.db"), "cannot be written");
        _exit(checks_failed > before);
    }
    int status;
    waitpid(pid, &status, 0);
    CHECK_INT(status, 0);
}

static void test_opened_twice(void)
{
    struct sql_db *db = db_open(url);
    check_refused(url, "in use by another process");
    sql_close(db);
    sql_close(db_open(url));
}

/* ---- killed in the middle of commits ---- */

struct said {
    int32_t thread, number;
};

static bool insert_one(struct ctx *ctx, void *argument)
{
    const struct said *said = argument;
    return sql_exec(
        ctx, NULL, "INSERT INTO thing (id, note) VALUES ($1, $2)",
        sql_str(arena_printf(ctx->arena, "%d-%d", said->thread, said->number)),
        sql_text(
            "some text, so that there are pages to write and a log to check-point, now and then"));
}

static void *say_what_is_stored(void *argument)
{
    struct thread *thread = argument;
    struct said said = { thread->number, *(int *)thread->more };
    CTX ctx = ctx_new();
    for (;; said.number++) {
        if (!sql_write(ctx, thread->db, insert_one, &said) ||
            write(STDOUT_FILENO, &said, sizeof said) != sizeof said)
            _exit(1);
        arena_clear(ctx->arena);
    }
}

static bool there(struct ctx *ctx, void *argument)
{
    const struct said *said = argument;
    struct sql_rows rows;
    bool yes = sql_one(ctx, &rows, "SELECT 1 FROM thing WHERE id = $1",
                       sql_str(arena_printf(ctx->arena, "%d-%d", said->thread, said->number)));
    sql_rows_close(&rows);
    return yes;
}

static void kill_round(int round, int milliseconds)
{
    enum { MOST = 100000 };
    static struct said all[MOST];
    int pipes[2], n = 0, first = round * 1000000;
    REQUIRE(pipe(pipes) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        close(pipes[0]);
        threads_run(db_open(url), say_what_is_stored, &first);
        _exit(0);
    }
    close(pipes[1]);
    int64_t until = clock_mono_us() + milliseconds * US_PER_MS;
    while (n < MOST && read(pipes[0], &all[n], sizeof all[n]) == sizeof all[n]) {
        n++;
        if (clock_mono_us() > until)
            kill(pid, SIGKILL);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipes[0]);
    struct sql_db *db = db_open(url);
    CTX ctx = ctx_new();
    for (int i = 0; i < n; i++) {
        CHECK(sql_read(ctx, db, there, &all[i]));
        arena_clear(ctx->arena);
    }
    CHECK(n > 0);
    OK(ctx, write_text(ctx, db, "DELETE FROM thing"));
    sql_close(db);
}

static void test_killed(void)
{
    db_erase(url);
    for (int round = 0; round < 5; round++)
        kill_round(round, 40 + 53 * round);
}

/* ---- a sync that fails ends the process ---- */

static void test_sync_failed(void)
{
    db_erase(url);
    int pipes[2], status;
    char log[1024] = "";
    REQUIRE(pipe(pipes) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(pipes[1], STDERR_FILENO);
        struct sql_db *db = db_open(url);
        CTX ctx = ctx_new();
        if (!write_text(ctx, db, "UPDATE counter SET n = 1"))
            _exit(3);
        atomic_store(&sync_fails, true);
        write_text(ctx, db, "UPDATE counter SET n = 2");
        _exit(4);
    }
    close(pipes[1]);
    ssize_t n = read(pipes[0], log, sizeof log - 1);
    CHECK(n > 0 && strstr(log, "sql_sync_failed"));
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(pipes[0]);
    struct sql_db *db = db_open(url);
    CHECK(read_number(db, "SELECT n FROM counter") >= 1);
    sql_close(db);
}

/* ---- full disks ---- */

struct answers {
    _Atomic int stored, refused;
};

static void *insert_and_count(void *argument)
{
    struct thread *thread = argument;
    struct answers *answers = thread->more;
    struct said said = { thread->number, 0 };
    CTX ctx = ctx_new();
    for (; said.number < 150; said.number++) {
        if (said.number == 50)
            atomic_store(&disk_full, true);
        if (said.number == 100)
            atomic_store(&disk_full, false);
        bool ok = sql_write(ctx, thread->db, insert_one, &said);
        thread->failed += !ok && ctx->error.code != ERR_UNAVAILABLE;
        ctx_clear(ctx);
        thread->failed += ok != sql_read(ctx, thread->db, there, &said) || ctx_failed(ctx);
        atomic_fetch_add(ok ? &answers->stored : &answers->refused, 1);
        ctx_clear(ctx);
        arena_clear(ctx->arena);
    }
    return NULL;
}

/* Whoever was told yes finds it, whoever was told no does not, and it goes on when there is space again. */
static void test_disk_full(void)
{
    db_erase(url);
    struct sql_db *db = db_open(url);
    struct answers answers = { 0 };
    threads_run(db, insert_and_count, &answers);
    atomic_store(&disk_full, false);
    CHECK(atomic_load(&answers.stored) > 0 && atomic_load(&answers.refused) > 0);
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM thing"), atomic_load(&answers.stored));
    CTX ctx = ctx_new();
    struct said last = { 99, 99 };
    OK(ctx, sql_write(ctx, db, insert_one, &last));
    sql_close(db);
    db = db_open(url);
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM thing"), atomic_load(&answers.stored) + 1);
    sql_close(db);
}

/* The file may grow no further: the statement that finds out undoes the transaction with all jobs of its batch. */
struct fill {
    struct sql_job job;
    sem_t *done;
    int number;
    bool committed;
};

static bool fill_run(struct ctx *ctx, void *argument)
{
    struct fill *fill = argument;
    char *large = arena_alloc(ctx->arena, 100000);
    memset(large, 'x', 100000);
    struct str note = { large, (size_t)(fill->number == 20 ? 100000 : 10) };
    return sql_exec(ctx, NULL, "INSERT INTO thing (id, note) VALUES ($1, $2)",
                    sql_str(arena_printf(ctx->arena, "fill-%d", fill->number)), sql_str(note));
}

static void fill_done(struct ctx *ctx, void *argument, bool committed)
{
    struct fill *fill = argument;
    fill->committed = committed;
    sem_post(fill->done);
}

static bool wait_run(struct ctx *ctx, void *argument)
{
    while (sem_wait(argument) != 0)
        ;
    return true;
}

static void wait_done(struct ctx *ctx, void *argument, bool committed)
{
}

static void test_no_more_pages(void)
{
    enum { N = 40 };
    db_erase(url);
    struct sql_db *db = db_open(url);
    CTX ctx = ctx_new();
    static struct fill fills[N];
    sem_t done, go;
    sem_init(&done, 0, 0);
    sem_init(&go, 0, 0);
    int64_t pages = read_number(db, "PRAGMA page_count");
    OK(ctx, write_text(ctx, db,
                       arena_printf(ctx->arena, "PRAGMA max_page_count = %d", (int)pages + 8).ptr));
    /* They wait while the first is run, so they are one batch with it. */
    CTX waiting = ctx_new();
    struct sql_job wait = { waiting, wait_run, wait_done, &go, NULL };
    CHECK(sql_submit(db, &wait));
    for (int i = 0; i < N; i++) {
        fills[i] =
            (struct fill){ { ctx_new(), fill_run, fill_done, &fills[i], NULL }, &done, i, false };
        CHECK(sql_submit(db, &fills[i].job));
    }
    sem_post(&go);
    for (int i = 0; i < N; i++)
        CHECK(sem_wait(&done) == 0);
    int64_t stored = 0;
    for (int i = 0; i < N; i++) {
        CHECK(fills[i].committed != ctx_failed(fills[i].job.ctx));
        if (!fills[i].committed)
            CHECK_INT(fills[i].job.ctx->error.code, ERR_UNAVAILABLE);
        stored += fills[i].committed;
        ctx_free(fills[i].job.ctx);
    }
    CHECK(!fills[20].committed);
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM thing"), stored);
    struct fill again = { .number = 100 };
    OK(ctx, sql_write(ctx, db, fill_run, &again));
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM thing"), stored + 1);
    sql_close(db);
    sem_destroy(&done);
    sem_destroy(&go);
}

/* ---- the queue is bounded, a busy file is waited for, a deferred key hurts nobody else ---- */

static void test_queue_is_full(void)
{
    enum { N = 6000 };
    struct sql_db *db = db_open(url);
    static struct fill fills[N];
    sem_t done, go;
    sem_init(&done, 0, 0);
    sem_init(&go, 0, 0);
    CTX waiting = ctx_new();
    struct sql_job wait = { waiting, wait_run, wait_done, &go, NULL };
    CHECK(sql_submit(db, &wait));
    int accepted = 0;
    CTX ctx = ctx_new();
    for (int i = 0; i < N; i++) {
        fills[i] =
            (struct fill){ { ctx, fill_run, fill_done, &fills[i], NULL }, &done, 1000 + i, false };
        if (!sql_submit(db, &fills[i].job))
            break;
        accepted++;
    }
    CHECK(accepted >= 4095 && accepted < N);
    CHECK(ctx->error.code == ERR_UNAVAILABLE && says(ctx, "waiting"));
    ctx_clear(ctx);
    sem_post(&go);
    for (int i = 0; i < accepted; i++)
        CHECK(sem_wait(&done) == 0 && fills[i].committed);
    sql_close(db);
    sem_destroy(&done);
    sem_destroy(&go);
}

static void test_busy_file(void)
{
    struct sql_db *db = db_open(url);
    sqlite3 *other;
    REQUIRE(sqlite3_open(url + strlen("sqlite:"), &other) == SQLITE_OK);
    REQUIRE(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    CTX ctx = ctx_new();
    sem_t done;
    sem_init(&done, 0, 0);
    struct fill fill = { { ctx, fill_run, fill_done, &fill, NULL }, &done, 9999, false };
    CHECK(sql_submit(db, &fill.job));
    CHECK(read_number(db, "SELECT COUNT(*) FROM counter") == 1);
    usleep(100000);
    CHECK(sem_trywait(&done) != 0);
    sqlite3_exec(other, "COMMIT", NULL, NULL, NULL);
    CHECK(sem_wait(&done) == 0 && fill.committed);
    sqlite3_close(other);
    sql_close(db);
    sem_destroy(&done);
}

static bool deferred_unmet(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "PRAGMA defer_foreign_keys = ON") &&
           sql_exec(ctx, NULL, "INSERT INTO part VALUES ('p', 'nobody')");
}

static void test_deferred_key(void)
{
    struct sql_db *db = db_open(url);
    CTX ctx = ctx_new();
    FAILS(ctx, ERR_CONFLICT, sql_write(ctx, db, deferred_unmet, NULL));
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 77"));
    CHECK_INT(read_number(db, "SELECT n FROM counter"), 77);
    sql_close(db);
}

/* The log does not grow without end, and quiet brings it into the file. */
static void test_checkpoints(void)
{
    db_erase(url);
    struct sql_db *db = db_open(url);
    CTX ctx = ctx_new();
    struct stat status;
    for (int i = 0; i < 3000; i++) {
        struct said said = { 0, i };
        CHECK(sql_write(ctx, db, insert_one, &said));
        arena_clear(ctx->arena);
    }
    REQUIRE(stat(arena_printf(ctx->arena, "%s-wal", url + strlen("sqlite:")).ptr, &status) == 0);
    CHECK(status.st_size < 12 << 20);
    sql_close(db);
    CHECK(stat(arena_printf(ctx->arena, "%s-wal", url + strlen("sqlite:")).ptr, &status) != 0);
}

int main(void)
{
    folder_make();
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    test_killed(); /* these fork: before there are threads */
    test_sync_failed();
    test_refused();
    test_opened_twice();
    test_disk_full();
    test_no_more_pages();
    test_queue_is_full();
    test_busy_file();
    test_deferred_key();
    test_checkpoints();
    folder_remove();
    return check_end();
}
