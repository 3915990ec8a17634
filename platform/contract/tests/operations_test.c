/* The tables of operations: parameters, bodies, targets, replies and problems. */
#include "platform/contract/tests/room.h"

static const struct operation *operation_of(const char *id)
{
    for (size_t i = 0; i < sample_contract.n_operations; i++)
        if (strcmp(sample_contract.operations[i].id, id) == 0)
            return &sample_contract.operations[i];
    return NULL;
}

static void test_tables(void)
{
    const struct operation *get = operation_of("get_thing"), *put = operation_of("put_thing");
    const struct operation *tell = operation_of("tell"), *open = operation_of("tell_open"),
                           *raw = operation_of("tell_raw");
    REQUIRE(get && put && tell && open && raw);
    CHECK_INT(sample_contract.n_operations, 5);
    CHECK_STR(str_of(sample_contract.version), "1.2.3");
    CHECK_STR(str_of(get->method), "GET");
    CHECK_STR(str_of(get->path), "/v1/things/{thing_id}");
    CHECK_STR(str_of(get->scope), "things:read");
    CHECK_STR(str_of(get->priority), "status");
    CHECK(get->auth == AUTH_TOKEN && get->run == RUN_READ && get->success == 200 &&
          get->n_params == 8);
    CHECK(!get->body && get->body_offset == UINT32_MAX && !get->idempotency_key &&
          !get->body_types);
    CHECK(put->run == RUN_WRITE && put->success == 204 && put->max_body_bytes == 65536 &&
          put->body_required);
    CHECK(put->body == &thing_type && put->body_offset == offsetof(struct put_thing_in, body) &&
          !put->idempotency_key);
    CHECK_STR(str_of(put->body_types[0]), "application/json");
    CHECK(get->at_once && !put->at_once && !open->at_once);
    CHECK(tell->auth == AUTH_PUBLIC && !tell->scope && tell->idempotency_key &&
          !tell->body_required);
    CHECK(open->run == RUN_READ && !open->idempotency_key && open->body_object);
    CHECK(raw->auth == AUTH_WRITE_KEY && raw->run == RUN_POOL && raw->foreign &&
          raw->body_raw_offset != UINT32_MAX);
    CHECK_STR(str_of(raw->body_types[1]), "application/json");
    CHECK(raw->body_types[2] == NULL);
}

static void test_at_once(void)
{
    struct ctx *ctx = fresh();
    struct reply reply = { 0 };
    const struct operation *get = operation_of("get_thing");
    CHECK(!get->at_once(ctx, &(struct get_thing_in){ .thing_id = STR("thg_1") }, &reply));
    CHECK(get->at_once(ctx, &(struct get_thing_in){ .thing_id = STR("thg_kept") }, &reply));
    CHECK_STR(reply.body, "kept");
}

static const struct param *param_of(const struct operation *operation, const char *name)
{
    for (size_t i = 0; i < operation->n_params; i++)
        if (strcmp(operation->params[i].field.name, name) == 0)
            return &operation->params[i];
    return NULL;
}

static bool give(struct ctx *ctx, struct get_thing_in *in, const char *name, const char *value)
{
    struct str text = str_of(value);
    return contract_param(ctx, param_of(operation_of("get_thing"), name), &text, value != NULL, in);
}

