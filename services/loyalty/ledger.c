#include "services/loyalty/ledger.h"

static const struct {
    const char *name;
    int64_t from; /* lifetime points */
} tiers[N_LEDGER_TIERS] = {
    [LEDGER_BRONZE]   = { "bronze",   0    },
    [LEDGER_SILVER]   = { "silver",   500  },
    [LEDGER_GOLD]     = { "gold",     2000 },
    [LEDGER_PLATINUM] = { "platinum", 5000 },
};

int64_t ledger_earned(struct money total, int64_t refunded)
{
    int exponent = money_exponent(total.currency);
    int64_t major = 1;
    for (int i = exponent < 0 ? 2 : exponent; i > 0; i--)
        major *= 10;
    int64_t paid = total.amount - refunded;
    return paid > 0 ? paid / major : 0;
}

enum ledger_tier ledger_tier_of(int64_t lifetime_points)
{
    enum ledger_tier tier = LEDGER_PLATINUM;
    while (tier > LEDGER_BRONZE && lifetime_points < tiers[tier].from)
        tier--;
    return tier;
}

int64_t ledger_tier_from(enum ledger_tier tier)
{
    return tiers[tier].from;
}

const char *ledger_tier_name(enum ledger_tier tier)
{
    return tiers[tier].name;
}
