#include "services/content/locales.h"

#include "base/clock.h"
#include "platform/json/json.h"

bool locale_save(struct ctx *ctx, struct str locale, const struct str *fallbacks, size_t n,
                 struct locale_row *out)
{
    struct json_out list;
    json_out_init(&list, ctx->arena);
    json_array(&list);
    for (size_t i = 0; i < n; i++)
        json_put_str(&list, fallbacks[i]);
    json_array_end(&list);
    struct locale_row before, row = { locale, json_out_str(&list), clock_now_us() };
    bool there = store_locale(ctx, locale, &before);
    if (ctx_failed(ctx))
        return false;
    bool same = there && str_eq(before.fallbacks, row.fallbacks);
    *out = same ? before : row;
    return same || store_locale_put(ctx, &row);
}

bool locale_fallbacks_read(struct ctx *ctx, struct str stored, const struct str **out, size_t *n)
{
    const struct json *list = json_parse(ctx, stored);
    struct str *fallbacks = ARENA_ARRAY(ctx->arena, struct str, json_size(list));
    for (struct json_iter it = json_iter(list); json_next(&it);)
        fallbacks[it.index] = json_str(it.value);
    *out = fallbacks;
    *n = json_size(list);
    return list != NULL;
}
