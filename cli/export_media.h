/* The bytes of content's media, each in a file of its own called by its id. */
#pragma once

#include "platform/client/client.h"

struct media_export {
    struct peer *peer;
    const char *folder; /* made with the first */
    int64_t files;      /* that are there now */
};

/* Those of the lines that are media. What is there already, whole, is not asked for again; at most 4 MB of a medium are in
 * memory. UNAVAILABLE. */
bool media_export(struct ctx *ctx, struct media_export *export, struct str lines);
