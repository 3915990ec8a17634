/* What is defined by a document of the contract (flags, experiments), in SQL. Functions need ctx->sql; what changes
 * something moves the revision. */
#pragma once

#include "platform/sql/sql.h"

/*      name        kind in the table */
#define DEFINITION_TABLE(X)                                                                        \
    X(FLAG,         "flag")                                                                        \
    X(EXPERIMENT,   "experiment")                                                                  \
    X(SEGMENT,      "segment")

enum definition_kind {
#define X(name, text) DEFINITION_##name,
    DEFINITION_TABLE(X)
#undef X
};

struct definition_row {
    struct str id, definition; /* definition: JSON text */
    int64_t version, updated_us;
};

/* False without an error: there is none. */
bool store_definition(struct ctx *ctx, enum definition_kind kind, struct str id,
                      struct definition_row *out);
bool store_definition_put(struct ctx *ctx, enum definition_kind kind,
                          const struct definition_row *row);
bool store_definition_delete(struct ctx *ctx, enum definition_kind kind, struct str id);

/* Up to `limit` with an id beyond `after` (ptr NULL: from the first). */
bool store_definitions(struct ctx *ctx, enum definition_kind kind, struct str after, size_t limit,
                       struct definition_row *out, size_t *n);

/* `each` for all of a kind, by id; false as soon as it gives that. */
bool store_definitions_each(struct ctx *ctx, enum definition_kind kind,
                            bool (*each)(struct ctx *ctx, const struct definition_row *row,
                                         void *argument),
                            void *argument);
