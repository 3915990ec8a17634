/* The router over the loopback: every step of a request, and every way to be refused. */
#include <zlib.h>

#include "base/id.h"
#include "platform/faults/faults.h"
#include "platform/crypto/crypto.h"
#include "platform/http/routes.h"
#include "platform/http/tests/things.h"
#include "platform/sql/testing_postgresql.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"
#include "platform/telemetry/trace.h"

static struct things things;

/* `headers`: "Name: value" lines. */
static struct reply call(const char *method, const char *target, const char *headers,
                         struct str body)
{
    struct arena *arena = things.ctx.arena;
    struct request_header list[20];
    struct str rest = str_of(headers), line, name;
    size_t n = 0;
    while (str_split(&rest, '\n', &line)) {
        if (!line.len)
            continue;
        str_split(&line, ':', &name);
        list[n++] = (struct request_header){ name, str_trim(line) };
    }
    return router_call(things.router, arena, method, target, list, n, body);
}

static const char *with(struct str token, const char *more)
{
    return arena_printf(things.ctx.arena, "Authorization: Bearer " STR_FMT "\n%s", STR_ARG(token),
                        more)
        .ptr;
}

static struct str header_of(struct reply reply, const char *name)
{
    for (const struct reply_header *header = reply.headers; header; header = header->next)
        if (strcasecmp(header->name, name) == 0)
            return header->value;
    return (struct str){ NULL, 0 };
}

static const struct json *body_of(struct reply reply)
{
    const struct json *body = json_parse(&things.ctx, reply.body);
    REQUIRE(body != NULL);
    return body;
}

/* A problem of this status and type, with a trace id; gives it. */
static const struct json *problem(struct reply reply, int status, const char *type)
{
    CHECK_INT(reply.status, status);
    CHECK_STR(str_of(reply.content_type), "application/problem+json");
    const struct json *body = body_of(reply);
    CHECK_INT(json_int(json_get(body, "status")), status);
    struct str urn = json_str(json_get(body, "type"));
    CHECK_STR(urn, arena_printf(things.ctx.arena, "urn:fanfare:problem:%s", type).ptr);
    CHECK_INT(json_str(json_get(body, "trace_id")).len, 32);
    return body;
}

static struct str fault_place(const struct json *body, const char *member)
{
    return json_str(json_get(json_at(json_get(body, "errors"), 0), member));
}

#define NONE ((struct str){ NULL, 0 })
#define JSON_BODY "Content-Type: application/json\n"

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

static void test_tokens(void)
{
    struct reply reply = call("GET", "/v1/things/x", "", NONE);
    problem(reply, 401, "unauthenticated");
    CHECK_STR(header_of(reply, "WWW-Authenticate"), "Bearer realm=\"fanfare\"");
    reply = call("GET", "/v1/things/x", with(STR("x.y.z"), ""), NONE);
    problem(reply, 401, "unauthenticated");
    CHECK_STR(header_of(reply, "WWW-Authenticate"),
              "Bearer realm=\"fanfare\", error=\"invalid_token\"");
    problem(call("GET", "/v1/things/x", "Authorization: Basic eDp5\n", NONE), 401,
            "unauthenticated");
    problem(call("GET", "/v1/things/x", "Authorization: Bearer\n", NONE), 401, "unauthenticated");
    problem(call("GET", "/v1/things/x", with(things.read_token, "Authorization: Bearer x\n"), NONE),
            400, "malformed");
    reply = call("GET", "/v1/things/x", with(things.write_token, ""), NONE);
    problem(reply, 403, "forbidden");
    CHECK(header_of(reply, "WWW-Authenticate").ptr != NULL);
    struct str all = things_token(&things, "*");
    CHECK_INT(call("GET", "/v1/things/x", with(all, ""), NONE).status, 200);
}

static const char *password_header(struct str password)
{
    struct str pair = arena_printf(things.ctx.arena, "me:" STR_FMT, STR_ARG(password));
    struct str text = crypto_base64(things.ctx.arena, pair);
    return arena_printf(things.ctx.arena,
                        "Authorization: Basic " STR_FMT "\nAccept: text/html,*/*\n", STR_ARG(text))
        .ptr;
}

