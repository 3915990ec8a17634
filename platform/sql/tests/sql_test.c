/* One suite for both engines: what a service may rely on. */
#include "platform/sql/tests/helper.h"

#include <semaphore.h>
#include <stdatomic.h>

#include "platform/faults/faults.h"
#include "platform/sql/testing_postgresql.h"
#include "platform/telemetry/metrics.h"
#include "platform/telemetry/trace.h"

/* ---- values ---- */

static bool values_written(struct ctx *ctx, void *argument)
{
    static const char bytes[] = { 0, 1, (char)0xff, 0, '\\' };
    int64_t changed = 0;
    return OK(ctx, sql_exec(ctx, &changed,
                            "INSERT INTO thing (n, id, d, yes, data) VALUES ($2, $1, $3, $4, $5)",
                            sql_text("a"), sql_int(INT64_MAX), sql_double(0.1), sql_bool(true),
                            sql_blob((struct str){ bytes, sizeof bytes }))) &&
           CHECK_INT(changed, 1) &&
           OK(ctx, sql_exec(ctx, &changed,
                            "INSERT INTO thing (id, n, d, yes, data) VALUES ($1, $2, $3, $4, $5)",
                            sql_str(STR("")), sql_int(INT64_MIN), sql_double(-1e300),
                            sql_bool(false), sql_blob(STR("")))) &&
           OK(ctx, sql_exec(ctx, NULL,
                            "INSERT INTO thing (id, n, d, yes, data) VALUES ($1, $2, $3, $4, $5)",
                            sql_text("null"), sql_null(), sql_null(), sql_null(),
                            sql_blob((struct str){ NULL, 0 }))) &&
           OK(ctx,
              sql_exec(ctx, &changed, "UPDATE thing SET note = $1 WHERE id <> $2 AND note IS NULL",
                       sql_text("h\xc3\xa9llo"), sql_text("null"))) &&
           CHECK_INT(changed, 2) &&
           OK(ctx,
              sql_exec(ctx, &changed, "DELETE FROM thing WHERE id = $1", sql_text("nobody"))) &&
           CHECK_INT(changed, 0);
}

static bool values_read(struct ctx *ctx, void *argument)
{
    struct sql_rows rows;
    REQUIRE(
        OK(ctx, sql_one(ctx, &rows,
                        "SELECT id, n, d, yes, data, note FROM thing WHERE id = $1 OR note = $1",
                        sql_text("a"))));
    CHECK_STR(row_str(ctx, &rows, 0), "a");
    CHECK(row_int(&rows, 1) == INT64_MAX);
    CHECK(row_double(&rows, 2) == 0.1);
    CHECK(row_bool(&rows, 3) && row_int(&rows, 3) == 1);
    struct str data = row_blob(ctx, &rows, 4);
    CHECK(data.len == 5 && memcmp(data.ptr, "\0\1\xff\0\\", 5) == 0);
    CHECK_STR(row_str(ctx, &rows, 5), "h\xc3\xa9llo");
    sql_rows_close(&rows);

    REQUIRE(OK(ctx, sql_one(ctx, &rows, "SELECT id, n, d, yes, data FROM thing WHERE id = $1",
                            sql_str(STR("")))));
    CHECK(row_str(ctx, &rows, 0).ptr && row_str(ctx, &rows, 0).len == 0);
    CHECK(row_int(&rows, 1) == INT64_MIN && row_double(&rows, 2) == -1e300 && !row_bool(&rows, 3));
    CHECK(!row_is_null(&rows, 4) && row_blob(ctx, &rows, 4).ptr &&
          row_blob(ctx, &rows, 4).len == 0);
    sql_rows_close(&rows);

    REQUIRE(OK(ctx, sql_one(ctx, &rows, "SELECT n, d, yes, data, note FROM thing WHERE id = $1",
                            sql_text("null"))));
    for (int column = 0; column < 5; column++)
        CHECK(row_is_null(&rows, column) && !row_str(ctx, &rows, column).ptr);
    CHECK(row_int(&rows, 0) == 0 && !row_bool(&rows, 2));
    sql_rows_close(&rows);
    CHECK(!sql_one(ctx, &rows, "SELECT n FROM thing WHERE id = $1", sql_text("nobody")) &&
          !ctx_failed(ctx));

    /* The same text again while its rows are being read, and rows left early. */
    int n = 0;
    CHECK(sql_query(ctx, &rows, "SELECT id FROM thing ORDER BY id"));
    while (sql_next(ctx, &rows)) {
        struct sql_rows inner;
        n++;
        for (int i = 0; i < 2; i++) {
            CHECK(sql_query(ctx, &inner, "SELECT id FROM thing ORDER BY id") &&
                  sql_next(ctx, &inner));
            CHECK_STR(row_str(ctx, &inner, 0), "");
            if (i == 0)
                sql_rows_close(&inner);
        }
    }
    CHECK_INT(n, 3);
    CHECK_INT(number(ctx, "SELECT SUM(n) FROM thing WHERE id <> 'null'"), -1);
    return !ctx_failed(ctx);
}

