#include "services/broker/batch.h"

#include "base/hash.h"
#include "base/macros.h"
#include "base/tests/check.h"
#include "services/broker/wire.h"

static struct writer sample(void)
{
    struct writer out = { 0 };
    batch_write(&out, 1700000000000, "value", 5);
    return out;
}

static void seal(struct writer *batch)
{
    store_be32(batch->bytes + 17, hash_crc32c(0, batch->bytes + 21, batch->len - 21));
}

static enum kafka_error accept(const struct writer *batch)
{
    struct batch out;
    return batch_accept(batch->bytes, batch->len, 1000, INT64_MAX, &out);
}

static void test_accept(void)
{
    struct writer batch = sample();
    struct batch out;
    CHECK_INT(batch_accept(batch.bytes, batch.len, 1000, INT64_MAX, &out), KAFKA_NONE);
    CHECK_INT(out.count, 1);
    CHECK_INT(out.max_time_ms, 1700000000000);
    CHECK_INT(out.producer_id, -1);
    CHECK_STR(batch_value(batch.bytes, &out), "value");
    CHECK_INT(batch_accept(batch.bytes, batch.len, batch.len - 1, INT64_MAX, &out),
              KAFKA_MESSAGE_TOO_LARGE);
    batch_place(batch.bytes, 1234567890123);
    CHECK_INT(accept(&batch), KAFKA_NONE);
    CHECK(batch_read(batch.bytes, batch.len, &out) && out.base_offset == 1234567890123);
    writer_clear(&batch);
}

/* Cut anywhere, or with any bit turned outside what the broker itself sets, it is refused. */
static void test_damage(void)
{
    struct writer batch = sample();
    struct batch out;
    for (size_t n = 0; n < batch.len; n++)
        CHECK(batch_accept(batch.bytes, n, 1000, INT64_MAX, &out) != KAFKA_NONE);
    for (size_t bit = 0; bit < batch.len * 8; bit++) {
        if (bit < 64 || (bit >= 96 && bit < 128))
            continue; /* base offset and leader epoch */
        batch.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(accept(&batch) != KAFKA_NONE);
        batch.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    writer_clear(&batch);
}

/* Of a batch whose header says less than its record. */
static void test_future(void)
{
    struct writer batch = sample();
    struct batch out;
    CHECK_INT(batch_accept(batch.bytes, batch.len, 1000, 1699999999999, &out),
              KAFKA_INVALID_TIMESTAMP);
    CHECK_INT(batch_accept(batch.bytes, batch.len, 1000, 1700000000000, &out), KAFKA_NONE);
    batch.bytes[BATCH_HEADER_BYTES + 2] = 2; /* its time: one more than the base */
    seal(&batch);
    CHECK_INT(batch_accept(batch.bytes, batch.len, 1000, 1700000000000, &out),
              KAFKA_INVALID_TIMESTAMP);
    CHECK_INT(batch_accept(batch.bytes, batch.len, 1000, 1700000000001, &out), KAFKA_NONE);
    writer_clear(&batch);
}

/* What is whole but says what cannot be. */
static void test_lies(void)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
        enum kafka_error wanted;
    } lies[] = {
        { "an older format", 16, 1, KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT },
        { "a later format", 16, 3, KAFKA_CORRUPT_MESSAGE },
        { "a control batch", 22, 0x20, KAFKA_INVALID_RECORD },
        { "a transaction", 22, 0x10, KAFKA_INVALID_RECORD },
        { "the time of appending", 22, 0x08, KAFKA_INVALID_TIMESTAMP },
        { "a last offset without a record", 26, 1, KAFKA_INVALID_RECORD },
        { "a count of 2", 60, 2, KAFKA_INVALID_RECORD },
        { "no records", 60, 0, KAFKA_INVALID_RECORD },
        { "a record longer than the batch", 61, 0x60, KAFKA_INVALID_RECORD },
        { "a record of another offset", 64, 2, KAFKA_INVALID_RECORD },
        { "headers that are not there", 72, 2, KAFKA_INVALID_RECORD },
        { "a negative time", 35, 0xff, KAFKA_INVALID_TIMESTAMP },
    };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct writer batch = sample();
        batch.bytes[lies[i].at] = lies[i].value;
        seal(&batch);
        if (!CHECK_INT(accept(&batch), lies[i].wanted))
            fprintf(stderr, "  (%s)\n", lies[i].what);
        writer_clear(&batch);
    }
}

