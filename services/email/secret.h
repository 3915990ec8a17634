/* Where the service's keys are: a folder that only it may read. */
#pragma once

#include "base/ctx.h"

/* Makes the folder (0700) where it is missing. UNAVAILABLE with a sentence. */
bool secret_folder(struct ctx *ctx, const char *path);

/* The 32 bytes of a file, which is made at the first start (0600, on the disk before they are used). */
bool secret_key(struct ctx *ctx, struct str path, uint8_t out[32]);
/* The 32 bytes of <folder>/link.key, which is made in this way. */
bool secret_load(struct ctx *ctx, const char *folder, uint8_t out[32]);

/* Writes a file that only the owner may read, whole or not at all, and on the disk when it comes back. Of two who make
 * the same, the first one wins, and the other has CONFLICT. */
bool secret_write(struct ctx *ctx, struct str path, struct str content);
/* ptr NULL: UNAVAILABLE, or NOT_FOUND. */
struct str secret_read(struct ctx *ctx, struct str path);