static void test_values(struct sql_db *db)
{
    CTX ctx = ctx_new();
    OK(ctx, sql_write(ctx, db, values_written, NULL));
    OK(ctx, sql_read(ctx, db, values_read, NULL));
    OK(ctx, sql_write(ctx, db, values_read, NULL));
}

/* More texts than a connection keeps. */
static bool many_texts(struct ctx *ctx, void *argument)
{
    for (int i = 0; i < 600; i++) {
        struct sql_rows rows;
        const char *text = arena_printf(ctx->arena, "SELECT %d + COUNT(*) FROM part", i).ptr;
        REQUIRE(sql_one(ctx, &rows, text));
        CHECK_INT(row_int(&rows, 0), i);
        sql_rows_close(&rows);
    }
    return true;
}

/* A text built anew at the address of another. */
static bool moving_text(struct ctx *ctx, void *argument)
{
    char text[64];
    for (int i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "SELECT %d", i);
        CHECK_INT(number(ctx, text), i);
    }
    return true;
}

/* ---- errors ---- */

static bool wrong(struct ctx *ctx, void *argument)
{
    static const struct {
        const char *text;
        enum error_code code;
    } cases[] = {
        { "INSERT INTO thing (id) VALUES ('twice')", ERR_CONFLICT },
        { "INSERT INTO part VALUES ('p', 'nobody')", ERR_CONFLICT },
        { "INSERT INTO thing (id, n) VALUES ('checked', 1500000)", ERR_CONFLICT },
        { "INSERT INTO part VALUES ('p', NULL)", ERR_INTERNAL },
        { "SELEC 1", ERR_INTERNAL },
        { "SELECT * FROM nowhere", ERR_INTERNAL },
        { "SELECT $1", ERR_INTERNAL },
        { "SELECT 1; SELECT 2", ERR_INTERNAL },
    };
    OK(ctx, sql_exec(ctx, NULL, "INSERT INTO thing (id) VALUES ('twice')"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        OK(ctx, sql_savepoint(ctx));
        check_fails(sql_exec(ctx, NULL, cases[i].text), ctx, cases[i].code, cases[i].text,
                    __LINE__);
        FAILS(ctx, ERR_INTERNAL, sql_exec(ctx, NULL, "SELECT 1"));
        FAILS(ctx, ERR_INTERNAL, sql_savepoint_keep(ctx));
        OK(ctx, sql_savepoint_undo(ctx));
    }
    OK(ctx, sql_savepoint(ctx));
    FAILS(ctx, ERR_INVALID,
          sql_exec(ctx, NULL, "INSERT INTO thing (id) VALUES ($1)",
                   sql_str((struct str){ "a\0b", 3 })));
    OK(ctx, sql_savepoint_undo(ctx));
    FAILS(ctx, ERR_INTERNAL, sql_savepoint_undo(ctx));
    FAILS(ctx, ERR_INTERNAL, sql_savepoint_keep(ctx));
    return true;
}

static bool passes_over(struct ctx *ctx, void *argument)
{
    sql_exec(ctx, NULL, "INSERT INTO thing (id) VALUES ('passed_over')");
    if (!sql_exec(ctx, NULL, "INSERT INTO thing (id) VALUES ('twice')"))
        ctx_clear(ctx);
    return true;
}

static bool gives_up(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "INSERT INTO thing (id) VALUES ('given_up')") &&
           ctx_fail(ctx, ERR_NOT_FOUND, "no such thing");
}

