#include "platform/http/expectation.h"

static bool names_version(struct ctx *ctx, struct str tags, int64_t version)
{
    struct str tag, own = arena_printf(ctx->arena, "\"%lld\"", (long long)version);
    while (version && str_split(&tags, ',', &tag))
        if (str_is(str_trim(tag), "*") || str_eq(str_trim(tag), own))
            return true;
    return false;
}

bool expectation_check(struct ctx *ctx, const struct expectation *expected, int64_t version)
{
    if (expected->must_match && !expected->if_match.ptr)
        return ctx_fail(ctx, ERR_PRECONDITION_REQUIRED,
                        "say in If-Match which version you have read, or \"*\" for any");
    if (expected->if_match.ptr && !names_version(ctx, expected->if_match, version))
        return ctx_fail(ctx, ERR_PRECONDITION_FAILED,
                        version ? "it is at version %lld, not at the one that If-Match names"
                                : "there is nothing yet for If-Match to name",
                        (long long)version);
    if (expected->if_none_match.ptr && names_version(ctx, expected->if_none_match, version))
        return ctx_fail(ctx, ERR_PRECONDITION_FAILED, "there is one already");
    return true;
}

struct reply reply_versioned(struct ctx *ctx, struct str body, int64_t version)
{
    struct reply reply = reply_ok(ctx, body);
    reply_add(ctx, &reply, "ETag", arena_printf(ctx->arena, "\"%lld\"", (long long)version));
    return reply;
}
