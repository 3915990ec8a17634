#include "services/gateway/edge.h"

enum { PAGES, ENTRIES, PRODUCTS };
static const char *const tables[] = {
    [PAGES] = "pages", [ENTRIES] = "entries", [PRODUCTS] = "products"
};

void *edge_open(struct ctx *ctx, const char *folder)
{
    return lmdb_open(ctx, folder, tables, COUNT(tables), 0);
}

void edge_close(void *edge)
{
    lmdb_close(edge);
}

/* ---- pages ----
 *
 * PAGES: slug, NUL, locale -> the page as content's contract has it (JSON).
 * ENTRIES: entry_id -> when something was last heard of it, and under which key it is shown. */

struct entry_head {
    int64_t at_us;
};

static struct str page_key(struct arena *arena, struct str slug, struct str locale)
{
    char *key = arena_alloc_raw(arena, slug.len + 1 + locale.len);
    memcpy(key, slug.ptr, slug.len);
    key[slug.len] = '\0';
    if (locale.len)
        memcpy(key + slug.len + 1, locale.ptr, locale.len);
    return (struct str){ key, slug.len + 1 + locale.len };
}

/* False, and no error, when nothing was heard of it. `key` is empty when it is not shown. */
static bool entry_get(struct ctx *ctx, struct lmdb *edge, struct str entry_id, int64_t *at_us,
                      struct str *key)
{
    struct entry_head head;
    struct str record = lmdb_get_for_update(ctx, edge, ENTRIES, entry_id);
    if (record.len < sizeof(head))
        return false;
    memcpy(&head, record.ptr, sizeof(head));
    *at_us = head.at_us;
    *key =
        arena_str(ctx->arena, (struct str){ record.ptr + sizeof(head), record.len - sizeof(head) });
    return true;
}

static bool entry_put(struct ctx *ctx, struct lmdb *edge, struct str entry_id, int64_t at_us,
                      struct str key)
{
    struct entry_head head = { at_us };
    char *record = arena_alloc_raw(ctx->arena, sizeof(head) + key.len);
    memcpy(record, &head, sizeof(head));
    memcpy(record + sizeof(head), key.ptr, key.len);
    return lmdb_put(ctx, edge, ENTRIES, entry_id, (struct str){ record, sizeof(head) + key.len });
}

static bool page_read(struct ctx *ctx, struct str record, struct published *out)
{
    const struct json *json = json_parse(ctx, record);
    return json && published_read(ctx, json, out);
}

/* The page under the key, with an owner. False, and no error, when there is none. */
static bool page_get(struct ctx *ctx, struct lmdb *edge, struct str key, struct published *out)
{
    struct str record = lmdb_get_for_update(ctx, edge, PAGES, key);
    return record.ptr && page_read(ctx, arena_str(ctx->arena, record), out);
}

/* Takes the page away from under the key, if it is that of the entry. */
static bool page_remove(struct ctx *ctx, struct lmdb *edge, struct str key, struct str entry_id)
{
    struct published page;
    if (key.len == 0 || !page_get(ctx, edge, key, &page))
        return !ctx_failed(ctx);
    return !str_eq(page.entry_id, entry_id) || lmdb_delete(ctx, edge, PAGES, key);
}

bool edge_show(struct ctx *ctx, struct lmdb *edge, const struct published *page)
{
    int64_t at_us;
    struct published there;
    struct str key = page_key(ctx->arena, page->slug, page->locale), old_key;
    if (entry_get(ctx, edge, page->entry_id, &at_us, &old_key)) {
        if (at_us > page->published_at)
            return true;
        if (!str_eq(old_key, key) && !page_remove(ctx, edge, old_key, page->entry_id))
            return false;
    }
    if (ctx_failed(ctx) || !entry_put(ctx, edge, page->entry_id, page->published_at, key))
        return false;
    if (page_get(ctx, edge, key, &there) && there.published_at > page->published_at)
        return true;
    return !ctx_failed(ctx) && lmdb_put(ctx, edge, PAGES, key, published_encode(ctx, page));
}

bool edge_hide(struct ctx *ctx, struct lmdb *edge, struct str entry_id, int64_t at_us)
{
    int64_t heard_us;
    struct str key;
    if (entry_get(ctx, edge, entry_id, &heard_us, &key) &&
        (heard_us > at_us || !page_remove(ctx, edge, key, entry_id)))
        return !ctx_failed(ctx);
    return !ctx_failed(ctx) && entry_put(ctx, edge, entry_id, at_us, STR(""));
}

bool edge_page(struct ctx *ctx, struct lmdb *edge, struct str slug, struct str locale,
               struct published *out)
{
    struct lmdb_read read;
    ptrdiff_t dash = str_find_char(locale, '-');
    struct str language = { locale.ptr, dash < 0 ? 0 : (size_t)dash }, none = { NULL, 0 };
    const struct str asked[] = { locale, language, none };
    if (!lmdb_read_begin(ctx, edge, &read))
        return false;
    struct str record = { NULL, 0 };
    for (size_t i = 0; i < COUNT(asked) && !record.ptr; i++)
        if (asked[i].len || i + 1 == COUNT(asked))
            record = lmdb_get(&read, PAGES, page_key(ctx->arena, slug, asked[i]));
    record = record.ptr ? arena_str(ctx->arena, record) : record;
    lmdb_read_end(&read);
    return record.ptr && page_read(ctx, record, out);
}

/* ---- products: product_id -> head, name ---- */

struct product_head {
    struct money price;
    bool active;
};

bool edge_product(struct ctx *ctx, struct lmdb *edge, const struct product_upserted *product)
{
    struct product_head head;
    memset(&head, 0, sizeof(head)); /* what lies between the members goes to the disk too */
    head.price = product->price;
    head.active = product->active;
    char *record = arena_alloc_raw(ctx->arena, sizeof(head) + product->name.len);
    memcpy(record, &head, sizeof(head));
    memcpy(record + sizeof(head), product->name.ptr, product->name.len);
    return lmdb_put(ctx, edge, PRODUCTS, product->product_id,
                    (struct str){ record, sizeof(head) + product->name.len });
}

static struct edge_product product_of(struct ctx *ctx, struct str record)
{
    struct product_head head;
    if (record.len < sizeof(head))
        return (struct edge_product){ 0 };
    memcpy(&head, record.ptr, sizeof(head));
    struct str name = { record.ptr + sizeof(head), record.len - sizeof(head) };
    return (struct edge_product){ .known = true,
                                  .active = head.active,
                                  .name = arena_str(ctx->arena, name),
                                  .price = head.price };
}

bool edge_products(struct ctx *ctx, struct lmdb *edge, const struct str *product_ids, size_t n,
                   struct edge_product *out)
{
    struct lmdb_read read;
    if (!lmdb_read_begin(ctx, edge, &read))
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = product_of(ctx, lmdb_get(&read, PRODUCTS, product_ids[i]));
    lmdb_read_end(&read);
    return true;
}
