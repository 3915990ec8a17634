/* What changed between two documents, as operations of JSON Patch (RFC 6902): done one after the other, they make the
 * second of the first. Pure, no I/O. */
#pragma once

#include "platform/json/json.h"

#define CHANGES_MOST 1000

struct changed {
    const char *op; /* "add", "remove", "replace" */
    struct str path;
    const struct json *before, *after; /* NULL where there is none */
};

struct changes {
    struct changed *items;
    size_t n;
    bool more; /* there are more than CHANGES_MOST: these do not make the second */
};

/* Elements of arrays are compared in order, after what is the same at both ends: a block put in between is one change.
 * All of it lives as long as the arena and the two documents. */
void changes_find(struct arena *arena, const struct json *before, const struct json *after,
                  struct changes *out);
