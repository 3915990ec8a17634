/* Lost updates are kept off by versions: told as ETags, named in If-Match (RFC 9110 section 13.1.1). */
#pragma once

#include "platform/http/http.h"

struct str version_etag(struct ctx *ctx, int64_t version);

/* PRECONDITION_FAILED when If-Match (ptr NULL: none was sent) does not name this version; 0: there is nothing yet. */
bool version_matches(struct ctx *ctx, struct str if_match, int64_t version);
