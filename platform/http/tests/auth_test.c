/* Who may come in, and with what. */
#include "platform/crypto/crypto.h"
#include "platform/http/tests/calls.h"

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

static void run_all(void)
{
    test_tokens();
    test_password();
    test_write_keys();
    test_foreign_ways_in();
}

int main(void)
{
    log_setup("http_test", LOG_ERROR);
    run_on_each_engine(run_all);
    return check_end();
}
