#include "platform/client/breaker.h"

#include "base/clock.h"

#define OPEN_FIRST_US (5 * US_PER_S)
#define OPEN_LONGEST_US (60 * US_PER_S)
#define JITTER 0.2 /* up to so much longer, so that many callers do not come back together */

static void ring_add(struct breaker *breaker, int64_t now_us, bool good)
{
    int64_t second = now_us / US_PER_S;
    __typeof__(breaker->ring[0]) *slot = &breaker->ring[second % BREAKER_WINDOW_S];
    if (slot->second != second) {
        slot->second = second;
        slot->calls = slot->bad = 0;
    }
    slot->calls++;
    slot->bad += !good;
}

static bool ring_is_bad(const struct breaker *breaker, int64_t now_us)
{
    int64_t second = now_us / US_PER_S;
    int calls = 0, bad = 0;
    for (int i = 0; i < BREAKER_WINDOW_S; i++) {
        if (breaker->ring[i].second <= second - BREAKER_WINDOW_S)
            continue;
        calls += breaker->ring[i].calls;
        bad += breaker->ring[i].bad;
    }
    return calls >= BREAKER_LEAST_CALLS && bad * 2 >= calls;
}

static void row_add(struct breaker *breaker, int64_t now_us, bool good)
{
    if (!good && !breaker->row)
        breaker->row_us = now_us;
    breaker->row = good ? 0 : breaker->row + 1;
}

static bool row_is_long(const struct breaker *breaker, int64_t now_us)
{
    return breaker->row >= BREAKER_ROW && now_us - breaker->row_us >= BREAKER_ROW_US;
}

static void breaker_open(struct breaker *breaker, int64_t now_us, double chance)
{
    int64_t most_us = breaker->open_most_us ? breaker->open_most_us : OPEN_LONGEST_US;
    breaker->open_for_us =
        MIN(breaker->open_for_us ? breaker->open_for_us * 2 : OPEN_FIRST_US, most_us);
    breaker->until_us = now_us + (int64_t)((double)breaker->open_for_us * (1 + JITTER * chance));
    breaker->state = BREAKER_OPEN;
}

bool breaker_allows(struct breaker *breaker, int64_t now_us)
{
    if (breaker->state == BREAKER_CLOSED)
        return true;
    if (breaker->state == BREAKER_OPEN) {
        if (now_us < breaker->until_us)
            return false;
        breaker->state = BREAKER_HALF_OPEN;
        breaker->probes = breaker->probes_good = 0;
    }
    if (breaker->probes == BREAKER_PROBES)
        return false;
    breaker->probes++;
    return true;
}

void breaker_record(struct breaker *breaker, int64_t now_us, bool good, double chance)
{
    switch (breaker->state) {
    case BREAKER_CLOSED:
        ring_add(breaker, now_us, good);
        row_add(breaker, now_us, good);
        if (!good && (row_is_long(breaker, now_us) || ring_is_bad(breaker, now_us)))
            breaker_open(breaker, now_us, chance);
        break;
    case BREAKER_HALF_OPEN:
        if (!good) {
            breaker_open(breaker, now_us, chance);
        } else if (++breaker->probes_good == BREAKER_PROBES) {
            *breaker = (struct breaker){ .open_most_us = breaker->open_most_us };
        }
        break;
    case BREAKER_OPEN: /* one that was under way when it opened */
        break;
    }
}

void breaker_forget(struct breaker *breaker)
{
    if (breaker->state == BREAKER_HALF_OPEN && breaker->probes > breaker->probes_good)
        breaker->probes--;
}

/* ---- retries ---- */

#define RETRY_SHARE 0.1
#define RETRY_PER_S 3.0
#define RETRY_MOST 10.0 /* what quiet times may save up */

static void budget_fill(struct retry_budget *budget, int64_t now_us)
{
    double seconds = budget->seen_us ? (double)(now_us - budget->seen_us) / US_PER_S : 1;
    budget->tokens = MIN(budget->tokens + MAX(seconds, 0) * RETRY_PER_S, RETRY_MOST);
    budget->seen_us = MAX(now_us, 1);
}

void retry_budget_call(struct retry_budget *budget, int64_t now_us)
{
    budget_fill(budget, now_us);
    budget->tokens = MIN(budget->tokens + RETRY_SHARE, RETRY_MOST);
}

bool retry_budget_take(struct retry_budget *budget, int64_t now_us)
{
    budget_fill(budget, now_us);
    if (budget->tokens < 1)
        return false;
    budget->tokens -= 1;
    return true;
}
