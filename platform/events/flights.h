/* Rows of the outbox that were handed to the producer, by number: which of them are under way, and which the log has
 * acknowledged but are not forgotten yet. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flights {
    int64_t *slots; /* open addressing; 0: free (numbers start at 1) */
    size_t cap, n;  /* n: under way or acknowledged */
    int64_t *landed;
    size_t n_landed, cap_landed;
    int64_t landed_us; /* monotonic: when the first of them landed */
};

void flights_free(struct flights *flights);
bool flights_has(const struct flights *flights, int64_t seq);
void flights_start(struct flights *flights, int64_t seq);
void flights_land(struct flights *flights, int64_t seq, int64_t now_us);

/* Forgets those that landed, once they are deleted. */
void flights_clear_landed(struct flights *flights);

/* Forgets those under way: their producer is gone. Those that landed stay. */
void flights_ground(struct flights *flights);

/* All of them (n), into `out`. */
void flights_list(const struct flights *flights, int64_t *out);

static inline size_t flights_under_way(const struct flights *flights)
{
    return flights->n - flights->n_landed;
}
