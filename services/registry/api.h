/* What the handlers of the foreign protocol share. */
#pragma once

#include "services/registry/subjects.h"
#include "registry_contract.h"

/* Parameters that are true or not, as clients write them ("True", "true"). */
static inline bool is_true(struct str text)
{
    return str_eq_nocase(text, STR("true"));
}

static inline enum store_wish wish_of(struct str deleted, struct str deleted_only)
{
    return is_true(deleted_only) ? STORE_DELETED : is_true(deleted) ? STORE_ALL : STORE_LIVE;
}

struct bid bid_of(struct ctx *ctx, const struct schema_request *request, struct str normalize);

/* References, metadata and rules of a stored schema, as answers have them. */
struct schema_parts {
    const struct schema_reference *references;
    size_t n_references;
    const struct json *metadata, *rule_set;
};
bool parts_of(struct ctx *ctx, const struct schema_row *row, struct schema_parts *out);
