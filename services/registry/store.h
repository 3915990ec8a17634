/* The registry's database: schemas, their versions, levels. store_services.h has the rest. Functions need ctx->sql; false
 * leaves the error in ctx, or none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"

struct reference_row {
    struct str name, subject;
    int64_t version;
};

struct schema_row {
    int64_t schema_id;
    struct str fingerprint, body;
    struct str refs, metadata, rule_set; /* JSON; ptr NULL: none */
};

struct version_row {
    struct str subject;
    int64_t version, schema_id, registered_us;
    bool deleted;
};

/* Which versions: those that are there, those too that were deleted softly, or only these. */
enum store_wish { STORE_LIVE, STORE_ALL, STORE_DELETED };

/* Waits for others that register or delete, on PostgreSQL, and keeps them waiting until the transaction ends. */
bool store_lock(struct ctx *ctx);

/* ---- schemas ---- */

bool store_schema(struct ctx *ctx, int64_t schema_id,
                  struct schema_row *out); /* false, no error: no such */
bool store_schema_named(struct ctx *ctx, struct str fingerprint, int64_t *schema_id); /* the same */
bool store_schema_add(struct ctx *ctx, struct schema_row *schema,
                      const struct reference_row *references, size_t n); /* sets its id */
bool store_schema_last(struct ctx *ctx,
                       int64_t *schema_id); /* the largest id ever given; 0: none */

/* ---- versions ---- */

#define STORE_LATEST (-1)

/* False, no error: no such. */
bool store_version(struct ctx *ctx, struct str subject, int64_t version, enum store_wish wish,
                   struct version_row *out);
bool store_version_of(struct ctx *ctx, struct str subject, int64_t schema_id, enum store_wish wish,
                      struct version_row *out); /* the newest that is this schema */
bool store_version_add(struct ctx *ctx, const struct version_row *version);

/* Of one subject, or (ptr NULL) of all; by subject and number, in the arena. */
bool store_versions(struct ctx *ctx, struct str subject, enum store_wish wish,
                    struct version_row **out, size_t *n);
bool store_versions_of(struct ctx *ctx, int64_t schema_id, enum store_wish wish,
                       struct version_row **out, size_t *n);

/* Softly: they are marked. For good: they go, and with them schemas that nobody has any more. */
bool store_version_delete(struct ctx *ctx, struct str subject, int64_t version);
bool store_version_remove(struct ctx *ctx, const struct version_row *version);

/* Ids of schemas that refer to it and that some version is. */
bool store_referencing(struct ctx *ctx, struct str subject, int64_t version, int64_t **out,
                       size_t *n);

/* ---- levels ---- */

/* Of a subject, or (empty) the one for all. False, no error: none was set. */
bool store_level(struct ctx *ctx, struct str subject, struct str *level);
bool store_level_put(struct ctx *ctx, struct str subject, struct str level);
bool store_level_delete(struct ctx *ctx, struct str subject);
