/* Sixteen bytes of text at a time: where in them something stands. They are compared as numbers (`bytes == '<'`, `bytes < ' '`),
 * which marks those that are meant with 0xff, the others with 0. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t sixteen __attribute__((vector_size(16)));

static inline sixteen sixteen_load(const char *at)
{
    sixteen bytes;
    memcpy(&bytes, at, sizeof bytes);
    return bytes;
}

/* Which byte of eight the first mark is at, in the order of memory; there is one. */
static inline size_t sixteen_first_of_half(uint64_t marks)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(marks) / 8;
#else
    return (size_t)__builtin_clzll(marks) / 8;
#endif
}

/* Which byte the first of the marks is at; 16: there is none. */
static inline size_t sixteen_first(sixteen marks)
{
    uint64_t halves[2];
    memcpy(halves, &marks, sizeof halves);
    return halves[0]   ? sixteen_first_of_half(halves[0])
           : halves[1] ? 8 + sixteen_first_of_half(halves[1])
                       : 16;
}
