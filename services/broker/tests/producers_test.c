#include "services/broker/producers.h"

#include "base/clock.h"
#include "base/tests/check.h"

#define ID 4711

static struct batch batch_of(int16_t epoch, int32_t first, int32_t count)
{
    return (struct batch){ .producer_id = ID,
                           .producer_epoch = epoch,
                           .first_sequence = first,
                           .count = count,
                           .last_delta = count - 1 };
}

static int64_t repeated_at;

static enum producer_verdict judge(const struct producers *producers, int16_t epoch, int32_t first,
                                   int32_t count)
{
    struct batch batch = batch_of(epoch, first, count);
    repeated_at = -1;
    return producers_judge(producers, &batch, &repeated_at);
}

static void claim(struct producers *producers, int16_t epoch, int32_t first, int32_t count)
{
    struct batch batch = batch_of(epoch, first, count);
    producers_claim(producers, &batch);
}

static void synced(struct producers *producers, int16_t epoch, int32_t first, int32_t count,
                   int64_t offset)
{
    struct batch batch = batch_of(epoch, first, count);
    batch.base_offset = offset;
    producers_synced(producers, &batch, clock_now_us() / US_PER_MS);
}

static void both(struct producers *producers, int16_t epoch, int32_t first, int32_t count,
                 int64_t offset)
{
    claim(producers, epoch, first, count);
    synced(producers, epoch, first, count, offset);
}

static void test_sequence(void)
{
    struct producers producers = { 0 };
    CHECK_INT(judge(&producers, 0, 0, 3), PRODUCER_NEXT);
    both(&producers, 0, 0, 3, 100);
    CHECK_INT(judge(&producers, 0, 3, 1), PRODUCER_NEXT);
    CHECK_INT(judge(&producers, 0, 4, 1), PRODUCER_GAP);
    CHECK_INT(judge(&producers, 0, 0, 3), PRODUCER_REPEATED);
    CHECK_INT(repeated_at, 100);
    CHECK_INT(judge(&producers, 0, 0, 2), PRODUCER_EARLIER); /* not the same batch */
    claim(&producers, 0, 3, 2);
    CHECK_INT(judge(&producers, 0, 3, 2), PRODUCER_EARLIER); /* under way */
    CHECK_INT(judge(&producers, 0, 5, 1), PRODUCER_NEXT);
    producers_clear(&producers);
}

static void test_remembers_five(void)
{
    struct producers producers = { 0 };
    for (int32_t i = 0; i < 7; i++)
        both(&producers, 0, i, 1, 10 + i);
    CHECK_INT(judge(&producers, 0, 1, 1), PRODUCER_EARLIER);
    for (int32_t i = 2; i < 7; i++) {
        CHECK_INT(judge(&producers, 0, i, 1), PRODUCER_REPEATED);
        CHECK_INT(repeated_at, 10 + i);
    }
    producers_clear(&producers);
}

static void test_epochs(void)
{
    struct producers producers = { 0 };
    both(&producers, 2, 0, 1, 0);
    CHECK_INT(judge(&producers, 1, 1, 1), PRODUCER_FENCED);
    CHECK_INT(judge(&producers, 3, 1, 1), PRODUCER_GAP);
    CHECK_INT(judge(&producers, 3, 0, 1), PRODUCER_NEXT);
    both(&producers, 3, 0, 1, 1);
    CHECK_INT(judge(&producers, 2, 1, 1), PRODUCER_FENCED);
    CHECK_INT(judge(&producers, 3, 0, 1), PRODUCER_REPEATED);
    CHECK_INT(repeated_at, 1);
    producers_clear(&producers);
}

static void test_wrap(void)
{
    struct producers producers = { 0 };
    both(&producers, 0, INT32_MAX - 1, 2, 0);
    CHECK_INT(judge(&producers, 0, 0, 1), PRODUCER_NEXT);
    both(&producers, 0, 0, 1, 2);
    CHECK_INT(judge(&producers, 0, INT32_MAX - 1, 2), PRODUCER_REPEATED);
    CHECK_INT(judge(&producers, 0, INT32_MAX - 5, 2), PRODUCER_EARLIER);
    CHECK_INT(judge(&producers, 0, 5, 2), PRODUCER_GAP);
    producers_clear(&producers);
}

/* After a failed write, what came behind it in the pipeline must not take its place. */
static void test_rewind(void)
{
    struct producers producers = { 0 };
    claim(&producers, 0, 0, 5);
    claim(&producers, 0, 5, 5);
    producers_rewind(&producers);
    CHECK_INT(judge(&producers, 0, 10, 5), PRODUCER_GAP);
    CHECK_INT(judge(&producers, 0, 5, 5), PRODUCER_GAP);
    CHECK_INT(judge(&producers, 0, 0, 5), PRODUCER_NEXT);
    both(&producers, 0, 0, 5, 0);
    claim(&producers, 1, 0, 5);
    producers_rewind(&producers);
    CHECK_INT(judge(&producers, 0, 5, 5), PRODUCER_NEXT);
    producers_clear(&producers);
}

static void test_file(void)
{
    struct producers producers = { 0 }, again = { 0 };
    int64_t now_ms = clock_now_us() / US_PER_MS;
    for (int32_t i = 0; i < 7; i++)
        both(&producers, 4, i * 2, 2, i * 2);
    struct writer out = { 0 };
    producers_write(&producers, now_ms, &out);
    struct reader in = reader_of(out.bytes, out.len);
    REQUIRE(producers_read(&again, &in));
    CHECK(reader_left(&in) == 0);
    CHECK_INT(judge(&again, 4, 12, 2), PRODUCER_REPEATED);
    CHECK_INT(repeated_at, 12);
    CHECK_INT(judge(&again, 4, 14, 2), PRODUCER_NEXT);
    for (size_t n = 0; n < out.len; n++) {
        struct producers cut = { 0 };
        in = reader_of(out.bytes, n);
        CHECK(!producers_read(&cut, &in));
        producers_clear(&cut);
    }
    writer_clear(&out);
    producers_write(&producers, now_ms + PRODUCER_KEEP_MS + 1000, &out);
    CHECK_INT(producers.by_id.n, 0); /* long silent: forgotten */
    writer_clear(&out);
    producers_clear(&producers);
    producers_clear(&again);
}

int main(void)
{
    test_sequence();
    test_remembers_five();
    test_epochs();
    test_wrap();
    test_rewind();
    test_file();
    return check_end();
}
