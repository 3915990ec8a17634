/* How often somebody may ask: so many requests a minute, all of them at once or spread (the generic cell rate algorithm:
 * one moment is kept for each). In memory, of fixed size: who is new takes the place of who has been quiet for longest.
 * Each instance counts by itself. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define LIMITS_PLACES 16384 /* of 24 bytes, of which only those in use are in memory */
#define LIMITS_WINDOW_S 60

struct limits;

/* `a_minute` 0: NULL, and nobody is limited. */
struct limits *limits_new(int64_t a_minute);
void limits_free(struct limits *limits); /* NULL-safe */

struct limit_state {
    int64_t quota, left;     /* requests */
    int64_t wait_s,
        whole_s; /* until one more is let in, 0 when it is now; until all of the quota is there again */
};

/* Counts one of `who`; false when it is one too many. */
bool limits_take(struct limits *limits, struct str who, int64_t now_us);
struct limit_state limits_look(struct limits *limits, struct str who, int64_t now_us);
