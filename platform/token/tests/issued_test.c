/* Keys that identity has issued: good while they are, and what is kept of them on the disk. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/token/keyset.h"

#define NOW_US (1800000000LL * US_PER_S)
#define API "ffk_secret"
#define WRITE "wk_secret"
#define FILE_NAME "issued.json"

static struct ctx ctx;
static char folder[] = "/tmp/fanfare-issued-XXXXXX";

static struct issued_change change(const char *id, const char *secret, int64_t expires_us)
{
    struct issued_change change = { .key = { .key_id = str_of(id),
                                             .name = STR("shop"),
                                             .scopes = STR("orders:read orders:write"),
                                             .write = str_starts(str_of(secret), STR("wk_")),
                                             .expires_us = expires_us } };
    crypto_sha256(secret, strlen(secret), change.key.hash);
    return change;
}

static struct issued_change revoked(const char *id)
{
    return (struct issued_change){ .key.key_id = str_of(id), .revoked = true };
}

static bool good(struct token_keys *keys, const char *secret, struct principal *who)
{
    bool is_good = str_starts(str_of(secret), STR("wk_"))
                       ? token_write_key(&ctx, keys, str_of(secret), who)
                       : token_verify(&ctx, keys, str_of(secret), "commerce", who);
    CHECK(is_good || ctx.error.code == ERR_UNAUTHENTICATED);
    ctx_clear(&ctx);
    return is_good;
}

static void test_kinds(struct token_keys *keys)
{
    struct principal who;
    struct issued_change both[] = { change("key_a", API, 0), change("key_w", WRITE, 0) };
    CHECK(!good(keys, API, &who) && !good(keys, WRITE, &who));
    token_issued_change(keys, both, 2);
    CHECK(good(keys, API, &who));
    CHECK_STR(who.subject, "key_a");
    CHECK(principal_has(&who, "orders:write") && !principal_has(&who, "orders"));
    CHECK(good(keys, WRITE, &who));
    CHECK_STR(who.subject, "shop"); /* the source of its events */
    CHECK_INT(who.kind, PRINCIPAL_WRITE_KEY);
    /* Neither is taken for the other. */
    CHECK(!token_verify(&ctx, keys, STR(WRITE), NULL, &who));
    ctx_clear(&ctx);
    CHECK(!token_write_key(&ctx, keys, STR(API), &who));
    ctx_clear(&ctx);
    static const char *const bad[] = { "ffk_",       "ffk_secre", "ffk_secret2",
                                       "FFK_secret", "wk_",       "wk_secret " };
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!good(keys, bad[i], &who));
}

static void test_changes(struct token_keys *keys)
{
    struct principal who;
    struct issued_change less = change("key_a", API, 0), gone = revoked("key_a");
    struct issued_change both[] = { change("key_b", "ffk_b", 0), revoked("key_b") };
    less.key.scopes = STR("orders:read");
    token_issued_change(keys, &less, 1);
    CHECK(good(keys, API, &who) && !principal_has(&who, "orders:write"));
    token_issued_change(keys, &gone, 1);
    token_issued_change(keys, &gone, 1);
    CHECK(!good(keys, API, &who) && good(keys, WRITE, &who));
    token_issued_change(keys, both, 2);
    CHECK(!good(keys, "ffk_b", &who));
}

static void test_end(struct token_keys *keys)
{
    struct principal who;
    struct issued_change ends = change("key_e", "ffk_ends", NOW_US + US_PER_S);
    token_issued_change(keys, &ends, 1);
    CHECK(good(keys, "ffk_ends", &who));
    clock_hold_us(NOW_US + US_PER_S);
    CHECK(!good(keys, "ffk_ends", &who));
    clock_hold_us(NOW_US);
}

struct heard {
    size_t n;
    bool refuses;
    char key_id[20];
    int64_t used_us;
};

static bool hear(void *argument, struct str key_id, int64_t used_us)
{
    struct heard *heard = argument;
    heard->n++;
    heard->used_us = used_us;
    snprintf(heard->key_id, sizeof(heard->key_id), STR_FMT, STR_ARG(key_id));
    return !heard->refuses;
}

/* How many uses are told now. */
static size_t told(struct token_keys *keys, bool refuses, struct heard *heard)
{
    *heard = (struct heard){ .refuses = refuses };
    token_issued_uses(keys, hear, heard);
    return heard->n;
}