static bool writes_in_read(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "INSERT INTO thing (id) VALUES ('read')");
}

static void test_errors(struct sql_db *db)
{
    CTX ctx = ctx_new();
    OK(ctx, sql_write(ctx, db, wrong, NULL));
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM thing WHERE id = 'twice'"), 1);
    FAILS(ctx, ERR_INTERNAL, sql_write(ctx, db, passes_over, NULL));
    FAILS(ctx, ERR_NOT_FOUND, sql_write(ctx, db, gives_up, NULL));
    CHECK(!sql_read(ctx, db, writes_in_read, NULL));
    ctx_clear(ctx);
    FAILS(ctx, ERR_INTERNAL, sql_exec(ctx, NULL, "SELECT 1"));
    CHECK_INT(read_number(
                  db, "SELECT COUNT(*) FROM thing WHERE id IN ('passed_over', 'given_up', 'read')"),
              0);
    ctx->deadline_us = clock_mono_us() - 1;
    FAILS(ctx, ERR_TIMEOUT, sql_write(ctx, db, values_written, NULL));
}

/* ---- savepoints, jobs in jobs ---- */

static bool inner_kept(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "UPDATE counter SET n = n + 10");
}

static bool inner_undone(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "UPDATE counter SET n = n + 100") &&
           ctx_fail(ctx, ERR_GONE, "undone");
}

static bool nested(struct ctx *ctx, void *db)
{
    OK(ctx, sql_exec(ctx, NULL, "UPDATE counter SET n = 1"));
    OK(ctx, sql_savepoint(ctx));
    OK(ctx, sql_exec(ctx, NULL, "UPDATE counter SET n = 2"));
    OK(ctx, sql_savepoint(ctx));
    OK(ctx, sql_exec(ctx, NULL, "UPDATE counter SET n = 3"));
    OK(ctx, sql_savepoint_undo(ctx));
    CHECK_INT(number(ctx, "SELECT n FROM counter"), 2);
    OK(ctx, sql_savepoint(ctx));
    OK(ctx, sql_exec(ctx, NULL, "UPDATE counter SET n = n + 2"));
    OK(ctx, sql_savepoint_keep(ctx));
    OK(ctx, sql_savepoint_keep(ctx));
    OK(ctx, sql_write(ctx, db, inner_kept, NULL));
    FAILS(ctx, ERR_GONE, sql_write(ctx, db, inner_undone, NULL));
    CHECK(sql_db_of(ctx) == db);
    /* Rows stay readable when something beside them is undone. */
    struct sql_rows rows;
    CHECK(sql_query(ctx, &rows, "SELECT n FROM counter UNION ALL SELECT 7 ORDER BY 1") &&
          sql_next(ctx, &rows));
    OK(ctx, sql_savepoint(ctx));
    OK(ctx, sql_exec(ctx, NULL, "UPDATE counter SET n = 1000"));
    OK(ctx, sql_savepoint_undo(ctx));
    CHECK(sql_next(ctx, &rows));
    CHECK_INT(row_int(&rows, 0), 14);
    return true; /* leaving the rows open */
}

static void test_savepoints(struct sql_db *db)
{
    CTX ctx = ctx_new();
    OK(ctx, sql_write(ctx, db, nested, db));
    CHECK_INT(read_number(db, "SELECT n FROM counter"), 14);
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 0"));
}

/* ---- many threads ---- */

#define ROUNDS 60

