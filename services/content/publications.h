/* What a launch asks to be shown, and takes back. Needs ctx->sql. */
#pragma once

#include "services/content/store.h"

#define PUBLICATION_MOST 50 /* entries of one launch, as the command's schema says */

/* Shows the newest version of each entry, all or none, whichever refers to which. What was decided for the launch stays
 * decided: the same command again gives the same, and after an undo it is refused. out->state is `done` or `refused`.
 * False: it could not be decided now. */
bool publication_do(struct ctx *ctx, const struct publication_row *wanted, int64_t expires_us,
                    const struct str *entry_ids, size_t n, struct publication_row *out);

/* Takes back what the launch has shown, and refuses it from then on. What somebody has published or unpublished since is
 * theirs and stays; an earlier version that cannot be shown any more (its slug is another's) leaves nothing shown. */
bool publication_undo(struct ctx *ctx, struct str launch_id);
