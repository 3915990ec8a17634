/* What is deleted for good is in no file of SQLite's, and finding it does not hold writers up. */
#include "platform/sql/tests/helper.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "platform/sql/sqlite.h"

#define NAME "Ada-Lovelace"
#define PATIENCE_US (20 * US_PER_S)

static char url[128];
static _Atomic int64_t written_bytes; /* of the whole process */

ssize_t pwrite64(int fd, const void *data, size_t bytes, off64_t at)
{
    atomic_fetch_add(&written_bytes, (int64_t)bytes);
    return syscall(SYS_pwrite64, fd, data, bytes, at);
}

static const char *path_of(const char *end)
{
    static char out[192];
    snprintf(out, sizeof out, "%s%s", url + strlen("sqlite:"), end);
    return out;
}

static int64_t bytes_of(const char *end)
{
    struct stat status;
    return stat(path_of(end), &status) == 0 ? (int64_t)status.st_size : 0;
}

/* In the file, or its log ("-wal"). */
static int64_t times_in(const char *end, const char *text)
{
    size_t bytes = (size_t)bytes_of(end);
    char *content = mem_alloc(bytes + 1);
    FILE *file = fopen(path_of(end), "rb");
    REQUIRE(file && fread(content, 1, bytes, file) == bytes);
    fclose(file);
    int64_t n = 0;
    for (const char *at = content, *stop = content + bytes;
         (at = memmem(at, (size_t)(stop - at), text, strlen(text))); at++)
        n++;
    free(content);
    return n;
}

/* ---- rows that come in no order, so that pages are split ---- */

/* Without rowid: b-trees of such tables leave the most behind. */
static const struct sql_migration migrations[] = {
    { 1, "001_thing",
      "CREATE TABLE thing (id TEXT PRIMARY KEY, note TEXT) WITHOUT ROWID;"
      "CREATE TABLE counter (n BIGINT); INSERT INTO counter VALUES (0);",
      NULL },
};

static struct sql_db *forget_open(void)
{
    CTX ctx = ctx_new();
    struct sql_db *db = sql_open(ctx, str_of(url), "test", migrations, COUNT(migrations));
    REQUIRE(OK(ctx, db != NULL));
    return db;
}

struct rows {
    int n, ada_every; /* 0: none is Ada */
    size_t most_bytes; /* of a note */
};

static struct str note_of(struct ctx *ctx, const struct rows *rows, int id)
{
    const char *name = rows->ada_every && id % rows->ada_every == 7 ? NAME : "somebody else";
    size_t length = (size_t)id * 2654435761u % (rows->most_bytes + 1);
    char *filler = arena_alloc(ctx->arena, length + 1);
    memset(filler, 'x', length);
    return arena_printf(ctx->arena, "%s %.*s %s", name, (int)length, filler, name);
}

static bool rows_insert(struct ctx *ctx, void *argument)
{
    const struct rows *rows = argument;
    for (int i = 0; i < rows->n; i++) {
        int id = (int)((int64_t)i * 7919 % rows->n); /* each once */
        if (!sql_exec(ctx, NULL, "INSERT INTO thing (id, note) VALUES ($1, $2)",
                      sql_str(arena_printf(ctx->arena, "%d", id)), sql_str(note_of(ctx, rows, id))))
            return false;
    }
    return true;
}

static struct sql_db *db_with(struct rows rows)
{
    db_erase(url);
    struct sql_db *db = forget_open();
    CTX ctx = ctx_new();
    OK(ctx, sql_write(ctx, db, rows_insert, &rows));
    return db;
}

static bool forget_ada(struct ctx *ctx, void *argument)
{
    sql_scrub(ctx);
    return sql_exec(ctx, NULL, "DELETE FROM thing WHERE note LIKE '" NAME "%'");
}

static void forget(struct sql_db *db)
{
    CTX ctx = ctx_new();
    OK(ctx, sql_write(ctx, db, forget_ada, NULL));
    int64_t until = clock_mono_us() + PATIENCE_US;
    while ((bytes_of("-wal") || times_in("", NAME)) && clock_mono_us() < until)
        usleep(1000); /* after the commit was answered */
    CHECK_INT(bytes_of("-wal"), 0);
    CHECK_INT(times_in("", NAME), 0);
}

static int note_text(void *out, int n, char **values, char **names)
{
    snprintf(out, 64, "%s", values[0]);
    return 0;
}

/* By a connection that is not ours. The database is closed. */
static void check_file(const char *question, const char *answer)
{
    char found[64] = "";
    sqlite3 *other;
    REQUIRE(sqlite3_open(path_of(""), &other) == SQLITE_OK);
    CHECK(sqlite3_exec(other, question, note_text, found, NULL) == SQLITE_OK);
    sqlite3_close(other);
    CHECK_STR(str_of(found), answer);
}

static void check_is_whole(const char *rows_left)
{
    check_file("PRAGMA integrity_check", "ok");
    check_file("SELECT count(*) FROM thing", rows_left);
    check_file("PRAGMA user_version", "2");
}

/* ---- tests ---- */

/* Deleted rows leave nothing behind: neither in pages that still hold others nor in those that became free. */
static void test_deleted_is_gone(void)
{
    struct sql_db *db = db_with((struct rows){ .n = 500 });
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "UPDATE thing SET note = '" NAME "'"));
    sql_close(db); /* brings the log into the file */
    CHECK(times_in("", NAME) >= 500);
    db = forget_open();
    OK(ctx, write_text(ctx, db, "DELETE FROM thing WHERE id <> '7'"));
    OK(ctx, write_text(ctx, db, "UPDATE thing SET note = 'nobody'"));
    sql_close(db);
    CHECK_INT(times_in("", NAME), 0);
    CHECK_INT(times_in("", "nobody"), 1);
}

