#include "services/commerce/catalog.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "platform/sql/freshness.h"

#define BUCKETS 4096

struct slot {
    struct slot *next;
    uint64_t hash;
    struct str product_id;
    struct offer offer;
};

struct catalog {
    pthread_mutex_t lock;
    size_t most_bytes;
    struct freshness fresh;
    struct arena *arena; /* NULL: empty */
    struct slot *buckets[BUCKETS];
};

struct catalog *catalog_new(size_t most_bytes, bool shared)
{
    struct catalog *catalog = mem_alloc(sizeof(*catalog));
    pthread_mutex_init(&catalog->lock, NULL);
    catalog->most_bytes = most_bytes;
    freshness_init(&catalog->fresh, shared);
    return catalog;
}

static void clear(struct catalog *catalog)
{
    arena_free(catalog->arena);
    catalog->arena = NULL;
    memset(catalog->buckets, 0, sizeof(catalog->buckets));
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    clear(catalog);
    pthread_mutex_destroy(&catalog->lock);
    free(catalog);
}

void catalog_doubt(void *catalog)
{
    freshness_doubt(&((struct catalog *)catalog)->fresh);
}

int64_t catalog_mark(struct catalog *catalog)
{
    return freshness_mark(&catalog->fresh);
}

void catalog_meet(struct catalog *catalog, int64_t mark, int64_t revision)
{
    catalog_lock(catalog);
    if (freshness_meet(&catalog->fresh, mark, revision))
        clear(catalog);
    catalog_leave(catalog);
}

bool catalog_enter(struct catalog *catalog)
{
    if (freshness_turn(&catalog->fresh))
        return false;
    catalog_lock(catalog);
    if (freshness_stands(&catalog->fresh))
        return true;
    catalog_leave(catalog);
    return false;
}

void catalog_lock(struct catalog *catalog)
{
    pthread_mutex_lock(&catalog->lock);
}

void catalog_leave(struct catalog *catalog)
{
    pthread_mutex_unlock(&catalog->lock);
}

const struct offer *catalog_find(const struct catalog *catalog, struct str product_id)
{
    uint64_t hash = hash_fnv1a(product_id.ptr, product_id.len);
    const struct slot *slot = catalog->buckets[hash % BUCKETS];
    while (slot && (slot->hash != hash || !str_eq(slot->product_id, product_id)))
        slot = slot->next;
    return slot ? &slot->offer : NULL;
}

/* ---- keeping ---- */

static void variants_copy(struct arena *arena, const struct product_put *from,
                          struct product_put *to)
{
    struct product_variant *variants = ARENA_ARRAY(arena, struct product_variant, from->n_variants);
    for (size_t i = 0; i < from->n_variants; i++) {
        const struct money *price = from->variants[i].price;
        variants[i].sku = arena_str(arena, from->variants[i].sku);
        variants[i].price = price ? arena_copy(arena, price, sizeof(*price)) : NULL;
    }
    to->variants = variants;
    to->n_variants = from->n_variants;
}

static void prices_copy(struct arena *arena, const struct product_put *from, struct product_put *to)
{
    struct product_price *prices =
        arena_copy(arena, from->prices, from->n_prices * sizeof(*from->prices));
    for (size_t i = 0; i < from->n_prices; i++) {
        if (prices[i].sku.ptr)
            prices[i].sku = arena_str(arena, prices[i].sku);
        if (prices[i].customer_group.ptr)
            prices[i].customer_group = arena_str(arena, prices[i].customer_group);
    }
    to->prices = prices;
    to->n_prices = from->n_prices;
}

static struct offer offer_copy(struct arena *arena, const struct offer *from)
{
    struct offer to = { .known = from->known };
    if (!from->known)
        return to;
    to.product.name = arena_str(arena, from->product.name);
    to.product.active = from->product.active;
    to.product.price = from->product.price;
    variants_copy(arena, &from->product, &to.product);
    prices_copy(arena, &from->product, &to.product);
    to.stock = arena_copy(arena, from->stock, from->n_stock * sizeof(*from->stock));
    to.n_stock = from->n_stock;
    for (size_t i = 0; i < to.n_stock; i++)
        to.stock[i].sku = arena_str(arena, to.stock[i].sku);
    return to;
}

static void slot_add(struct catalog *catalog, struct str product_id, const struct offer *offer)
{
    if (catalog->arena && arena_bytes(catalog->arena) >= catalog->most_bytes)
        clear(catalog);
    if (!catalog->arena)
        catalog->arena = arena_new(0);
    uint64_t hash = hash_fnv1a(product_id.ptr, product_id.len);
    struct slot *slot = ARENA_NEW(catalog->arena, struct slot);
    *slot = (struct slot){ .next = catalog->buckets[hash % BUCKETS],
                           .hash = hash,
                           .product_id = arena_str(catalog->arena, product_id),
                           .offer = offer_copy(catalog->arena, offer) };
    catalog->buckets[hash % BUCKETS] = slot;
}

void catalog_put(struct catalog *catalog, int64_t revision, struct str product_id,
                 const struct offer *offer)
{
    catalog_lock(catalog);
    if (revision == catalog->fresh.revision && !catalog_find(catalog, product_id))
        slot_add(catalog, product_id, offer);
    catalog_leave(catalog);
}
