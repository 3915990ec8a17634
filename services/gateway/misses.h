/* Slugs that content did not know a moment ago, so that asking for what is not there costs content little. In memory,
 * of fixed size; newer misses push out older ones. Thread-safe. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define MISSES_S                                                                                   \
    2 /* how long one is remembered: a page that is published now must not stay away for long */

struct misses;

struct misses *misses_new(void);
void misses_free(struct misses *misses); /* NULL-safe */

void misses_note(struct misses *misses, struct str slug, struct str locale, int64_t now_us);
bool misses_has(const struct misses *misses, struct str slug, struct str locale, int64_t now_us);
