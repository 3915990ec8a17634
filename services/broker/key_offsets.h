/* The last offset of each key, in bounded memory. Keys are told apart by a hash of 128 bits under a
 * secret of its own: two that are not the same are taken for one with a chance of n * n / 2^129,
 * and nobody can make such keys on purpose. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct key_slot {
    uint64_t hash[2];
    int64_t place; /* offset + 1; 0: free */
};

struct key_offsets {
    uint8_t secret[16];
    struct key_slot *slots;
    size_t n, size, most; /* sizes: 0 or a power of two */
};

/* At most so many bytes, the time of growing included. */
void key_offsets_init(struct key_offsets *keys, size_t most_bytes);
void key_offsets_clear(struct key_offsets *keys); /* frees */

/* False: it is full, and the key is not in it. An offset is only replaced by a later one. */
bool key_offsets_put(struct key_offsets *keys, struct str key, int64_t offset);
int64_t key_offsets_get(const struct key_offsets *keys, struct str key); /* -1: none */
