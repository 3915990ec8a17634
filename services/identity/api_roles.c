#include "base/clock.h"
#include "services/identity/reply.h"
#include "services/identity/scopes.h"

static struct role role_answer(struct ctx *ctx, const struct role_row *row)
{
    struct role role = { .role = row->role,
                         .description = row->description,
                         .version = row->version,
                         .updated_at = row->updated_us };
    role.scopes = scopes_list(ctx->arena, row->scopes, &role.n_scopes);
    return role;
}

static struct reply reply_role(struct ctx *ctx, const struct role_row *row)
{
    struct role role = role_answer(ctx, row);
    return reply_versioned(ctx, role_encode(ctx, &role), row->version);
}

static bool role_find(struct ctx *ctx, struct str role, struct role_row *out)
{
    return store_role(ctx, role, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no role of this name");
}

static bool same(const struct role_row *a, const struct role_row *b)
{
    return a->version && str_eq(a->scopes, b->scopes) && str_eq(a->description, b->description);
}

struct reply identity_put_role(struct ctx *ctx, const struct put_role_in *in)
{
    struct expectation expected = { .if_match = in->if_match, .if_none_match = in->if_none_match };
    struct role_row before = { 0 };
    struct role_row role = { .role = in->role,
                             .description = in->body->description,
                             .scopes = scopes_of(ctx->arena, in->body->scopes, in->body->n_scopes),
                             .updated_us = clock_now_us() };
    store_role(ctx, in->role, &before);
    role.version = before.version + 1;
    if (ctx_failed(ctx) || !expectation_check(ctx, &expected, before.version) ||
        !caller_holds(ctx, before.scopes) || !caller_holds(ctx, role.scopes))
        return reply_error(ctx);
    if (same(&before, &role))
        return reply_role(ctx, &before);
    if (!store_role_put(ctx, &role))
        return reply_error(ctx);
    return reply_role(ctx, &role);
}

struct reply identity_get_role(struct ctx *ctx, const struct get_role_in *in)
{
    struct role_row role;
    if (!role_find(ctx, in->role, &role))
        return reply_error(ctx);
    return reply_role(ctx, &role);
}

struct reply identity_delete_role(struct ctx *ctx, const struct delete_role_in *in)
{
    struct expectation expected = { .if_match = in->if_match, .must_match = true };
    struct role_row role;
    int64_t people;
    if (!role_find(ctx, in->role, &role) || !expectation_check(ctx, &expected, role.version) ||
        !caller_holds(ctx, role.scopes) || !store_role_people(ctx, in->role, &people))
        return reply_error(ctx);
    if (people)
        ctx_fail(ctx, ERR_CONFLICT, "%lld people have it", (long long)people);
    if (ctx_failed(ctx) || !store_role_delete(ctx, in->role))
        return reply_error(ctx);
    return reply_empty(ctx);
}

struct reply identity_list_roles(struct ctx *ctx, const struct list_roles_in *in)
{
    struct str after = STR("");
    size_t n, limit = (size_t)in->limit;
    struct role_row *rows = ARENA_ARRAY(ctx->arena, struct role_row, limit + 1);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_roles(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct role_list list = { .n_items = MIN(n, limit) };
    struct role *items = ARENA_ARRAY(ctx->arena, struct role, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = role_answer(ctx, &rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].role, 1);
    return reply_ok(ctx, role_list_encode(ctx, &list));
}