static void test_params(void)
{
    struct ctx *ctx = fresh();
    struct get_thing_in in = { 0 };
    CHECK(give(ctx, &in, "thing_id", "thg_1") && str_is(in.thing_id, "thg_1"));
    CHECK(give(ctx, &in, "limit", NULL) && in.limit == 50);
    CHECK(give(ctx, &in, "limit", "200") && in.limit == 200);
    CHECK(give(ctx, &in, "grade", NULL) && !in.has_grade);
    CHECK(give(ctx, &in, "grade", "7a") && in.has_grade && in.grade == GRADE_7A);
    CHECK(give(ctx, &in, "since", "1970-01-01T00:00:01Z") && in.has_since && in.since == 1000000);
    CHECK(give(ctx, &in, "exact", NULL) && !in.exact);
    CHECK(give(ctx, &in, "exact", "true") && in.exact);
    CHECK(give(ctx, &in, "ratio", "0.5") && in.has_ratio && in.ratio == 0.5);
    CHECK(give(ctx, &in, "If-None-Match", "\"e\"") && str_is(in.if_none_match, "\"e\""));
    struct str tags[] = { STR("a"), STR("b"), STR("c") };
    CHECK(contract_param(ctx, param_of(operation_of("get_thing"), "tag"), tags, 2, &in));
    CHECK(in.n_tag == 2 && str_is(in.tag[1], "b"));
    CHECK(!contract_param(ctx, param_of(operation_of("get_thing"), "tag"), tags, 3, &in));
    CHECK_STR(ctx->error.detail, "query/tag must have at most 2 elements");
}

static void test_params_refused(void)
{
    static const struct {
        const char *name, *value, *pointer, *sentence;
    } refused[] = {
        { "thing_id", NULL, "path/thing_id", "path/thing_id is required" },
        { "thing_id", "x", "path/thing_id",
          "path/thing_id must be an id that begins with \"thg_\"" },
        { "limit", "0", "query/limit", "query/limit must be at least 1" },
        { "limit", "many", "query/limit", "query/limit must be a whole number" },
        { "limit", "", "query/limit", "query/limit must be a whole number" },
        { "grade", "fine", "query/grade", "query/grade must be one of plain, very-fine, 7a" },
        { "since", "yesterday", "query/since",
          "query/since must be a time (RFC 3339, 2026-01-31T12:00:00Z)" },
        { "exact", "1", "query/exact", "query/exact must be true or false" },
        { "ratio", "nan", "query/ratio", "query/ratio must be a number" },
        { "ratio", "2", "query/ratio", "query/ratio must be at most 1" },
        { "If-None-Match", "a\xff", "header/If-None-Match", "header/If-None-Match must be UTF-8" },
    };
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct ctx *ctx = fresh();
        struct get_thing_in in = { 0 };
        CHECK(!give(ctx, &in, refused[i].name, refused[i].value));
        CHECK_INT(ctx->error.code, ERR_INVALID);
        CHECK_STR(ctx->error.pointer, refused[i].pointer);
        CHECK_STR(ctx->error.detail, refused[i].sentence);
    }
    struct ctx *ctx = fresh();
    struct get_thing_in in = { 0 };
    struct str twice[] = { STR("1"), STR("2") };
    CHECK(!contract_param(ctx, param_of(operation_of("get_thing"), "limit"), twice, 2, &in));
    CHECK_STR(ctx->error.detail, "query/limit must not be repeated");
}

static void test_target(void)
{
    struct ctx *ctx = fresh();
    struct get_thing_in in = { .thing_id = STR("thg_a/b ?"), .limit = 50 };
    CHECK_STR(sample_get_thing_target(ctx->arena, &in),
              "/v1/things/thg_a%2Fb%20%3F?limit=50&exact=false");
    struct str tags[] = { STR("x&y"), STR("\xc3\xa4") };
    in = (struct get_thing_in){ .thing_id = STR("thg_1"),
                                .limit = 1,
                                .tag = tags,
                                .n_tag = 2,
                                .has_grade = true,
                                .grade = GRADE_7A,
                                .has_since = true,
                                .since = 0,
                                .exact = true,
                                .has_ratio = true,
                                .ratio = 0.5 };
    CHECK_STR(
        sample_get_thing_target(ctx->arena, &in),
        "/v1/things/thg_1?limit=1&grade=7a&tag=x%26y&tag=%C3%A4&since=1970-01-01T00%3A00%3A00Z&exact=true&ratio=0.5");
    CHECK_STR(sample_tell_target(ctx->arena, NULL), "/v1/things");
}