/* A browser asks its user, once, and reads with what it is told; it does not write with it. */
static void test_password(void)
{
    struct reply reply = call("GET", "/v1/things/x", "Accept: text/html,*/*\n", NONE);
    problem(reply, 401, "unauthenticated");
    CHECK(str_starts(header_of(reply, "WWW-Authenticate"), STR("Basic")));
    CHECK_INT(call("GET", "/v1/things/x", password_header(things.read_token), NONE).status, 200);
    reply = call("GET", "/v1/things/x", password_header(STR("x.y.z")), NONE);
    problem(reply, 401, "unauthenticated");
    CHECK(str_starts(header_of(reply, "WWW-Authenticate"), STR("Basic")));
    reply = call("GET", "/v1/things/x", password_header(things.write_token), NONE);
    problem(reply, 403, "forbidden");
    CHECK(str_starts(header_of(reply, "WWW-Authenticate"), STR("Bearer")));
    reply = call("POST", "/v1/things", password_header(things.write_token), STR("{}"));
    problem(reply, 401, "unauthenticated");
    CHECK(str_starts(header_of(reply, "WWW-Authenticate"), STR("Bearer")));
}

static struct str gzip(struct str text)
{
    z_stream stream = { 0 };
    size_t cap = text.len + 1000;
    char *out = arena_alloc(things.ctx.arena, cap);
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    stream.next_in = (Bytef *)text.ptr;
    stream.avail_in = (uInt)text.len;
    stream.next_out = (Bytef *)out;
    stream.avail_out = (uInt)cap;
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&stream);
    return (struct str){ out, stream.total_out };
}

/* "Authorization: Basic base64(key:)" */
static const char *basic_header(struct arena *arena, struct str key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct str pair = arena_printf(arena, STR_FMT ":", STR_ARG(key)), text = STR("");
    while (pair.len % 3)
        pair = arena_printf(arena, STR_FMT "x",
                            STR_ARG(pair)); /* a password, which is not looked at */
    for (size_t i = 0; i < pair.len; i += 3) {
        const uint8_t *p = (const uint8_t *)pair.ptr + i;
        text = arena_printf(arena, STR_FMT "%c%c%c%c", STR_ARG(text), digits[p[0] >> 2],
                            digits[(p[0] & 3) << 4 | p[1] >> 4],
                            digits[(p[1] & 15) << 2 | p[2] >> 6], digits[p[2] & 63]);
    }
    return arena_printf(arena, "Authorization: Basic " STR_FMT "\n", STR_ARG(text)).ptr;
}

static void test_write_keys(void)
{
    struct arena *arena = things.ctx.arena;
    struct str in_body = arena_printf(arena, "{\"batch\":[1,2],\"writeKey\":\"" STR_FMT "\"}",
                                      STR_ARG(things.write_key));
    struct reply reply = call("POST", "/v1/collect", JSON_BODY, in_body);
    CHECK_INT(reply.status, 200);
    CHECK(str_starts(reply.body, STR("{\"batch\":2,")));
    reply = call("POST", "/v1/collect", JSON_BODY "Content-Encoding: gzip\n", gzip(in_body));
    CHECK_INT(reply.status, 200);
    reply = call("POST", "/v1/collect", JSON_BODY, STR("{\"batch\":[]}"));
    problem(reply, 401, "unauthenticated");
    CHECK(str_starts(header_of(reply, "WWW-Authenticate"), STR("Basic")));
    problem(call("POST", "/v1/collect", JSON_BODY, STR("{\"batch\":[],\"writeKey\":\"wk_no\"}")),
            401, "unauthenticated");
    problem(call("POST", "/v1/collect", JSON_BODY, STR("{\"batch\":")), 401, "unauthenticated");
    const char *basic =
        arena_printf(arena, "%s" JSON_BODY, basic_header(arena, things.write_key)).ptr;
    CHECK_INT(call("POST", "/v1/collect", basic, STR("{\"batch\":[1]}")).status, 200);
    problem(call("POST", "/v1/collect", basic, STR("{\"batch\":")), 400, "malformed");
    problem(call("POST", "/v1/collect", basic, STR("[]")), 422, "invalid");
}

