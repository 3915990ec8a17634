/* Two HTTP contracts, an operation at a time. For the files of this folder. */
#pragma once

#include "platform/compat/compare.h"

struct operation_pair {
    struct ctx *ctx;
    struct compat_findings *findings;
    struct node old_root, new_root;
    struct node old_path, new_path;      /* path items */
    struct node before, after;           /* operations */
    struct str old_target, new_target;   /* "/v1/levels/{product_id}" */
    struct str name;                     /* of the operation, for people */
};

/* Findings of this operation: `head` is the place. REQUEST: the new service reads; RESPONSE: old
 * callers do. */
struct reading operation_reading(const struct operation_pair *pair, enum compat_use use,
                                 struct str head);
void operation_found(const struct operation_pair *pair, enum compat_use use, enum rule rule,
                     struct str head, struct node node, struct words words);

/* ---- openapi_parameters.c ---- */

bool compare_parameters(const struct operation_pair *pair);

/* ---- openapi_bodies.c ---- */

bool compare_bodies(const struct operation_pair *pair);
bool compare_responses(const struct operation_pair *pair);

/* ---- openapi_security.c ---- */

bool compare_security(const struct operation_pair *pair);
