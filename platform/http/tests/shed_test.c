/* Load shedding, with the clock held in the hand. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "base/macros.h"
#include "platform/http/shed.h"

static struct shed shed;
static struct shed_usual usual;
static int64_t now_us;

static int fill(enum shed_class mercy)
{
    int n = 0;
    while (n < 2000 && shed_enter(&shed, mercy))
        n++;
    return n;
}

static void leave(int n, int64_t took_us)
{
    for (int i = 0; i < n; i++)
        shed_leave(&shed, &usual, took_us, now_us);
}

/* So many windows of `at_once` operations that take so long. */
static void run(int windows, int at_once, int64_t took_us)
{
    for (int i = 0; i < windows; i++) {
        int in = 0;
        while (in < at_once && shed_enter(&shed, SHED_DECISION))
            in++;
        now_us += MAX(took_us, 100 * US_PER_MS);
        leave(in, took_us);
    }
}

static void start(void)
{
    shed_init(&shed);
    usual = (struct shed_usual){ 0 };
    now_us = 1000 * US_PER_S;
}

static void test_order_of_mercy(void)
{
    start();
    int bulk = fill(SHED_BULK), search = fill(SHED_SEARCH), status = fill(SHED_STATUS),
        collect = fill(SHED_COLLECT), decision = fill(SHED_DECISION);
    CHECK_INT(bulk, 52); /* 40% of 128, and then each class up to its own part */
    CHECK_INT(bulk + search, 77);
    CHECK_INT(bulk + search + status, 103);
    CHECK_INT(bulk + search + status + collect, 116);
    CHECK_INT(bulk + search + status + collect + decision, 128);
    CHECK_INT(shed_under_way(&shed), 128);
    CHECK_INT(fill(SHED_BULK), 0);
    shed_done(&shed);
    CHECK_INT(shed_class_of("decision"), SHED_DECISION);
    CHECK_INT(shed_class_of("bulk"), SHED_BULK);
    CHECK_INT(shed_class_of(NULL), SHED_STATUS);
    CHECK_INT(shed_class_of("whatever"), SHED_STATUS);
}

static void test_grows_when_used(void)
{
    start();
    run(20, 10, 5 * US_PER_MS);
    CHECK_INT((int)shed.limit, 128); /* not near it: nothing learnt */
    run(20, 120, 5 * US_PER_MS);
    CHECK(shed.limit > 300);
    run(500, 1000, 5 * US_PER_MS);
    CHECK_INT((int)shed.limit, SHED_CEILING);
    shed_done(&shed);
}

static void test_shrinks_and_recovers(void)
{
    start();
    run(50, 30, 10 * US_PER_MS); /* usual: 10 ms */
    run(30, 1000, 500 * US_PER_MS);
    CHECK_INT((int)shed.limit, SHED_FLOOR);
    CHECK(usual.us < 150 * US_PER_MS); /* the overload has not become the usual */
    CHECK_INT(fill(SHED_DECISION), 4);
    leave(4, 10 * US_PER_MS);
    CHECK_INT(fill(SHED_BULK), 2);
    leave(2, 10 * US_PER_MS);
    int windows = 0;
    while (shed.limit < 100 && windows < 1000) {
        run(1, 1000, 10 * US_PER_MS);
        windows++;
    }
    CHECK(windows < 50); /* back within 5 s */
    shed_done(&shed);
}

static void test_harmless_unevenness(void)
{
    start();
    run(50, 100, US_PER_MS);
    double before = shed.limit;
    run(50, 100, 20 * US_PER_MS); /* twenty times as slow, and still no harm */
    CHECK(shed.limit >= before);
    shed_done(&shed);
}

static void test_slow_but_not_many(void)
{
    start();
    run(50, 8, 10 * US_PER_MS);
    run(50, 8, 500 * US_PER_MS); /* a slow disk */
    CHECK_INT((int)shed.limit, SHED_START);
    shed_done(&shed);
}

int main(void)
{
    test_order_of_mercy();
    test_grows_when_used();
    test_shrinks_and_recovers();
    test_harmless_unevenness();
    test_slow_but_not_many();
    return check_end();
}
