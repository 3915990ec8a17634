#include "services/loyalty/ledger.h"

#include "base/macros.h"
#include "base/tests/check.h"

static void test_earned(void)
{
    static const struct {
        struct money total;
        int64_t refunded, points;
    } cases[] = {
        { { 26196, "USD" }, 0, 261 },   { { 99, "USD" }, 0, 0 },
        { { 100, "USD" }, 0, 1 },       { { 26196, "USD" }, 26196, 0 },
        { { 26196, "USD" }, 30000, 0 }, { { 26196, "USD" }, 97, 260 },
        { { 500, "JPY" }, 0, 500 },     { { 12345, "KWD" }, 0, 12 },
        { { 12345, "QQQ" }, 0, 123 },   { { -500, "USD" }, 0, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_INT(ledger_earned(cases[i].total, cases[i].refunded), cases[i].points);
}

static void test_tiers(void)
{
    static const struct {
        int64_t points;
        enum ledger_tier tier;
    } cases[] = {
        { -5, LEDGER_BRONZE },     { 0, LEDGER_BRONZE },           { 499, LEDGER_BRONZE },
        { 500, LEDGER_SILVER },    { 1999, LEDGER_SILVER },        { 2000, LEDGER_GOLD },
        { 5000, LEDGER_PLATINUM }, { INT64_MAX, LEDGER_PLATINUM },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_INT(ledger_tier_of(cases[i].points), cases[i].tier);
    CHECK_INT(ledger_tier_from(LEDGER_GOLD), 2000);
    CHECK(strcmp(ledger_tier_name(LEDGER_PLATINUM), "platinum") == 0);
}

int main(void)
{
    test_earned();
    test_tiers();
    return check_end();
}
