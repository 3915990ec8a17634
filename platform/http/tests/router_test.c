/* The router over the loopback: every step of a request, and every way to be refused. */
#include "platform/faults/faults.h"
#include "platform/http/tests/calls.h"

static void test_params(void)
{
    struct reply reply = call("GET", "/v1/things/a%2Fb%20c?limit=7&kind=small&tag=x&tag=y+z",
                              with(things.read_token, "x-mood: fine\nUser-Agent: t\n"), NONE);
    CHECK_INT(reply.status, 200);
    CHECK_STR(reply.body,
              "{\"id\":\"a/b c\",\"limit\":7,\"kind\":\"small\",\"tags\":2,\"mood\":\"fine\","
              "\"who\":\"tester\",\"agent\":\"t\"}");
    CHECK_STR(header_of(reply, "ETag"), "\"1\"");
    reply = call("GET", "/v1/things/x", with(things.read_token, ""), NONE);
    const struct json *body = body_of(reply);
    CHECK_INT(json_int(json_get(body, "limit")), 50);
    CHECK_STR(json_str(json_get(body, "kind")), "none");
    CHECK_INT(json_type(json_get(body, "mood")), JSON_NULL);
    reply =
        call("GET", "/v1/things/latest", "", NONE); /* a named segment goes before a parameter */
    CHECK_STR(reply.body, "{\"latest\":true}");
    reply = call("GET", "/v1/th%69ngs/late%73t", "", NONE);
    CHECK_STR(reply.body, "{\"latest\":true}");
    reply = call("GET", "http://example.com/v1/things/latest?", "", NONE);
    CHECK_INT(reply.status, 200);
}

static void bad_param(const char *target, const char *place, const char *name)
{
    const struct json *body =
        problem(call("GET", target, with(things.read_token, ""), NONE), 422, "invalid");
    CHECK_STR(fault_place(body, "in"), place);
    CHECK_STR(fault_place(body, "name"), name);
}

static void test_bad_params(void)
{
    bad_param("/v1/things/x?limit=0", "query", "limit");
    bad_param("/v1/things/x?limit=201", "query", "limit");
    bad_param("/v1/things/x?limit=many", "query", "limit");
    bad_param("/v1/things/x?limit=1&limit=2", "query", "limit");
    bad_param("/v1/things/x?kind=huge", "query", "kind");
    bad_param("/v1/things/x?colour=red", "query", "colour");
    bad_param("/v1/things/123456789012345678901", "path", "id");
    problem(call("GET", "/v1/things/%zz", with(things.read_token, ""), NONE), 400, "malformed");
    problem(call("GET", "/v1/things/%ff", with(things.read_token, ""), NONE), 400, "malformed");
    problem(call("GET", "/v1/things/%00", with(things.read_token, ""), NONE), 400, "malformed");
    problem(call("GET", "/v1/things/x?limit=%c3%28", with(things.read_token, ""), NONE), 400,
            "malformed");
    problem(call("GET", "/v1/things/x?a=%", with(things.read_token, ""), NONE), 400, "malformed");
    struct str many = STR("/v1/things/x?");
    for (int i = 0; i < 101; i++)
        many = arena_printf(things.ctx.arena, STR_FMT "tag=%d&", STR_ARG(many), i);
    problem(call("GET", many.ptr, with(things.read_token, ""), NONE), 400, "malformed");
}

static void test_paths_and_methods(void)
{
    problem(call("GET", "/v1/nothing", "", NONE), 404, "not-found");
    problem(call("GET", "/v1/things/", "", NONE), 404, "not-found");
    problem(call("GET", "/v1//things", "", NONE), 404, "not-found");
    problem(call("GET", "*", "", NONE), 404, "not-found");
    problem(call("GET", "", "", NONE), 404, "not-found");
    const struct json *body = problem(
        call("GET", "/v1/things/missing", with(things.read_token, ""), NONE), 404, "not-found");
    CHECK_STR(json_str(json_get(body, "detail")), "There is no thing missing.");
    struct reply reply = call("DELETE", "/v1/things", "", NONE);
    problem(reply, 405, "method-not-allowed");
    CHECK_STR(header_of(reply, "Allow"), "GET, HEAD, POST, OPTIONS");
    problem(call("BREW", "/v1/things", "", NONE), 405, "method-not-allowed");
    problem(call("PUT", "/openapi.json", "", NONE), 405, "method-not-allowed");
    reply = call("OPTIONS", "/v1/things", "", NONE);
    CHECK_INT(reply.status, 204);
    CHECK_STR(header_of(reply, "Allow"), "GET, HEAD, POST, OPTIONS");
    reply = call("HEAD", "/v1/things/latest", "", NONE);
    CHECK_INT(reply.status, 200);
    CHECK_INT(reply.body.len, 0);
    reply = call("GET", "/openapi.json", "", NONE);
    CHECK_STR(reply.body, "{\"openapi\":\"3.1.0\"}");
    reply = call("GET", "/v1/things/broken", with(things.read_token, ""), NONE);
    body = problem(reply, 500, "internal");
    CHECK(memmem(reply.body.ptr, reply.body.len, "secret", 6) == NULL);
}

