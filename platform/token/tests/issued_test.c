/* Keys that identity has issued: good while they are, and what is kept of them on the disk. */
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
    test_kept(keys);
    test_broken(keys);
    token_keys_close(keys);
    unlink(arena_printf(ctx.arena, "%s/" SIGNING_FILE, folder).ptr);
    unlink(arena_printf(ctx.arena, "%s/" KEY_SET_FILE, folder).ptr);
    CHECK(rmdir(folder) == 0);
    arena_free(ctx.arena);
    return check_end();
}
