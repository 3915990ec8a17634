#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/token/keyset.h"
#include "platform/token/token.h"

#define NOW_S 1800000000LL

static struct ctx ctx;
static char folder[] = "/tmp/fanfare-token-XXXXXX";
static char key_folder[64];
static struct str write_key, kid;
static uint8_t seed[32], public_key[32];

static struct str file_text(const char *name)
{
    return token_read_file(&ctx, key_folder, name);
}

static void write_file(const char *name, const char *text)
{
    struct str path = arena_printf(ctx.arena, "%s/%s", key_folder, name);
    FILE *file = fopen(path.ptr, "w");
    REQUIRE(file != NULL);
    fputs(text, file);
    fclose(file);
}

static void test_create(void)
{
    struct str again = { NULL, 0 };
    CHECK(token_mint(&ctx, key_folder, STR("x"), STR("y"), STR(""), 600).ptr == NULL);
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
    ctx_clear(&ctx);
    CHECK(token_keys_open(&ctx, key_folder) == NULL);
    ctx_clear(&ctx);
    REQUIRE(token_keys_create(&ctx, key_folder, &write_key));
    CHECK(str_starts(write_key, STR("wk_")) && write_key.len == 43);
    struct str signing = file_text(SIGNING_FILE), set = file_text(KEY_SET_FILE);
    CHECK_INT(signing.len, 64);
    struct stat status;
    CHECK(stat(arena_printf(ctx.arena, "%s/" SIGNING_FILE, key_folder).ptr, &status) == 0 &&
          (status.st_mode & 0777) == 0600);
    CHECK(token_keys_create(&ctx, key_folder, &again)); /* changes nothing, gives no key twice */
    CHECK(again.ptr == NULL && str_eq(signing, file_text(SIGNING_FILE)) &&
          str_eq(set, file_text(KEY_SET_FILE)));
    memcpy(seed, crypto_unhex(ctx.arena, signing).ptr, 32);
    crypto_ed25519_public(seed, public_key);
    kid = token_key_id(ctx.arena, public_key);
    CHECK(!token_keys_create(&ctx, "/dev/null/keys", &again));
    ctx_clear(&ctx);
}

static void test_good(struct token_keys *keys)
{
    struct principal who = { 0 };
    struct str token = token_mint(&ctx, key_folder, STR("demo"), STR("orders.read orders.write"),
                                  STR("commerce"), 600);
    REQUIRE(token.ptr != NULL);
    for (int i = 0; i < 2; i++) { /* the second from the cache */
        CHECK(token_verify(&ctx, keys, token, "commerce", &who));
        CHECK_STR(who.subject, "demo");
        CHECK_INT(who.kind, PRINCIPAL_TOKEN);
    }
    CHECK(!token_verify(&ctx, keys, token, "crm", &who));
    ctx_clear(&ctx);
    CHECK(principal_has(&who, "orders.read") && principal_has(&who, "orders.write"));
    CHECK(!principal_has(&who, "orders") && !principal_has(&who, "*") && !principal_has(&who, ""));
    CHECK(!principal_has(NULL, "orders"));
    struct principal all = { PRINCIPAL_TOKEN, STR("x"), STR("a * b") };
    CHECK(principal_has(&all, "anything"));
    clock_hold_us((NOW_S + 600) * US_PER_S);
    CHECK(!token_verify(&ctx, keys, token, "commerce", &who)); /* expired, though cached */
    CHECK_STR(ctx.error.detail, "the token has expired");
    ctx_clear(&ctx);
    clock_hold_us(NOW_S * US_PER_S);
    token = token_mint(&ctx, key_folder, STR("demo"), STR("x"), (struct str){ NULL, 0 }, 600);
    CHECK(token_verify(&ctx, keys, token, "any", &who)); /* aud fanfare is for all */
    CHECK(token_verify(&ctx, keys, token, NULL, &who));
}

static struct str token_of(const char *header, const char *claims)
{
    struct str head = crypto_base64url(ctx.arena, str_of(header));
    struct str body = crypto_base64url(ctx.arena, str_of(claims));
    struct str text = arena_printf(ctx.arena, "%s.%s", head.ptr, body.ptr);
    uint8_t signature[64];
    crypto_ed25519_sign(seed, text, signature);
    struct str encoded = crypto_base64url(ctx.arena, (struct str){ (const char *)signature, 64 });
    return arena_printf(ctx.arena, "%s.%s", text.ptr, encoded.ptr);
}

