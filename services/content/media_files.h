/* Files of media in one folder, by the SHA-256 of their bytes: ab/cdef... A file is whole and on disk, or not there. */
#pragma once

#include "base/ctx.h"

/* Makes it, with the folders inside, where they are missing; their names are on the disk after that. UNAVAILABLE. */
bool media_folder_open(struct ctx *ctx, const char *folder);

/* Bytes that are written and synced under a name of their own. Their place is not theirs yet. */
struct media_draft {
    char *path; /* NULL: none */
};
void media_draft_done(struct media_draft *draft); /* removes what was not placed; for CLEANUP */

/* UNAVAILABLE: the disk does not take it. */
bool media_draft_write(struct ctx *ctx, const char *folder, struct str bytes,
                       struct media_draft *out);

/* Puts it in its place, synced; what is there already is the same. */
bool media_draft_place(struct ctx *ctx, const char *folder, struct str hash,
                       struct media_draft *draft);

/* A descriptor to read, or -1 with UNAVAILABLE, also where the file has not so many bytes: half of it is not given out. */
int media_open(struct ctx *ctx, const char *folder, struct str hash, int64_t bytes);

/* True also when it was not there. */
bool media_remove(struct ctx *ctx, const char *folder, struct str hash);

/* What uploads left that did not end, an hour ago or earlier. */
void media_sweep(const char *folder);
