#include "services/email/suppressions.h"

#include "base/clock.h"
#include "base/id.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "email_contract.h"

static struct str person_target(struct ctx *ctx, struct str person_id)
{
    return arena_printf(ctx->arena, "p:" STR_FMT, STR_ARG(person_id));
}

static struct str hash_target(struct ctx *ctx, struct str hash)
{
    return arena_printf(ctx->arena, "a:" STR_FMT, STR_ARG(hash));
}

struct str suppression_target(struct ctx *ctx, struct str address)
{
    return hash_target(ctx, address_hash(ctx->arena, email_of(ctx)->secret, address));
}

static bool tell_added(struct ctx *ctx, const struct suppression_row *row)
{
    struct suppression_added added = {
        .person_id = row->person_id,
        .reason = suppression_added_reason_parse(row->reason),
        .scope = suppression_added_scope_parse(row->scope),
        .message_id = row->message_id,
        .campaign_id = row->campaign_id,
        .added_at = row->added_us,
    };
    return !row->person_id.ptr || publish_suppression_added(ctx, &added);
}

static bool tell_removed(struct ctx *ctx, const struct suppression_row *row)
{
    struct suppression_removed removed = {
        .person_id = row->person_id,
        .reason = suppression_removed_reason_parse(row->reason),
        .scope = suppression_removed_scope_parse(row->scope),
        .removed_at = clock_now_us(),
    };
    return !row->person_id.ptr || publish_suppression_removed(ctx, &removed);
}

static bool add(struct ctx *ctx, struct suppression_row *row, bool *added)
{
    row->suppression_id = id_new(ctx->arena, "sup");
    row->added_us = clock_now_us();
    return store_suppression_add(ctx, row, added) && (!*added || tell_added(ctx, row));
}

bool suppress_person(struct ctx *ctx, struct suppression_row *row, bool *added)
{
    row->target = person_target(ctx, row->person_id);
    return add(ctx, row, added);
}

bool suppress_hash(struct ctx *ctx, struct str hash, struct suppression_row *row, bool *added)
{
    row->target = hash_target(ctx, hash);
    if (!row->person_id.ptr && !store_contact_by_hash(ctx, hash, &row->person_id) &&
        ctx_failed(ctx))
        return false;
    return add(ctx, row, added);
}

bool suppress_address(struct ctx *ctx, struct str address, struct suppression_row *row, bool *added)
{
    return suppress_hash(ctx, address_hash(ctx->arena, email_of(ctx)->secret, address), row, added);
}

bool suppression_remove(struct ctx *ctx, struct str suppression_id)
{
    struct suppression_row row;
    if (!store_suppression(ctx, suppression_id, &row))
        return ctx_failed(ctx) ? false
                               : ctx_fail(ctx, ERR_NOT_FOUND, "there is no such suppression");
    return store_suppression_delete(ctx, suppression_id) && tell_removed(ctx, &row);
}

static bool outdated(struct ctx *ctx, struct str target, int64_t at_us)
{
    struct suppression_row row;
    if (!store_suppression_of(ctx, target, STR("unsubscribed"), &row))
        return !ctx_failed(ctx);
    return row.added_us >= at_us || suppression_remove(ctx, row.suppression_id);
}

bool suppression_outdated(struct ctx *ctx, struct str person_id, int64_t at_us)
{
    return outdated(ctx, person_target(ctx, person_id), at_us);
}

bool suppression_outdated_address(struct ctx *ctx, struct str address, int64_t at_us)
{
    return outdated(ctx, suppression_target(ctx, address), at_us);
}
