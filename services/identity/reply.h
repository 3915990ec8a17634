/* What the operations share: what callers take for granted, what they may give, and answering. */
#pragma once

#include "services/identity/store.h"
#include "identity_contract.h"

/* What the caller takes for granted; ptr NULL: nothing (RFC 9110 sections 13.1.1 and 13.1.2). */
struct expectation {
    struct str if_match, if_none_match;
    bool must_match; /* PRECONDITION_REQUIRED without if_match */
};

/* Is it, at this version (0: there is none), what the caller expects? PRECONDITION_FAILED, PRECONDITION_REQUIRED. */
bool expectation_check(struct ctx *ctx, const struct expectation *expected, int64_t version);

/* May the caller do all that these scopes allow? FORBIDDEN otherwise: nobody gives, or takes over, more than they have. */
bool caller_holds(struct ctx *ctx, struct str scopes);

struct str small_letters(struct arena *arena, struct str text); /* ASCII, as addresses are kept */

struct reply reply_versioned(struct ctx *ctx, struct str body, int64_t version); /* with its ETag */
struct reply reply_person(struct ctx *ctx, const struct person_row *row);
struct person person_answer(struct ctx *ctx, const struct person_row *row);
