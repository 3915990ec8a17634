/* The course of an erasure: asked for and done here, answered by all who hold people, told for the last time, compacted,
 * certified. */
#pragma once

#include "services/crm/store_erasures.h"
#include "crm_contract.h"

#define ERASURES_EVERY_US US_PER_S

/* Erases the person here and tells it; the same request again when it was asked for before. NOT_FOUND. */
bool erasure_ask(struct ctx *ctx, struct str profile_id, struct str *request_id);

/* The request with all that became of it; NOT_FOUND. */
bool erasure_find(struct ctx *ctx, struct str request_id, struct erasure *out);
/* The same of a row that was read. */
bool erasure_of(struct ctx *ctx, const struct erasure_row *row, struct erasure *out);

/* The worker: last words, compaction, certificates. */
bool erasures_run(struct ctx *ctx);

/* What was erased, answered and compacted, signed: a JWS (RFC 7515, compact) by EdDSA (RFC 8037). */
struct str certificate_sign(struct ctx *ctx, const struct erasure *erasure);
struct str certificate_key_id(struct ctx *ctx);
