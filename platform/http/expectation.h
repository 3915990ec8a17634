/* Lost updates are kept off by versions: told as ETags, named in If-Match and If-None-Match (RFC 9110 sections 13.1.1
 * and 13.1.2). */
#pragma once

#include "platform/contract/contract.h"

/* What the caller takes for granted; ptr NULL: nothing. */
struct expectation {
    struct str if_match, if_none_match;
    bool must_match; /* PRECONDITION_REQUIRED without if_match */
};

/* Is it, at this version (0: there is none), what the caller expects? PRECONDITION_FAILED, PRECONDITION_REQUIRED. */
bool expectation_check(struct ctx *ctx, const struct expectation *expected, int64_t version);

struct reply reply_versioned(struct ctx *ctx, struct str body, int64_t version); /* with its ETag */