static struct reply called(struct ctx *ctx, const char *id, const char *body)
{
    const struct operation *operation = operation_of(id);
    void *in = arena_alloc(ctx->arena, operation->in_size);
    ctx->operation = operation;
    if (!contract_body(ctx, operation, str_of(body), in))
        return reply_error(ctx);
    return operation->handle(ctx, in);
}

static void test_bodies(void)
{
    struct ctx *ctx = fresh();
    struct reply reply = called(ctx, "put_thing", thing_with(ctx, NULL, NULL));
    CHECK_INT(reply.status, 204);
    CHECK(str_starts(reply.body, STR("{\"id\":\"thg_1\"")));
    CHECK_STR(called(fresh(), "tell", "[1, null]").body, "[1,null]");
    CHECK_STR(called(fresh(), "tell", NULL).body, "nothing");
    CHECK_STR(called(fresh(), "tell_open", "{\"a\":1}").body, "{\"a\":1}");
    CHECK_STR(called(fresh(), "tell_raw", "any\xff").body, "any\xff");
}

static void test_bodies_refused(void)
{
    struct ctx *ctx = fresh();
    CHECK_INT(called(ctx, "put_thing", NULL).status, 400);
    CHECK_STR(ctx->error.detail, "a body is required");
    CHECK_INT(called(fresh(), "put_thing", "{\"id\":").status, 400);
    CHECK_INT(called(fresh(), "put_thing", "{\"id\":\"a\",\"id\":\"b\"}").status, 400);
    ctx = fresh();
    CHECK_INT(called(ctx, "put_thing", thing_with(ctx, "count", "99")).status, 422);
    ctx = fresh();
    CHECK_INT(called(ctx, "tell_open", "[]").status, 422);
    CHECK_STR(ctx->error.detail, "the document must be an object, not an array");
}

/* Clients of the Segment API look for `code` and `message` in every answer that is no success. */
static void test_problems_for_collectors(void)
{
    struct ctx *ctx = fresh();
    ctx->operation = operation_of("tell_raw");
    ctx_fail(ctx, ERR_TOO_LARGE, "an event is larger than 32 KB");
    const struct json *problem = json_parse(ctx, problem_json(ctx, &ctx->error, NULL));
    CHECK_STR(json_str(json_get(problem, "code")), "too-large");
    CHECK_STR(json_str(json_get(problem, "message")), "an event is larger than 32 KB");
    ctx_clear(ctx);
    ctx_fail(ctx, ERR_INTERNAL, "a secret");
    problem = json_parse(ctx, problem_json(ctx, &ctx->error, NULL));
    CHECK(!strstr(json_str(json_get(problem, "message")).ptr, "secret"));
    problem = json_parse(ctx, problem_json(ctx, &(struct error){ .code = ERR_UNAVAILABLE }, NULL));
    CHECK_STR(json_str(json_get(problem, "message")),
              "It cannot be done at the moment; the trace says why.");
    ctx->operation = operation_of("get_thing");
    problem = json_parse(ctx, problem_json(ctx, &(struct error){ .code = ERR_UNAVAILABLE }, NULL));
    CHECK(!json_get(problem, "code") && !json_get(problem, "message"));
}