#define HEADER "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}"
#define CLAIMS(iss, aud, exp, nbf)                                                                 \
    "{\"iss\":\"" iss "\",\"sub\":\"demo\",\"aud\":" aud                                           \
    ",\"scope\":\"x\",\"jti\":\"1\",\"exp\":" exp ",\"nbf\":" nbf "}"
#define GOOD_CLAIMS CLAIMS("fanfare", "\"fanfare\"", "1800000600", "1800000000")

/* Properly signed, and still not to be believed. `%s` of a header is the kid. */
static const struct {
    const char *header, *claims, *why;
} bad_tokens[] = {
    { "{\"alg\":\"none\",\"kid\":\"%s\"}", GOOD_CLAIMS, "the token's algorithm is not EdDSA" },
    { "{\"alg\":\"HS256\",\"kid\":\"%s\"}", GOOD_CLAIMS, "the token's algorithm is not EdDSA" },
    { "{\"alg\":\"eddsa\",\"kid\":\"%s\"}", GOOD_CLAIMS, "the token's algorithm is not EdDSA" },
    { "{\"kid\":\"%s\"}", GOOD_CLAIMS, "the token's algorithm is not EdDSA" },
    { "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"crit\":[\"b64\"]}", GOOD_CLAIMS,
      "the token asks for an extension that is not known" },
    { "{\"alg\":\"EdDSA\",\"kid\":\"other\",\"x\":\"%s\"}", GOOD_CLAIMS,
      "the token's key is not known" },
    { "{\"alg\":\"EdDSA\",\"x\":\"%s\"}", GOOD_CLAIMS, "the token's key is not known" },
    { "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"kid\":\"%s\"}", GOOD_CLAIMS, "this is not a token" },
    { "[\"%s\"]", GOOD_CLAIMS, "this is not a token" },
    { HEADER, CLAIMS("fanfare", "\"fanfare\"", "1800000000", "0"), "the token has expired" },
    { HEADER, CLAIMS("fanfare", "\"fanfare\"", "1799999999", "0"), "the token has expired" },
    { HEADER, CLAIMS("fanfare", "\"fanfare\"", "1800000600", "1800000006"),
      "the token is not valid yet" },
    { HEADER, CLAIMS("elsewhere", "\"fanfare\"", "1800000600", "0"),
      "the token's issuer is not known" },
    { HEADER, CLAIMS("fanfare", "\"other\"", "1800000600", "0"),
      "the token is for another audience" },
    { HEADER, CLAIMS("fanfare", "[\"other\"]", "1800000600", "0"),
      "the token is for another audience" },
    { HEADER, CLAIMS("fanfare", "{}", "1800000600", "0"), "the token is for another audience" },
    { HEADER, CLAIMS("fanfare", "\"fanfare\"", "\"1800000600\"", "0"),
      "the token lacks a claim (exp, sub, jti)" },
    { HEADER, CLAIMS("fanfare", "\"fanfare\"", "1800000600", "\"x\""),
      "the token lacks a claim (exp, sub, jti)" },
    { HEADER, "{\"iss\":\"fanfare\",\"sub\":\"demo\",\"aud\":\"fanfare\",\"jti\":\"1\"}",
      "the token lacks a claim (exp, sub, jti)" },
    { HEADER, "{\"iss\":\"fanfare\",\"aud\":\"fanfare\",\"jti\":\"1\",\"exp\":1800000600}",
      "the token lacks a claim (exp, sub, jti)" },
    { HEADER, "{\"iss\":\"fanfare\",\"sub\":\"demo\",\"aud\":\"fanfare\",\"exp\":1800000600}",
      "the token lacks a claim (exp, sub, jti)" },
    { HEADER, "not json", "the token lacks a claim (exp, sub, jti)" },
    { HEADER, "[]", "the token lacks a claim (exp, sub, jti)" },
};

static void refused(struct token_keys *keys, struct str token, const char *why)
{
    struct principal who = { 0 };
    ctx_clear(&ctx);
    if (!CHECK(!token_verify(&ctx, keys, token, "commerce", &who)))
        fprintf(stderr, "  wanted: %s\n", why);
    CHECK_INT(ctx.error.code, ERR_UNAUTHENTICATED);
    CHECK_STR(ctx.error.detail, why);
    CHECK_INT(who.kind, PRINCIPAL_NOBODY);
    ctx_clear(&ctx);
}

