/* The two sides of a comparison: documents, and where references in them lead. For the files of
 * this folder. */
#pragma once

#include "platform/compat/compat.h"

/* A schema with an $id, or the root of a document. */
struct resource {
    struct str uri;
    const struct json *root;
    /* Of the root, as findings tell it: "uri#/..." in other documents than the given one. */
    struct str pointer;
    struct resource *next;
};

struct anchor {
    const struct resource *resource;
    struct str name;
    const struct json *schema;
    struct str pointer;
    struct anchor *next;
};

/* The old or the new documents. */
struct side {
    const struct compat_document *given;
    bool is_old;
    bool draft7; /* or older: siblings of $ref do not count, `items` may be a list */
    struct resource *resources;
    struct anchor *anchors;
};

/* One schema (or another part of a contract) and where it stands. */
struct node {
    const struct json *json;
    struct side *side;
    const struct resource *resource;
    struct str pointer;
};

/* Reads what there is to know of the document. */
struct side *side_new(struct ctx *ctx, const struct compat_document *document, bool is_old);
struct node side_root(struct side *side);

/* Members and elements; .json NULL when absent. */
struct node node_get(struct ctx *ctx, struct node node, const char *key);
struct node node_get_n(struct ctx *ctx, struct node node, struct str key);
struct node node_at(struct ctx *ctx, struct node node, size_t index);

/* Where `reference`, standing in `from`, leads; false with INVALID when that is nowhere. */
bool node_resolve(struct ctx *ctx, struct node from, struct str reference, struct node *out);

/* The node itself, or what its chain of `$ref`s leads to: for parts of OpenAPI that may be
 * references. */
bool node_follow(struct ctx *ctx, struct node from, struct node *out);
