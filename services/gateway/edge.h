/* The edge store: the published pages and the last known prices, on disk, so that pages are served with content and
 * commerce away, and after a restart too. Filled by events; pages also from content where an event has not come yet. */
#pragma once

#include "base/locales.h"
#include "platform/lmdb/lmdb_store.h"
#include "commerce_events.h"
#include "content_types.h"

enum edge_table { EDGE_PAGES, EDGE_ENTRIES, EDGE_PRODUCTS, EDGE_MOVED, EDGE_LOCALES, EDGE_PURGES };

void *edge_open(struct ctx *ctx, const char *folder); /* the struct lmdb */
void edge_close(void *edge);

/* ---- inside a write transaction ---- */

/* Shows the page (or snippet), unless something newer was heard of its entry or of its slug: events of two entries come in any order.
 * Where its entry was shown before (or `moved_from`) leads to it, until something else is shown there. */
bool edge_show(struct ctx *ctx, struct lmdb *edge, const struct published *page);

/* The entry was shown there: that leads to it, unless something is shown there now. */
bool edge_was_at(struct ctx *ctx, struct lmdb *edge, const struct published *page, struct str slug,
                 struct str locale);

/* Shows nothing of the entry from `at_us` on. */
bool edge_hide(struct ctx *ctx, struct lmdb *edge, struct str entry_id, int64_t at_us);

bool edge_product(struct ctx *ctx, struct lmdb *edge, const struct product_upserted *product);

/* ---- from any thread ---- */

/* What is shown to a locale (ptr NULL: none): its own, else that of its shorter forms, of its fallbacks, of all. In ctx's
 * arena, with `moved_from` where it is under another slug by now. False without an error: nothing is known of it. */
bool edge_shown(struct ctx *ctx, struct lmdb *edge, enum entry_kind kind, struct str slug,
                struct str locale, struct published *out);

/* ---- what content says of locales: each one's fallbacks ---- */

/* These take the place of all. */
bool edge_locales_put(struct ctx *ctx, struct lmdb *edge, const struct locale_list *list);
/* Which locales are asked, in which order. */
void edge_locales(const struct lmdb_read *read, struct str locale, struct locales *out);

/* ---- surrogate keys that a CDN must be told of, each with the moment of its note ---- */

bool edge_purge_note(struct ctx *ctx, struct lmdb *edge, struct str key, int64_t at_us);
struct edge_purges {
    struct lmdb *edge;
    struct str *keys; /* with owners in ctx's arena */
    int64_t *at_us;
    size_t n;
};
bool edge_purges(struct ctx *ctx, struct lmdb *edge, size_t most, struct edge_purges *out);
/* In a write transaction: forgets them, but for those that were noted again since. */
bool edge_purges_done(struct ctx *ctx, const struct edge_purges *purges);

/* ---- products ---- */

/* A product as it was last heard of. */
struct edge_product {
    bool known, active;
    struct str name;
    struct money price;
};
bool edge_products(struct ctx *ctx, struct lmdb *edge, const struct str *product_ids, size_t n,
                   struct edge_product *out);
