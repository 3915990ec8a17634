/* Identifiers: UUIDv7 (RFC 9562 section 5.7), alone for events and with a typed prefix for things: `ord_0190...`. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

#define ID_UUID_BYTES 37 /* text form and NUL */

/* A new UUIDv7, growing within this process even inside one millisecond. Thread-safe. */
void id_uuid7(char out[ID_UUID_BYTES]);

/* 16 bytes as a UUID of `version` (7 or 8) in text form; the version and variant bits are set here. */
void id_uuid_text(const uint8_t bytes[16], int version, char out[ID_UUID_BYTES]);

/* "prefix_" + UUIDv7, in the arena. */
struct str id_new(struct arena *arena, const char *prefix);

/* Is it `prefix`, '_' and 1 to 64 letters, digits, '-', '_' or '.'? Imports may bring their own ids. */
bool id_has_prefix(struct str id, const char *prefix);

/* Random bytes from the system (getrandom); ends the process when there are none. */
void id_random(void *out, size_t bytes);

/* Makes id_uuid7() and id_random() repeatable from `seed`; 0 ends that. For tests. */
void id_hold(uint64_t seed);
