/* Another signing key: published before it signs, the old one good until its last token has expired. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/token/keyset.h"

#define NOW_S 1800000000LL
#define WAIT_S 60

static struct ctx ctx;
static char folder[] = "/tmp/fanfare-rotation-XXXXXX";

static void at(int64_t seconds)
{
    clock_hold_us((NOW_S + seconds) * US_PER_S);
}

static struct str mint(void)
{
    struct str token = token_mint(&ctx, folder, STR("ann"), STR("x"), STR(""), TOKEN_LONGEST_S);
    REQUIRE(token.ptr != NULL);
    return token;
}

static bool is_good(struct token_keys *keys, struct str token)
{
    struct principal who;
    CHECK(token_keys_refresh(&ctx, keys));
    bool good = token_verify(&ctx, keys, token, NULL, &who);
    ctx_clear(&ctx);
    return good;
}

static struct str kid_of(struct str token)
{
    struct str head;
    str_split(&token, '.', &head);
    return json_str(json_get(json_parse(&ctx, crypto_unbase64(ctx.arena, head)), "kid"));
}

/* How many keys others may see. */
static size_t n_published(void)
{
    return json_size(json_get(json_parse(&ctx, token_key_set(&ctx, folder)), "keys"));
}

static bool exists(const char *name)
{
    return access(arena_printf(ctx.arena, "%s/%s", folder, name).ptr, F_OK) == 0;
}

static void test_rotation(struct token_keys *keys)
{
    struct token_rotation next, again;
    at(0);
    struct str before = mint(), last, first;
    REQUIRE(token_key_rotate(&ctx, folder, WAIT_S, &next));
    CHECK_INT(next.signs_from_s, NOW_S + WAIT_S);
    CHECK_INT(n_published(), 2);
    struct stat status;
    CHECK(stat(arena_printf(ctx.arena, "%s/" NEXT_FILE, folder).ptr, &status) == 0 &&
          (status.st_mode & 0777) == 0600);
    CHECK(!token_key_rotate(&ctx, folder, WAIT_S, &again)); /* one at a time */
    CHECK_INT(ctx.error.code, ERR_CONFLICT);
    ctx_clear(&ctx);
    at(WAIT_S - 1);
    last = mint();
    CHECK(str_eq(kid_of(last), kid_of(before)));
    CHECK(is_good(keys, last));
    at(WAIT_S);
    first = mint();
    CHECK(str_eq(kid_of(first), next.kid) && !exists(NEXT_FILE));
    CHECK(is_good(keys, first) && is_good(keys, last));
    at(WAIT_S - 1 + TOKEN_LONGEST_S - 1);
    CHECK(is_good(keys, last)); /* to its own end */
    at(next.old_until_s - NOW_S);
    CHECK(!is_good(keys, last));
    CHECK_INT(n_published(), 1);
    CHECK(is_good(keys, mint()));
}

/* What is set is not read again until somebody looks: this one never does. */
static void test_old_key_ends_by_itself(void)
{
    struct token_rotation next;
    struct principal who;
    REQUIRE(token_key_rotate(&ctx, folder, 0, &next));
    struct token_keys *keys = token_keys_open(&ctx, folder);
    REQUIRE(keys != NULL);
    clock_hold_us(next.old_until_s * US_PER_S);
    struct str token = token_mint(&ctx, folder, STR("a"), STR("x"), STR(""), TOKEN_LONGEST_S);
    CHECK(str_eq(kid_of(token), next.kid));
    CHECK(token_verify(&ctx, keys, token, NULL, &who));
    token_keys_close(keys);
}

static void test_at_once(struct token_keys *keys)
{
    struct token_rotation next;
    struct str older = mint();
    REQUIRE(token_key_rotate(&ctx, folder, 0, &next));
    struct str stolen = mint();
    REQUIRE(
        token_key_rotate(&ctx, folder, WAIT_S, &next)); /* one that waits is in the way of none */
    CHECK(is_good(keys, older) && is_good(keys, stolen));
    CHECK_INT(n_published(), 3);
    REQUIRE(token_key_rotate(&ctx, folder, -1, &next));
    CHECK(!is_good(keys, stolen) && !is_good(keys, older));
    struct str token = mint();
    CHECK(str_eq(kid_of(token), next.kid) && is_good(keys, token));
    CHECK_INT(n_published(), 1);
}

/* A kill between the two files: the seed is there, its public key was never published. */
static void test_half_done(struct token_keys *keys)
{
    struct token_rotation next;
    FILE *file = fopen(arena_printf(ctx.arena, "%s/" NEXT_FILE, folder).ptr, "w");
    REQUIRE(file != NULL);
    fputs("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", file);
    fclose(file);
    struct str token = mint();
    CHECK(is_good(keys, token));
    CHECK(token_key_rotate(&ctx, folder, WAIT_S, &next)); /* begun anew */
    CHECK(is_good(keys, mint()) && is_good(keys, token));
}

static void test_the_rest_stays(void)
{
    struct str text = token_read_file(&ctx, folder, KEY_SET_FILE);
    const struct json *set = json_parse(&ctx, text);
    CHECK_INT(json_size(json_get(set, "write_keys")), 1);
    CHECK(json_get(set, "revoked") != NULL);
}

int main(void)
{
    ctx = (struct ctx){ .arena = arena_new(0) };
    REQUIRE(mkdtemp(folder) != NULL);
    at(0);
    REQUIRE(token_keys_create(&ctx, folder, NULL));
    struct token_keys *keys = token_keys_open(&ctx, folder);
    REQUIRE(keys != NULL);
    test_rotation(keys);
    test_old_key_ends_by_itself();
    test_at_once(keys);
    test_half_done(keys);
    test_the_rest_stays();
    token_keys_close(keys);
    static const char *const files[] = { SIGNING_FILE, NEXT_FILE, KEY_SET_FILE };
    for (size_t i = 0; i < COUNT(files); i++)
        unlink(arena_printf(ctx.arena, "%s/%s", folder, files[i]).ptr);
    CHECK(rmdir(folder) == 0);
    arena_free(ctx.arena);
    return check_end();
}
