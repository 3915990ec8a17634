/* A budget over a simulated day, and links that nobody else can make. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/tests/check.h"
#include "services/ads/link.h"
#include "services/ads/pace.h"

static void test_allowed(void)
{
    struct pace pace = { .budget_milli = 1000, .starts_us = 100, .ends_us = 200 };
    CHECK_INT(pace_allowed(&pace, 99), 0);
    CHECK_INT(pace_allowed(&pace, 100), 0);
    CHECK_INT(pace_allowed(&pace, 150), 500);
    CHECK_INT(pace_allowed(&pace, 200), 1000);
    CHECK_INT(pace_allowed(&pace, 900), 1000);
    pace.ends_us = INT64_MAX;
    CHECK_INT(pace_allowed(&pace, 150), 1000);
    pace.budget_milli = 0;
    CHECK(pace_allowed(&pace, 150) == INT64_MAX);
    struct pace large = { .budget_milli = INT64_MAX / 2, .starts_us = 0, .ends_us = INT64_MAX / 2 };
    CHECK(pace_allowed(&large, INT64_MAX / 4) > 0); /* nothing overflows */
}

static void test_share(void)
{
    struct pace pace = { .budget_milli = 1000, .starts_us = 0, .ends_us = 1000 };
    CHECK_INT(pace_share(&pace, 100, 500), 200);
    CHECK(pace_share(&pace, 100, 500) < pace_share(&pace, 300, 500));
}

#define TOKEN                                                                                      \
    "A5aJMAAAAAVpbXBfMQAAAARhZF8xAAAABXBsY18xAAAABXByZl8xAAAABWx"                                  \
    "jaF8xAAAABWNtcF8xAAAACjEwMDAwMDAwMDA.qgXEFRmtfGnmAI1okWETlA"

static void test_links(void)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct link link = { STR("imp_1"), STR("ad_1"),  STR("plc_1"),   STR("prf_1"),
                         STR("lch_1"), STR("cmp_1"), 1000 * US_PER_S };
    struct link read = { 0 };
    clock_hold_us(1000 * US_PER_S);
    struct crypto_hmac_key key, another;
    crypto_hmac_key(STR("key"), &key);
    crypto_hmac_key(STR("another"), &another);
    struct link_paths paths = link_sign(arena, &key, &link);
    struct str token = paths.token;
    CHECK(str_starts(paths.impression, STR("/v1/impressions/")) &&
          str_ends(paths.impression, token));
    CHECK(str_starts(paths.click, STR("/v1/clicks/")) && str_ends(paths.click, token));
    CHECK_STR(token, TOKEN); /* as the version before signs: either reads the other's */
    CHECK(link_read(&ctx, &key, token, SEEN_WITHIN_US, &read));
    CHECK_STR(read.person_id, "prf_1");
    CHECK(!link_read(&ctx, &another, token, SEEN_WITHIN_US, &read));
    ctx_clear(&ctx);
    for (size_t i = 0; i + 1 < token.len; i++) { /* the last two bits of base64 say nothing */
        char *bent = arena_cstr(arena, token);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        CHECK(!link_read(&ctx, &key, (struct str){ bent, token.len }, SEEN_WITHIN_US, &read));
        ctx_clear(&ctx);
    }
    clock_hold_us(1000 * US_PER_S + SEEN_WITHIN_US + 1);
    CHECK(!link_read(&ctx, &key, token, SEEN_WITHIN_US, &read));
    CHECK_INT(ctx.error.code, ERR_NOT_FOUND);
    clock_hold_us(0);
    arena_free(arena);
}

int main(void)
{
    test_allowed();
    test_share();
    test_links();
    return check_end();
}
