/* The edge store's small tables: the fallbacks of locales, and what a CDN must be told of. */
#include "services/gateway/edge.h"

struct keys {
    struct ctx *ctx;
    struct str *keys;
    int64_t *at_us;
    size_t n, most;
};

static bool key_collect(struct str key, struct str value, void *argument)
{
    struct keys *found = argument;
    found->keys[found->n] = arena_str(found->ctx->arena, key);
    if (found->at_us && value.len == sizeof(int64_t))
        memcpy(&found->at_us[found->n], value.ptr, sizeof(int64_t));
    return ++found->n < found->most;
}

/* ---- locales: a locale -> its fallbacks, with spaces between them ---- */

static struct str fallbacks_of(struct arena *arena, const struct locale *locale)
{
    struct str text = STR("");
    for (size_t i = 0; i < locale->n_fallbacks; i++)
        text = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(text), i ? " " : "",
                            STR_ARG(locale->fallbacks[i]));
    return text;
}

static bool locales_same(struct ctx *ctx, struct lmdb *edge, const struct locale_list *list)
{
    struct lmdb_read read;
    if (!lmdb_read_begin(ctx, edge, &read))
        return false;
    bool same = lmdb_count(&read, EDGE_LOCALES) == (int64_t)list->n_items;
    for (size_t i = 0; i < list->n_items && same; i++)
        same = str_eq(lmdb_get(&read, EDGE_LOCALES, list->items[i].locale),
                      fallbacks_of(ctx->arena, &list->items[i]));
    lmdb_read_end(&read);
    return same;
}

struct locales_change {
    struct lmdb *edge;
    const struct locale_list *list;
    struct keys old;
};

static bool locales_replace(struct ctx *ctx, void *argument)
{
    const struct locales_change *change = argument;
    bool ok = true;
    for (size_t i = 0; i < change->old.n && ok; i++)
        ok = lmdb_delete(ctx, change->edge, EDGE_LOCALES, change->old.keys[i]);
    for (size_t i = 0; i < change->list->n_items && ok; i++)
        ok = lmdb_put(ctx, change->edge, EDGE_LOCALES, change->list->items[i].locale,
                      fallbacks_of(ctx->arena, &change->list->items[i]));
    return ok;
}

bool edge_locales_put(struct ctx *ctx, struct lmdb *edge, const struct locale_list *list)
{
    struct lmdb_read read;
    struct locales_change change = { edge, list, { .ctx = ctx } };
    if (locales_same(ctx, edge, list))
        return true;
    if (!lmdb_read_begin(ctx, edge, &read))
        return false;
    change.old.most = (size_t)lmdb_count(&read, EDGE_LOCALES);
    change.old.keys = ARENA_ARRAY(ctx->arena, struct str, change.old.most + 1);
    lmdb_scan(&read, EDGE_LOCALES, (struct str){ NULL, 0 }, key_collect, &change.old);
    lmdb_read_end(&read);
    return lmdb_write(ctx, edge, locales_replace, &change);
}

void edge_locales(const struct lmdb_read *read, struct str locale, struct locales *out)
{
    out->n = 0;
    locales_add(out, locale);
    struct str rest = { NULL, 0 }, name;
    for (size_t i = 0, n = out->n; i < n && !rest.ptr; i++)
        rest = lmdb_get(read, EDGE_LOCALES, out->names[i]);
    while (str_split(&rest, ' ', &name))
        locales_add(out, name);
    locales_end(out);
}

/* ---- purges: a surrogate key -> when it was noted ---- */

bool edge_purge_note(struct ctx *ctx, struct lmdb *edge, struct str key, int64_t at_us)
{
    return lmdb_put(ctx, edge, EDGE_PURGES, key,
                    (struct str){ arena_copy(ctx->arena, &at_us, sizeof(at_us)), sizeof(at_us) });
}

bool edge_purges(struct ctx *ctx, struct lmdb *edge, size_t most, struct edge_purges *out)
{
    struct lmdb_read read;
    struct keys found = { .ctx = ctx, .most = most };
    if (!lmdb_read_begin(ctx, edge, &read))
        return false;
    if (lmdb_count(&read, EDGE_PURGES) > 0) {
        found.keys = ARENA_ARRAY(ctx->arena, struct str, most);
        found.at_us = ARENA_ARRAY(ctx->arena, int64_t, most);
        lmdb_scan(&read, EDGE_PURGES, (struct str){ NULL, 0 }, key_collect, &found);
    }
    lmdb_read_end(&read);
    *out = (struct edge_purges){ edge, found.keys, found.at_us, found.n };
    return true;
}

bool edge_purges_done(struct ctx *ctx, const struct edge_purges *purges)
{
    bool ok = true;
    for (size_t i = 0; i < purges->n && ok; i++) {
        struct str noted = lmdb_get_for_update(ctx, purges->edge, EDGE_PURGES, purges->keys[i]);
        if (noted.len == sizeof(int64_t) &&
            memcmp(noted.ptr, &purges->at_us[i], sizeof(int64_t)) == 0)
            ok = lmdb_delete(ctx, purges->edge, EDGE_PURGES, purges->keys[i]);
    }
    return ok && !ctx_failed(ctx);
}
