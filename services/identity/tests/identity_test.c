/* The room as a whole, on each engine. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/issued.h"
#include "platform/service/testing.h"
#include "platform/service/uses.h"
#include "services/identity/identity.h"
#include "services/identity/password.h"
#include "services/identity/scopes.h"
#include "identity_contract.h"

#define PASSWORD "correct horse battery"
#define ANN "{\"email\":\"Ann@Example.com\",\"name\":\"Ann\",\"roles\":[\"editor\"]}"
#define NOW_US (1800000000LL * US_PER_S)

static struct reply send(struct test_service *test, const char *method, const char *target,
                         const char *scopes, const char *headers, const char *body)
{
    return test_call(test, method, target, scopes, headers, body);
}

static int status(struct test_service *test, const char *method, const char *target,
                  const char *scopes, const char *body)
{
    return send(test, method, target, scopes, NULL, body).status;
}

static struct str member(struct test_service *test, struct reply reply, const char *name)
{
    return json_str(json_get(test_json(test, reply), name));
}

static struct str header_of(struct reply reply, const char *name)
{
    for (const struct reply_header *header = reply.headers; header; header = header->next)
        if (strcmp(header->name, name) == 0)
            return header->value;
    return (struct str){ NULL, 0 };
}

/* ---- what is pure ---- */

static void test_scopes(void)
{
    size_t n;
    struct arena *arena = arena_new(0);
    const struct str list[] = { STR("b"), STR("a:read"), STR("b"), STR("a") };
    CHECK_STR(scopes_of(arena, list, 4), "a a:read b");
    CHECK_STR(scopes_of(arena, list, 0), "");
    CHECK_STR(scopes_union(arena, STR("a c"), STR("b c")), "a b c");
    CHECK_STR(scopes_union(arena, STR(""), STR("b")), "b");
    const struct str *back = scopes_list(arena, STR("a b"), &n);
    CHECK(n == 2 && str_is(back[0], "a") && str_is(back[1], "b"));
    scopes_list(arena, STR(""), &n);
    CHECK_INT(n, 0);
    arena_free(arena);
}

static void test_passwords(void)
{
    struct arena *arena = arena_new(0);
    struct str kept = password_keep(arena, STR(PASSWORD)), again;
    CHECK(str_starts(kept, STR("$scrypt$ln=15,r=8,p=3$")));
    CHECK(password_is(arena, kept, STR(PASSWORD)));
    CHECK(!password_is(arena, kept, STR("correct horse batterz")));
    CHECK(!password_is(arena, kept, STR("")));
    again = password_keep(arena, STR(PASSWORD));
    CHECK(!str_eq(kept, again)); /* its own salt */
    CHECK(!password_is(arena, (struct str){ NULL, 0 }, STR(PASSWORD)));
    /* One of a lesser cost is known by what it says of itself; what is none is nobody's. */
    CHECK(password_is(arena,
                      STR("$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0$"
                          "J3autHtDXA43QUh5HL-i3gVSJIVuH08AhjOL7vPl4bU"),
                      STR(PASSWORD)));
    CHECK(!password_is(arena, STR("$scrypt$ln=99,r=8,p=1$c2FsdA$aDIG"), STR(PASSWORD)));
    CHECK(!password_is(arena, STR("plain"), STR("plain")));
    arena_free(arena);
}

/* ---- people and roles ---- */

