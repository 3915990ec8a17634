/* Tables as CSV (RFC 4180). */
#pragma once

#include "platform/json/json.h"

struct csv_column {
    const char *name;    /* in the first line */
    const char *pointer; /* JSON Pointer into a row */
};

/* `rows`: an array of objects; what is absent is an empty cell, an array its elements with spaces between. Text that a
 * spreadsheet would take for a formula gets an apostrophe in front. */
struct str csv_of(struct arena *arena, const struct json *rows, const struct csv_column *columns,
                  size_t n);
