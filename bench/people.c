#include "bench/people.h"

#include "base/clock.h"

static uint32_t mix(uint32_t number, uint32_t what)
{
    uint32_t hash = (number + 1) * 2654435761u + what * 40503u;
    hash = (hash ^ hash >> 16) * 0x85ebca6bu;
    return hash ^ hash >> 13;
}

static void add(struct ctx *ctx, struct history *history, uint32_t number, uint32_t what,
                uint32_t days, int64_t amount)
{
    int64_t now_us = clock_now_us();
    history_add(ctx->arena, history, now_us - (int64_t)(mix(number, what) % days) * US_PER_DAY,
                amount, (int32_t)(now_us / US_PER_DAY));
}

void person_make(struct ctx *ctx, uint32_t number, struct person *person)
{
    static const char *const countries[] = { "DE", "US", "FR", "GB" };
    static const char *const segments[] = { "Consumer", "Corporate", "Home Office" };
    for (uint32_t k = 0; k < mix(number, 0) % 6; k++) {
        int64_t amount = 500 + mix(number, 20 + k) % 20000;
        add(ctx, &person->orders, number, 10 + k, 200, amount);
        person->spent += amount;
    }
    for (uint32_t k = 0; k < 1 + mix(number, 1) % 8; k++)
        add(ctx, &person->visits, number, 30 + k, 120, 0);
    for (uint32_t k = 0; k < mix(number, 2) % 7; k++)
        add(ctx, person_event(ctx, person, STR("Product Viewed")), number, 40 + k, 40, 0);
    add(ctx, person_event(ctx, person, STR("Signed Up")), number, 50, 80, 0);
    person->tier = (enum feature_tier)(mix(number, 3) % 5);
    person_consent_set(person, 0, 0, mix(number, 6) % 2);
    person->traits =
        arena_printf(ctx->arena, "{\"segment\":\"%s\",\"country\":\"%s\",\"name\":\"Person %u\"}",
                     segments[mix(number, 4) % 3], countries[mix(number, 5) % 4], number);
}
