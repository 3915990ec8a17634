#include "services/identity/reply.h"

#include "platform/token/token.h"

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

bool caller_holds(struct ctx *ctx, struct str scopes)
{
    struct str one;
    while (scopes.len && str_split(&scopes, ' ', &one))
        if (!principal_has(ctx->who, arena_cstr(ctx->arena, one)))
            return ctx_fail(ctx, ERR_FORBIDDEN, "you do not have the scope " STR_FMT " yourself",
                            STR_ARG(one));
    return true;
}

struct str small_letters(struct arena *arena, struct str text)
{
    char *copy = arena_cstr(arena, text);
    for (char *at = copy; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return (struct str){ copy, text.len };
}

struct reply reply_versioned(struct ctx *ctx, struct str body, int64_t version)
{
    struct reply reply = reply_ok(ctx, body);
    reply_add(ctx, &reply, "ETag", arena_printf(ctx->arena, "\"%lld\"", (long long)version));
    return reply;
}

struct person person_answer(struct ctx *ctx, const struct person_row *row)
{
    return (struct person){ .person_id = row->person_id,
                            .email = row->email,
                            .name = row->name,
                            .active = row->active,
                            .has_password = row->password.ptr != NULL,
                            .roles = arena_copy(ctx->arena, row->roles, sizeof(row->roles)),
                            .n_roles = row->n_roles,
                            .version = row->version,
                            .created_at = row->created_us,
                            .updated_at = row->updated_us,
                            .has_signed_in_at = row->signed_in_us > 0,
                            .signed_in_at = row->signed_in_us };
}

struct reply reply_person(struct ctx *ctx, const struct person_row *row)
{
    struct person person = person_answer(ctx, row);
    return reply_versioned(ctx, person_encode(ctx, &person), row->version);
}
