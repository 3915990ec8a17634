/* The rules of the ledger: pure, no I/O. */
#pragma once

#include <stdint.h>

#include "base/money.h"

enum ledger_tier { LEDGER_BRONZE, LEDGER_SILVER, LEDGER_GOLD, LEDGER_PLATINUM, N_LEDGER_TIERS };

/* Points that an order earns: one for each whole major unit of what was paid and not given back. Never negative.
 * Currencies that the money table does not know count as having two digits. */
int64_t ledger_earned(struct money total, int64_t refunded);

/* The tier that these lifetime points stand for, and the points at which a tier begins. */
enum ledger_tier ledger_tier_of(int64_t lifetime_points);
int64_t ledger_tier_from(enum ledger_tier tier);

const char *ledger_tier_name(enum ledger_tier tier);
