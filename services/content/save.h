/* Saving the draft of an entry: the one way in for whoever edits, restores or imports. */
#pragma once

#include "platform/http/expectation.h"
#include "services/content/store.h"

/* Checks `wanted` (id, kind, slug, locale, title, document) and stores it as a new version, unless it is the same again.
 * `saved` is the entry as it stands now. INVALID, CONFLICT with whose the slug is, TOO_LARGE, and what is above. */
bool entry_save(struct ctx *ctx, const struct entry_row *wanted, const struct expectation *expected,
                struct entry_row *saved);
