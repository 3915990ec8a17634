/* The warehouse, in the domain's words. One writer (the consumer's thread), questions from any thread. Stands on DuckDB
 * (store_duckdb.c is the only file that knows it). */
#pragma once

#include "platform/events/events.h"

struct warehouse;

struct warehouse_settings {
    const char *path;       /* the database file; made when missing */
    int64_t memory_bytes;   /* DuckDB's limit */
    int threads;
};

struct warehouse *warehouse_open(
    struct ctx *ctx, const struct warehouse_settings *settings); /* NULL with a sentence */
void warehouse_close(void *warehouse);                           /* NULL-safe */

/* The store of the projection: rows and positions in one transaction. Its model is the struct warehouse. */
extern const struct event_store warehouse_event_store;

/* ---- rows, inside a reaction ---- */

struct warehouse_event {
    struct str kind, name, person_id, source,
        properties; /* absent: ptr NULL; properties: JSON text */
    int64_t at_us;
};
struct warehouse_view {
    struct str slug, person_id;
    bool defaults;
    int64_t duration_us, at_us;
};
struct warehouse_order {
    struct str order_id, person_id, currency;
    int64_t amount, at_us;
};
struct warehouse_line {
    struct str order_id, product_id, currency;
    int64_t quantity, amount;
};

struct warehouse_reach {
    struct str campaign_id, person_id, channel;
    int64_t at_us;
};

bool warehouse_add_event(struct ctx *ctx, struct warehouse *warehouse,
                         const struct warehouse_event *row);
bool warehouse_add_view(struct ctx *ctx, struct warehouse *warehouse,
                        const struct warehouse_view *row);
/* Without a person (""): what the order costs more or less since it changed. */
bool warehouse_add_order(struct ctx *ctx, struct warehouse *warehouse,
                         const struct warehouse_order *row);
bool warehouse_add_line(struct ctx *ctx, struct warehouse *warehouse,
                        const struct warehouse_line *row);
bool warehouse_add_refund(struct ctx *ctx, struct warehouse *warehouse,
                          const struct warehouse_order *row);

bool warehouse_add_reach(struct ctx *ctx, struct warehouse *warehouse,
                         const struct warehouse_reach *row);

/* The person's rows stay, counted, without the person; whom a campaign reached is not known without one. */
bool warehouse_forget(struct ctx *ctx, struct warehouse *warehouse, struct str person_id);

/* ---- questions ---- */

/* A span of time: from <= t < to. */
struct warehouse_span {
    int64_t from_us, to_us;
};

struct warehouse_table {
    size_t n_rows, n_columns;
    struct str *cells;  /* n_rows x n_columns, as text; NULL: ptr NULL */
};
#define WAREHOUSE_CELL(table, row, column) ((table)->cells[(row) * (table)->n_columns + (column)])

/* currency, orders, revenue, refunded */
bool warehouse_revenue(struct ctx *ctx, struct warehouse *warehouse, struct warehouse_span span,
                       struct warehouse_table *out);
/* from (us), events, people, by hour or day; the last row, with from absent, is the whole span */
bool warehouse_counts(struct ctx *ctx, struct warehouse *warehouse, struct str name,
                      struct warehouse_span span, const char *interval,
                      struct warehouse_table *out);
/* slug, views, people, defaults; the most viewed first, at most 1,000 */
bool warehouse_pages(struct ctx *ctx, struct warehouse *warehouse, struct warehouse_span span,
                     struct warehouse_table *out);
/* people who did each step after the ones before it, all within `within_us`; one row, a column for each step */
bool warehouse_funnel(struct ctx *ctx, struct warehouse *warehouse, const struct str *steps,
                      size_t n_steps, struct warehouse_span span, int64_t within_us,
                      struct warehouse_table *out);

/* An event's name, or `orders`: those that commerce told; ptr NULL: nobody reaches it. */
struct warehouse_goal {
    struct str event;
    int64_t within_us; /* after the person was first reached */
};
/* channel, people reached in the span, people who then reached the goal; the last row, with channel absent, is over all
 * channels. No rows: nobody was reached. */
bool warehouse_campaign(struct ctx *ctx, struct warehouse *warehouse, struct str campaign_id,
                        struct warehouse_span span, const struct warehouse_goal *goal,
                        struct warehouse_table *out);
