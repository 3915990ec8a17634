/* What a schema says, whatever the order of its members: texts that are equal are the same schema. */
#pragma once

#include "platform/json/json.h"

/* Members in byte order, whole numbers without fraction. */
struct str schema_normal(struct ctx *ctx, const struct json *schema);

/* SHA-256 in hex of that, and of what belongs to the schema beside it (ptr NULL: nothing), each JSON in its normal form. */
struct str schema_fingerprint(struct ctx *ctx, struct str normal, const struct str *beside,
                              size_t n);
