/* The edge store: the published pages and the last known prices, on disk, so that pages are served with content and
 * commerce away, and after a restart too. Filled by events; pages also from content where an event has not come yet. */
#pragma once

#include "platform/lmdb/lmdb_store.h"
#include "commerce_events.h"
#include "content_types.h"

void *edge_open(struct ctx *ctx, const char *folder); /* the struct lmdb */
void edge_close(void *edge);

/* ---- inside a write transaction ---- */

/* Shows the page, unless something newer was heard of its entry or of its slug: events of two entries come in any order. */
bool edge_show(struct ctx *ctx, struct lmdb *edge, const struct published *page);

/* Shows nothing of the entry from `at_us` on. */
bool edge_hide(struct ctx *ctx, struct lmdb *edge, struct str entry_id, int64_t at_us);

bool edge_product(struct ctx *ctx, struct lmdb *edge, const struct product_upserted *product);

/* ---- from any thread ---- */

/* What is shown to a locale (ptr NULL: none): its own, else that of its language, else that of all. In ctx's arena.
 * False without an error: nothing is known of it. */
bool edge_page(struct ctx *ctx, struct lmdb *edge, struct str slug, struct str locale,
               struct published *out);

/* A product as it was last heard of. */
struct edge_product {
    bool known, active;
    struct str name;
    struct money price;
};
bool edge_products(struct ctx *ctx, struct lmdb *edge, const struct str *product_ids, size_t n,
                   struct edge_product *out);
