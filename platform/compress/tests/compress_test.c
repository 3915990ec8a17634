#include "platform/compress/compress.h"

#include "base/arena.h"
#include "base/macros.h"
#include "base/tests/check.h"

static const char *const names[] = { "none", "gzip", "snappy", "lz4", "zstd" };
static unsigned seed = 3;

/* Text-like: shrinks, but not to nothing. */
static uint8_t *sample(size_t n)
{
    uint8_t *bytes = mem_alloc(n + 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(rand_r(&seed) % 4 || i < 40 ? 'a' + rand_r(&seed) % 4 : bytes[i - 40]);
    return bytes;
}

static void test_there_and_back(void)
{
    static const size_t sizes[] = { 0, 1, 100, 16 * 1024, 16 * 1024 + 1, 300000, 3 << 20 };
    struct compress_buffer small = { 0 }, back = { 0 };
    for (enum codec codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        for (size_t i = 0; i < COUNT(sizes); i++) {
            size_t n = sizes[i];
            uint8_t *bytes = sample(n);
            CHECK(compress_shrink(codec, bytes, n, &small));
            CHECK(codec == CODEC_NONE || n < 1000 || small.n < n);
            CHECK(compress_expand(codec, small.bytes, small.n, n, &back));
            CHECK(back.n == n && (!n || memcmp(back.bytes, bytes, n) == 0));
            CHECK(!n || !compress_expand(codec, small.bytes, small.n, n - 1, &back)); /* too much */
            CHECK(codec == CODEC_NONE || !small.n ||
                  !compress_expand(codec, small.bytes, small.n - 1, n, &back)); /* cut off */
            free(bytes);
        }
    compress_buffer_clear(&small);
    compress_buffer_clear(&back);
}

/* What would be a gigabyte is refused, and takes no more memory than is allowed. */
static void test_bombs(void)
{
    enum { SIZE = 64 << 20, MOST = 1 << 20 };
    uint8_t *zeros = mem_alloc(SIZE);
    struct compress_buffer small = { 0 }, back = { 0 };
    for (enum codec codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++) {
        CHECK(compress_shrink(codec, zeros, SIZE, &small));
        if (!CHECK(!compress_expand(codec, small.bytes, small.n, MOST, &back)))
            fprintf(stderr, "%s\n", names[codec]);
        CHECK(back.size <= MOST + 1);
    }
    static const uint8_t claims[] = { 0xff, 0xff, 0xff, 0xff, 0x0f, 0 }; /* snappy: 4 GB follow */
    CHECK(!compress_expand(CODEC_SNAPPY, claims, sizeof(claims), MOST, &back));
    CHECK(back.size <= MOST + 1);
    compress_buffer_clear(&small);
    compress_buffer_clear(&back);
    free(zeros);
}

/* Bytes turned at random: refused, or something within the bounds. */
static void test_noise(void)
{
    enum { SIZE = 3000, MOST = 10000 };
    struct compress_buffer small = { 0 }, back = { 0 };
    uint8_t *bytes = sample(SIZE);
    for (enum codec codec = CODEC_GZIP; codec <= CODEC_ZSTD; codec++)
        for (int i = 0; i < 2000; i++) {
            CHECK(compress_shrink(codec, bytes, SIZE, &small));
            for (int left = 1 + rand_r(&seed) % 4; left > 0; left--)
                small.bytes[(size_t)rand_r(&seed) % (i % 2 ? small.n : MIN(small.n, 24))] =
                    (uint8_t)rand_r(&seed);
            compress_expand(codec, small.bytes, small.n, MOST, &back);
            CHECK(back.size <= MOST + 1);
        }
    for (int i = 0; i < 20000; i++) {
        uint8_t noise[64];
        size_t n = (size_t)rand_r(&seed) % sizeof(noise);
        for (size_t k = 0; k < n; k++)
            noise[k] = (uint8_t)rand_r(&seed);
        compress_expand((enum codec)(i % 5), noise, n, MOST, &back);
    }
    free(bytes);
    compress_buffer_clear(&small);
    compress_buffer_clear(&back);
}

/* The Java library's frames: a header, then blocks behind their lengths. */
static void test_xerial(void)
{
    enum { BLOCK = 5000, BLOCKS = 3 };
    uint8_t *bytes = sample(BLOCK * BLOCKS),
            framed[BLOCK * BLOCKS * 2] = { 0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0,
                                           0,    0,   0,   1,   0,   0,   0,   1 };
    size_t n = 16;
    struct compress_buffer small = { 0 }, back = { 0 };
    for (size_t i = 0; i < BLOCKS; i++) {
        CHECK(compress_shrink(CODEC_SNAPPY, bytes + i * BLOCK, BLOCK, &small));
        framed[n] = framed[n + 1] = 0;
        framed[n + 2] = (uint8_t)(small.n >> 8), framed[n + 3] = (uint8_t)small.n;
        memcpy(framed + n + 4, small.bytes, small.n);
        n += 4 + small.n;
    }
    CHECK(compress_expand(CODEC_SNAPPY, framed, n, BLOCK * BLOCKS, &back));
    CHECK(back.n == BLOCK * BLOCKS && memcmp(back.bytes, bytes, back.n) == 0);
    CHECK(!compress_expand(CODEC_SNAPPY, framed, n - 1, BLOCK * BLOCKS, &back));
    CHECK(!compress_expand(CODEC_SNAPPY, framed, n, BLOCK * BLOCKS - 1, &back));
    CHECK(compress_expand(CODEC_SNAPPY, framed, 16, 10, &back) && back.n == 0);
    free(bytes);
    compress_buffer_clear(&small);
    compress_buffer_clear(&back);
}

/* Two gzip members one after the other are one text. */
static void test_members(void)
{
    struct compress_buffer one = { 0 }, back = { 0 };
    CHECK(compress_shrink(CODEC_GZIP, "abc", 3, &one));
    uint8_t two[200];
    REQUIRE(one.n * 2 <= sizeof(two));
    memcpy(two, one.bytes, one.n);
    memcpy(two + one.n, one.bytes, one.n);
    CHECK(compress_expand(CODEC_GZIP, two, one.n * 2, 6, &back));
    CHECK(back.n == 6 && memcmp(back.bytes, "abcabc", 6) == 0);
    compress_buffer_clear(&one);
    compress_buffer_clear(&back);
}

int main(void)
{
    test_there_and_back();
    test_bombs();
    test_noise();
    test_xerial();
    test_members();
    return check_end();
}