/* A foreign protocol: either kind of credentials, none where strangers are let in, and refusals in its own words. */
static void test_foreign_ways_in(void)
{
    struct arena *arena = things.ctx.arena;
    const struct str none = { NULL, 0 };
    struct reply reply = call("GET", "/elsewhere", NULL, none);
    CHECK_INT(reply.status, 401);
    CHECK_STR(reply.body, "no");
    CHECK(str_starts(header_of(reply, "WWW-Authenticate"), STR("Bearer")));
    CHECK_INT(call("GET", "/elsewhere", "X-Near: yes\n", none).status, 200);
    CHECK_INT(call("GET", "/elsewhere", basic_header(arena, things.write_key), none).status, 200);
    CHECK_INT(call("GET", "/elsewhere", basic_header(arena, STR("wk_no")), none).status, 401);
    struct str token = things_token(&things, "collect");
    const char *bearer = arena_printf(arena, "Authorization: Bearer %s\n", token.ptr).ptr;
    CHECK_INT(call("GET", "/elsewhere", bearer, none).status, 200);
    CHECK_INT(call("GET", "/elsewhere", "X-Near: yes\nAuthorization: Bearer bad\n", none).status,
              401);
    bearer = arena_printf(arena, "Authorization: Bearer %s\n", things.read_token.ptr).ptr;
    CHECK_INT(call("GET", "/elsewhere", bearer, none).status, 403);
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

static int64_t stored(void)
{
    return json_int(json_get(body_of(call("GET", "/v1/things", "", NONE)), "things"));
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

static bool rendered(const char *line)
{
    struct str text = metrics_render(things.ctx.arena);
    return memmem(text.ptr, text.len, line, strlen(line)) != NULL;
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

/* Many threads at once: what TSan is to see. */
static void *many_calls(void *argument)
{
    struct arena *arena = arena_new(0);
    struct str token = things.write_token;
    struct request_header headers[] = {
        { STR("Authorization"), arena_printf(arena, "Bearer " STR_FMT, STR_ARG(token)) },
        { STR("Content-Type"), STR("application/json") },
        { STR("Idempotency-Key"), STR("") },
    };
    for (int i = 0; i < 50; i++) {
        headers[2].value =
            arena_printf(arena, "many-%d", i); /* the same in all threads: one of them makes it */
        struct reply reply = router_call(things.router, arena, "POST", "/v1/things", headers, 3,
                                         STR("{\"name\":\"m\",\"count\":1}"));
        if (reply.status != 201)
            fprintf(stderr, STR_FMT "\n", STR_ARG(reply.body));
        CHECK_INT(reply.status, 201);
        CHECK_INT(router_call(things.router, arena, "GET", "/v1/wait?ms=0", NULL, 0, NONE).status,
                  200);
        CHECK_INT(router_call(things.router, arena, "GET", "/v1/things", NULL, 0, NONE).status,
                  200);
    }
    arena_free(arena);
    return NULL;
}

static void test_many(void)
{
    int64_t before = stored();
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        REQUIRE(pthread_create(&threads[i], NULL, many_calls, NULL) == 0);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(stored(), before + 50);
}

static _Atomic int answered, refused;

static void count_answer(struct request *request, const struct reply *reply)
{
    const struct reply_header *after = reply->headers;
    if (reply->status == 503 && after && strcmp(after->name, "Retry-After") == 0)
        refused++;
    answered++;
}

/* More than may be under way at once: the least urgent are refused at once, the others are answered. */
static void test_overload(void)
{
    struct request requests[80];
    answered = refused = 0;
    for (size_t i = 0; i < COUNT(requests); i++) {
        requests[i] = (struct request){ .arena = arena_new(0),
                                        .method = STR("GET"),
                                        .target = STR("/v1/wait?ms=20"),
                                        .answer = count_answer };
        router_handle(things.router, &requests[i]);
    }
    CHECK_INT(refused, 28); /* 52 is the part of the least urgent */
    while (answered < (int)COUNT(requests))
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    CHECK_INT(refused, 28);
    for (size_t i = 0; i < COUNT(requests); i++)
        arena_free(requests[i].arena);
    CHECK(rendered("fanfare_http_shed_total 28") || rendered("fanfare_http_shed_total 56"));
}

/* Text with a few bytes changed, cut or doubled. */
static struct str spoil(struct arena *arena, const char *sound)
{
    uint32_t random[8];
    size_t length = strlen(sound);
    char *text = arena_alloc(arena, 2 * length + 1);
    memcpy(text, sound, length);
    id_random(random, sizeof(random));
    for (uint32_t k = 0; length && k < random[0] % 4; k++)
        text[random[k + 1] % length] = (char)(random[k + 1] >> 24);
    if (random[5] % 8 == 0)
        length = random[6] % (length + 1);
    if (random[5] % 8 == 1) {
        memcpy(text + length, text, length);
        length *= 2;
    }
    return (struct str){ text, length };
}

/* Whatever is sent, the answer is one that HTTP has, and every refusal a problem. */
static void test_noise(void)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "HEAD", "OPTIONS", "BREW" };
    static const char *const targets[] = { "/v1/things/a%20b?limit=7&kind=big&tag=x&tag=%c3%a9",
                                           "/v1/things", "/v1/collect", "/v1/store",
                                           "http://x/openapi.json" };
    static const char *const bodies[] = { "{\"name\":\"a\",\"count\":1}",
                                          "{\"batch\":[{\"a\":[1,2]}],\"writeKey\":\"wk_x\"}",
                                          "\x1f\x8b\x08\x01\x01\x01\x01\x01\x01\x03\x4b\x04\x01",
                                          "" };
    struct arena *arena = arena_new(0);
    for (uint32_t i = 0; i < 5000; i++) {
        arena_clear(arena);
        struct ctx ctx = { .arena = arena };
        struct request_header headers[] = {
            { STR("Authorization"),
              spoil(arena, with(things.write_token, "") + strlen("Authorization: ")) },
            { STR("Content-Type"),
              i % 3 ? STR("application/json") : spoil(arena, "text/plain; charset=utf-8") },
            { STR("Content-Encoding"), i % 5 ? STR("identity") : spoil(arena, "gzip") },
            { STR("Idempotency-Key"), spoil(arena, "key") },
            { STR("traceparent"),
              spoil(arena, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01") },
            { spoil(arena, "X-Mood"), spoil(arena, "fine") },
        };
        struct str method = spoil(arena, methods[i % COUNT(methods)]),
                   target = spoil(arena, targets[i / 7 % COUNT(targets)]);
        struct reply reply = router_call(things.router, arena, arena_cstr(arena, method),
                                         arena_cstr(arena, target), headers, COUNT(headers),
                                         spoil(arena, bodies[i / 3 % COUNT(bodies)]));
        CHECK(reply.status >= 200 && reply.status < 500);
        CHECK(reply.status < 400 || str_is(method, "HEAD") || json_parse(&ctx, reply.body) != NULL);
    }
    arena_free(arena);
}

static void run_all(void)
{
    test_params();
    test_bad_params();
    test_paths_and_methods();
    test_tokens();
    test_password();
    test_write_keys();
    test_foreign_ways_in();
    test_bodies();
    test_gzip();
    test_idempotency();
    test_not_accepted();
    test_at_once();
    test_deadlines();
    test_refused_by_server();
    test_signals();
    test_mistakes();
    test_overload();
    test_noise();
    test_many();
}

int main(void)
{
    log_setup("http_test", LOG_ERROR);
    things_open(&things, NULL, false);
    run_all();
    things_close(&things);
    const char *url = test_postgresql_url();
    if (url) {
        things_open(&things, url, false);
        run_all();
        things_close(&things);
    }
    things_open(&things, NULL, true);
    test_edge();
    things_close(&things);
    return check_end();
}
