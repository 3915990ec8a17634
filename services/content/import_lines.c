/* Lines of an import, each read as what it is, and those that are no entries taken. */
#include "services/content/import.h"
#include "services/content/locales.h"
#include "services/content/types.h"

/* ---- reading ---- */

/* What makes a line what it is; what has none of these is an entry. */
static const struct {
    const char *member;
    enum line_kind kind;
} marks[] = {
    { "entry_id", LINE_ENTRY },
    { "media_id", LINE_MEDIUM },
    { "fallbacks", LINE_LOCALE },
    { "schema", LINE_TYPE },
};

static enum line_kind kind_find(const struct json *json)
{
    for (size_t i = 0; i < COUNT(marks); i++)
        if (json_type(json_get(json, marks[i].member)) != JSON_ABSENT)
            return marks[i].kind;
    return LINE_ENTRY;
}

static bool decode(struct ctx *ctx, const struct json *json, struct import_line *line)
{
    switch (line->kind) {
    case LINE_TYPE:
        return contract_decode(ctx, &type_line_type, json, DECODE_STRICT, &line->type);
    case LINE_LOCALE:
        return contract_decode(ctx, &locale_line_type, json, DECODE_STRICT, &line->locale);
    case LINE_MEDIUM:
        return contract_decode(ctx, &media_line_type, json, DECODE_STRICT, &line->medium);
    default:
        return contract_decode(ctx, &entry_line_type, json, DECODE_STRICT, &line->content);
    }
}

bool line_read(struct ctx *ctx, struct str text, struct import_line *line)
{
    const struct json *json = json_parse(ctx, text);
    line->outcome = IMPORT_OUTCOME_REFUSED;
    line->kind = kind_find(json);
    if (!json || !decode(ctx, json, line))
        return false;
    return !line->content.publish || !line->content.published ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/published"), "`publish` shows the draft itself");
}

/* ---- taking ---- */

static enum import_outcome outcome_since(bool was, bool same)
{
    return !was ? IMPORT_OUTCOME_CREATED : same ? IMPORT_OUTCOME_UNCHANGED : IMPORT_OUTCOME_CHANGED;
}

static bool type_take(struct ctx *ctx, struct import_line *line)
{
    struct type_row before = { 0 }, saved,
                    wanted = { .type = line->type.type, .description = line->type.description };
    wanted.schema = json_text(ctx->arena, line->type.schema);
    store_type(ctx, wanted.type, &before);
    if (ctx_failed(ctx) ||
        !type_save(ctx, &wanted, line->type.schema, &(struct expectation){ 0 }, &saved))
        return false;
    line->version = saved.version;
    line->outcome = outcome_since(before.version > 0, saved.version == before.version);
    return true;
}

static bool locale_take(struct ctx *ctx, struct import_line *line)
{
    const struct locale_line *locale = &line->locale;
    struct locale_row before = { 0 }, saved;
    bool was = store_locale(ctx, locale->locale, &before);
    if (ctx_failed(ctx) ||
        !locale_save(ctx, locale->locale, locale->fallbacks, locale->n_fallbacks, &saved))
        return false;
    line->outcome = outcome_since(was, str_eq(before.fallbacks, saved.fallbacks));
    return true;
}

static bool medium_take(struct ctx *ctx, struct import_line *line)
{
    struct media_row row;
    if (!store_media(ctx, line->medium.media_id, &row))
        return ctx_fail_at(ctx, ERR_NOT_FOUND, STR("/media_id"),
                           "its bytes are not here: they are uploaded before");
    line->outcome = IMPORT_OUTCOME_UNCHANGED;
    return true;
}

bool line_take(struct ctx *ctx, struct import_line *line)
{
    switch (line->kind) {
    case LINE_TYPE:
        return type_take(ctx, line);
    case LINE_LOCALE:
        return locale_take(ctx, line);
    default:
        return medium_take(ctx, line);
    }
}
