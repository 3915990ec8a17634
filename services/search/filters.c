/* What a request says of columns: filters and facets. */
#include "services/search/query.h"

#define FILTERS_MOST 31 /* match.h */

enum column column_named(struct str name)
{
    for (int i = 0; i < N_COLUMNS; i++)
        if (str_is(name, columns[i].name))
            return (enum column)i;
    return N_COLUMNS;
}

static struct str facet_names(struct arena *arena)
{
    struct str names = STR("");
    for (int i = 0; i < N_COLUMNS; i++)
        if (columns[i].facet)
            names = arena_printf(arena, STR_FMT "%s%s", STR_ARG(names), names.len ? ", " : "",
                                 columns[i].name);
    return names;
}

static struct match_filter *filter_of(struct ctx *ctx, const struct lmdb_read *read,
                                      struct match_filter *filters, size_t *n, enum column column)
{
    for (size_t i = 0; i < *n; i++)
        if (filters[i].column == column)
            return &filters[i];
    struct match_filter *filter = &filters[(*n)++];
    *filter = (struct match_filter){ .column = column, .most = UINT32_MAX };
    if (columns[column].facet) {
        filter->n_ordinals = facet_count(read, ctx->arena, column) + 1;
        filter->ordinals = ARENA_ARRAY(ctx->arena, uint8_t, filter->n_ordinals);
    }
    return filter;
}

static void let_through(struct ctx *ctx, const struct lmdb_read *read, struct match_filter *filter,
                        struct str value)
{
    uint32_t ordinal = facet_ordinal(read, ctx->arena, filter->column, value);
    if (ordinal && ordinal < filter->n_ordinals)
        ((uint8_t *)filter->ordinals)[ordinal] = 1;
}

/* "1000..5000", "..5000", "1000.." */
static bool range_read(struct str text, struct match_filter *filter)
{
    int64_t least = 0, most = UINT32_MAX;
    const char *dots = text.len >= 2 ? memmem(text.ptr, text.len, "..", 2) : NULL;
    if (!dots || text.len == 2)
        return false;
    struct str from = { text.ptr, (size_t)(dots - text.ptr) },
               to = { dots + 2, text.len - from.len - 2 };
    if ((from.len && !str_to_int(from, &least)) || (to.len && !str_to_int(to, &most)) ||
        least < 0 || most < least)
        return false;
    /* As in the column: one more, since 0 is what has none. */
    filter->least = (uint32_t)MIN(least, (int64_t)UINT32_MAX - 1) + 1;
    filter->most = (uint32_t)MIN(most, (int64_t)UINT32_MAX - 1) + 1;
    return true;
}

static bool filter_read(struct ctx *ctx, const struct lmdb_read *read, struct str text,
                        struct match_filter *filters, size_t *n)
{
    struct str at = STR("query/filter"), value = text, name;
    if (str_find_char(text, ':') < 0)
        return ctx_fail_at(ctx, ERR_INVALID, at, "\"" STR_FMT "\" is not \"facet:value\"",
                           STR_ARG(text));
    str_split(&value, ':', &name);
    enum column column = column_named(name);
    if (column == N_COLUMNS || (!columns[column].facet && column != COLUMN_PRICE))
        return ctx_fail_at(ctx, ERR_INVALID, at,
                           "nothing is filtered by \"" STR_FMT "\", only by " STR_FMT " and price",
                           STR_ARG(name), STR_ARG(facet_names(ctx->arena)));
    size_t before = *n;
    struct match_filter *filter = filter_of(ctx, read, filters, n, column);
    if (columns[column].facet)
        let_through(ctx, read, filter, value);
    else if (before == *n)
        return ctx_fail_at(ctx, ERR_INVALID, at, "price is named twice");
    else if (!range_read(value, filter))
        return ctx_fail_at(ctx, ERR_INVALID, at,
                           "\"" STR_FMT
                           "\" is no range of whole numbers: \"1000..5000\", \"..5000\"",
                           STR_ARG(value));
    return true;
}

/* What has no locale, or this one, or the one without its last parts. */
static void locale_filter(struct ctx *ctx, const struct lmdb_read *read, struct str locale,
                          struct match_filter *filters, size_t *n)
{
    size_t own = 0;
    struct match_filter *filter = filter_of(ctx, read, &filters[*n], &own, COLUMN_LOCALE);
    ++*n;
    ((uint8_t *)filter->ordinals)[0] = 1;
    while (locale.len) {
        let_through(ctx, read, filter, locale);
        while (locale.len && locale.ptr[--locale.len] != '-')
            ;
    }
}

bool filters_read(struct ctx *ctx, const struct lmdb_read *read, const struct str *texts, size_t n,
                  struct str locale, struct match *match)
{
    struct match_filter *filters = ARENA_ARRAY(ctx->arena, struct match_filter, FILTERS_MOST);
    match->n_filters = 0;
    for (size_t i = 0; i < n; i++)
        if (!filter_read(ctx, read, texts[i], filters, &match->n_filters))
            return false;
    if (locale.len)
        locale_filter(ctx, read, locale, filters, &match->n_filters);
    match->filters = filters;
    return true;
}

static int filter_on(const struct match *match, enum column column)
{
    for (size_t i = 0; i < match->n_filters; i++)
        if (match->filters[i].column == column)
            return (int)i;
    return -1;
}

bool facets_read(struct ctx *ctx, const struct lmdb_read *read, const struct str *names, size_t n,
                 struct match *match)
{
    match->facets = ARENA_ARRAY(ctx->arena, struct match_facet, N_COLUMNS);
    match->n_facets = 0;
    for (size_t i = 0; i < n; i++) {
        enum column column = column_named(names[i]);
        if (column == N_COLUMNS || !columns[column].facet)
            return ctx_fail_at(ctx, ERR_INVALID, STR("query/facets"),
                               "there is no facet \"" STR_FMT "\", only " STR_FMT,
                               STR_ARG(names[i]), STR_ARG(facet_names(ctx->arena)));
        for (size_t k = 0; k < match->n_facets; k++)
            if (match->facets[k].column == column)
                return ctx_fail_at(ctx, ERR_INVALID, STR("query/facets"), STR_FMT " is named twice",
                                   STR_ARG(names[i]));
        uint32_t values = facet_count(read, ctx->arena, column);
        match->facets[match->n_facets++] = (struct match_facet){
            .column = column,
            .counts = ARENA_ARRAY(ctx->arena, uint32_t, values + 1),
            .n = values,
            .filter = filter_on(match, column),
        };
    }
    return true;
}
