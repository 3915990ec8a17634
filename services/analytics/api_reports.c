#include "base/clock.h"
#include "platform/service/service.h"
#include "services/analytics/warehouse.h"
#include "analytics_contract.h"

static struct warehouse_span span_of(bool has_from, int64_t from_us, bool has_to, int64_t to_us)
{
    return (struct warehouse_span){ has_from ? from_us : INT64_MIN, has_to ? to_us : INT64_MAX };
}

static int64_t number(const struct warehouse_table *table, size_t row, size_t column)
{
    int64_t n = 0;
    str_to_int(WAREHOUSE_CELL(table, row, column), &n);
    return n;
}

struct reply analytics_report_revenue(struct ctx *ctx, const struct report_revenue_in *in)
{
    CLEANUP(model_done) struct model_use warehouse = service_model(ctx);
    struct warehouse_table table;
    if (!warehouse_revenue(ctx, warehouse.model,
                           span_of(in->has_from, in->from, in->has_to, in->to), &table))
        return reply_error(ctx);
    struct revenue_row *rows = ARENA_ARRAY(ctx->arena, struct revenue_row, table.n_rows);
    for (size_t i = 0; i < table.n_rows; i++)
        rows[i] = (struct revenue_row){ .currency = WAREHOUSE_CELL(&table, i, 0),
                                        .orders = number(&table, i, 1),
                                        .revenue = number(&table, i, 2),
                                        .refunded = number(&table, i, 3) };
    struct revenue_report report = { .items = rows, .n_items = table.n_rows };
    return reply_ok(ctx, revenue_report_encode(ctx, &report));
}

struct reply analytics_report_events(struct ctx *ctx, const struct report_events_in *in)
{
    CLEANUP(model_done) struct model_use warehouse = service_model(ctx);
    struct warehouse_table table;
    const char *interval = in->has_interval ? interval_name(in->interval) : "day";
    if (!warehouse_counts(ctx, warehouse.model, in->name,
                          span_of(in->has_from, in->from, in->has_to, in->to), interval, &table))
        return reply_error(ctx);
    struct count_report report = { 0 };
    struct count_row *rows = ARENA_ARRAY(ctx->arena, struct count_row, table.n_rows);
    for (size_t i = 0; i < table.n_rows; i++) {
        if (!WAREHOUSE_CELL(&table, i, 0).ptr) { /* the row of the whole span */
            report.events = number(&table, i, 1);
            report.people = number(&table, i, 2);
            continue;
        }
        rows[report.n_items++] = (struct count_row){ .from = number(&table, i, 0),
                                                     .events = number(&table, i, 1),
                                                     .people = number(&table, i, 2) };
    }
    report.items = rows;
    return reply_ok(ctx, count_report_encode(ctx, &report));
}

struct reply analytics_report_pages(struct ctx *ctx, const struct report_pages_in *in)
{
    CLEANUP(model_done) struct model_use warehouse = service_model(ctx);
    struct warehouse_table table;
    if (!warehouse_pages(ctx, warehouse.model, span_of(in->has_from, in->from, in->has_to, in->to),
                         &table))
        return reply_error(ctx);
    struct page_row *rows = ARENA_ARRAY(ctx->arena, struct page_row, table.n_rows);
    for (size_t i = 0; i < table.n_rows; i++)
        rows[i] = (struct page_row){ .slug = WAREHOUSE_CELL(&table, i, 0),
                                     .views = number(&table, i, 1),
                                     .people = number(&table, i, 2),
                                     .defaults = number(&table, i, 3) };
    struct page_report report = { .items = rows, .n_items = table.n_rows };
    return reply_ok(ctx, page_report_encode(ctx, &report));
}

struct reply analytics_report_funnel(struct ctx *ctx, const struct report_funnel_in *in)
{
    const struct funnel_request *asked = in->body;
    CLEANUP(model_done) struct model_use warehouse = service_model(ctx);
    struct warehouse_table table;
    if (!warehouse_funnel(ctx, warehouse.model, asked->steps, asked->n_steps,
                          span_of(asked->has_from, asked->from, asked->has_to, asked->to),
                          asked->within_s * US_PER_S, &table))
        return reply_error(ctx);
    struct funnel_step *steps = ARENA_ARRAY(ctx->arena, struct funnel_step, asked->n_steps);
    for (size_t i = 0; i < asked->n_steps; i++)
        steps[i] = (struct funnel_step){ .name = asked->steps[i], .people = number(&table, 0, i) };
    struct funnel_report report = { .steps = steps, .n_steps = asked->n_steps };
    return reply_ok(ctx, funnel_report_encode(ctx, &report));
}
