#include "services/identity/reply.h"

#include "platform/token/token.h"

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
