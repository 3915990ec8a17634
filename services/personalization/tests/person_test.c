#include "services/personalization/person.h"

#include "base/clock.h"
#include "base/tests/check.h"
#include "services/personalization/percentile.h"

#define TODAY 20000
#define AT(day) ((int64_t)(day) * US_PER_DAY + US_PER_S)

static void test_windows(void)
{
    struct history history = { 0 };
    history_add(&history, AT(TODAY), TODAY);
    history_add(&history, AT(TODAY - 6), TODAY);
    history_add(&history, AT(TODAY - 29), TODAY); /* in any order */
    history_add(&history, AT(TODAY - 6), TODAY);
    history_add(&history, AT(TODAY - 89), TODAY);
    history_add(&history, AT(TODAY - 90), TODAY); /* too old for a window, not for the sum */
    CHECK_INT(history.count, 6);
    CHECK_INT(history.first_us, AT(TODAY - 90));
    CHECK_INT(history.last_us, AT(TODAY));
    CHECK_INT(history_within(&history, TODAY, 1), 1);
    CHECK_INT(history_within(&history, TODAY, 7), 3);
    CHECK_INT(history_within(&history, TODAY, 30), 4);
    CHECK_INT(history_within(&history, TODAY, 90), 5);
    CHECK_INT(history_within(&history, TODAY + 1, 7), 1); /* time passes without an event */
    history_take(&history, AT(TODAY));
    CHECK_INT(history.count, 5);
    CHECK_INT(history_within(&history, TODAY, 1), 0);
}

static void test_days_never_overflow(void)
{
    struct history history = { 0 };
    for (int day = 0; day < 1000; day++)
        history_add(&history, AT(TODAY - 500 + day),
                    TODAY - 500 + day / 2); /* days ahead of "today" as well */
    CHECK(history.n_days <= FEATURE_DAYS);
    for (uint32_t i = 1; i < history.n_days; i++)
        CHECK(history.days[i - 1].day < history.days[i].day);
    CHECK_INT(history.count, 1000);
}

static void test_record(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct person person = { .spent = 5,
                             .refunded = 2,
                             .tier = TIER_GOLD,
                             .traits = STR("{\"a\":1}") },
                  again;
    history_add(&person.visits, AT(TODAY), TODAY);
    history_add(person_event(&ctx, &person, STR("Product Viewed")), AT(TODAY), TODAY);
    history_add(person_event(&ctx, &person, STR("Product Viewed")), AT(TODAY - 1), TODAY);
    history_add(person_event(&ctx, &person, STR("x")), AT(TODAY), TODAY);
    person_consent_set(&person, 0, 0, true);
    person_consent_set(&person, 2, 4, false);
    struct str record = person_write(arena, &person);
    REQUIRE(person_read(&ctx, record, &again));
    CHECK(again.spent == 5 && again.refunded == 2 && again.tier == TIER_GOLD &&
          again.n_events == 2);
    CHECK_STR(again.traits, "{\"a\":1}");
    CHECK_INT(person_event_find(&again, STR("Product Viewed"))->count, 2);
    CHECK(!person_event_find(&again, STR("Product")));
    CHECK_INT(person_consent(&again, 0, 0), 1);
    CHECK_INT(person_consent(&again, 2, 4), 0);
    CHECK_INT(person_consent(&again, 1, 1), -1);
    for (size_t cut = 0; cut < record.len;
         cut++) { /* a cut record is refused, never read beyond its end */
        char *copy = mem_alloc(cut ? cut : 1);
        memcpy(copy, record.ptr, cut);
        CHECK(!person_read(&ctx, (struct str){ copy, cut }, &again));
        ctx_clear(&ctx);
        free(copy);
    }
    CHECK(person_read(&ctx, (struct str){ NULL, 0 }, &again) && again.visits.count == 0);
}

static void test_events_have_a_limit(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct person person = { 0 };
    for (int i = 0; i < 3 * FEATURE_EVENTS; i++)
        history_add(person_event(&ctx, &person, arena_printf(arena, "event %d", i)), AT(TODAY + i),
                    TODAY + i);
    CHECK_INT(person.n_events, FEATURE_EVENTS);
    CHECK(person_event_find(&person, STR("event 191")) &&
          !person_event_find(&person, STR("event 0")));
}

static void test_percentile(void)
{
    struct percentile *percentile = percentile_new();
    CHECK(percentile_of(percentile, 100) == 0);
    for (int64_t i = 1; i <= 1000; i++)
        percentile_add(percentile, i * 1000);
    CHECK_INT(percentile_count(percentile), 1000);
    CHECK(percentile_of(percentile, 1000 * 1000) == 100);
    CHECK(percentile_of(percentile, 0) == 0);
    double middle = percentile_of(percentile, 500 * 1000);
    CHECK(middle >= 50 && middle <= 50.2); /* to 0.1% of the amount */
    percentile_remove(percentile, 1000 * 1000);
    percentile_add(percentile, 1);
    CHECK(percentile_of(percentile, 999 * 1000) == 100);
    percentile_add(percentile, INT64_MAX);
    percentile_add(percentile, -5);
    CHECK(percentile_of(percentile, INT64_MAX) == 100);
    percentile_free(percentile);
}

int main(void)
{
    test_windows();
    test_days_never_overflow();
    test_record();
    test_events_have_a_limit();
    test_percentile();
    return check_end();
}
