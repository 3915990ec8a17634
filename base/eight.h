/* Eight bytes of text at a time: where in them something stands. A mark is 0x80 in the place of each byte that is meant; no
 * byte's answer depends on its neighbours. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define EIGHT_TIMES(byte) ((byte) * 0x0101010101010101ull)
#define EIGHT_MARKS EIGHT_TIMES(0x80ull)

static inline uint64_t eight_load(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Those of at most `most`, which is below 0x80. */
static inline uint64_t eight_at_most(uint64_t bytes, unsigned char most)
{
    uint64_t above = (bytes & ~EIGHT_MARKS) + EIGHT_TIMES(0x7full - most);
    return ~(above | bytes) & EIGHT_MARKS;
}

/* Those that are `c`, which is below 0x80. */
static inline uint64_t eight_equal(uint64_t bytes, unsigned char c)
{
    return eight_at_most(bytes ^ EIGHT_TIMES((uint64_t)c), 0);
}

/* Which byte the first of the marks is at, in the order of memory; there is one. */
static inline size_t eight_first(uint64_t marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(marks) / 8;
#else
    return (size_t)__builtin_clzll(marks) / 8;
#endif
}