static void test_people(struct test_service *test)
{
    CHECK_INT(status(test, "PUT", "/v1/roles/editor", "*",
                     "{\"scopes\":[\"content:write\",\"content:read\",\"content:read\"]}"),
              200);
    CHECK_INT(status(test, "PUT", "/v1/roles/Editor", "*", "{\"scopes\":[]}"), 422);
    CHECK_INT(status(test, "PUT", "/v1/roles/bad", "*", "{\"scopes\":[\"a b\"]}"), 422);
    struct reply reply = send(test, "PUT", "/v1/people/usr_ann", "*", NULL, ANN);
    CHECK_INT(reply.status, 200);
    CHECK_STR(member(test, reply, "email"), "ann@example.com");
    CHECK_STR(header_of(reply, "ETag"), "\"1\"");
    reply = send(test, "PUT", "/v1/people/usr_ann", "*", NULL, ANN); /* the same: no version */
    CHECK_STR(header_of(reply, "ETag"), "\"1\"");
    CHECK_INT(send(test, "PUT", "/v1/people/usr_ann", "*", "If-Match: \"7\"", ANN).status, 412);
    CHECK_INT(send(test, "PUT", "/v1/people/usr_ann", "*", "If-None-Match: *", ANN).status, 412);
    CHECK_INT(status(test, "PUT", "/v1/people/usr_eve", "*", ANN), 409); /* her address */
    CHECK_INT(status(test, "PUT", "/v1/people/usr_eve", "*",
                     "{\"email\":\"eve@example.com\",\"name\":\"E\",\"roles\":[\"nobody\"]}"),
              422);
    CHECK_INT(status(test, "GET", "/v1/people/usr_ann", "identity:read", NULL), 200);
    CHECK_INT(status(test, "GET", "/v1/people/usr_eve", "identity:read", NULL), 404);
    CHECK_INT(send(test, "DELETE", "/v1/roles/editor", "*", "If-Match: *", NULL).status, 409);
}

/* Nobody gives more than they have, nor becomes somebody who has. */
static void test_nobody_rises(struct test_service *test)
{
    const char *lesser = "identity:write keys:write content:read";
    CHECK_INT(status(test, "PUT", "/v1/roles/mine", lesser, "{\"scopes\":[\"content:write\"]}"),
              403);
    CHECK_INT(status(test, "PUT", "/v1/roles/editor", lesser, "{\"scopes\":[]}"), 403);
    CHECK_INT(status(test, "PUT", "/v1/roles/mine", lesser, "{\"scopes\":[\"content:read\"]}"),
              200);
    CHECK_INT(status(test, "PUT", "/v1/people/usr_eve", lesser,
                     "{\"email\":\"eve@example.com\",\"name\":\"E\",\"roles\":[\"admin\"]}"),
              403);
    CHECK_INT(status(test, "PUT", "/v1/people/usr_ann", lesser,
                     "{\"email\":\"eve@example.com\",\"name\":\"E\",\"roles\":[]}"),
              403);
    CHECK_INT(status(test, "PUT", "/v1/people/usr_ann/password", lesser,
                     "{\"password\":\"" PASSWORD "\"}"),
              403);
    CHECK_INT(send(test, "DELETE", "/v1/people/usr_ann", lesser, "If-Match: *", NULL).status, 403);
    CHECK_INT(status(test, "POST", "/v1/keys", lesser,
                     "{\"kind\":\"api\",\"name\":\"k\",\"scopes\":[\"content:write\"]}"),
              403);
}

/* ---- sessions ---- */

static struct reply sign_in(struct test_service *test, const char *email, const char *password)
{
    struct str body = arena_printf(test_ctx(test)->arena, "{\"email\":\"%s\",\"password\":\"%s\"}",
                                   email, password);
    return send(test, "POST", "/v1/sessions", NULL, NULL, body.ptr);
}

static struct reply refresh(struct test_service *test, struct str token)
{
    struct str body =
        arena_printf(test_ctx(test)->arena, "{\"refresh_token\":\"" STR_FMT "\"}", STR_ARG(token));
    return send(test, "POST", "/v1/sessions/refresh", NULL, NULL, body.ptr);
}

static void set_password(struct test_service *test, const char *target)
{
    CHECK_INT(status(test, "PUT", target, "*", "{\"password\":\"" PASSWORD "\"}"), 204);
}

