/* Showing and hiding, with what is told of it: the one way for callers and for schedules. */
#pragma once

#include "services/content/store.h"

/* Shows the version (0: the newest). The same again changes and tells nothing. NOT_FOUND; CONFLICT: another is shown under
 * the slug, or what it refers to does not allow it. */
bool entry_publish(struct ctx *ctx, struct str entry_id, int64_t version, struct shown_row *out);

/* `out` is the entry as it stands then. Not shown already: changes and tells nothing. NOT_FOUND. */
bool entry_unpublish(struct ctx *ctx, struct str entry_id, struct entry_row *out);
