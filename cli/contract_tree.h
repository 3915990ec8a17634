/* The source texts of contracts: of a folder, or of a git revision. */
#pragma once

#include "platform/json/json.h"

struct tree_file {
    struct str path; /* "services/stock/openapi.yaml" */
    struct str text;
    const struct json *json; /* once it was asked for */
};

struct tree {
    struct str name; /* for people: "HEAD~1" */
    struct tree_file *files;
    size_t n, cap;
};

/* The folder that holds services/: this one, or one above it. ptr NULL with NOT_FOUND. */
struct str tree_find_root(struct ctx *ctx);

/* Contracts, events and C files below services/, contracts/ and cli/. All is in ctx's arena. */
bool tree_read_folder(struct ctx *ctx, const char *folder, struct tree *out);

/* The same, as it was at a revision of the repository that `folder` is in. */
bool tree_read_revision(struct ctx *ctx, const char *folder, const char *revision,
                        struct tree *out);

struct tree_file *tree_file(const struct tree *tree, struct str path);

/* The document in a file, read once; NULL with a sentence that names the file. */
const struct json *tree_json(struct ctx *ctx, const struct tree *tree, struct str path);

/* For documents whose base is TREE_BASE + path. */
#define TREE_BASE "tree:/"
const struct json *tree_resolve(struct ctx *ctx, struct str uri, void *tree);