static void test_sign_in(struct test_service *test)
{
    CHECK_INT(sign_in(test, "ann@example.com", PASSWORD).status, 401); /* none is set */
    CHECK_INT(status(test, "PUT", "/v1/people/usr_ann/password", "*", "{\"password\":\"short\"}"),
              422);
    set_password(test, "/v1/people/usr_ann/password");
    CHECK_INT(sign_in(test, "nobody@example.com", PASSWORD).status, 401);
    CHECK_INT(sign_in(test, "ann@example.com", "wrong").status, 401);
    struct reply reply = sign_in(test, "ANN@example.com", PASSWORD);
    CHECK_INT(reply.status, 200);
    struct str token = member(test, reply, "token");
    struct str bearer =
        arena_printf(test_ctx(test)->arena, "Authorization: Bearer " STR_FMT, STR_ARG(token));
    struct reply me = send(test, "GET", "/v1/me", NULL, bearer.ptr, NULL);
    CHECK_STR(member(test, me, "person_id"), "usr_ann");
    CHECK_INT(send(test, "GET", "/v1/people", NULL, bearer.ptr, NULL).status, 403);
}

static void test_refresh_tokens(struct test_service *test)
{
    struct str first = member(test, sign_in(test, "ann@example.com", PASSWORD), "refresh_token");
    struct reply reply = refresh(test, first);
    CHECK_INT(reply.status, 200);
    struct str second = member(test, reply, "refresh_token");
    CHECK(!str_eq(first, second));
    CHECK_INT(refresh(test, first).status, 401); /* used before: that ends the family */
    CHECK_INT(refresh(test, second).status, 401);
    CHECK_INT(refresh(test, STR("ffr_nothing")).status, 401);
    CHECK_INT(refresh(test, STR("nothing")).status, 401);
    /* Signing out; a password that is set anew; one who is sent away. */
    first = member(test, sign_in(test, "ann@example.com", PASSWORD), "refresh_token");
    struct str body =
        arena_printf(test_ctx(test)->arena, "{\"refresh_token\":\"" STR_FMT "\"}", STR_ARG(first));
    CHECK_INT(status(test, "POST", "/v1/sessions/end", NULL, body.ptr), 204);
    CHECK_INT(refresh(test, first).status, 401);
    first = member(test, sign_in(test, "ann@example.com", PASSWORD), "refresh_token");
    set_password(test, "/v1/people/usr_ann/password");
    CHECK_INT(refresh(test, first).status, 401);
    first = member(test, sign_in(test, "ann@example.com", PASSWORD), "refresh_token");
    CHECK_INT(status(test, "PUT", "/v1/people/usr_ann", "*",
                     "{\"email\":\"ann@example.com\",\"name\":\"Ann\",\"active\":false,"
                     "\"roles\":[]}"),
              200);
    CHECK_INT(refresh(test, first).status, 401);
    CHECK_INT(sign_in(test, "ann@example.com", PASSWORD).status, 401);
    CHECK_INT(status(test, "PUT", "/v1/people/usr_ann", "*", ANN), 200);
}

static void test_sessions_end(struct test_service *test)
{
    clock_hold_us(NOW_US);
    struct str token = member(test, sign_in(test, "ann@example.com", PASSWORD), "refresh_token");
    for (int month = 1; month <= 3; month++) { /* each time within 30 days; 90 in all */
        clock_hold_us(NOW_US + month * 29 * US_PER_DAY);
        token = member(test, refresh(test, token), "refresh_token");
        CHECK(token.ptr != NULL);
    }
    clock_hold_us(NOW_US + 90 * US_PER_DAY);
    CHECK_INT(refresh(test, token).status, 401);
    token = member(test, sign_in(test, "ann@example.com", PASSWORD), "refresh_token");
    clock_hold_us(NOW_US + 120 * US_PER_DAY);
    CHECK_INT(refresh(test, token).status, 401);
    clock_hold_us(0);
}

