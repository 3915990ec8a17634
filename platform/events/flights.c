#include "platform/events/flights.h"

#include <stdlib.h>

#include "base/arena.h"

static size_t slot_of(const struct flights *flights, int64_t seq)
{
    size_t mask = flights->cap - 1, slot = ((uint64_t)seq * 0x9E3779B97F4A7C15u >> 32) & mask;
    while (flights->slots[slot] && flights->slots[slot] != seq)
        slot = (slot + 1) & mask;
    return slot;
}

static void rebuild(struct flights *flights, size_t cap, const int64_t *keep, size_t n)
{
    int64_t *old = flights->slots;
    flights->slots = mem_alloc(cap * sizeof *flights->slots);
    flights->cap = cap;
    flights->n = 0;
    for (size_t i = 0; i < n; i++)
        if (keep[i]) {
            flights->slots[slot_of(flights, keep[i])] = keep[i];
            flights->n++;
        }
    free(old);
}

void flights_free(struct flights *flights)
{
    free(flights->slots);
    free(flights->landed);
    *flights = (struct flights){ 0 };
}

bool flights_has(const struct flights *flights, int64_t seq)
{
    return flights->n && flights->slots[slot_of(flights, seq)] == seq;
}

void flights_start(struct flights *flights, int64_t seq)
{
    if (!flights->cap)
        rebuild(flights, 64, NULL, 0);
    else if (2 * (flights->n + 1) > flights->cap)
        rebuild(flights, 2 * flights->cap, flights->slots, flights->cap);
    flights->slots[slot_of(flights, seq)] = seq;
    flights->n++;
}

void flights_land(struct flights *flights, int64_t seq, int64_t now_us)
{
    if (flights->n_landed == 0)
        flights->landed_us = now_us;
    if (flights->n_landed == flights->cap_landed) {
        flights->cap_landed = flights->cap_landed ? 2 * flights->cap_landed : 64;
        flights->landed =
            mem_realloc(flights->landed, flights->cap_landed * sizeof *flights->landed);
    }
    flights->landed[flights->n_landed++] = seq;
}

void flights_list(const struct flights *flights, int64_t *out)
{
    for (size_t i = 0; i < flights->cap; i++)
        if (flights->slots[i])
            *out++ = flights->slots[i];
}

/* What is left goes into a fresh table: simpler than holes in the old one, and it is done once for many. */
void flights_clear_landed(struct flights *flights)
{
    int64_t *left = mem_alloc((flights->n + 1) * sizeof *left);
    size_t n = 0;
    for (size_t i = 0; i < flights->n_landed; i++)
        flights->slots[slot_of(flights, flights->landed[i])] *= -1;
    for (size_t i = 0; i < flights->cap; i++)
        if (flights->slots[i] > 0)
            left[n++] = flights->slots[i];
    flights->n_landed = 0;
    rebuild(flights, flights->cap, left, n);
    free(left);
}

void flights_ground(struct flights *flights)
{
    if (flights->cap)
        rebuild(flights, flights->cap, flights->landed, flights->n_landed);
}
