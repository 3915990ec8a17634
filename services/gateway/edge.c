#include "services/gateway/edge.h"

static const char *const tables[] = {
    [EDGE_PAGES] = "pages", [EDGE_ENTRIES] = "entries", [EDGE_PRODUCTS] = "products",
    [EDGE_MOVED] = "moved", [EDGE_LOCALES] = "locales", [EDGE_PURGES] = "purges",
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
 * PAGES: slug, NUL, locale -> the page as content's contract has it (JSON); a snippet has a mark before its slug.
 * ENTRIES: entry_id -> when something was last heard of it, and under which key it is shown.
 * MOVED: a key under which nothing is shown any more -> the entry that was. */

struct entry_head {
    int64_t at_us;
};

#define SNIPPET_MARK '{' /* is in no slug */

static struct str page_key(struct arena *arena, enum entry_kind kind, struct str slug,
                           struct str locale)
{
    size_t mark = kind == ENTRY_KIND_SNIPPET;
    char *key = arena_alloc_raw(arena, mark + slug.len + 1 + locale.len);
    key[0] = SNIPPET_MARK;
    memcpy(key + mark, slug.ptr, slug.len);
    key[mark + slug.len] = '\0';
    if (locale.len)
        memcpy(key + mark + slug.len + 1, locale.ptr, locale.len);
    return (struct str){ key, mark + slug.len + 1 + locale.len };
}

/* False, and no error, when nothing was heard of it. `key` is empty when it is not shown. */
static bool entry_get(struct ctx *ctx, struct lmdb *edge, struct str entry_id, int64_t *at_us,
                      struct str *key)
{
    struct entry_head head;
    struct str record = lmdb_get_for_update(ctx, edge, EDGE_ENTRIES, entry_id);
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
    return lmdb_put(ctx, edge, EDGE_ENTRIES, entry_id,
                    (struct str){ record, sizeof(head) + key.len });
}

static bool page_read(struct ctx *ctx, struct str record, struct published *out)
{
    const struct json *json = json_parse(ctx, record);
    return json && published_read(ctx, json, out);
}

/* The page under the key, with an owner. False, and no error, when there is none. */
static bool page_get(struct ctx *ctx, struct lmdb *edge, struct str key, struct published *out)
{
    struct str record = lmdb_get_for_update(ctx, edge, EDGE_PAGES, key);
    return record.ptr && page_read(ctx, arena_str(ctx->arena, record), out);
}

/* Takes the page away from under the key, if it is that of the entry. */
static bool page_remove(struct ctx *ctx, struct lmdb *edge, struct str key, struct str entry_id)
{
    struct published page;
    if (key.len == 0 || !page_get(ctx, edge, key, &page))
        return !ctx_failed(ctx);
    return !str_eq(page.entry_id, entry_id) || lmdb_delete(ctx, edge, EDGE_PAGES, key);
}

static bool moved_note(struct ctx *ctx, struct lmdb *edge, const struct published *page,
                       struct str key, struct str old_key)
{
    if (page->moved_from.ptr)
        old_key = page_key(ctx->arena, page->kind, page->moved_from, page->locale);
    return (old_key.len == 0 || str_eq(old_key, key) ||
            lmdb_put(ctx, edge, EDGE_MOVED, old_key, page->entry_id)) &&
           lmdb_delete(ctx, edge, EDGE_MOVED, key);
}

/* Where an entry was, by late news of it or as content knows. */
static bool was_there_note(struct ctx *ctx, struct lmdb *edge, struct str entry_id, struct str key,
                           struct str key_now)
{
    if (str_eq(key, key_now) || lmdb_get_for_update(ctx, edge, EDGE_PAGES, key).ptr)
        return !ctx_failed(ctx);
    return !ctx_failed(ctx) && lmdb_put(ctx, edge, EDGE_MOVED, key, entry_id);
}

bool edge_was_at(struct ctx *ctx, struct lmdb *edge, const struct published *page, struct str slug,
                 struct str locale)
{
    struct str key = page_key(ctx->arena, page->kind, slug, locale),
               key_now = page_key(ctx->arena, page->kind, page->slug, page->locale);
    return was_there_note(ctx, edge, page->entry_id, key, key_now);
}

static bool page_put(struct ctx *ctx, struct lmdb *edge, struct str key,
                     const struct published *page)
{
    struct published kept = *page;
    kept.moved_from = (struct str){ NULL, 0 }; /* that is about who asked */
    return lmdb_put(ctx, edge, EDGE_PAGES, key, published_encode(ctx, &kept));
}

bool edge_show(struct ctx *ctx, struct lmdb *edge, const struct published *page)
{
    int64_t at_us;
    struct published there;
    struct str key = page_key(ctx->arena, page->kind, page->slug, page->locale),
               old_key = { NULL, 0 };
    if (entry_get(ctx, edge, page->entry_id, &at_us, &old_key)) {
        if (at_us > page->published_at)
            return was_there_note(ctx, edge, page->entry_id, key, old_key);
        if (!str_eq(old_key, key) && !page_remove(ctx, edge, old_key, page->entry_id))
            return false;
    }
    if (ctx_failed(ctx) || !entry_put(ctx, edge, page->entry_id, page->published_at, key) ||
        !moved_note(ctx, edge, page, key, old_key))
        return false;
    if (page_get(ctx, edge, key, &there) && there.published_at > page->published_at)
        return true;
    return !ctx_failed(ctx) && page_put(ctx, edge, key, page);
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

/* Where the entry is shown that was under this key. */
static struct str moved_get(const struct lmdb_read *read, struct str key)
{
    struct str entry_id = lmdb_get(read, EDGE_MOVED, key), none = { NULL, 0 };
    struct str head = entry_id.ptr ? lmdb_get(read, EDGE_ENTRIES, entry_id) : none;
    if (head.len <= sizeof(struct entry_head))
        return none;
    head.ptr += sizeof(struct entry_head);
    head.len -= sizeof(struct entry_head);
    return lmdb_get(read, EDGE_PAGES, head);
}

bool edge_shown(struct ctx *ctx, struct lmdb *edge, enum entry_kind kind, struct str slug,
                struct str locale, struct published *out)
{
    struct lmdb_read read;
    struct locales locales;
    struct str record = { NULL, 0 }, moved = { NULL, 0 };
    if (!lmdb_read_begin(ctx, edge, &read))
        return false;
    edge_locales(&read, locale, &locales);
    for (size_t i = 0; i < locales.n && !record.ptr; i++) {
        struct str key = page_key(ctx->arena, kind, slug, locales.names[i]);
        record = lmdb_get(&read, EDGE_PAGES, key);
        moved = moved.ptr ? moved : moved_get(&read, key);
    }
    bool is_moved = !record.ptr && moved.ptr;
    record = is_moved ? moved : record;
    record = record.ptr ? arena_str(ctx->arena, record) : record;
    lmdb_read_end(&read);
    if (!record.ptr || !page_read(ctx, record, out))
        return false;
    if (is_moved)
        out->moved_from = slug;
    return true;
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
    return lmdb_put(ctx, edge, EDGE_PRODUCTS, product->product_id,
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
        out[i] = product_of(ctx, lmdb_get(&read, EDGE_PRODUCTS, product_ids[i]));
    lmdb_read_end(&read);
    return true;
}