/* While it is open, and after pages were split and joined; what is written to the same pages later does not bring it back. */
static void test_forgotten_is_gone(void)
{
    struct sql_db *db = db_with((struct rows){ .n = 3000, .ada_every = 10, .most_bytes = 500 });
    forget(db);
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "UPDATE thing SET note = note || '.'"));
    CHECK(bytes_of("-wal") > 0);
    CHECK_INT(times_in("-wal", NAME), 0);
    sql_close(db);
    CHECK_INT(times_in("", NAME), 0);
    check_is_whole("2700");
}

/* Long values go on in pages of their own, which have no gap. */
static void test_long_values_stay(void)
{
    struct rows rows = { .n = 2000, .ada_every = 50, .most_bytes = 20000 };
    struct sql_db *db = db_with(rows);
    forget(db);
    CHECK_INT(read_number(
                  db, "SELECT count(*) FROM thing WHERE note LIKE 'somebody else %x somebody else'"
                      " OR note = 'somebody else  somebody else'"),
              1960);
    sql_close(db);
    check_is_whole("1960");
}

/* The writer waited while a whole file was written anew: seconds for a large one. */
static void test_forgetting_writes_little(void)
{
    struct sql_db *db = db_with((struct rows){ .n = 30000, .ada_every = 10000, .most_bytes = 500 });
    CTX ctx = ctx_new();
    OK(ctx, write_text(ctx, db, "UPDATE counter SET n = 1"));
    usleep(3 * US_PER_S); /* its quiet is over */
    int64_t before = atomic_load(&written_bytes);
    forget(db);
    usleep(3 * US_PER_S);
    int64_t written = atomic_load(&written_bytes) - before;
    CHECK(bytes_of("") > 8000000);
    if (!CHECK(written < 200000))
        fprintf(stderr, "%lld bytes written\n", (long long)written);
    sql_close(db);
    check_is_whole("29997");
}

/* A program that did not empty gaps has written the file: it is written anew, and from then on kept. */
static void test_file_from_before(void)
{
    static const char text[] =
        "PRAGMA secure_delete=ON; PRAGMA user_version=0; BEGIN;"
        "WITH RECURSIVE i (id, k) AS (SELECT 0, 1 UNION ALL SELECT k * 7919 % 3000, k + 1 FROM i"
        " WHERE k < 3000), named (id, name) AS (SELECT id, CASE WHEN id % 10 = 7 THEN '" NAME "'"
        " ELSE 'somebody else' END FROM i) INSERT INTO thing SELECT CAST(id AS TEXT),"
        " printf('%s %.*c %s', name, id * 2654435761 % 501, 'x', name) FROM named;"
        "DELETE FROM thing WHERE note LIKE '" NAME "%'; COMMIT";
    sql_close(db_with((struct rows){ .n = 0 }));
    sqlite3 *other;
    REQUIRE(sqlite3_open(path_of(""), &other) == SQLITE_OK);
    CHECK(sqlite3_exec(other, text, NULL, NULL, NULL) == SQLITE_OK);
    sqlite3_close(other);
    CHECK(times_in("", NAME) > 0); /* or this shows nothing */
    struct sql_db *db = forget_open();
    forget(db);
    sql_close(db);
    check_is_whole("2700");
}

static void check_gap(const uint8_t *start, bool first, int from, int to)
{
    uint8_t page[512];
    memset(page, 'x', sizeof page);
    memcpy(page + (first ? 100 : 0), start, 8);
    sqlite_gap_clear(page, sizeof page, first);
    for (int i = first ? 108 : 8; i < (int)sizeof page; i++)
        if (!CHECK((page[i] == 0) == (i >= from && i < to)))
            return;
}

static void test_gaps(void)
{
    check_gap((uint8_t[8]){ 13, 0, 0, 0, 2, 1, 0, 0 }, false, 12, 256);
    check_gap((uint8_t[8]){ 10, 0, 0, 0, 0, 2, 0, 0 }, false, 8, 512);
    check_gap((uint8_t[8]){ 5, 0, 0, 0, 3, 1, 0, 0 }, false, 18, 256);
    check_gap((uint8_t[8]){ 2, 0, 0, 0, 3, 1, 0, 0 }, true, 118, 256);
    check_gap((uint8_t[8]){ 13, 0, 0, 0, 2, 1, 0, 0 }, true, 112, 256);
    check_gap((uint8_t[8]){ 0, 0, 0, 5, 0, 0, 0, 0 }, false, 0, 0);     /* a long value goes on */
    check_gap((uint8_t[8]){ 1, 2, 3, 4, 0, 0, 0, 0 }, false, 0, 0);
    check_gap((uint8_t[8]){ 13, 0, 0, 0, 200, 1, 0, 0 }, false, 0, 0);  /* no gap */
    check_gap((uint8_t[8]){ 13, 0, 0, 255, 255, 2, 0, 0 }, false, 0, 0);
    check_gap((uint8_t[8]){ 13, 0, 0, 0, 1, 3, 0, 0 }, false, 0, 0);    /* beyond the page */
    check_gap((uint8_t[8]){ 13, 0, 0, 0, 1, 0, 0, 0 }, false, 0, 0);
}

int main(void)
{
    folder_make();
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    test_gaps();
    test_deleted_is_gone();
    test_forgotten_is_gone();
    test_long_values_stay();
    test_forgetting_writes_little();
    test_file_from_before();
    folder_remove();
    return check_end();
}
