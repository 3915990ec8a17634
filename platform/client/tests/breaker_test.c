/* The breaker and the retry budget, moment by moment. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/client/breaker.h"

#define START (1000 * US_PER_S)

static void record(struct breaker *breaker, int64_t now_us, int good, int bad)
{
    for (int i = 0; i < good; i++)
        breaker_record(breaker, now_us, true, 0);
    for (int i = 0; i < bad; i++)
        breaker_record(breaker, now_us, false, 0);
}

static void test_opens_at_half(void)
{
    struct breaker breaker = { 0 };
    record(&breaker, START, 0, 19);
    CHECK_INT(breaker.state, BREAKER_CLOSED); /* too few to tell */
    record(&breaker, START, 0, 1);
    CHECK_INT(breaker.state, BREAKER_OPEN);

    struct breaker half = { 0 };
    record(&half, START, 11, 10);
    CHECK_INT(half.state, BREAKER_CLOSED); /* 10 of 21 */
    record(&half, START, 0, 1);
    CHECK_INT(half.state, BREAKER_OPEN); /* 11 of 22 */

    struct breaker busy = { 0 };
    record(&busy, START, 1000, 0);
    for (int i = 0; i < 999; i++)
        record(&busy, START, i % 19 == 18, 1);
    CHECK_INT(busy.state, BREAKER_CLOSED);
}

/* A window full of good calls does not hide a peer that hangs. */
static void test_opens_at_a_row(void)
{
    struct breaker breaker = { 0 };
    record(&breaker, START, 5000, 19);
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    record(&breaker, START, 1, 19);
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    record(&breaker, START + BREAKER_ROW_US - 1, 0, 100); /* all at once: a pause of the machine */
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    record(&breaker, START + BREAKER_ROW_US, 0, 1);
    CHECK_INT(breaker.state, BREAKER_OPEN);
}

static void test_window_slides(void)
{
    struct breaker breaker = { 0 };
    record(&breaker, START, 0, 15);
    record(&breaker, START + 9 * US_PER_S, 1, 3);
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    record(&breaker, START + 10 * US_PER_S, 0, 1); /* the first 15 are out */
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    record(&breaker, START + 10 * US_PER_S, 0, 15);
    CHECK_INT(breaker.state, BREAKER_OPEN);
}

static void open_it(struct breaker *breaker, int64_t now_us)
{
    *breaker = (struct breaker){ 0 };
    record(breaker, now_us, 0, 20);
    CHECK_INT(breaker->state, BREAKER_OPEN);
}

static void test_probes(void)
{
    struct breaker breaker;
    open_it(&breaker, START);
    CHECK(!breaker_allows(&breaker, START));
    CHECK(!breaker_allows(&breaker, START + 5 * US_PER_S - 1));
    int64_t later_us = START + 5 * US_PER_S;
    for (int i = 0; i < 3; i++)
        CHECK(breaker_allows(&breaker, later_us));
    CHECK_INT(breaker.state, BREAKER_HALF_OPEN);
    CHECK(!breaker_allows(&breaker, later_us)); /* three at a time */
    record(&breaker, later_us, 2, 0);
    CHECK_INT(breaker.state, BREAKER_HALF_OPEN);
    CHECK(!breaker_allows(&breaker, later_us));
    record(&breaker, later_us, 1, 0);
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    CHECK(breaker_allows(&breaker, later_us));
    record(&breaker, later_us, 0, 19); /* it starts with an empty window */
    CHECK_INT(breaker.state, BREAKER_CLOSED);
}

static void test_probe_that_says_nothing(void)
{
    struct breaker breaker;
    open_it(&breaker, START);
    int64_t later_us = START + 6 * US_PER_S;
    for (int i = 0; i < 3; i++)
        CHECK(breaker_allows(&breaker, later_us));
    CHECK(!breaker_allows(&breaker, later_us));
    breaker_forget(&breaker);
    CHECK(breaker_allows(&breaker, later_us));
    record(&breaker, later_us, 3, 0);
    CHECK_INT(breaker.state, BREAKER_CLOSED);
}

