/* Saving the draft of an entry: the one way in for whoever edits, restores or imports. */
#pragma once

#include "services/content/store.h"

/* What the caller takes for granted; ptr NULL: nothing (RFC 9110 sections 13.1.1 and 13.1.2). */
struct expectation {
    struct str if_match, if_none_match;
    bool must_match; /* PRECONDITION_REQUIRED without if_match */
};

/* Is the entry, at this version (0: there is none), what the caller expects? PRECONDITION_FAILED, PRECONDITION_REQUIRED. */
bool expectation_check(struct ctx *ctx, const struct expectation *expected, int64_t version);

/* Checks `wanted` (id, kind, slug, locale, title, document) and stores it as a new version, unless it is the same again.
 * `saved` is the entry as it stands now. INVALID, CONFLICT with whose the slug is, TOO_LARGE, and what is above. */
bool entry_save(struct ctx *ctx, const struct entry_row *wanted, const struct expectation *expected,
                struct entry_row *saved);