static void test_bodies(void)
{
    struct arena *arena = things.ctx.arena;
    const char *headers = with(things.write_token, JSON_BODY);
    problem(call("POST", "/v1/things", headers, NONE), 400, "malformed");
    problem(call("POST", "/v1/things", headers, STR("{")), 400, "malformed");
    problem(call("POST", "/v1/things", headers, STR("{\"name\":\"a\",\"name\":\"b\",\"count\":1}")),
            400, "malformed");
    problem(call("POST", "/v1/things", headers, STR("{\"name\":\"\xff\",\"count\":1}")), 400,
            "malformed");
    char bomb[2000];
    memset(bomb, '[', sizeof(bomb));
    problem(call("POST", "/v1/things", headers, (struct str){ bomb, sizeof(bomb) }), 400,
            "malformed");
    const struct json *body = problem(
        call("POST", "/v1/things", headers, STR("{\"name\":\"a\",\"count\":0}")), 422, "invalid");
    CHECK_STR(fault_place(body, "pointer"), "/count");
    body =
        problem(call("POST", "/v1/things", headers, STR("{\"name\":\"a\",\"count\":1,\"more\":2}")),
                422, "invalid");
    CHECK_STR(fault_place(body, "pointer"), "/more");
    problem(call("POST", "/v1/things", headers, STR("[]")), 422, "invalid");
    problem(call("POST", "/v1/things", with(things.write_token, "Content-Type: text/plain\n"),
                 STR("{}")),
            415, "unsupported-media-type");
    problem(call("POST", "/v1/things", with(things.write_token, ""), STR("{}")), 415,
            "unsupported-media-type");
    problem(call("POST", "/v1/things", with(things.write_token, JSON_BODY "Content-Encoding: br\n"),
                 STR("{}")),
            415, "unsupported-media-type");
    struct reply reply =
        call("POST", "/v1/things",
             with(things.write_token, "Content-Type: Application/JSON ; charset=UTF-8\n"),
             STR("{\"name\":\"a\",\"count\":1}"));
    CHECK_INT(reply.status, 201);
    char *large = arena_alloc(arena, 2 * 1024 * 1024);
    memset(large, ' ', 2 * 1024 * 1024);
    problem(call("POST", "/v1/things", headers, (struct str){ large, 2 * 1024 * 1024 }), 413,
            "too-large");
    CHECK_INT(call("PUT", "/v1/store", "Content-Type: image/png\n", STR("\x89PNG")).status, 200);
    CHECK_INT(call("PUT", "/v1/store", "", NONE).status, 200);
    problem(call("PUT", "/v1/store", "Content-Type: image/\n", STR("x")), 415,
            "unsupported-media-type");
    problem(call("PUT", "/v1/store", "Content-Type: text/plain\n", (struct str){ large, 101 }), 413,
            "too-large");
}

static void test_gzip(void)
{
    char *large = arena_alloc(things.ctx.arena, 1000 * 1000);
    const char *headers = "Content-Type: text/plain\nContent-Encoding: gzip\n";
    struct str bomb = gzip((struct str){ large, 1000 * 1000 });
    CHECK(bomb.len < 2000);
    struct str key =
        arena_printf(things.ctx.arena, "Content-Type: application/json\nContent-Encoding: gzip\n");
    problem(call("POST", "/v1/collect", key.ptr, bomb), 401, "unauthenticated");
    problem(call("PUT", "/v1/store", headers, gzip((struct str){ large, 101 })), 413, "too-large");
    problem(call("PUT", "/v1/store", headers, gzip((struct str){ large, 20000 })), 413,
            "too-large");
    CHECK_INT(call("PUT", "/v1/store", headers, gzip((struct str){ large, 100 })).body.len, 100);
    problem(call("PUT", "/v1/store", headers, STR("not gzip")), 400, "malformed");
    struct str cut = gzip(STR("hello"));
    problem(call("PUT", "/v1/store", headers, (struct str){ cut.ptr, cut.len - 4 }), 400,
            "malformed");
    char tail[100];
    memcpy(tail, cut.ptr, cut.len);
    tail[cut.len] = 'x';
    problem(call("PUT", "/v1/store", headers, (struct str){ tail, cut.len + 1 }), 400, "malformed");
}

