/* Which schemas a program starts on, on both engines. */
#include "platform/sql/tests/helper.h"

#include "platform/sql/testing_postgresql.h"

static void test_migrations_run_once(const char *url)
{
    db_erase(url);
    struct sql_db *db = db_open(url);
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM platform_migrations WHERE scope = 'test'"), 3);
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM platform_outbox"), 0);
    sql_close(db);
    db = db_open(url);
    CHECK_INT(read_number(db, "SELECT COUNT(*) FROM platform_migrations WHERE scope = 'test'"), 3);
    CHECK_INT(read_number(db, "SELECT n FROM counter"), 0);
    sql_close(db);

    CTX ctx = ctx_new();
    struct sql_migration renamed[COUNT(test_migrations)];
    memcpy(renamed, test_migrations, sizeof renamed);
    renamed[2].name = "003_other";
    CHECK(!sql_open(ctx, str_of(url), "test", renamed, COUNT(renamed)));
    CHECK(says(ctx, "003_more") && says(ctx, "003_other"));
}

/* Expand, then contract: the program before goes on, and starts again, beside a schema that was only added to. */
static void test_the_program_before(const char *url)
{
    CTX ctx = ctx_new();
    struct sql_migration next[COUNT(test_migrations) + 1];
    const size_t n = COUNT(test_migrations);
    memcpy(next, test_migrations, sizeof test_migrations);
    struct sql_db *before = sql_open(ctx, str_of(url), "test", test_migrations, n - 1);
    REQUIRE(OK(ctx, before != NULL));
    OK(ctx, write_text(ctx, before, "INSERT INTO thing (id, n) VALUES ('before', 7)"));
    sql_close(before);

    next[n] = (struct sql_migration){ (int)n + 1, "004_less.contract",
                                      "ALTER TABLE thing DROP COLUMN note", NULL };
    struct sql_db *after = sql_open(ctx, str_of(url), "test", next, n + 1);
    REQUIRE(OK(ctx, after != NULL));
    CHECK_INT(read_number(after, "SELECT n FROM thing WHERE id = 'before'"), 7);
    sql_close(after);
    CHECK(!sql_open(ctx, str_of(url), "test", test_migrations, n));
    CHECK(ctx->error.code == ERR_CONFLICT && says(ctx, "newer") && says(ctx, "taken away") &&
          says(ctx, "004_less.contract"));
}

/* Rows that no program wrote: there is no telling what lies between. */
static void test_migrations_with_a_gap(const char *url)
{
    CTX ctx = ctx_new();
    db_erase(url);
    struct sql_db *db = db_open(url);
    OK(ctx, write_text(ctx, db,
                       "UPDATE platform_migrations SET number = 9, name = '009_far' "
                       "WHERE scope = 'test' AND number = 3"));
    sql_close(db);
    CHECK(!sql_open(ctx, str_of(url), "test", test_migrations, COUNT(test_migrations)));
    CHECK(says(ctx, "009_far as migration 9 of test, not 3"));
    db_erase(url);
}

static void test_of_another_service(const char *url)
{
    CTX ctx = ctx_new();
    struct str same = str_of(url);
    if (!str_starts(same, STR("sqlite:")))
        same = arena_printf(ctx->arena, "%s?schema=test", url);
    CHECK(!sql_open(ctx, same, "other", test_migrations, COUNT(test_migrations)));
    CHECK(ctx->error.code == ERR_CONFLICT && says(ctx, "of test, not of other"));
}

static void test_migration_fails_whole(const char *url)
{
    db_erase(url);
    CTX ctx = ctx_new();
    const struct sql_migration broken[] = {
        { 1, "001_good", "CREATE TABLE good (id TEXT PRIMARY KEY)", NULL },
        { 2, "002_bad", "CREATE TABLE bad (id TEXT PRIMARY KEY); INSERT INTO nowhere VALUES (1)",
          NULL },
    };
    CHECK(!sql_open(ctx, str_of(url), "test", broken, 2));
    CHECK(says(ctx, "002_bad"));
    ctx_clear(ctx);
    const struct sql_migration gap[] = { { 2, "002_gap", "SELECT 1", NULL } };
    CHECK(!sql_open(ctx, str_of(url), "test", gap, 1));
    ctx_clear(ctx);
    /* Nothing of it is there: the right ones go through from the start. */
    const struct sql_migration right[] = { { 1, "001_good",
                                             "CREATE TABLE good (id TEXT PRIMARY KEY)", NULL } };
    struct sql_db *db = sql_open(ctx, str_of(url), "test", right, 1);
    check_ok(db != NULL, ctx, "sql_open", __LINE__);
    sql_close(db);
    db_erase(url);
}

static void suite(const char *url)
{
    test_migrations_run_once(url);
    test_of_another_service(url);
    test_the_program_before(url);
    test_migrations_with_a_gap(url);
    test_migration_fails_whole(url);
}

int main(void)
{
    folder_make();
    char url[128];
    snprintf(url, sizeof url, "sqlite:%s/test.db", folder);
    suite(url);
    if (test_postgresql_url())
        suite(test_postgresql_url());
    folder_remove();
    return check_end();
}