static void test_producer_fields(void)
{
    struct writer batch = sample();
    store_be64(batch.bytes + 43, 99); /* an id without epoch and sequence */
    seal(&batch);
    CHECK_INT(accept(&batch), KAFKA_INVALID_RECORD);
    batch.bytes[51] = 0, batch.bytes[52] = 3;
    store_be32(batch.bytes + 53, 7);
    seal(&batch);
    struct batch out;
    CHECK_INT(batch_accept(batch.bytes, batch.len, 1000, INT64_MAX, &out), KAFKA_NONE);
    CHECK(out.producer_id == 99 && out.producer_epoch == 3 && out.first_sequence == 7);
    writer_clear(&batch);
}

static void test_find_time(void)
{
    struct writer bytes = sample();
    struct batch batch;
    int64_t offset = -1, found = -1;
    batch_place(bytes.bytes, 41);
    REQUIRE(batch_read(bytes.bytes, bytes.len, &batch));
    CHECK(!batch_find_time(bytes.bytes, &batch, 1700000000001, &offset, &found));
    CHECK(batch_find_time(bytes.bytes, &batch, 1700000000000, &offset, &found));
    CHECK(offset == 41 && found == 1700000000000);
    writer_clear(&bytes);
}

/* Compressed records whose offsets lie beyond their batch: none of them is told. */
static void test_find_time_in_lies(void)
{
    static const uint8_t lies[] =
        "\x00\x00\x00\x00\x00\x00\x24\x00\x00\x00\x00\x3a\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00"
        "\x02\x00\x00\x00\x01\x00\x04\x01\x47\x20\x61\x6e\x64\x20\xff\xff\xff\xff\xff\xff\xff\xff"
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x08\x04\x00\x00\x00\x02\x60\x60\x60\x61\x73"
        "\x1d\x00\x00\x02\x00\xce\x00\x00\x00\x00\x00\x80\x00\x00\x04\x00\x00\x00\x02\x00\xf7\x64"
        "\x60\x2c\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60\x60"
        "\x60\x60\x60\x91\x60\x60\x60\x60\x60\x60\x60\x60\xce\x00\x00\x00\x00\x00\x80\x00\x00\x04"
        "\x00\x60\x60\x60\x82\x53\x4e\x41\x50\x50\x59\x00\x00\x00\x00\x00\x00\x00\x3a\x00\x00\x00"
        "\x00";
    uint8_t bytes[sizeof(lies) - 1];
    struct batch batch;
    int64_t offset = -1, found = -1;
    memcpy(bytes, lies, sizeof(bytes));
    store_be32(bytes + BATCH_LENGTH_AT, (uint32_t)sizeof(bytes) - BATCH_PREFIX_BYTES);
    store_be32(bytes + 17, hash_crc32c(0, bytes + 21, sizeof(bytes) - 21));
    REQUIRE(batch_accept(bytes, sizeof(bytes), sizeof(bytes), INT64_MAX, &batch) == KAFKA_NONE);
    batch_place(bytes, 7);
    REQUIRE(batch_read(bytes, sizeof(bytes), &batch));
    const int64_t times[] = { INT64_MIN, -1, 0, batch.base_time_ms, batch.max_time_ms };
    for (size_t i = 0; i < COUNT(times); i++)
        if (batch_find_time(bytes, &batch, times[i], &offset, &found))
            CHECK(offset >= batch.base_offset && offset <= batch_last_offset(&batch));
}

/* Random bytes behind a header that claims to be right: the walk over the records stays inside
 * (sanitizers). */
static void test_noise(void)
{
    unsigned seed = 3;
    for (int round = 0; round < 20000; round++) {
        struct writer batch = sample();
        for (size_t i = BATCH_HEADER_BYTES; i < batch.len; i++)
            if (rand_r(&seed) % 4 == 0)
                batch.bytes[i] = (uint8_t)rand_r(&seed);
        batch.bytes[60] = (uint8_t)(rand_r(&seed) % 4);
        batch.bytes[26] = (uint8_t)(batch.bytes[60] - 1);
        seal(&batch);
        accept(&batch);
        writer_clear(&batch);
    }
}

int main(void)
{
    test_accept();
    test_damage();
    test_future();
    test_lies();
    test_producer_fields();
    test_find_time();
    test_find_time_in_lies();
    test_noise();
    return check_end();
}