static void test_doubles(void)
{
    static const int64_t seconds[] = { 5, 10, 20, 40, 60, 60 };
    struct breaker breaker;
    int64_t now_us = START;
    open_it(&breaker, now_us);
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        CHECK(!breaker_allows(&breaker, now_us + seconds[i] * US_PER_S - 1));
        now_us += seconds[i] * US_PER_S;
        CHECK(breaker_allows(&breaker, now_us));
        breaker_record(&breaker, now_us, false, 0); /* one bad probe is enough */
        CHECK_INT(breaker.state, BREAKER_OPEN);
    }
    now_us += 60 * US_PER_S;
    for (int i = 0; i < 3; i++) {
        CHECK(breaker_allows(&breaker, now_us));
        breaker_record(&breaker, now_us, true, 0);
    }
    CHECK_INT(breaker.state, BREAKER_CLOSED);
    record(&breaker, now_us, 0, 20); /* and the next time it begins with 5 s again */
    CHECK(breaker_allows(&breaker, now_us + 5 * US_PER_S));
}

/* Where trying is cheap it stays short, also after it has closed once. */
static void test_doubles_no_further_than_told(void)
{
    struct breaker breaker = { .open_most_us = 7 * US_PER_S };
    int64_t now_us = START;
    for (int round = 0; round < 2; round++) {
        record(&breaker, now_us, 0, 20);
        now_us += 5 * US_PER_S;
        for (int i = 0; i < 5; i++, now_us += 7 * US_PER_S) {
            CHECK(breaker_allows(&breaker, now_us));
            record(&breaker, now_us, 0, 1);
            CHECK(!breaker_allows(&breaker, now_us + 7 * US_PER_S - 1));
        }
        for (int i = 0; i < 3; i++) {
            CHECK(breaker_allows(&breaker, now_us));
            record(&breaker, now_us, 1, 0);
        }
        CHECK_INT(breaker.state, BREAKER_CLOSED);
    }
}

static void test_jitter(void)
{
    struct breaker breaker = { 0 };
    for (int i = 0; i < 20; i++)
        breaker_record(&breaker, START, false, 0.5);
    CHECK_INT(breaker.until_us, START + 5500 * US_PER_MS);
}

static void test_late_answers(void)
{
    struct breaker breaker;
    open_it(&breaker, START);
    record(&breaker, START + 1, 5, 5); /* calls that were under way when it opened */
    CHECK_INT(breaker.state, BREAKER_OPEN);
    CHECK_INT(breaker.until_us, START + 5 * US_PER_S);
}

static void test_retry_budget(void)
{
    struct retry_budget budget = { 0 };
    int taken = 0;
    for (int i = 0; i < 10; i++) {
        retry_budget_call(&budget, START);
        taken += retry_budget_take(&budget, START);
    }
    CHECK_INT(taken, 4); /* three for the second, and a tenth of ten calls */
    taken = 0;
    for (int ms = 0; ms < 10000; ms++) { /* 1,000 calls a second that all fail, for 10 s */
        retry_budget_call(&budget, START + ms * US_PER_MS);
        taken += retry_budget_take(&budget, START + ms * US_PER_MS);
    }
    CHECK(taken >= 1025 && taken <= 1035);
    struct retry_budget quiet = { 0 };
    retry_budget_call(&quiet, START);
    retry_budget_call(&quiet, START + 3600 * US_PER_S);
    CHECK(quiet.tokens <= 10); /* an hour of quiet does not buy a storm */
}

int main(void)
{
    test_opens_at_half();
    test_opens_at_a_row();
    test_window_slides();
    test_probes();
    test_probe_that_says_nothing();
    test_doubles();
    test_doubles_no_further_than_told();
    test_jitter();
    test_late_answers();
    test_retry_budget();
    return check_end();
}
