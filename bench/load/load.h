/* What the load makers of `./dev bench broker` share: options, the records' bytes, and one line of
 * JSON that tells what came of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/macros.h"

/* Sent as fast as the server takes them; with a rate by the clock, and read back meanwhile. Ends after
 * so many records or seconds. */
struct load {
    const char *topic; /* exists */
    int64_t port;      /* of the loopback */
    int64_t records, milliseconds; /* 0: without this end */
    int64_t bytes, producers, partitions;
    int64_t rate;         /* bytes a second; 0: as fast as it goes */
    int64_t ahead, batch; /* what each maker means by it; 0: its default */
};

/* PORT TOPIC [--records N] ...; anything else ends the program. */
struct load load_options(int argc, char **argv);

/* Runs all producers, each on a thread of its own. */
void load_run(const struct load *load, void (*produce)(const struct load *load, int64_t i));

/* Whether a producer goes on after its first `n` records. */
bool load_goes_on(const struct load *load, int64_t n);

/* Microseconds until record `i` of a producer is due; always 0 without a rate. */
int64_t load_due_us(const struct load *load, int64_t i);

/* A producer is at its end: all its `n` records are acknowledged. */
void load_acked(int64_t n);

/* With a rate the beginning of a record's value holds when it was due, so that what waits in the load
 * maker is in its latency; needs LOAD_STAMP_BYTES. */
#define LOAD_STAMP_BYTES 8
void load_stamp(const struct load *load, int64_t i, void *value);

/* The value is as it was sent; it came at this moment. Only one thread calls it. */
void load_came(const struct load *load, const char *value, size_t n);

/* All that was sent has come. */
bool load_came_whole(void);

/* Notes a latency; only one thread does. */
void load_took(int64_t us);

/* Prints {"records", "seconds", "cpu_s", and of latencies, where some were noted, "p50_ms" ...}; main's result. */
int load_report(const struct load *load);
