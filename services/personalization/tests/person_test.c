#include "services/personalization/person.h"

#include "base/clock.h"
#include "base/tests/check.h"
#include "services/personalization/percentile.h"

#define TODAY 20000
#define AT(day) ((int64_t)(day) * US_PER_DAY + US_PER_S)

static void test_windows(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct history history = { 0 };
    history_add(arena, &history, AT(TODAY), 1, TODAY);
    history_add(arena, &history, AT(TODAY - 6), 10, TODAY);
    history_add(arena, &history, AT(TODAY - 29), 100, TODAY); /* in any order */
    history_add(arena, &history, AT(TODAY - 6), 1000, TODAY);
    history_add(arena, &history, AT(TODAY - 89), 10000, TODAY);
    history_add(arena, &history, AT(TODAY - 90), 100000, TODAY); /* too old for a window */
    CHECK_INT(history.count, 6);
    CHECK_INT(history.sum, 111111);
    CHECK_INT(history.first_us, AT(TODAY - 90));
    CHECK_INT(history.last_us, AT(TODAY));
    CHECK_INT(history_within(&history, TODAY, 1), 1);
    CHECK_INT(history_within(&history, TODAY, 7), 3);
    CHECK_INT(history_within(&history, TODAY, 30), 4);
    CHECK_INT(history_within(&history, TODAY, 90), 5);
    CHECK_INT(history_sum_within(&history, TODAY, 7), 1011);
    CHECK_INT(history_sum_within(&history, TODAY, 90), 11111);
    CHECK_INT(history_within(&history, TODAY + 1, 7), 1); /* time passes without an event */
    double value;
    bool none;
    CHECK(history_metric(&history, STR("sum_30d"), TODAY, 10, &value, &none) && value == 111.1);
    CHECK(!history_metric(&history, STR("sum_31d"), TODAY, 10, &value, &none));
}

static void test_days_never_overflow(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct history history = { 0 };
    for (int day = 0; day < 1000; day++)
        history_add(arena, &history, AT(TODAY - 500 + day), 0,
                    TODAY - 500 + day / 2); /* days ahead of "today" as well */
    CHECK(history.n_days <= FEATURE_DAYS);
    for (uint32_t i = 1; i < history.n_days; i++)
        CHECK(history.days[i - 1].day < history.days[i].day);
    CHECK_INT(history.count, 1000);
}

/* The day that person_due names is the first at which a window differs, whatever the days are. */
static void test_due(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    static const int days[][4] = {
        { 0 }, { 0, 1 }, { 6 }, { 7, 29 }, { 30, 89, 3 }, { 90 }, { 88 }
    };
    CHECK_INT(person_due(&(struct person){ 0 }, TODAY), 0);
    for (size_t i = 0; i < COUNT(days); i++) {
        struct person person = { 0 };
        struct history *history = person_event(&ctx, &person, STR("x"));
        for (int k = 0; k < 4; k++)
            history_add(arena, history, AT(TODAY - days[i][k]), 0, TODAY);
        int32_t wanted = 0;
        for (int32_t day = TODAY + 1; !wanted && day < TODAY + 100; day++)
            for (size_t w = 0; w < 4; w++) {
                int width = (const int[]){ 1, 7, 30, 90 }[w];
                if (history_within(history, day, width) != history_within(history, TODAY, width))
                    wanted = day;
            }
        CHECK_INT(person_due(&person, TODAY), wanted);
    }
}

static void test_memberships(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct person person = { 0 };
    static const char *const ids[] = { "seg_c", "seg_a", "seg_e", "seg_b", "seg_d" };
    for (size_t i = 0; i < COUNT(ids); i++)
        person_member_set(arena, &person, str_of(ids[i]), true, (int64_t)i);
    person_member_set(arena, &person, STR("seg_a"), true, 99); /* it is since the first time */
    CHECK_INT(person.n_memberships, 5);
    CHECK_INT(person_member(&person, STR("seg_a"))->since_us, 1);
    person_member_set(arena, &person, STR("seg_c"), false, 0);
    person_member_set(arena, &person, STR("seg_x"), false, 0);
    CHECK(person.n_memberships == 4 && !person_member(&person, STR("seg_c")));
    for (uint32_t i = 1; i < person.n_memberships; i++)
        CHECK(str_cmp(person.memberships[i - 1].segment_id, person.memberships[i].segment_id) < 0);
    person_member_set(arena, &person, STR("seg_e"), false, 0);
    person_member_set(arena, &person, STR("seg_a"), false, 0);
    CHECK(person.n_memberships == 2 && person_member(&person, STR("seg_b")) &&
          person_member(&person, STR("seg_d")));
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
    history_add(arena, &person.visits, AT(TODAY), 0, TODAY);
    history_add(arena, person_event(&ctx, &person, STR("Product Viewed")), AT(TODAY), 1, TODAY);
    history_add(arena, person_event(&ctx, &person, STR("Product Viewed")), AT(TODAY - 1), 2, TODAY);
    history_add(arena, person_event(&ctx, &person, STR("x")), AT(TODAY), 0, TODAY);
    person.parent = (struct joined){ STR("prf_a"), 7 };
    person_child_add(arena, &person, &(struct joined){ STR("vis_2"), 9 });
    person_child_add(arena, &person, &(struct joined){ STR("vis_3"), 8 });
    person_child_add(arena, &person, &(struct joined){ STR("vis_1"), 9 });
    person_member_set(arena, &person, STR("seg_a"), true, 5);
    person.row = 77;
    person.due = TODAY + 1;
    person_consent_set(&person, 0, 0, true);
    person_consent_set(&person, 2, 4, false);
    struct str record = person_write(arena, &person);
    REQUIRE(person_read(&ctx, record, &again));
    CHECK(again.spent == 5 && again.refunded == 2 && again.tier == TIER_GOLD &&
          again.n_events == 2);
    CHECK_STR(again.traits, "{\"a\":1}");
    CHECK_INT(person_event_find(&again, STR("Product Viewed"))->count, 2);
    CHECK(!person_event_find(&again, STR("Product")));
    CHECK_INT(history_sum_within(person_event_find(&again, STR("Product Viewed")), TODAY, 7), 3);
    CHECK_STR(again.parent.id, "prf_a");
    CHECK_STR(again.children[0].id, "vis_3");
    CHECK_STR(again.children[1].id, "vis_1");
    CHECK_STR(again.children[2].id, "vis_2");
    CHECK(again.parent.at_us == 7 && again.n_children == 3 && again.row == 77 &&
          again.due == TODAY + 1 && again.memberships[0].since_us == 5);
    person_child_remove(&again, STR("vis_1"));
    CHECK(again.n_children == 2 && str_is(again.children[1].id, "vis_2"));
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
        history_add(arena, person_event(&ctx, &person, arena_printf(arena, "event %d", i)),
                    AT(TODAY + i), 0, TODAY + i);
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
    test_due();
    test_memberships();
    test_record();
    test_events_have_a_limit();
    test_percentile();
    return check_end();
}