static bool count_one(struct ctx *ctx, void *fails)
{
    int64_t changed;
    return sql_exec(ctx, &changed, "UPDATE counter SET n = n + 1 WHERE name = 'all'") &&
           sql_exec(ctx, NULL, "INSERT INTO thing (id, n) VALUES ($1, 0)",
                    sql_str(arena_printf(ctx->arena, "many-%d-%p-%lld", *(int *)fails, (void *)ctx,
                                         (long long)clock_mono_ns()))) &&
           (*(int *)fails != 3 || ctx_fail(ctx, ERR_GONE, "every eighth gives up"));
}

static void *count_many(void *argument)
{
    struct thread *thread = argument;
    CTX ctx = ctx_new();
    for (int i = 0; i < ROUNDS; i++) {
        bool ok = sql_write(ctx, thread->db, count_one, &thread->number);
        thread->failed += thread->number == 3 ? ok || ctx->error.code != ERR_GONE : !ok;
        ctx_clear(ctx);
        struct number_query both = {
            "SELECT (SELECT n FROM counter) - COUNT(*) FROM thing WHERE id LIKE 'many-%'", 0
        };
        thread->failed += !sql_read(ctx, thread->db, number_run, &both) || both.n != 0;
        ctx_clear(ctx);
        arena_clear(ctx->arena);
    }
    return NULL;
}

static void on_commit(void *count)
{
    atomic_fetch_add((_Atomic int *)count, 1);
}

static void test_many_threads(struct sql_db *db)
{
    static _Atomic int commits;
    atomic_store(&commits, 0);
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 0"));
    sql_on_commit(db, on_commit, &commits);
    threads_run(db, count_many, NULL);
    CHECK_INT(read_number(db, "SELECT n FROM counter"), (THREADS - 1) * ROUNDS);
    int most = (THREADS - 1) * ROUNDS;
    if (sql_is_postgresql(db))
        CHECK_INT(atomic_load(&commits), most);
    else
        CHECK(atomic_load(&commits) > 0 && atomic_load(&commits) <= most);
    int before = atomic_load(&commits);
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 0 WHERE name = 'nobody'"));
    CHECK_INT(atomic_load(&commits), before);
}

/* Jobs that are queued without waiting: answered in order (SQLite), all of them, also those queued before a close. */
struct queued {
    struct sql_job job;
    sem_t *done;
    int *order;
    int number, came;
    bool committed;
};

static bool queued_run(struct ctx *ctx, void *argument)
{
    struct queued *queued = argument;
    return sql_exec(ctx, NULL, "UPDATE counter SET n = n + 1") && queued->number % 5 != 4;
}

static void queued_done(struct ctx *ctx, void *argument, bool committed)
{
    struct queued *queued = argument;
    queued->came = __atomic_fetch_add(queued->order, 1, __ATOMIC_SEQ_CST);
    queued->committed = committed;
    sem_post(queued->done);
}

static void test_queue(struct sql_db **db, const char *url)
{
    enum { N = 300 };
    static struct queued all[N];
    sem_t done;
    int order = 0;
    sem_init(&done, 0, 0);
    for (int i = 0; i < N; i++) {
        all[i] = (struct queued){
            { ctx_new(), queued_run, queued_done, &all[i], NULL }, &done, &order, i, 0, false
        };
        CHECK(sql_submit(*db, &all[i].job));
    }
    sql_close(*db);
    for (int i = 0; i < N; i++) {
        CHECK(sem_trywait(&done) == 0);
        CHECK(all[i].committed == (i % 5 != 4));
        CHECK(all[i].committed != ctx_failed(all[i].job.ctx));
    }
    *db = db_open(url);
    for (int i = 0; i < N; i++) {
        CHECK(sql_is_postgresql(*db) || all[i].came == i);
        ctx_free(all[i].job.ctx);
    }
    sem_destroy(&done);
    CHECK_INT(read_number(*db, "SELECT n FROM counter"), N / 5 * 4);
}

/* ---- the outbox: in order within a key, whoever writes ---- */

