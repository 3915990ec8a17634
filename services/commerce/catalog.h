/* What quotes are made of, kept in memory: prices and whether there are any, of products that were asked for. Good for one
 * number of offer_revision (platform/sql/freshness.h). Thread-safe. */
#pragma once

#include "services/commerce/store.h"

struct catalog;

/* `most_bytes`: what it holds at most; once that is reached it begins anew. `shared`: other processes write too. */
struct catalog *catalog_new(size_t most_bytes, bool shared);
void catalog_free(struct catalog *catalog); /* NULL-safe */

/* As in platform/sql/freshness.h. */
void catalog_doubt(void *catalog);
int64_t catalog_mark(struct catalog *catalog);
void catalog_meet(struct catalog *catalog, int64_t mark, int64_t revision);

struct offer {
    bool known;                /* false: there is no such product */
    struct product_put product; /* name, active, price, SKUs and prices of variants, prices */
    struct stock_row *stock;   /* of what is counted */
    size_t n_stock;
};

/* True, and the catalog is locked until catalog_leave, unless somebody must meet the database first. */
bool catalog_enter(struct catalog *catalog);
void catalog_lock(struct catalog *catalog); /* whether or not */
void catalog_leave(struct catalog *catalog);

/* Inside; NULL: it is not kept. */
const struct offer *catalog_find(const struct catalog *catalog, struct str product_id);

/* Keeps a copy of what was read at that number, unless a later one has been met. */
void catalog_put(struct catalog *catalog, int64_t revision, struct str product_id,
                 const struct offer *offer);
