#include "base/clock.h"
#include "platform/json/json.h"
#include "platform/service/service.h"
#include "platform/token/token.h"
#include "services/campaign/reply.h"
#include "services/campaign/schedule.h"

/* ---- answering ---- */

enum campaign_state campaign_state_of(const struct campaign_row *row)
{
    return campaign_state_parse(row->state);
}

/* A campaign that waits for its approval or its launch would begin then. */
static bool next_start(struct ctx *ctx, const struct campaign_plan *plan, int64_t *out)
{
    struct schedule_start start;
    *out = schedule_next(ctx, plan->schedule, clock_now_us(), &start) ? start.us : 0;
    return !ctx_failed(ctx);
}

/* `plan` is what the answer points into. */
static bool campaign_answer(struct ctx *ctx, const struct campaign_row *row,
                            struct campaign_plan *plan, struct campaign *out)
{
    if (!plan_read(ctx, row->plan, plan))
        return false;
    *out = (struct campaign){ .campaign_id = row->campaign_id,
                              .state = campaign_state_of(row),
                              .plan = *plan,
                              .version = row->version,
                              .saved_by = row->saved_by,
                              .saved_at = row->saved_us,
                              .approved_by = row->approved_by,
                              .has_approved_at = row->approved_by.ptr != NULL,
                              .approved_at = row->approved_us };
    if (!next_start(ctx, plan, &out->next_start_at))
        return false;
    out->has_next_start_at = out->next_start_at > 0;
    return true;
}

struct reply reply_campaign(struct ctx *ctx, const struct campaign_row *row)
{
    struct campaign_plan plan;
    struct campaign answer;
    if (!campaign_answer(ctx, row, &plan, &answer))
        return reply_error(ctx);
    return reply_versioned(ctx, campaign_encode(ctx, &answer), row->version);
}

bool campaign_find(struct ctx *ctx, struct str campaign_id, struct campaign_row *out)
{
    return store_campaign(ctx, campaign_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no campaign with this id");
}

bool campaign_find_at(struct ctx *ctx, struct str campaign_id, struct str if_match,
                      struct campaign_row *out)
{
    return campaign_find(ctx, campaign_id, out) &&
           expectation_check(ctx, &(struct expectation){ .if_match = if_match }, out->version);
}

/* ---- saving ---- */

static bool saved_tell(struct ctx *ctx, const struct campaign_row *row,
                       const struct campaign_plan *plan)
{
    enum campaign_saved_channel channels[4];
    struct campaign_saved saved = { .campaign_id = row->campaign_id,
                                    .name = row->name,
                                    .revision = row->version,
                                    .budget = plan->budget,
                                    .channels = channels,
                                    .saved_at = row->saved_us };
    if (plan->goal)
        saved.goal = plan->goal->text;
    if (plan->email)
        channels[saved.n_channels++] = CAMPAIGN_SAVED_CHANNEL_EMAIL;
    if (plan->n_experiences)
        channels[saved.n_channels++] = CAMPAIGN_SAVED_CHANNEL_EXPERIENCE;
    if (plan->ads)
        channels[saved.n_channels++] = CAMPAIGN_SAVED_CHANNEL_ADS;
    if (plan->webhook)
        channels[saved.n_channels++] = CAMPAIGN_SAVED_CHANNEL_WEBHOOK;
    return publish_campaign_saved(ctx, &saved);
}

/* A draft again: who approved the one before has not seen this one. */
static bool campaign_save(struct ctx *ctx, struct campaign_row *row,
                          const struct campaign_plan *plan)
{
    row->name = plan->name;
    row->state = STR("draft");
    row->plan = campaign_plan_encode(ctx, plan);
    row->version++;
    row->saved_by = ctx->who->subject;
    row->saved_us = clock_now_us();
    row->approved_by = (struct str){ NULL, 0 };
    row->approved_us = 0;
    return store_campaign_put(ctx, row) && saved_tell(ctx, row, plan);
}

bool campaign_rests(struct ctx *ctx, const struct campaign_row *row)
{
    switch (campaign_state_of(row)) {
    case CAMPAIGN_STATE_SCHEDULED:
    case CAMPAIGN_STATE_LAUNCHING:
    case CAMPAIGN_STATE_RUNNING:
    case CAMPAIGN_STATE_PAUSED:
    case CAMPAIGN_STATE_UNDOING:
        return ctx_fail(ctx, ERR_CONFLICT, "it is " STR_FMT ": cancel it first, or clone it",
                        STR_ARG(row->state));
    default:
        return true;
    }
}

struct reply campaign_put_campaign(struct ctx *ctx, const struct put_campaign_in *in)
{
    struct campaign_row row = { .campaign_id = in->campaign_id };
    bool known = store_campaign(ctx, in->campaign_id, &row);
    if (ctx_failed(ctx) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version) ||
        (known && !campaign_rests(ctx, &row)) || !plan_check(ctx, in->body) ||
        !campaign_save(ctx, &row, in->body))
        return reply_error(ctx);
    return reply_campaign(ctx, &row);
}