static void test_uses(struct token_keys *keys)
{
    struct principal who;
    struct heard heard;
    struct issued_change used = change("key_u", "ffk_used", 0), idle = change("key_i", "ffk_i", 0);
    told(keys, false, &heard); /* of the tests before */
    token_issued_change(keys, &used, 1);
    token_issued_change(keys, &idle, 1);
    CHECK_INT(told(keys, false, &heard), 0);
    CHECK(good(keys, "ffk_used", &who) && !good(keys, "ffk_usee", &who));
    CHECK_INT(told(keys, true, &heard), 1);
    CHECK_INT(told(keys, false, &heard), 1); /* it was not taken */
    CHECK_STR(str_of(heard.key_id), "key_u");
    CHECK_INT(heard.used_us, NOW_US);
    clock_hold_us(NOW_US + TOKEN_USE_GRAIN_US - 1);
    CHECK(good(keys, "ffk_used", &who));
    CHECK_INT(told(keys, false, &heard), 0); /* within the hour */
    clock_hold_us(NOW_US + TOKEN_USE_GRAIN_US);
    token_issued_change(keys, &used, 1); /* told again, as when its scopes change */
    CHECK_INT(told(keys, false, &heard), 0);
    CHECK(good(keys, "ffk_used", &who));
    CHECK_INT(told(keys, false, &heard), 1);
    CHECK_INT(heard.used_us, NOW_US + TOKEN_USE_GRAIN_US);
    struct issued_change gone[] = { revoked("key_u"), revoked("key_i") };
    token_issued_change(keys, gone, 2);
    CHECK_INT(told(keys, false, &heard), 0);
    clock_hold_us(NOW_US);
}

static void test_kept(struct token_keys *keys)
{
    struct principal who;
    struct issued_place place = { STR("cluster/7"), 42 }, read = { { NULL, 0 }, 0 };
    struct token_keys *again = token_keys_open(&ctx, folder);
    REQUIRE(again != NULL && token_issued_save(&ctx, keys, folder, FILE_NAME, &place));
    CHECK(!strstr(token_read_file(&ctx, folder, FILE_NAME).ptr, "secret"));
    CHECK(!good(again, WRITE, &who));
    CHECK(token_issued_load(&ctx, again, folder, FILE_NAME, &read));
    CHECK_STR(read.log, "cluster/7");
    CHECK_INT(read.next, 42);
    CHECK(good(again, WRITE, &who) && principal_has(&who, "orders:write"));
    CHECK(good(again, "ffk_ends", &who));
    clock_hold_us(NOW_US + US_PER_S);
    CHECK(!good(again, "ffk_ends", &who));
    clock_hold_us(NOW_US);
    token_keys_close(again);
}

/* Nothing is taken of a file that is not whole. */
static void test_broken(struct token_keys *keys)
{
    static const char *const broken[] = {
        "",
        "{",
        "[]",
        "{\"log\":\"a\",\"keys\":[]}",
        "{\"log\":\"a\",\"next\":1}",
        "{\"log\":\"a\",\"next\":1,\"keys\":[{\"key_id\":\"k\",\"name\":\"n\",\"scopes\":\"s\",\"hash\":\"00\"}]}",
        "{\"log\":\"a\",\"next\":1,\"keys\":[7]}",
    };
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct issued_place place = { { NULL, 0 }, -7 };
        REQUIRE(token_write_file(&ctx, folder, FILE_NAME, str_of(broken[i]), 0600));
        CHECK(!token_issued_load(&ctx, keys, folder, FILE_NAME, &place) && place.next == -7);
        CHECK(ctx_failed(&ctx));
        ctx_clear(&ctx);
    }
    unlink(arena_printf(ctx.arena, "%s/" FILE_NAME, folder).ptr);
}

int main(void)
{
    ctx = (struct ctx){ .arena = arena_new(0) };
    REQUIRE(mkdtemp(folder) != NULL);
    clock_hold_us(NOW_US);
    REQUIRE(token_keys_create(&ctx, folder, NULL));
    struct token_keys *keys = token_keys_open(&ctx, folder);
    REQUIRE(keys != NULL);
    test_kinds(keys);
    test_changes(keys);
    test_end(keys);
    test_uses(keys);
    test_kept(keys);
    test_broken(keys);
    token_keys_close(keys);
    unlink(arena_printf(ctx.arena, "%s/" SIGNING_FILE, folder).ptr);
    unlink(arena_printf(ctx.arena, "%s/" KEY_SET_FILE, folder).ptr);
    CHECK(rmdir(folder) == 0);
    arena_free(ctx.arena);
    return check_end();
}
