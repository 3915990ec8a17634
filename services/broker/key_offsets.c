#include "services/broker/key_offsets.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "base/id.h"

#define LEAST_SLOTS 64

void key_offsets_init(struct key_offsets *keys, size_t most_bytes)
{
    *keys = (struct key_offsets){ .most = LEAST_SLOTS };
    id_random(keys->secret, sizeof(keys->secret));
    /* While it grows, the old table of half the size is there too. */
    while (keys->most * 3 * sizeof(struct key_slot) <= most_bytes)
        keys->most *= 2;
}

void key_offsets_clear(struct key_offsets *keys)
{
    free(keys->slots);
    keys->slots = NULL;
    keys->n = keys->size = 0;
}

/* Where the hash is, or the free slot where it would go. The table is never full. */
static struct key_slot *find(const struct key_offsets *keys, const uint64_t hash[2])
{
    size_t at = hash[0] & (keys->size - 1);
    while (keys->slots[at].place &&
           (keys->slots[at].hash[0] != hash[0] || keys->slots[at].hash[1] != hash[1]))
        at = (at + 1) & (keys->size - 1);
    return &keys->slots[at];
}

static void grow(struct key_offsets *keys)
{
    struct key_offsets old = *keys;
    keys->size = old.size ? old.size * 2 : LEAST_SLOTS;
    keys->slots = mem_alloc(keys->size * sizeof(struct key_slot));
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].place)
            *find(keys, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

bool key_offsets_put(struct key_offsets *keys, struct str key, int64_t offset)
{
    uint64_t hash[2];
    hash_sip128(keys->secret, key.ptr, key.len, (uint8_t *)hash);
    if ((keys->n + 1) * 4 > keys->size * 3 && keys->size < keys->most)
        grow(keys);
    struct key_slot *slot = find(keys, hash);
    if (!slot->place && (keys->n + 1) * 4 > keys->size * 3)
        return false;
    keys->n += !slot->place;
    memcpy(slot->hash, hash, sizeof(hash));
    slot->place = MAX(slot->place, offset + 1);
    return true;
}

int64_t key_offsets_get(const struct key_offsets *keys, struct str key)
{
    uint64_t hash[2];
    if (!keys->n)
        return -1;
    hash_sip128(keys->secret, key.ptr, key.len, (uint8_t *)hash);
    return find(keys, hash)->place - 1;
}