static void test_problems(void)
{
    struct ctx *ctx = fresh();
    ctx_fail(ctx, ERR_NOT_FOUND, "there is no thing %s", "thg_9");
    struct reply reply = reply_error(ctx);
    CHECK_INT(reply.status, 404);
    CHECK_STR(str_of(reply.content_type), "application/problem+json");
    CHECK_STR(
        reply.body,
        "{\"type\":\"urn:fanfare:problem:not-found\",\"title\":\"There is no such thing\",\"status\":404,"
        "\"detail\":\"there is no thing thg_9\"}");
    ctx = fresh();
    called(ctx, "put_thing", thing_with(ctx, "count", "99"));
    CHECK_STR(
        problem_json(ctx, &ctx->error, "/v1/things/thg_1"),
        "{\"type\":\"urn:fanfare:problem:invalid\",\"title\":\"The request does not fit its contract\",\"status\":422,"
        "\"detail\":\"/count must be at most 10\",\"instance\":\"/v1/things/thg_1\","
        "\"errors\":[{\"pointer\":\"/count\",\"detail\":\"/count must be at most 10\"}]}");
    ctx = fresh();
    struct get_thing_in in = { 0 };
    give(ctx, &in, "limit", "0");
    CHECK(strstr(
        reply_error(ctx).body.ptr,
        "\"errors\":[{\"in\":\"query\",\"name\":\"limit\",\"detail\":\"query/limit must be at least 1\"}]"));
    ctx = fresh();
    ctx_fail(ctx, ERR_INTERNAL, "the password is secret");
    CHECK(!strstr(reply_error(ctx).body.ptr, "secret"));
    ctx = fresh();
    ctx_fail(ctx, ERR_UNAVAILABLE, "the database at 10.0.0.1 is away");
    CHECK(!strstr(reply_error(ctx).body.ptr, "10.0.0.1"));
    ctx = fresh();
    ctx_fail_openly(ctx, ERR_UNAVAILABLE, "Too much is waiting.");
    CHECK(strstr(reply_error(ctx).body.ptr, "Too much is waiting."));
    ctx_fail(ctx, ERR_UNAVAILABLE, "SELECT secret");
    CHECK(!strstr(reply_error(ctx).body.ptr, "secret"));
    CHECK_INT(reply_error(fresh()).status, 500);
}

static void test_replies(void)
{
    struct ctx *ctx = fresh();
    struct reply reply = reply_empty(ctx);
    reply_add(ctx, &reply, "Location", STR("/a"));
    reply_add(ctx, &reply, "X-B", STR("b"));
    CHECK_INT(reply.status, 204);
    CHECK_STR(str_of(reply.headers->name), "Location");
    CHECK_STR(reply.headers->next->value, "b");
    CHECK_INT(reply_not_modified(ctx, STR("\"e\"")).status, 304);
    ctx->operation = operation_of("tell");
    CHECK_INT(reply_ok(ctx, STR("{}")).status, 202);
}

/* The contract that is served stands alone, is closed, and names the patterns of ids. */
static void test_served(void)
{
    struct ctx *ctx = fresh();
    const struct json *openapi = json_parse(ctx, str_of(sample_contract.openapi));
    REQUIRE(openapi != NULL);
    CHECK(strstr(sample_contract.openapi, "common.yaml") == NULL);
    CHECK_STR(
        json_str(json_pointer(openapi, STR("/components/schemas/Thing/properties/price/$ref"))),
        "#/components/schemas/Money");
    CHECK(json_pointer(openapi, STR("/components/schemas/Money/properties/amount")) != NULL);
    CHECK(json_pointer(openapi, STR("/components/responses/Problem/content")) != NULL);
    CHECK(json_pointer(openapi, STR("/components/schemas/Problem/required")) != NULL);
    CHECK(json_pointer(openapi, STR("/components/parameters/Limit/schema")) != NULL);
    CHECK_INT(
        json_type(json_pointer(openapi, STR("/components/schemas/Node/additionalProperties"))),
        JSON_BOOL);
    CHECK_STR(
        json_str(json_pointer(openapi, STR("/components/schemas/Thing/properties/id/pattern"))),
        "^thg_[A-Za-z0-9._-]{1,64}$");
}

int main(void)
{
    test_tables();
    test_at_once();
    test_params();
    test_params_refused();
    test_target();
    test_bodies();
    test_bodies_refused();
    test_problems();
    test_problems_for_collectors();
    test_replies();
    test_served();
    arena_free(fresh()->arena);
    return check_end();
}
