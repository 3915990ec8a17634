#include "services/search/definition.h"

#include "base/clock.h"

bool words_are_few(struct ctx *ctx, const struct str *words, size_t n, size_t most)
{
    for (size_t i = 0; i < n; i++) {
        size_t parts;
        words_folded(ctx->arena, words[i], &parts);
        struct str pointer = arena_printf(ctx->arena, "/words/%zu", i);
        if (parts == 0)
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "\"" STR_FMT "\" is no word",
                               STR_ARG(words[i]));
        if (parts > most)
            return ctx_fail_at(ctx, ERR_INVALID, pointer,
                               "\"" STR_FMT "\" is %zu words; at most %zu can be one",
                               STR_ARG(words[i]), parts, most);
    }
    return true;
}

bool definition_put(struct ctx *ctx, enum definition_kind kind, struct str id,
                    struct str definition, struct definition_row *out)
{
    struct definition_row before = { 0 };
    bool known = store_definition(ctx, kind, id, &before);
    if (ctx_failed(ctx))
        return false;
    if (known && str_eq(before.definition, definition)) {
        *out = before;
        return true;
    }
    *out = (struct definition_row){ .id = id,
                                    .definition = definition,
                                    .version = before.version + 1,
                                    .updated_us = clock_now_us() };
    return store_definition_put(ctx, kind, out);
}

static bool none(struct ctx *ctx)
{
    return ctx_fail(ctx, ERR_NOT_FOUND, "there is none with this id");
}

bool definition_get(struct ctx *ctx, enum definition_kind kind, struct str id,
                    struct definition_row *out)
{
    return store_definition(ctx, kind, id, out) || (!ctx_failed(ctx) && none(ctx));
}

bool definition_delete(struct ctx *ctx, enum definition_kind kind, struct str id)
{
    bool existed;
    return store_definition_delete(ctx, kind, id, &existed) && (existed || none(ctx));
}

bool definition_page(struct ctx *ctx, enum definition_kind kind, struct str cursor, size_t limit,
                     struct definition_row **rows, size_t *n, struct str *next_cursor)
{
    struct str after = { NULL, 0 };
    *rows = ARENA_ARRAY(ctx->arena, struct definition_row, limit + 1);
    if ((cursor.ptr && !sql_cursor_parse(ctx, cursor, &after, 1)) ||
        !store_definitions(ctx, kind, after, limit + 1, *rows, n))
        return false;
    if (*n > limit) {
        *n = limit;
        *next_cursor = sql_cursor(ctx->arena, &(*rows)[limit - 1].id, 1);
    }
    return true;
}
