/* Columns: a number of each document for what is filtered, counted and weighed. In chunks of CHUNK_DOCS documents, 4 bytes
 * each; a document beyond the end of its chunk has 0. */
#pragma once

#include "platform/lmdb/lmdb_store.h"
#include "services/search/postings.h"

/* Facets hold texts by their ordinals (0: none); the others numbers.
 *   column        name           facet */
#define COLUMN_TABLE(X)                                                                            \
    X(TYPE, "type", true)                                                                          \
    X(CATEGORY, "category", true)                                                                  \
    X(SUBCATEGORY, "subcategory", true)                                                            \
    X(LOCALE, "locale", true)                                                                      \
    X(PRICE, "price", false)           /* minor units + 1 (0: none), at most what fits */          \
    X(POPULARITY, "popularity", false) /* popularity_level() */                                    \
    X(DAY, "day", false)               /* of the last change, days since 1970 */

enum column {
#define X(name, text, facet) COLUMN_##name,
    COLUMN_TABLE(X)
#undef X
        N_COLUMNS
};

extern const struct column_info {
    const char *name;
    bool facet;
} columns[N_COLUMNS];

/* A facet's value as an ordinal. In a read: 0 when no document has it. */
uint32_t facet_ordinal(const struct lmdb_read *read, struct arena *arena, enum column column,
                       struct str value);
struct str facet_value(const struct lmdb_read *read, struct arena *arena, enum column column,
                       uint32_t ordinal);
uint32_t facet_count(const struct lmdb_read *read, struct arena *arena,
                     enum column column); /* ordinals are 1 to this */

/* In a transaction: a new one for a value that is new. Beyond FACET_MOST values of one facet: 0, it is not filtered by. */
#define FACET_MOST 65535
bool facet_ordinal_make(struct ctx *ctx, struct lmdb *db, enum column column, struct str value,
                        uint32_t *out);

/* Of one chunk; `values` stays NULL where it has none. */
struct column_part {
    const char *bytes;
    size_t n;
};
struct column_part column_part(const struct lmdb_read *read, enum column column, uint32_t chunk);
static inline uint32_t column_at(const struct column_part *part, size_t doc)
{
    uint32_t value = 0;
    if (doc < part->n)
        memcpy(&value, part->bytes + doc * sizeof value, sizeof value);
    return value;
}

/* In a transaction: values of documents of one chunk. */
struct column_change {
    uint16_t doc;
    uint32_t value;
};
bool column_write(struct ctx *ctx, struct lmdb *db, enum column column, uint32_t chunk,
                  const struct column_change *changes, size_t n);