static bool outbox_add(struct ctx *ctx, void *argument)
{
    struct thread *thread = argument;
    struct str key = arena_printf(ctx->arena, "key-%d", thread->number % 2);
    struct str id = arena_printf(ctx->arena, "%d-%d", thread->number, thread->failed);
    return sql_exec(
        ctx, NULL,
        "INSERT INTO platform_outbox (id, topic, partition_key, type, subject, time_us, traceparent, "
        "content_type, headers, data, created_us, bytes) "
        "VALUES ($1, $2, $3, $4, $3, $5, $6, $6, $6, $7, $5, $8) ON CONFLICT (id) DO NOTHING",
        sql_str(id), sql_text("t"), sql_str(key), sql_text("x.v1"), sql_int(clock_now_us()),
        sql_null(), sql_blob(STR("{}")), sql_int(2));
}

static void *outbox_fill(void *argument)
{
    struct thread *thread = argument;
    CTX ctx = ctx_new();
    for (thread->failed = 0; thread->failed < ROUNDS; thread->failed++) {
        if (!sql_write(ctx, thread->db, outbox_add, thread))
            return NULL;
        arena_clear(ctx->arena);
    }
    thread->failed = 0;
    atomic_fetch_add((_Atomic int *)thread->more, 1);
    return NULL;
}

/* What is seen of a key at one time is a beginning of what is seen later. */
struct outbox_view {
    int64_t seqs[2][THREADS * ROUNDS];
    int n[2];
    bool in_order;
};

static bool outbox_look(struct ctx *ctx, void *argument)
{
    struct outbox_view *view = argument;
    struct sql_rows rows;
    int n[2] = { 0, 0 };
    if (!sql_query(ctx, &rows, "SELECT seq, partition_key FROM platform_outbox ORDER BY seq"))
        return false;
    while (sql_next(ctx, &rows)) {
        int key = row_str(ctx, &rows, 1).ptr[4] - '0';
        int64_t seq = row_int(&rows, 0);
        if (n[key] < view->n[key] && view->seqs[key][n[key]] != seq)
            view->in_order = false;
        view->seqs[key][n[key]++] = seq;
    }
    memcpy(view->n, n, sizeof n);
    return !ctx_failed(ctx);
}

struct outbox_reading {
    struct sql_db *db;
    _Atomic int *finished;
    struct outbox_view view;
};

static void *outbox_watch(void *argument)
{
    struct outbox_reading *reading = argument;
    CTX ctx = ctx_new();
    bool last = false;
    while (!last) {
        last = atomic_load(reading->finished) == THREADS;
        if (!sql_read(ctx, reading->db, outbox_look, &reading->view))
            reading->view.in_order = false;
        arena_clear(ctx->arena);
    }
    return NULL;
}

static void test_outbox(struct sql_db *db)
{
    static struct outbox_reading reading;
    static _Atomic int finished;
    atomic_store(&finished, 0);
    reading =
        (struct outbox_reading){ .db = db, .finished = &finished, .view = { .in_order = true } };
    pthread_t watcher;
    REQUIRE(pthread_create(&watcher, NULL, outbox_watch, &reading) == 0);
    threads_run(db, outbox_fill, &finished);
    pthread_join(watcher, NULL);
    CHECK(reading.view.in_order);
    CHECK_INT(reading.view.n[0] + reading.view.n[1], THREADS * ROUNDS);
    /* The same event again is no second one. */
    CTX ctx = ctx_new();
    struct thread again = { db, 0, 0, NULL };
    OK(ctx, sql_write(ctx, db, outbox_add, &again));
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM platform_outbox"), THREADS * ROUNDS);
}

/* ---- cursors, fail points, telemetry ---- */

