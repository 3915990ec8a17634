/* Time. Moments are int64 microseconds since 1970 in UTC; text is RFC 3339. Tests can hold the wall clock still. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define US_PER_MS 1000LL
#define US_PER_S 1000000LL
#define US_PER_DAY (86400 * US_PER_S)

int64_t clock_now_us(void);  /* wall clock */
int64_t clock_mono_us(void); /* monotonic, for deadlines and durations */
int64_t clock_mono_ns(void);

/* Holds clock_now_us() at `us` until it is set to 0. For tests. */
void clock_hold_us(int64_t us);

#define CLOCK_TEXT_BYTES 28 /* 2026-01-31T12:00:00.000000Z and NUL */

/* "2026-01-31T12:00:00Z", with .mmm or .mmmmmm where it is not 0. Gives the length. Years 0001 to 9999. */
size_t clock_format(int64_t us, char out[CLOCK_TEXT_BYTES]);

/* RFC 3339 section 5.6 with any offset, and a plain date ("2026-01-31", midnight UTC) where `date_too`.
 * False, *out untouched, on anything else (leap seconds count as the second before). */
bool clock_parse(struct str text, bool date_too, int64_t *out);

/* Days since 1970-01-01 of a civil date (proleptic Gregorian), and back. */
int64_t clock_days(int year, int month, int day);
void clock_civil(int64_t days, int *year, int *month, int *day);
