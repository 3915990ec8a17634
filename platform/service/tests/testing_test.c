/* The example service opened as tests open services: requests, events, workers, reopening, on each engine. */
#include "base/tests/check.h"
#include "platform/faults/faults.h"
#include "platform/service/testing.h"
#include "platform/service/tests/example/example.h"
#include "example_contract.h"

#define NOTE "{\"note_id\":\"nte_1\",\"text\":\"hello\"}"

static void test_requests(struct test_service *test)
{
    struct reply reply = test_call(test, "POST", "/v1/notes", "example:write", NULL, NOTE);
    CHECK_INT(reply.status, 201);
    CHECK_STR(json_str(json_get(test_json(test, reply), "text")), "hello");
    CHECK_INT(test_call(test, "POST", "/v1/notes", "example:write", NULL, NOTE).status, 409);
    CHECK_INT(test_call(test, "POST", "/v1/notes", "example:read", NULL, NOTE).status, 403);
    CHECK_INT(test_call(test, "POST", "/v1/notes", NULL, NULL, NOTE).status, 401);
    CHECK_INT(
        test_call(test, "POST", "/v1/notes", "example:write", "Content-Type: text/plain", NOTE)
            .status,
        415);
    CHECK_INT(test_call(test, "POST", "/v1/notes", "example:write", NULL, "{\"note_id\":\"nte_2\"}")
                  .status,
              422);
    CHECK_INT(test_call(test, "GET", "/v1/notes/nte_1", "example:read",
                        "X-A: b\nAccept: application/json", NULL)
                  .status,
              200);
    CHECK_INT(test_call(test, "GET", "/v1/notes/nte_2", "*", NULL, NULL).status, 404);
    CHECK_INT(test_published(test, &EXAMPLE_NOTE_STORED_V1_TYPE), 1);
    const struct json *told = test_published_data(test, &EXAMPLE_NOTE_STORED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(told, "note_id")), "nte_1");
    CHECK(test_published_data(test, &EXAMPLE_NOTE_STORED_V1_TYPE, 1) == NULL);
}

static bool count_heard(struct ctx *ctx, void *argument)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM heard"))
        return false;
    *(int64_t *)argument = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static int64_t heard(struct test_service *test)
{
    int64_t n = -1;
    CHECK(test_read(test, count_heard, &n));
    return n;
}

static bool forget(struct ctx *ctx, void *argument)
{
    return sql_exec(ctx, NULL, "DELETE FROM heard") && argument != NULL;
}

static void test_events(struct test_service *test)
{
    CHECK_INT(test_event(test, &EXAMPLE_NOTE_STORED_V1_TYPE, "e1", NOTE), DONE);
    CHECK_INT(test_event(test, &EXAMPLE_NOTE_STORED_V1_TYPE, "e1", NOTE), DONE); /* known already */
    CHECK_INT(heard(test), 1);
    CHECK_INT(test_event(test, &EXAMPLE_NOTE_STORED_V1_TYPE, "e2", NOTE),
              REJECT); /* a conflict in the store */
    CHECK_INT(test_event(test, &EXAMPLE_NOTE_STORED_V1_TYPE, NULL, "{}"), REJECT);
    CHECK_INT(heard(test), 1);
    CHECK(!test_write(test, forget, NULL)); /* false undoes it */
    CHECK_INT(heard(test), 1);
    CHECK(test_write(test, forget, test));
    CHECK_INT(heard(test), 0);
}

static void test_published_later(struct test_service *test)
{
    size_t before = test_published(test, &EXAMPLE_NOTE_STORED_V1_TYPE);
    for (int i = 0; i < 20; i++)
        CHECK_INT(test_call(test, "GET", "/v1/waits/0", NULL, NULL, NULL).status, 200);
    CHECK_INT(test_published(test, &EXAMPLE_NOTE_STORED_V1_TYPE), before + 20);
}

/* The first commits fail: what was queued is stored all the same, once. */
static void test_published_later_in_trouble(struct test_service *test)
{
    size_t before = test_published(test, &EXAMPLE_NOTE_STORED_V1_TYPE);
    CHECK(fault_set(test_ctx(test), STR("sql.commit"), (struct str){ NULL, 0 }, FAULT_ERROR, 0,
                    1000, 3));
    for (int i = 0; i < 5; i++)
        CHECK_INT(test_call(test, "GET", "/v1/waits/0", NULL, NULL, NULL).status, 200);
    CHECK_INT(test_published(test, &EXAMPLE_NOTE_STORED_V1_TYPE), before + 5);
    faults_clear();
}

static void test_services_own(struct test_service *test)
{
    struct ctx *ctx = test_ctx(test);
    CHECK_STR(setting_text(ctx, "greeting"), "good day");
    CHECK_INT(setting_int(ctx, "rounds_every"), 50000);
    CHECK(service_db(ctx) != NULL && service_events(ctx) != NULL);
    CHECK(service_peer(ctx, "commerce") != NULL);
    struct str path = service_data_path(ctx, "a/b/file");
    CHECK(str_ends(path, STR("/example/a/b/file")));
    FILE *file = fopen(path.ptr, "w");
    REQUIRE(file != NULL);
    fclose(file);
    struct str token = service_token(ctx, "a b"), again = service_token(ctx, "a b");
    CHECK(token.ptr && str_eq(token, again));
    CHECK(!str_eq(token, service_token(ctx, "a")));
    CHECK(test_work(test, "rounds")); /* 1 and 2 of 3 say that there is more */
    CHECK(test_work(test, "rounds"));
    CHECK(!test_work(test, "rounds"));
}

static void test_reopened(struct test_service *test)
{
    test_reopen(test);
    CHECK_INT(test_call(test, "GET", "/v1/notes/nte_1", "example:read", NULL, NULL).status, 200);
    CHECK(test_published(test, &EXAMPLE_NOTE_STORED_V1_TYPE) > 0);
}

static void test_room(const char *url)
{
    struct test_service *test =
        test_open(&example_service, url, (const char *const[]){ "greeting=good day", NULL });
    test_requests(test);
    test_events(test);
    test_published_later(test);
    test_published_later_in_trouble(test);
    test_services_own(test);
    test_reopened(test);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