static void test_bad(struct token_keys *keys)
{
    struct principal who;
    struct str header = arena_printf(ctx.arena, HEADER, kid.ptr);
    CHECK(token_verify(&ctx, keys, token_of(header.ptr, GOOD_CLAIMS), "commerce", &who));
    CHECK(token_verify(
        &ctx, keys,
        token_of(header.ptr, CLAIMS("fanfare", "[\"a\",\"commerce\"]", "1800000600", "1800000005")),
        "commerce", &who));
    for (size_t i = 0; i < COUNT(bad_tokens); i++) {
        char text[256];
        const char *format = strstr(bad_tokens[i].header, "%s");
        snprintf(text, sizeof(text), "%.*s%s%s", (int)(format - bad_tokens[i].header),
                 bad_tokens[i].header, kid.ptr, format + 2);
        refused(keys, token_of(text, bad_tokens[i].claims), bad_tokens[i].why);
    }
}

/* One without `scope` may do nothing; it is a token all the same. */
static void test_token_without_scope(struct token_keys *keys)
{
    struct principal who;
    struct str header = arena_printf(ctx.arena, HEADER, kid.ptr);
    struct str token = token_of(
        header.ptr, "{\"iss\":\"fanfare\",\"sub\":\"demo\",\"aud\":\"fanfare\",\"jti\":\"1\","
                    "\"exp\":1800000600}");
    for (int i = 0; i < 2; i++) { /* the second from the cache */
        CHECK(token_verify(&ctx, keys, token, "commerce", &who));
        CHECK(!principal_has(&who, "x") && !principal_has(&who, ""));
    }
}

static void test_tampered(struct token_keys *keys)
{
    struct str header = arena_printf(ctx.arena, HEADER, kid.ptr);
    struct str good = token_of(header.ptr, GOOD_CLAIMS), parts[3], rest = good;
    for (int i = 0; i < 3; i++)
        str_split(&rest, '.', &parts[i]);
    struct str other =
        crypto_base64url(ctx.arena, STR(CLAIMS("fanfare", "\"fanfare\"", "1900000000", "0")));
    refused(keys,
            arena_printf(ctx.arena, STR_FMT ".%s." STR_FMT, STR_ARG(parts[0]), other.ptr,
                         STR_ARG(parts[2])),
            "the token's signature is wrong");
    char *flipped = arena_cstr(ctx.arena, good);
    flipped[good.len - 40] = flipped[good.len - 40] == 'A' ? 'B' : 'A';
    refused(keys, (struct str){ flipped, good.len }, "the token's signature is wrong");
    refused(keys,
            arena_printf(ctx.arena, STR_FMT "." STR_FMT ".", STR_ARG(parts[0]), STR_ARG(parts[1])),
            "this is not a token");
    refused(keys, arena_printf(ctx.arena, "%s.x", good.ptr), "this is not a token");
    refused(keys, arena_printf(ctx.arena, "%s=", good.ptr), "this is not a token");
    refused(keys, (struct str){ good.ptr, good.len - 2 }, "this is not a token");
    refused(keys, STR(""), "a token is needed");
    refused(keys, (struct str){ NULL, 0 }, "a token is needed");
    refused(keys, STR("garbage"), "this is not a token");
    refused(keys, STR("a.b.c"), "this is not a token");
    refused(keys, STR("..."), "this is not a token");
    refused(keys, STR("\xff\xfe.\x00.\x01"), "this is not a token");
    char *long_token = arena_alloc(ctx.arena, 5000);
    memset(long_token, 'a', 4999);
    refused(keys, (struct str){ long_token, 4999 }, "the token is too long");
}

