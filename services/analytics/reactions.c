#include "services/analytics/reactions.h"

#include "base/clock.h"
#include "services/analytics/warehouse.h"

enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *recorded)
{
    struct warehouse_event row = { .kind = str_of(event_recorded_kind_name(recorded->kind)),
                                   .name = recorded->name,
                                   .person_id = recorded->person_id,
                                   .source = recorded->source,
                                   .at_us = recorded->occurred_at };
    if (recorded->properties)
        row.properties = json_text(ctx->arena, recorded->properties);
    return warehouse_add_event(ctx, ctx->model, &row) ? DONE : outcome_of(ctx);
}

enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *viewed)
{
    struct warehouse_view row = { .slug = viewed->slug,
                                  .person_id = viewed->person_id,
                                  .defaults = viewed->n_defaults > 0,
                                  .duration_us = viewed->has_duration_us ? viewed->duration_us : 0,
                                  .at_us = viewed->viewed_at };
    return warehouse_add_view(ctx, ctx->model, &row) ? DONE : outcome_of(ctx);
}

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed)
{
    struct str currency = str_of(placed->total.currency);
    struct warehouse_order row = { .order_id = placed->order_id,
                                   .person_id = placed->customer_id,
                                   .currency = currency,
                                   .amount = placed->total.amount,
                                   .at_us = placed->placed_at };
    if (!warehouse_add_order(ctx, ctx->model, &row))
        return outcome_of(ctx);
    for (size_t i = 0; i < placed->n_lines; i++) {
        struct warehouse_line line = { .order_id = placed->order_id,
                                       .product_id = placed->lines[i].product_id,
                                       .currency = currency,
                                       .quantity = placed->lines[i].quantity,
                                       .amount = placed->lines[i].amount.amount };
        if (!warehouse_add_line(ctx, ctx->model, &line))
            return outcome_of(ctx);
    }
    return DONE;
}

/* The difference counts when the order does, and is no order of anybody. */
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed)
{
    struct warehouse_order row = { .order_id = changed->order_id,
                                   .person_id = STR(""),
                                   .currency = str_of(changed->total.currency),
                                   .amount = changed->total.amount - changed->total_before.amount,
                                   .at_us = changed->placed_at };
    return warehouse_add_order(ctx, ctx->model, &row) ? DONE : outcome_of(ctx);
}

static enum outcome add_refund(struct ctx *ctx, struct str order_id, struct str person_id,
                               struct money amount, int64_t at_us)
{
    struct warehouse_order row = { .order_id = order_id,
                                   .person_id = person_id,
                                   .currency = str_of(amount.currency),
                                   .amount = amount.amount,
                                   .at_us = at_us };
    return warehouse_add_refund(ctx, ctx->model, &row) ? DONE : outcome_of(ctx);
}

enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded)
{
    return add_refund(ctx, refunded->order_id, refunded->customer_id, refunded->refund,
                      refunded->refunded_at);
}

enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled)
{
    return add_refund(ctx, cancelled->order_id, cancelled->customer_id, cancelled->total,
                      cancelled->cancelled_at);
}

/* What is of no campaign reaches people for none. */
static enum outcome add_reach(struct ctx *ctx, struct str campaign_id, struct str person_id,
                              const char *channel, int64_t at_us)
{
    struct warehouse_reach row = { .campaign_id = campaign_id,
                                   .person_id = person_id,
                                   .channel = str_of(channel),
                                   .at_us = at_us };
    return !campaign_id.ptr || warehouse_add_reach(ctx, ctx->model, &row) ? DONE : outcome_of(ctx);
}

enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *sent)
{
    return add_reach(ctx, sent->campaign_id, sent->person_id, "email", sent->sent_at);
}

enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *recorded)
{
    return add_reach(ctx, recorded->campaign_id, recorded->person_id, "ads", recorded->seen_at);
}

/* In the warehouse and on the log. */
static bool forget(struct ctx *ctx, struct str id)
{
    return warehouse_forget(ctx, ctx->model, id) && publish_traits_told_tombstone(ctx, id);
}

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    struct erasure_done done = { .request_id = erased->request_id,
                                 .profile_id = erased->profile_id,
                                 .service = STR("analytics"),
                                 .erased_at = clock_now_us() };
    if (!forget(ctx, erased->profile_id))
        return outcome_of(ctx);
    for (size_t i = 0; i < erased->n_other_ids; i++)
        if (!forget(ctx, erased->other_ids[i]))
            return outcome_of(ctx);
    return publish_erasure_done(ctx, &done) ? DONE : outcome_of(ctx);
}
