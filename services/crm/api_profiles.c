#include "services/crm/profiles.h"
#include "crm_contract.h"

static struct spent *spent_of(struct ctx *ctx, const struct spent_row *rows, size_t n)
{
    struct spent *items = ARENA_ARRAY(ctx->arena, struct spent, n);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct spent){ .currency = arena_str(ctx->arena, str_of(rows[i].currency)),
                                   .orders = rows[i].orders,
                                   .spent = rows[i].spent,
                                   .refunded = rows[i].refunded };
    return items;
}

static bool profile_of(struct ctx *ctx, const struct profile_row *row, struct profile *out)
{
    size_t n;
    struct spent_row *spent = ARENA_ARRAY(ctx->arena, struct spent_row, STORE_CURRENCIES);
    if (!store_spent(ctx, row->profile_id, spent, &n))
        return false;
    *out = (struct profile){ .profile_id = row->profile_id,
                             .email = row->email,
                             .name = row->name,
                             .phone = row->phone,
                             .locale = row->locale,
                             .traits = row->traits.ptr ? json_parse(ctx, row->traits) : NULL,
                             .version = row->version,
                             .spent = spent_of(ctx, spent, n),
                             .n_spent = n,
                             .created_at = row->created_us,
                             .updated_at = row->updated_us };
    for (size_t i = 0; i < n; i++)
        out->orders += spent[i].orders;
    return true;
}

static struct reply reply_profile(struct ctx *ctx, const struct profile_row *row)
{
    struct profile profile;
    if (!profile_of(ctx, row, &profile))
        return reply_error(ctx);
    return reply_ok(ctx, profile_encode(ctx, &profile));
}

struct reply crm_put_profile(struct ctx *ctx, const struct put_profile_in *in)
{
    struct profile_row row, wanted = { .profile_id = in->profile_id,
                                       .email = in->body->email,
                                       .name = in->body->name,
                                       .phone = in->body->phone,
                                       .locale = in->body->locale };
    if (in->body->traits &&
        !traits_merge(ctx, (struct str){ NULL, 0 }, in->body->traits, &wanted.traits))
        return reply_error(ctx);
    if (!profile_replace(ctx, &wanted, &row))
        return reply_error(ctx);
    return reply_profile(ctx, &row);
}

struct reply crm_get_profile(struct ctx *ctx, const struct get_profile_in *in)
{
    struct profile_row row;
    if (!profile_get(ctx, in->profile_id, &row))
        return reply_error(ctx);
    return reply_profile(ctx, &row);
}

struct reply crm_list_profiles(struct ctx *ctx, const struct list_profiles_in *in)
{
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct profile_row *rows = ARENA_ARRAY(ctx->arena, struct profile_row, limit + 1);
    if (!store_profiles(ctx, in->email, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct profile_list list = { .n_items = MIN(n, limit) };
    struct profile *items = ARENA_ARRAY(ctx->arena, struct profile, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!profile_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].profile_id, 1);
    return reply_ok(ctx, profile_list_encode(ctx, &list));
}

static struct reply reply_owner(struct ctx *ctx, enum identity_kind kind, struct str value,
                                struct str profile_id)
{
    struct identity_owner owner = { .kind = kind, .value = value, .profile_id = profile_id };
    return reply_ok(ctx, identity_owner_encode(ctx, &owner));
}

struct reply crm_add_identity(struct ctx *ctx, const struct add_identity_in *in)
{
    struct profile_row row;
    struct str owner, kind = str_of(identity_kind_name(in->body->kind));
    if (!profile_get(ctx, in->profile_id, &row) ||
        !store_identity_add(ctx, kind, in->body->value, in->profile_id, &owner))
        return reply_error(ctx);
    if (!str_eq(owner, in->profile_id)) {
        ctx_fail(ctx, ERR_CONFLICT, "this id belongs to another profile");
        return reply_error(ctx);
    }
    return reply_owner(ctx, in->body->kind, in->body->value, owner);
}

struct reply crm_find_identity(struct ctx *ctx, const struct find_identity_in *in)
{
    struct str owner;
    if (!store_identity(ctx, str_of(identity_kind_name(in->kind)), in->value, &owner)) {
        ctx_fail(ctx, ERR_NOT_FOUND, "nobody is known under this id");
        return reply_error(ctx);
    }
    return reply_owner(ctx, in->kind, in->value, owner);
}

struct reply crm_get_totals(struct ctx *ctx, const struct get_totals_in *in)
{
    struct totals totals = { 0 };
    struct spent_row *rows = ARENA_ARRAY(ctx->arena, struct spent_row, STORE_CURRENCIES);
    if (!store_counts(ctx, &totals.profiles, &totals.erased) ||
        !store_spent(ctx, STR(""), rows, &totals.n_revenue))
        return reply_error(ctx);
    totals.revenue = spent_of(ctx, rows, totals.n_revenue);
    return reply_ok(ctx, totals_encode(ctx, &totals));
}
