#include "services/broker/wire.h"

#include "base/tests/check.h"

static void test_round_trip(void)
{
    struct writer out = { 0 };
    put_i8(&out, -5);
    put_i16(&out, INT16_MIN);
    put_i32(&out, INT32_MIN);
    put_i64(&out, INT64_MIN);
    put_bool(&out, true);
    put_uvarint(&out, 300);
    put_string(&out, STR("abc"));
    put_string(&out, (struct str){ NULL, 0 });
    put_bytes(&out, STR(""));
    size_t place = put_later32(&out);
    set_later32(&out, place, 77);
    struct reader in = reader_of(out.bytes, out.len);
    CHECK_INT(get_i8(&in), -5);
    CHECK_INT(get_i16(&in), INT16_MIN);
    CHECK_INT(get_i32(&in), INT32_MIN);
    CHECK_INT(get_i64(&in), INT64_MIN);
    CHECK(get_bool(&in));
    CHECK_INT(get_uvarint(&in), 300);
    CHECK_STR(get_string(&in), "abc");
    CHECK(get_string(&in).ptr == NULL);
    CHECK_STR(get_bytes(&in), "");
    CHECK_INT(get_i32(&in), 77);
    CHECK(!in.bad && reader_left(&in) == 0);
    writer_clear(&out);
}

static void read_everything(struct reader in)
{
    get_i8(&in);
    get_string(&in);
    for (int32_t n = get_elements(&in, 1); n > 0 && !in.bad; n--)
        get_bytes(&in);
    get_compact_string(&in);
    get_tags(&in);
    get_varint(&in);
    get_varlong(&in);
    get_i64(&in);
}

/* Whatever the bytes are and wherever they end, nothing outside of them is read (the sanitizers
 * look). */
static void test_bounds(void)
{
    unsigned seed = 7;
    for (int round = 0; round < 20000; round++) {
        size_t n = (size_t)rand_r(&seed) % 40;
        uint8_t *bytes = malloc(n + 1);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(rand_r(&seed) % 3 ? rand_r(&seed) % 4 : rand_r(&seed));
        uint8_t *exact = realloc(bytes, n ? n : 1);
        read_everything(reader_of(exact, n));
        free(exact);
    }
    struct reader in = reader_of("\x00", 1);
    CHECK_INT(get_i64(&in), 0);
    CHECK(in.bad);
    CHECK_INT(get_i8(&in), 0); /* once bad, always bad */
}

static void test_counts(void)
{
    struct reader in = reader_of("\x00\x00\x00\x03"
                                 "abc",
                                 7);
    CHECK_INT(get_count(&in, 1), 3);
    in = reader_of("\x00\x00\x00\x04"
                   "abc",
                   7);
    CHECK_INT(get_count(&in, 1), 0);
    CHECK(in.bad);
    in = reader_of("\xff\xff\xff\xff", 4);
    CHECK_INT(get_count(&in, 1), -1);
    in = reader_of("\xff\xff\xff\xff", 4);
    CHECK_INT(get_elements(&in, 1), 0);
    in = reader_of("\xff\xff\xff\xfe", 4);
    get_count(&in, 1);
    CHECK(in.bad);
}

static void test_varints(void)
{
    static const struct {
        const char *bytes;
        int64_t value;
    } numbers[] = {
        { "\x00", 0 },          { "\x01", -1 },
        { "\x02", 1 },          { "\xfe\xff\xff\xff\x0f", INT32_MAX },
        { "\x80\x01", 64 },     { "\xff\xff\xff\xff\x0f", INT32_MIN },
    };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct reader in = reader_of(numbers[i].bytes, strlen(numbers[i].bytes) + !i);
        CHECK_INT(get_varint(&in), numbers[i].value);
        CHECK(!in.bad);
    }
    struct reader in = reader_of("\xff\xff\xff\xff\xff\xff", 6);
    get_varint(&in);
    CHECK(in.bad);
    in = reader_of("\xff\xff\xff\xff\x1f", 5); /* 33 bits */
    get_varint(&in);
    CHECK(in.bad);
}

static void test_long_string(void)
{
    struct writer out = { 0 };
    char *text = calloc(1, 40000);
    put_string(&out, (struct str){ text, 40000 });
    CHECK(out.bad);
    free(text);
    writer_clear(&out);
}

/* It stays within its limit, whatever is put, and says so. */
static void test_too_much(void)
{
    struct writer out = { 0 };
    size_t n = 1 << 20, place = 0;
    uint8_t *much = calloc(1, n);
    for (size_t written = 0; written <= WRITER_BYTES_MOST && CHECK(!out.bad || out.len < n * 3);) {
        place = put_later32(&out);
        put_raw(&out, much, n);
        written += n + 4;
    }
    CHECK(out.bad && out.size <= WRITER_BYTES_MOST * 2);
    set_later32(&out, place, 1);
    writer_clear(&out);
    free(much);
}

int main(void)
{
    test_too_much();
    test_round_trip();
    test_bounds();
    test_counts();
    test_varints();
    test_long_string();
    return check_end();
}
