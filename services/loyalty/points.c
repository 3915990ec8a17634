#include "services/loyalty/points.h"

#include "base/id.h"
#include "platform/events/events.h"
#include "loyalty_events.h"

static bool tell(struct ctx *ctx, const struct movement *movement, struct str entry_id,
                 const struct balance_row *after)
{
    if (!movement->lifetime)
        return publish_points_spent(ctx,
                                    &(struct points_spent){ .entry_id = entry_id,
                                                            .customer_id = movement->customer_id,
                                                            .points = -movement->points,
                                                            .balance = after->points,
                                                            .reason = movement->note,
                                                            .spent_at = movement->at_us });
    return publish_points_earned(
        ctx,
        &(struct points_earned){ .entry_id = entry_id,
                                 .customer_id = movement->customer_id,
                                 .points = movement->points,
                                 .balance = after->points,
                                 .lifetime_points = after->lifetime_points,
                                 .order_id = movement->order_id,
                                 .reason = points_earned_reason_parse(str_of(movement->reason)),
                                 .earned_at = movement->at_us });
}

static bool tell_tier(struct ctx *ctx, enum ledger_tier before, const struct balance_row *after,
                      int64_t at_us)
{
    if (before == after->tier)
        return true;
    return publish_tier_changed(
        ctx,
        &(struct tier_changed){
            .customer_id = after->customer_id,
            .tier = tier_changed_tier_parse(str_of(ledger_tier_name(after->tier))),
            .previous_tier = tier_changed_previous_tier_parse(str_of(ledger_tier_name(before))),
            .changed_at = at_us });
}

bool points_move(struct ctx *ctx, const struct movement *movement, struct balance_row *balance)
{
    struct balance_row after;
    struct entry_row entry = { .entry_id = id_new(ctx->arena, "pts"),
                               .customer_id = movement->customer_id,
                               .reason = str_of(movement->reason),
                               .order_id = movement->order_id,
                               .note = movement->note,
                               .points = movement->points,
                               .at_us = movement->at_us };
    if (!store_append(ctx, &entry, movement->lifetime, &after))
        return false;
    if (!movement->lifetime && after.points < 0)
        return ctx_fail(ctx, ERR_CONFLICT, "the balance is %lld points, %lld were to be spent",
                        (long long)(after.points - movement->points), (long long)-movement->points);
    enum ledger_tier before =
        ledger_tier_of(after.lifetime_points - (movement->lifetime ? movement->points : 0));
    if (!tell(ctx, movement, entry.entry_id, &after) ||
        !tell_tier(ctx, before, &after, movement->at_us))
        return false;
    if (balance)
        *balance = after;
    return true;
}
