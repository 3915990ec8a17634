#include "base/clock.h"
#include "base/tests/check.h"
#include "services/gateway/misses.h"

#define NOW (1000 * US_PER_S)

static const struct str none = { 0 };

static void test_remembered_for_a_while(void)
{
    struct misses *misses = misses_new();
    CHECK(!misses_has(misses, STR("home"), none, NOW));
    misses_note(misses, STR("home"), none, NOW);
    CHECK(misses_has(misses, STR("home"), none, NOW));
    CHECK(!misses_has(misses, STR("home"), STR("de"), NOW)); /* each locale by itself */
    CHECK(!misses_has(misses, STR("homes"), none, NOW));
    CHECK(misses_has(misses, STR("home"), none, NOW + (MISSES_S - 1) * US_PER_S));
    CHECK(!misses_has(misses, STR("home"), none, NOW + MISSES_S * US_PER_S));
    CHECK(!misses_has(misses, STR("home"), none, NOW - 5 * US_PER_S));
    misses_free(misses);
}

static void test_the_clock_of_a_slot_goes_round(void)
{
    struct misses *misses = misses_new();
    int64_t last = ((1LL << 20) - 1) * US_PER_S; /* the second after it is 0 again */
    misses_note(misses, STR("home"), none, last);
    CHECK(misses_has(misses, STR("home"), none, last));
    CHECK(misses_has(misses, STR("home"), none, last + US_PER_S));
    CHECK(!misses_has(misses, STR("home"), none, last + 2 * US_PER_S));
    misses_free(misses);
}

static void test_an_empty_slot_is_no_miss(void)
{
    struct misses *misses = misses_new();
    char slug[16];
    int hits = 0;
    for (int i = 0; i < 100000; i++) {
        snprintf(slug, sizeof(slug), "%d", i);
        hits += misses_has(misses, str_of(slug), none, 0);
    }
    CHECK_INT(hits, 0);
    misses_free(misses);
    misses_free(NULL);
}

int main(void)
{
    test_remembered_for_a_while();
    test_the_clock_of_a_slot_goes_round();
    test_an_empty_slot_is_no_miss();
    return check_end();
}
