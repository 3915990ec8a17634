#include "services/content/locales.h"
#include "services/content/reply.h"
#include "content_contract.h"

static bool locale_answer(struct ctx *ctx, const struct locale_row *row, struct locale *out)
{
    *out = (struct locale){ .locale = row->locale, .updated_at = row->updated_us };
    return locale_fallbacks_read(ctx, row->fallbacks, &out->fallbacks, &out->n_fallbacks);
}

struct reply content_put_locale(struct ctx *ctx, const struct put_locale_in *in)
{
    struct locale_row row;
    struct locale locale;
    if (!locale_save(ctx, in->locale, in->body->fallbacks, in->body->n_fallbacks, &row) ||
        !locale_answer(ctx, &row, &locale))
        return reply_error(ctx);
    return reply_ok(ctx, locale_encode(ctx, &locale));
}

struct reply content_list_locales(struct ctx *ctx, const struct list_locales_in *in)
{
    struct str after = STR("");
    size_t n, limit = (size_t)in->limit;
    struct locale_row *rows = ARENA_ARRAY(ctx->arena, struct locale_row, limit + 1);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_locales(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct locale_list list = { .n_items = MIN(n, limit) };
    struct locale *items = ARENA_ARRAY(ctx->arena, struct locale, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!locale_answer(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].locale, 1);
    return reply_ok(ctx, locale_list_encode(ctx, &list));
}

struct reply content_delete_locale(struct ctx *ctx, const struct delete_locale_in *in)
{
    bool was;
    if (!store_locale_delete(ctx, in->locale, &was))
        return reply_error(ctx);
    if (was)
        return reply_empty(ctx);
    ctx_fail(ctx, ERR_NOT_FOUND, "nothing is said of this locale");
    return reply_error(ctx);
}