/* Whatever is done to a token, it is refused, and nothing falls over. */
static void test_bent(struct token_keys *keys)
{
    struct arena *own = arena_new(0);
    struct str header = arena_printf(ctx.arena, HEADER, kid.ptr);
    struct str good = token_of(header.ptr, GOOD_CLAIMS);
    uint32_t dice = 1;
    for (int i = 0; i < 3000; i++) {
        struct ctx bent = { .arena = own };
        struct principal who;
        char *text = arena_cstr(own, good);
        size_t length = good.len;
        for (int k = 0; k <= i % 3; k++) {
            dice = dice * 1664525 + 1013904223;
            text[(dice >> 8) % good.len] ^= (char)(1 << (dice >> 5) % 8);
        }
        if (i % 5 == 0)
            length = (dice >> 8) % good.len;
        struct str token = { text, length };
        if (!str_eq(token, good))
            CHECK(!token_verify(&bent, keys, token, "commerce", &who) &&
                  bent.error.code == ERR_UNAUTHENTICATED);
        arena_clear(own);
    }
    arena_free(own);
}

static void test_write_keys(struct token_keys *keys)
{
    struct principal who = { 0 };
    CHECK(token_write_key(&ctx, keys, write_key, &who));
    CHECK_INT(who.kind, PRINCIPAL_WRITE_KEY);
    CHECK_STR(who.subject, "default");
    CHECK(principal_has(&who, "collect"));
    static const char *const bad[] = { "", "wk_", "wk_0000000000000000000000000000000000000000" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        CHECK(!token_write_key(&ctx, keys, str_of(bad[i]), &who));
        CHECK_INT(ctx.error.code, ERR_UNAUTHENTICATED);
        ctx_clear(&ctx);
    }
}

/* Keys change while the service runs: one token revoked, then another key set, then a broken file. */
static void test_refresh(struct token_keys *keys)
{
    struct principal who;
    struct str header = arena_printf(ctx.arena, HEADER, kid.ptr);
    struct str token = token_of(header.ptr, GOOD_CLAIMS);
    CHECK(token_verify(&ctx, keys, token, "commerce", &who));
    struct str x = crypto_base64url(ctx.arena, (struct str){ (const char *)public_key, 32 });
    struct str key =
        arena_printf(ctx.arena, "{\"kid\":\"%s\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"%s\"}",
                     kid.ptr, x.ptr);
    write_file(KEY_SET_FILE,
               arena_printf(ctx.arena, "{\"keys\":[%s],\"revoked\":[\"1\"]}", key.ptr).ptr);
    CHECK(token_keys_refresh(&ctx, keys));
    refused(keys, token, "the token has been revoked");
    write_file(KEY_SET_FILE, "{\"keys\":[]}");
    CHECK(token_keys_refresh(&ctx, keys));
    refused(keys, token, "the token's key is not known");
    write_file(KEY_SET_FILE, arena_printf(ctx.arena, "{\"keys\":[%s]}", key.ptr).ptr);
    CHECK(token_keys_refresh(&ctx, keys));
    CHECK(token_verify(&ctx, keys, token, "commerce", &who));
    static const char *const broken[] = { "",
                                          "{",
                                          "[]",
                                          "{\"keys\":[{\"kid\":\"a\"}]}",
                                          "{\"keys\":[],\"write_keys\":[{}]}",
                                          "{\"keys\":[],\"revoked\":[1]}" };
    for (size_t i = 0; i < COUNT(broken); i++) {
        write_file(KEY_SET_FILE, broken[i]);
        CHECK(!token_keys_refresh(&ctx, keys));
        ctx_clear(&ctx);
        CHECK(token_verify(&ctx, keys, token, "commerce", &who)); /* the old ones stay */
    }
}

int main(void)
{
    ctx.arena = arena_new(0);
    REQUIRE(mkdtemp(folder) != NULL);
    snprintf(key_folder, sizeof(key_folder), "%s/a/keys", folder);
    clock_hold_us(NOW_S * US_PER_S);
    test_create();
    struct token_keys *keys = token_keys_open(&ctx, key_folder);
    REQUIRE(keys != NULL);
    test_good(keys);
    test_bad(keys);
    test_token_without_scope(keys);
    test_tampered(keys);
    test_bent(keys);
    test_write_keys(keys);
    test_refresh(keys);
    token_keys_close(keys);
    token_keys_close(NULL);
    unlink(arena_printf(ctx.arena, "%s/" SIGNING_FILE, key_folder).ptr);
    unlink(arena_printf(ctx.arena, "%s/" KEY_SET_FILE, key_folder).ptr);
    rmdir(key_folder);
    rmdir(arena_printf(ctx.arena, "%s/a", folder).ptr);
    CHECK(rmdir(folder) == 0);
    arena_free(ctx.arena);
    return check_end();
}