static void test_attempts_are_limited(struct test_service *test)
{
    clock_hold_us(NOW_US);
    for (int i = 0; i < 5; i++)
        CHECK_INT(sign_in(test, "ann@example.com", "wrong").status, 401);
    struct reply reply = sign_in(test, "ann@example.com", PASSWORD); /* not even the right one */
    CHECK_INT(reply.status, 429);
    CHECK_STR(header_of(reply, "Retry-After"), "30");
    CHECK_INT(sign_in(test, "Ann@example.com", PASSWORD).status, 429);
    clock_hold_us(NOW_US + 30 * US_PER_S);
    CHECK_INT(sign_in(test, "ann@example.com", "wrong").status, 401);
    CHECK_STR(header_of(sign_in(test, "ann@example.com", PASSWORD), "Retry-After"), "60");
    clock_hold_us(NOW_US + 90 * US_PER_S);
    CHECK_INT(sign_in(test, "ann@example.com", PASSWORD).status, 200); /* and all is forgotten */
    CHECK_INT(sign_in(test, "ann@example.com", "wrong").status, 401);
    CHECK_INT(sign_in(test, "ann@example.com", PASSWORD).status, 200);
    for (int i = 0; i < 5; i++) /* nobody's address is told by being limited or not */
        CHECK_INT(sign_in(test, "nobody@example.com", "wrong").status, 401);
    CHECK_INT(sign_in(test, "nobody@example.com", "wrong").status, 429);
    clock_hold_us(0);
}

/* ---- keys ---- */

static void test_keys(struct test_service *test)
{
    struct reply reply = send(test, "POST", "/v1/keys", "*", NULL,
                              "{\"kind\":\"api\",\"name\":\"k\",\"scopes\":[\"orders:write\"]}");
    CHECK_INT(reply.status, 201);
    struct str secret = member(test, reply, "secret");
    struct str id = json_str(json_get(json_get(test_json(test, reply), "key"), "key_id"));
    CHECK(str_starts(secret, STR("ffk_")) && secret.len == 47);
    CHECK_INT(test_published(test, &IDENTITY_KEY_ISSUED_V1_TYPE), 1);
    const struct json *told = test_published_data(test, &IDENTITY_KEY_ISSUED_V1_TYPE, 0);
    CHECK_INT(json_str(json_get(told, "hash")).len, 64);
    CHECK(!strstr(json_text(test_ctx(test)->arena, told).ptr, secret.ptr));
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/keys/" STR_FMT, STR_ARG(id));
    reply = send(test, "PUT", target.ptr, "*", "If-Match: \"1\"",
                 "{\"name\":\"k2\",\"scopes\":[\"orders:read\"],"
                 "\"expires_at\":\"2099-01-01T00:00:00Z\"}");
    CHECK_INT(reply.status, 200);
    CHECK_STR(header_of(reply, "ETag"), "\"2\"");
    CHECK(!strstr(reply.body.ptr, secret.ptr));
    CHECK_INT(send(test, "PUT", target.ptr, "*", "If-Match: \"1\"",
                   "{\"name\":\"k2\",\"scopes\":[\"orders:read\"]}")
                  .status,
              412);
    CHECK_INT(status(test, "PUT", target.ptr, "*",
                     "{\"name\":\"k2\",\"scopes\":[\"orders:read\"],"
                     "\"expires_at\":\"2001-01-01T00:00:00Z\"}"),
              422);
    struct str revoke = arena_printf(test_ctx(test)->arena, STR_FMT "/revoke", STR_ARG(target));
    CHECK_STR(member(test, send(test, "POST", revoke.ptr, "keys:write", NULL, NULL), "state"),
              "revoked");
    CHECK_INT(status(test, "POST", revoke.ptr, "keys:write", NULL), 200); /* nothing more */
    CHECK_INT(test_published(test, &IDENTITY_KEY_REVOKED_V1_TYPE), 1);
    CHECK_INT(
        status(test, "PUT", target.ptr, "*", "{\"name\":\"k2\",\"scopes\":[\"orders:read\"]}"),
        409);
}