static struct reply make(const char *key, const char *body)
{
    const char *headers =
        with(things.write_token, arena_printf(things.ctx.arena, JSON_BODY "%s%s\n",
                                              key ? "Idempotency-Key: " : "X: ", key ? key : "y")
                                     .ptr);
    return call("POST", "/v1/things", headers, str_of(body));
}

static void test_idempotency(void)
{
    int64_t before = stored();
    struct reply first = make("k1", "{\"name\":\"one\",\"count\":1}");
    CHECK_INT(first.status, 201);
    CHECK(header_of(first, "Idempotency-Replayed").ptr == NULL);
    struct reply again = make("k1", "{\"name\":\"one\",\"count\":1}");
    CHECK_INT(again.status, 201);
    CHECK(str_eq(again.body, first.body));
    CHECK_STR(str_of(again.content_type), "application/json");
    CHECK_STR(header_of(again, "Location"), "/v1/things/1");
    CHECK_STR(header_of(again, "Idempotency-Replayed"), "true");
    CHECK_INT(stored(), before + 1);
    problem(make("k1", "{\"name\":\"two\",\"count\":1}"), 422, "key-reused");
    CHECK_INT(make("k2", "{\"name\":\"one\",\"count\":1}").status, 201);
    CHECK_INT(stored(), before + 2);
    /* What was refused has stored nothing, and is tried again. */
    problem(make("k3", "{\"name\":\"refused\",\"count\":1}"), 409, "conflict");
    CHECK_INT(make("k4", "{\"name\":\"plain\",\"count\":1}").status, 409);
    CHECK_INT(stored(), before + 2);
    CHECK_INT(make("k3", "{\"name\":\"three\",\"count\":1}").status, 201);
    problem(make("a b", "{\"name\":\"x\",\"count\":1}"), 400, "malformed");
    problem(make("", "{\"name\":\"x\",\"count\":1}"), 400, "malformed");
    CHECK_INT(make(NULL, "{\"name\":\"x\",\"count\":1}").status, 201);
    /* After a day the key is free. */
    clock_hold_us(clock_now_us() + US_PER_DAY + US_PER_S);
    things.write_token = things_token(&things, "things:write");
    CHECK_INT(make("k2", "{\"name\":\"other\",\"count\":1}").status, 201);
    clock_hold_us(0);
    things.write_token = things_token(&things, "things:write");
}

static void test_not_accepted(void)
{
    int64_t before = stored();
    const char *headers = with(things.write_token, JSON_BODY "X-Outbox: full\n");
    struct reply reply = call("POST", "/v1/things", headers, STR("{\"name\":\"a\",\"count\":1}"));
    problem(reply, 503, "unavailable");
    CHECK_STR(header_of(reply, "Retry-After"), "1");
    faults_enable(true);
    REQUIRE(fault_set(&things.ctx, STR("sql.commit"), NONE, FAULT_ERROR, 0, 1000, 1));
    reply = make("k9", "{\"name\":\"a\",\"count\":1}");
    problem(reply, 503, "unavailable");
    CHECK_INT(stored(), before);
    CHECK_INT(make("k9", "{\"name\":\"a\",\"count\":1}").status, 201);
    REQUIRE(fault_set(&things.ctx, STR("http.request"), NONE, FAULT_ERROR, 0, 1000, 1));
    problem(call("GET", "/v1/things", "", NONE), 503, "unavailable");
    REQUIRE(fault_set(&things.ctx, STR("http.request"), NONE, FAULT_DROP, 0, 1000, 1));
    CHECK_INT(call("GET", "/v1/things", "", NONE).status, 0);
    faults_enable(false);
}

static void test_at_once(void)
{
    faults_enable(true);
    REQUIRE(fault_set(&things.ctx, STR("sql.read"), NONE, FAULT_ERROR, 0, 1000, 1));
    latest_is_known = true;
    CHECK_STR(call("GET", "/v1/things/latest", "", NONE).body, "{\"latest\":\"known\"}");
    latest_is_known = false;
    problem(call("GET", "/v1/things/latest", "", NONE), 503, "unavailable");
    CHECK_STR(call("GET", "/v1/things/latest", "", NONE).body, "{\"latest\":true}");
    faults_enable(false);
}

