/* One feature of everybody, by row, in memory: what the size of a segment is counted from. A column is there while it is
 * asked for, and grows with the people. Whoever uses these holds the lock of the audience that they belong to. */
#pragma once

#include "platform/rules/rules.h"

#define NO_ROW UINT32_MAX
#define ROWS_PER_CHUNK 65536
#define WORDS_PER_CHUNK (ROWS_PER_CHUNK / 64)

/* Rows as bits, with their number. */
struct bits {
    uint64_t **chunks; /* NULL: all 0 */
    size_t n_chunks;
    int64_t n_set;
};
void bits_set(struct bits *bits, uint32_t row, bool on);
bool bits_get(const struct bits *bits, uint32_t row);
void bits_done(struct bits *bits);

enum column_kind {
    COLUMN_NUMBER, /* counts and seconds since 1970: uint32_t, NUMBER_NULL for null */
    COLUMN_AMOUNT, /* sums: double */
    COLUMN_VALUE,  /* whatever else: the number of its value, uint32_t */
};

#define NUMBER_NULL UINT32_MAX

struct column {
    struct str name;
    enum column_kind kind;
    union {
        void **chunks;
        uint32_t **numbers; /* or numbers of values */
        double **amounts;
    };
    size_t n_chunks;
    int64_t used_us; /* monotonic */
    struct bits *
        fresh; /* while the column is being filled: rows that have been set since; NULL: it is complete */
    struct arena *texts;
    struct value *values; /* of COLUMN_VALUE; 0 is null */
    uint32_t n_values, *slots, n_slots;
};

struct column *column_new(struct str name, enum column_kind kind);
void column_free(struct column *column); /* NULL-safe */

/* `filling`: leaves alone what has been set otherwise since the filling began. */
void column_set(struct column *column, uint32_t row, const struct value *value, bool filling);
void column_fill_begin(struct column *column);
void column_fill_end(struct column *column);

/* Reads a value back; texts live as long as the column. */
struct value column_get(const struct column *column, uint32_t row);