/* What platform/service reads of keys is what the contract says; and what is told of a key makes it good, or not. */
static void test_keys_are_heard(struct test_service *test)
{
    const struct event_type *const types[][2] = {
        { &issued_told_type, &IDENTITY_KEY_ISSUED_V1_TYPE },
        { &issued_revoked_type, &IDENTITY_KEY_REVOKED_V1_TYPE },
        { &issued_used_type, &IDENTITY_KEY_USED_V1_TYPE },
    };
    for (size_t i = 0; i < COUNT(types); i++) {
        const struct event_type *heard = types[i][0], *told = types[i][1];
        CHECK(strcmp(heard->type, told->type) == 0 && strcmp(heard->topic, told->topic) == 0);
        CHECK(heard->keeping == told->keeping && heard->partitions == told->partitions);
        CHECK_INT(heard->days, told->days);
        CHECK(strcmp(heard->key->name, told->key->name) == 0);
        for (size_t k = 0; k < heard->data->n_fields; k++) {
            const struct field *field = &heard->data->fields[k], *its = told->data->fields;
            while (its < told->data->fields + told->data->n_fields &&
                   strcmp(its->name, field->name) != 0)
                its++;
            REQUIRE(its < told->data->fields + told->data->n_fields);
            CHECK(its->kind == field->kind && its->flags == field->flags);
            CHECK_INT(strlen(field->name), field->name_length);
        }
    }
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply = send(test, "POST", "/v1/keys", "*", NULL,
                              "{\"kind\":\"api\",\"name\":\"k\",\"scopes\":[\"keys:read\",\"x\"]}");
    struct str secret = member(test, reply, "secret");
    struct str bearer = arena_printf(arena, "Authorization: Bearer " STR_FMT, STR_ARG(secret));
    size_t n = test_published(test, &IDENTITY_KEY_ISSUED_V1_TYPE);
    const struct json *told = test_published_data(test, &IDENTITY_KEY_ISSUED_V1_TYPE, n - 1);
    CHECK_INT(send(test, "GET", "/v1/keys", NULL, bearer.ptr, NULL).status, 401);
    CHECK_INT(test_event(test, &IDENTITY_KEY_ISSUED_V1_TYPE, NULL, json_text(arena, told).ptr),
              DONE);
    CHECK_INT(send(test, "GET", "/v1/keys", NULL, bearer.ptr, NULL).status, 200);
    CHECK_INT(send(test, "GET", "/v1/people", NULL, bearer.ptr, NULL).status, 403);
    test_reopen(test); /* from its own disk */
    CHECK_INT(send(test, "GET", "/v1/keys", NULL, bearer.ptr, NULL).status, 200);
    struct str gone =
        arena_printf(arena, "{\"key_id\":\"" STR_FMT "\",\"revoked_at\":\"2026-11-24T09:30:00Z\"}",
                     STR_ARG(json_str(json_get(told, "key_id"))));
    CHECK_INT(test_event(test, &IDENTITY_KEY_REVOKED_V1_TYPE, NULL, gone.ptr), DONE);
    CHECK_INT(send(test, "GET", "/v1/keys", NULL, bearer.ptr, NULL).status, 401);
    test_reopen(test);
    CHECK_INT(send(test, "GET", "/v1/keys", NULL, bearer.ptr, NULL).status, 401);
}