static void test_deadlines(void)
{
    problem(call("GET", "/v1/wait?ms=1", "Fanfare-Deadline-Ms: 0\n", NONE), 504, "timeout");
    problem(call("GET", "/v1/wait?ms=1", "Fanfare-Deadline-Ms: soon\n", NONE), 400, "malformed");
    CHECK_INT(call("GET", "/v1/wait?ms=1", "Fanfare-Deadline-Ms: 5000\n", NONE).status, 200);
}

static void test_refused_by_server(void)
{
    struct arena *arena = things.ctx.arena;
    const struct json *body =
        problem(call("GET", "/v1/things/x?y", "", NONE), 401, "unauthenticated");
    CHECK_STR(json_str(json_get(body, "instance")), "/v1/things/x");
    CHECK_INT(router_body_limit(things.router, STR("PUT"), STR("/v1/store?x")), 100);
    CHECK_INT(router_body_limit(things.router, STR("POST"), STR("/v1/things")), 1024 * 1024);
    CHECK_INT(router_body_limit(things.router, STR("GET"), arena_str(arena, STR("nonsense"))),
              1024 * 1024);
}

static void test_signals(void)
{
    CHECK(rendered(
        "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/v1/things/{id}\","
        "http_response_status_code=\"200\"}"));
    CHECK(rendered("http_route=\"/v1/things\",http_response_status_code=\"503\""));
    CHECK(rendered(
        "http_server_active_requests{http_request_method=\"GET\",http_route=\"/v1/things/{id}\"} 0"));
    const char *parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n";
    const struct json *body =
        problem(call("GET", "/v1/things/x", parent, NONE), 401, "unauthenticated");
    CHECK_STR(json_str(json_get(body, "trace_id")), "4bf92f3577b34da6a3ce929d0e0e4736");
    const char *twice = arena_printf(things.ctx.arena, "%s%s", parent, parent).ptr;
    body = problem(call("GET", "/v1/things/x", twice, NONE), 401, "unauthenticated");
    CHECK(!str_is(json_str(json_get(body, "trace_id")), "4bf92f3577b34da6a3ce929d0e0e4736"));
}

static void test_edge(void)
{
    const char *parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n";
    struct reply reply = call("GET", "/v1/things/x", parent, NONE);
    const struct json *body = problem(reply, 401, "unauthenticated");
    CHECK(!str_is(json_str(json_get(body, "trace_id")), "4bf92f3577b34da6a3ce929d0e0e4736"));
    CHECK_STR(header_of(reply, "X-Finished"), "nobody");
    CHECK_STR(header_of(call("OPTIONS", "/v1/things", parent, NONE), "X-Finished"), "nobody");
    problem(call("GET", "/v1/things/x", "X-Refuse: nobody\n", NONE), 429, "rate-limited");
    reply = call("GET", "/v1/things/x", with(things.read_token, "X-Refuse: tester\n"), NONE);
    problem(reply, 429, "rate-limited"); /* once it is known who asks */
    CHECK_STR(header_of(reply, "Retry-After"), "1");
    CHECK_STR(header_of(reply, "X-Finished"), "tester");
    CHECK_INT(
        call("GET", "/v1/things/x", with(things.read_token, "X-Refuse: somebody\n"), NONE).status,
        200);
}

static void test_mistakes(void)
{
    struct ctx ctx = { .arena = things.ctx.arena };
    struct operation twice[] = { things_operations[1], things_operations[1] };
    struct contract contract = {
        .service = "x", .operations = twice, .n_operations = 2, .openapi = "{}"
    };
    CHECK(router_new(&ctx, &(struct router_settings){ .contract = &contract }) == NULL);
    CHECK(ctx_failed(&ctx));
    ctx_clear(&ctx);
    CHECK(router_new(&ctx, &(struct router_settings){ .contract = &things_contract }) == NULL);
    CHECK(ctx_failed(&ctx));
}

static void run_all(void)
{
    test_params();
    test_bad_params();
    test_paths_and_methods();
    test_bodies();
    test_gzip();
    test_idempotency();
    test_not_accepted();
    test_at_once();
    test_deadlines();
    test_refused_by_server();
    test_signals();
    test_mistakes();
}

int main(void)
{
    log_setup("http_test", LOG_ERROR);
    run_on_each_engine(run_all);
    things_open(&things, NULL, true);
    test_edge();
    things_close(&things);
    return check_end();
}
