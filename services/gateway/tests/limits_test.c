#include "services/gateway/limits.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/tests/check.h"

#define NOW (1000 * US_PER_S)

static int taken(struct limits *limits, const char *who, int n, int64_t now_us)
{
    int good = 0;
    for (int i = 0; i < n; i++)
        good += limits_take(limits, str_of(who), now_us);
    return good;
}

static void test_quota_and_its_return(void)
{
    struct limits *limits = limits_new(60);
    CHECK_INT(taken(limits, "a", 100, NOW), 60); /* all at once */
    CHECK_INT(taken(limits, "b", 1, NOW), 1);    /* each by itself */
    struct limit_state state = limits_look(limits, STR("a"), NOW);
    CHECK_INT(state.quota, 60);
    CHECK_INT(state.left, 0);
    CHECK_INT(state.wait_s, 1);
    CHECK_INT(state.whole_s, 60);
    CHECK_INT(limits_look(limits, STR("b"), NOW).left, 59);
    CHECK_INT(limits_look(limits, STR("b"), NOW).wait_s, 0);
    CHECK_INT(taken(limits, "a", 10, NOW + 3 * US_PER_S), 3);
    CHECK_INT(taken(limits, "a", 100, NOW + 3600 * US_PER_S), 60); /* no more, however long */
    limits_free(limits);
}

static void test_none(void)
{
    CHECK(limits_new(0) == NULL);
    limits_free(NULL);
}

/* More of them than there are places: memory stays as it is, and who is busy is still counted. */
static void test_many(void)
{
    struct limits *limits = limits_new(10);
    char who[24];
    CHECK_INT(taken(limits, "busy", 20, NOW), 10);
    for (int i = 0; i < 8 * LIMITS_PLACES; i++) {
        snprintf(who, sizeof(who), "10.%d", i);
        limits_take(limits, str_of(who), NOW);
    }
    CHECK_INT(taken(limits, "busy", 1, NOW), 0);
    limits_free(limits);
}

int main(void)
{
    test_quota_and_its_return();
    test_none();
    test_many();
    return check_end();
}
