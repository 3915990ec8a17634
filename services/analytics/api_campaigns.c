#include "base/clock.h"
#include "platform/service/service.h"
#include "services/analytics/store.h"
#include "services/analytics/warehouse.h"
#include "analytics_contract.h"

struct measuring {
    struct str campaign_id;
    struct measure_row row;
    bool found;
};

static bool measure_read(struct ctx *ctx, void *argument)
{
    struct measuring *measuring = argument;
    measuring->found = store_measure(ctx, measuring->campaign_id, &measuring->row);
    return !ctx_failed(ctx);
}

static int64_t number(const struct warehouse_table *table, size_t row, size_t column)
{
    int64_t n = 0;
    str_to_int(WAREHOUSE_CELL(table, row, column), &n);
    return n;
}

/* The last row, with channel absent, is over all channels. */
static void results_fill(struct ctx *ctx, const struct warehouse_table *table,
                         struct campaign_results *out)
{
    struct channel_results *channels =
        ARENA_ARRAY(ctx->arena, struct channel_results, table->n_rows);
    for (size_t i = 0; i < table->n_rows; i++) {
        struct str channel = WAREHOUSE_CELL(table, i, 0);
        struct channel_results row = { .channel = channel,
                                       .reached = number(table, i, 1),
                                       .converted = number(table, i, 2) };
        if (channel.ptr) {
            channels[out->n_channels++] = row;
            continue;
        }
        out->reached = row.reached;
        out->converted = row.converted;
    }
    out->channels = channels;
}

struct reply analytics_report_campaign(struct ctx *ctx, const struct report_campaign_in *in)
{
    struct measuring measuring = { .campaign_id = in->campaign_id };
    if (!sql_read(ctx, service_db(ctx), measure_read, &measuring))
        return reply_error(ctx);
    if (!measuring.found)
        return reply_ok(ctx, campaign_results_encode(ctx, &(struct campaign_results){
                                                              .campaign_id = in->campaign_id }));
    CLEANUP(model_done) struct model_use warehouse = service_model(ctx);
    const struct measure_row *row = &measuring.row;
    struct warehouse_table table;
    struct warehouse_goal goal = { .event = row->goal, .within_us = row->within_days * US_PER_DAY };
    if (!warehouse_campaign(ctx, warehouse.model, in->campaign_id,
                            (struct warehouse_span){ row->starts_us, row->ends_us }, &goal, &table))
        return reply_error(ctx);
    struct campaign_results results = { .campaign_id = in->campaign_id,
                                        .name = row->name,
                                        .launches = row->launches };
    struct campaign_results_goal told = { .event = row->goal, .within_days = row->within_days };
    if (row->goal.ptr)
        results.goal = &told;
    results_fill(ctx, &table, &results);
    return reply_ok(ctx, campaign_results_encode(ctx, &results));
}