/* What a service tells of uses, and what becomes of it. */
static void test_last_use(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    const struct event_type *told = &IDENTITY_KEY_ISSUED_V1_TYPE,
                            *used = &IDENTITY_KEY_USED_V1_TYPE;
    struct reply reply = send(test, "POST", "/v1/keys", "*", NULL,
                              "{\"kind\":\"api\",\"name\":\"k\",\"scopes\":[\"keys:read\"]}");
    struct str bearer = arena_printf(arena, "Authorization: Bearer " STR_FMT,
                                     STR_ARG(member(test, reply, "secret")));
    const struct json *issued = test_published_data(test, told, test_published(test, told) - 1);
    struct str key_id = json_str(json_get(issued, "key_id"));
    const char *path = arena_printf(arena, "/v1/keys/" STR_FMT, STR_ARG(key_id)).ptr;
    CHECK_INT(test_event(test, told, NULL, json_text(arena, issued).ptr), DONE);
    test_reopen(test); /* an end tells what was not told yet */
    size_t before = test_published(test, used);
    for (int i = 0; i < 3; i++)
        CHECK_INT(send(test, "GET", path, NULL, bearer.ptr, NULL).status, 200);
    CHECK(!member(test, send(test, "GET", path, "*", NULL, NULL), "last_used_at").ptr);
    test_reopen(test);
    REQUIRE(test_published(test, used) == before + 1);
    const struct json *use = test_published_data(test, used, before);
    CHECK(str_eq(json_str(json_get(use, "key_id")), key_id));
    struct str etag = header_of(send(test, "GET", path, "*", NULL, NULL), "ETag");
    CHECK_INT(test_event(test, used, NULL, json_text(arena, use).ptr), DONE);
    reply = send(test, "GET", path, "*", NULL, NULL);
    CHECK(str_eq(member(test, reply, "last_used_at"), json_str(json_get(use, "used_at"))));
    CHECK(str_eq(header_of(reply, "ETag"), etag)); /* nobody changed it */
    /* What comes late, and what cannot be: neither takes the newest one's place. */
    static const char *const others[] = { "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z" };
    for (size_t i = 0; i < COUNT(others); i++) {
        struct str other = arena_printf(arena, "{\"key_id\":\"" STR_FMT "\",\"used_at\":\"%s\"}",
                                        STR_ARG(key_id), others[i]);
        CHECK_INT(test_event(test, used, NULL, other.ptr), DONE);
    }
    struct str last = member(test, send(test, "GET", path, "*", NULL, NULL), "last_used_at");
    CHECK(last.len && !str_starts(last, STR("2020")) && !str_starts(last, STR("2099")));
    CHECK_INT(test_event(test, used, NULL,
                         "{\"key_id\":\"key_none\",\"used_at\":\"2026-11-24T09:30:00Z\"}"),
              DONE);
}

static void test_write_keys(struct test_service *test)
{
    CHECK_INT(status(test, "POST", "/v1/keys", "*",
                     "{\"kind\":\"write\",\"name\":\"shop\",\"scopes\":[\"orders:write\"]}"),
              422);
    struct reply reply = send(test, "POST", "/v1/keys", "*", NULL,
                              "{\"kind\":\"write\",\"name\":\"shop\",\"scopes\":[\"collect\"]}");
    CHECK(str_starts(member(test, reply, "secret"), STR("wk_")));
    const struct json *list =
        test_json(test, send(test, "GET", "/v1/keys?limit=1", "keys:read", NULL, NULL));
    CHECK_INT(json_size(json_get(list, "items")), 1);
    struct str next = arena_printf(test_ctx(test)->arena, "/v1/keys?limit=1&cursor=" STR_FMT,
                                   STR_ARG(json_str(json_get(list, "next_cursor"))));
    list = test_json(test, send(test, "GET", next.ptr, "keys:read", NULL, NULL));
    CHECK_INT(json_size(json_get(list, "items")), 1);
    CHECK(json_get(list, "next_cursor") == NULL);
}

static void test_key_set(struct test_service *test)
{
    const struct json *set =
        test_json(test, send(test, "GET", "/.well-known/jwks.json", NULL, NULL, NULL));
    const struct json *key = json_at(json_get(set, "keys"), 0);
    CHECK_INT(json_size(json_get(set, "keys")), 1);
    CHECK_STR(json_str(json_get(key, "alg")), "EdDSA");
    CHECK_INT(json_size(key), 6);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&identity_service, url, NULL);
    test_people(test);
    test_nobody_rises(test);
    test_sign_in(test);
    test_refresh_tokens(test);
    test_sessions_end(test);
    test_attempts_are_limited(test);
    test_keys(test);
    test_write_keys(test);
    test_last_use(test);
    test_keys_are_heard(test);
    test_key_set(test);
    test_close(test);
}

int main(void)
{
    test_scopes();
    test_passwords();
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