static void test_cursors(void)
{
    CTX ctx = ctx_new();
    struct str parts[] = { STR("2026-01-31"), { NULL, 0 }, STR(""), STR("a\nb") }, got[4];
    struct str cursor = sql_cursor(ctx->arena, parts, 4);
    CHECK(sql_cursor_parse(ctx, cursor, got, 4));
    for (int i = 0; i < 4; i++)
        CHECK(str_eq(parts[i], got[i]) && !parts[i].ptr == !got[i].ptr);
    FAILS(ctx, ERR_INVALID, sql_cursor_parse(ctx, cursor, got, 3));
    FAILS(ctx, ERR_INVALID, sql_cursor_parse(ctx, cursor, got, 5));
    FAILS(ctx, ERR_INVALID, sql_cursor_parse(ctx, STR(""), got, 1));
    FAILS(ctx, ERR_INVALID, sql_cursor_parse(ctx, STR("no cursor"), got, 1));
    for (size_t i = 0; i < cursor.len; i++) {
        struct str cut = arena_str(ctx->arena, cursor);
        ((char *)cut.ptr)[i] = cut.ptr[i] == 'A' ? 'B' : 'A';
        CHECK(!sql_cursor_parse(ctx, cut, got, 4) || str_eq(cut, cursor));
        ctx_clear(ctx);
    }
}

static void test_fail_points(struct sql_db *db)
{
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 5"));
    faults_enable(true);
    OK(ctx, fault_set(ctx, STR("sql.commit"), (struct str){ NULL, 0 }, FAULT_ERROR, 0, 1000, 1));
    FAILS(ctx, ERR_UNAVAILABLE, write_text(ctx, db, "UPDATE counter SET n = 6"));
    OK(ctx, fault_set(ctx, STR("sql.begin"), (struct str){ NULL, 0 }, FAULT_ERROR, 0, 1000, 1));
    FAILS(ctx, ERR_UNAVAILABLE, write_text(ctx, db, "UPDATE counter SET n = 7"));
    OK(ctx, fault_set(ctx, STR("sql.read"), (struct str){ NULL, 0 }, FAULT_ERROR, 0, 1000, 1));
    struct number_query query = { "SELECT n FROM counter", 0 };
    FAILS(ctx, ERR_UNAVAILABLE, sql_read(ctx, db, number_run, &query));
    faults_clear();
    faults_enable(false);
    CHECK_INT(read_number(db, "SELECT n FROM counter"), 5);
}

static void test_telemetry(struct sql_db *db)
{
    CTX ctx = ctx_new();
    struct span *span = span_start(ctx, SPAN_SERVER, STR("test"));
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 0"));
    CHECK(ctx->span == span);
    struct number_query query = { "SELECT n FROM counter", 0 };
    OK(ctx, sql_read(ctx, db, number_run, &query));
    CHECK(ctx->span == span);
    span_end(ctx, span);
    struct str text = metrics_render(ctx->arena);
    static const char *const names[] = { "SELECT", "UPDATE", "INSERT", "COMMIT" };
    for (size_t i = 0; i < COUNT(names); i++) {
        struct str labels = arena_printf(
            ctx->arena,
            "_count{db_system_name=\"%s\",db_namespace=\"test\",db_operation_name=\"%s\"}",
            sql_is_postgresql(db) ? "postgresql" : "sqlite", names[i]);
        if (!CHECK(strstr(text.ptr, labels.ptr)))
            fprintf(stderr, "no " STR_FMT "\n", STR_ARG(labels));
    }
}

static void suite(const char *url)
{
    printf("suite on %.10s...\n", url);
    db_erase(url);
    struct sql_db *db = db_open(url);
    CTX ctx = ctx_new();
    test_values(db);
    OK(ctx, sql_write(ctx, db, many_texts, NULL));
    OK(ctx, sql_write(ctx, db, moving_text, NULL));
    test_errors(db);
    test_savepoints(db);
    test_outbox(db);
    test_fail_points(db);
    test_telemetry(db);
    test_many_threads(db);
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 0"));
    test_queue(&db, url);
    sql_close(db);
    db_erase(url);
}

int main(void)
{
    folder_make();
    test_cursors();
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    suite(url);
    if (test_postgresql_url())
        suite(test_postgresql_url());
    folder_remove();
    return check_end();
}
