#include "services/personalization/versions.h"

struct str version_etag(struct ctx *ctx, int64_t version)
{
    return arena_printf(ctx->arena, "\"%lld\"", (long long)version);
}

bool version_matches(struct ctx *ctx, struct str if_match, int64_t version)
{
    struct str tag, own = version_etag(ctx, version);
    if (!if_match.ptr)
        return true;
    while (version > 0 && str_split(&if_match, ',', &tag)) {
        tag = str_trim(tag);
        if (str_is(tag, "*") || str_eq(tag, own))
            return true;
    }
    return ctx_fail(ctx, ERR_PRECONDITION_FAILED,
                    version ? "it is at version %lld, not at the one that If-Match names"
                            : "there is nothing yet that If-Match could name",
                    (long long)version);
}