struct reply campaign_clone_campaign(struct ctx *ctx, const struct clone_campaign_in *in)
{
    struct campaign_row from, row = { .campaign_id = in->body->campaign_id };
    struct campaign_plan plan;
    if (!campaign_find(ctx, in->campaign_id, &from) || !plan_read(ctx, from.plan, &plan))
        return reply_error(ctx);
    if (store_campaign(ctx, row.campaign_id, &row))
        ctx_fail(ctx, ERR_CONFLICT, "there is a campaign with this id");
    if (in->body->name.ptr)
        plan.name = in->body->name;
    if (ctx_failed(ctx) || !campaign_save(ctx, &row, &plan))
        return reply_error(ctx);
    return reply_campaign(ctx, &row);
}

/* ---- approving ---- */

static bool approval_check(struct ctx *ctx, const struct campaign_row *row)
{
    if (campaign_state_of(row) != CAMPAIGN_STATE_DRAFT)
        return ctx_fail(ctx, ERR_CONFLICT, "it is " STR_FMT ", not a draft", STR_ARG(row->state));
    return !str_eq(row->saved_by, ctx->who->subject) ||
           ctx_fail(ctx, ERR_CONFLICT, "who saved it cannot approve it: a second person must");
}

struct reply campaign_approve_campaign(struct ctx *ctx, const struct approve_campaign_in *in)
{
    struct campaign_row row;
    if (!campaign_find_at(ctx, in->campaign_id, in->if_match, &row) || !approval_check(ctx, &row))
        return reply_error(ctx);
    row.state = STR("approved");
    row.version++;
    row.approved_by = ctx->who->subject;
    row.approved_us = clock_now_us();
    return store_campaign_put(ctx, &row) ? reply_campaign(ctx, &row) : reply_error(ctx);
}

/* ---- the rest ---- */

struct reply campaign_get_campaign(struct ctx *ctx, const struct get_campaign_in *in)
{
    struct campaign_row row;
    return campaign_find(ctx, in->campaign_id, &row) ? reply_campaign(ctx, &row) : reply_error(ctx);
}

struct reply campaign_delete_campaign(struct ctx *ctx, const struct delete_campaign_in *in)
{
    struct campaign_row row;
    if (!campaign_find_at(ctx, in->campaign_id, in->if_match, &row) || !campaign_rests(ctx, &row) ||
        !store_campaign_delete(ctx, &row))
        return reply_error(ctx);
    return reply_empty(ctx);
}

struct reply campaign_list_campaigns(struct ctx *ctx, const struct list_campaigns_in *in)
{
    struct str after = { NULL, 0 }, state = { NULL, 0 };
    size_t n, limit = (size_t)in->limit;
    struct campaign_row *rows = ARENA_ARRAY(ctx->arena, struct campaign_row, limit + 1);
    if (in->has_state)
        state = str_of(campaign_state_name(in->state));
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_campaigns(ctx, state, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct campaign_list list = { .n_items = MIN(n, limit) };
    struct campaign *items = ARENA_ARRAY(ctx->arena, struct campaign, list.n_items);
    struct campaign_plan *plans = ARENA_ARRAY(ctx->arena, struct campaign_plan, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!campaign_answer(ctx, &rows[i], &plans[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].campaign_id, 1);
    return reply_ok(ctx, campaign_list_encode(ctx, &list));
}
