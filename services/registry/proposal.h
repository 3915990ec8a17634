/* A schema that somebody brings: read, its references looked up, and known by its fingerprint. */
#pragma once

#include "platform/json/json.h"
#include "services/registry/store.h"

/* A document that a $ref may lead to. */
struct known_document {
    struct str name; /* as references call it */
    const struct json *root;
};

struct known_documents {
    struct known_document *items;
    size_t n;
};

/* What is brought. `document`: the schema where it is JSON already; otherwise its text. */
struct bid {
    struct str text, schema_type;
    const struct json *document;
    const struct reference_row *references;
    size_t n_references;
    const struct json *metadata, *rule_set;
    bool normalize;
};

struct proposal {
    const struct json *document;
    struct reference_row *references; /* with the version that "latest" was */
    size_t n_references;
    struct schema_row row; /* as it would be stored, without an id */
    struct known_documents known;
};

/* Needs ctx->sql. False: BAD_SCHEMA, for what is no JSON or refers to what is not there. Whether it is a JSON Schema is
 * not yet asked: one that is stored already need not be asked again. */
bool proposal_read(struct ctx *ctx, const struct bid *bid, struct proposal *out);

/* Is it a JSON Schema? BAD_SCHEMA otherwise, with the place of what is wrong. */
bool proposal_check(struct ctx *ctx, const struct proposal *proposal);

/* A stored schema as a document, with those that it refers to. */
bool stored_read(struct ctx *ctx, const struct schema_row *row, const struct json **document,
                 struct known_documents *known);

/* References out of their JSON form (ptr NULL: none). */
bool references_parse(struct ctx *ctx, struct str refs, struct reference_row **out, size_t *n);

/* A schema_resolver, and compat_document's `resolve`: `argument` is a struct known_documents. */
const struct json *known_resolve(struct ctx *ctx, struct str uri, void *argument);
