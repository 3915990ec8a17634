/* How much something was looked at and bought of late: each event weighs less as it ages, by half in two weeks. What is kept
 * is a sum of which events may come in any order. Pure. */
#pragma once

#include <stdint.h>

#define POPULARITY_VIEWED 1.0
#define POPULARITY_ORDERED 5.0

/* What an event of this weight at this time adds to a sum. */
double popularity_of(double weight, int64_t at_us);

/* A sum as a level for a column: 0 for none; higher for more. */
uint32_t popularity_level(double sum);

/* What a level is worth now: from 0 to 1. */
double popularity_now(uint32_t level, int64_t now_us);

#define POPULARITY_LEVELS 4096 /* levels are below this for some hundred years */
