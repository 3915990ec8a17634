#include "services/content/export.h"

#include "services/content/locales.h"
#include "services/content/reply.h"

#define PAGE_BYTES (1024 * 1024)
#define ROWS 16 /* of types, locales and media, read at a time */
#define EARLIER_MOST 100

struct page {
    const struct export_asked *asked;
    struct export *out;
    struct str after; /* in the section at hand: beyond this id; at its end the last line's */
};

static bool is_full(const struct page *page)
{
    return page->out->n >= page->asked->limit || page->out->bytes >= PAGE_BYTES;
}

static void line_add(struct page *page, struct str line, struct str id)
{
    page->out->lines[page->out->n++] = line;
    page->out->bytes += line.len + 1;
    page->after = id;
}

/* ---- what entries stand on ---- */

static bool types_add(struct ctx *ctx, struct page *page)
{
    size_t n = ROWS;
    struct type_row rows[ROWS];
    while (n == ROWS && !is_full(page)) {
        if (!store_types(ctx, page->after, ROWS, rows, &n))
            return false;
        for (size_t i = 0; i < n && !is_full(page); i++) {
            struct type_line line = { .type = rows[i].type,
                                      .schema = json_parse(ctx, rows[i].schema),
                                      .description = rows[i].description };
            if (!line.schema)
                return false;
            line_add(page, type_line_encode(ctx, &line), rows[i].type);
        }
    }
    return true;
}

static bool locales_add_lines(struct ctx *ctx, struct page *page)
{
    size_t n = ROWS;
    struct locale_row rows[ROWS];
    while (n == ROWS && !is_full(page)) {
        if (!store_locales(ctx, page->after, ROWS, rows, &n))
            return false;
        for (size_t i = 0; i < n && !is_full(page); i++) {
            struct locale_line line = { .locale = rows[i].locale };
            if (!locale_fallbacks_read(ctx, rows[i].fallbacks, &line.fallbacks, &line.n_fallbacks))
                return false;
            line_add(page, locale_line_encode(ctx, &line), rows[i].locale);
        }
    }
    return true;
}

static bool media_add(struct ctx *ctx, struct page *page)
{
    size_t n = ROWS;
    struct media_row rows[ROWS];
    while (n == ROWS && !is_full(page)) {
        if (!store_media_by_id(ctx, page->after, ROWS, rows, &n))
            return false;
        for (size_t i = 0; i < n && !is_full(page); i++) {
            struct media_line line = { .media_id = rows[i].media_id,
                                       .type = rows[i].type,
                                       .has_bytes = true,
                                       .bytes = rows[i].bytes,
                                       .name = rows[i].name };
            line_add(page, media_line_encode(ctx, &line), rows[i].media_id);
        }
    }
    return true;
}

/* ---- entries ---- */

struct gathering {
    struct entry_line *lines;
    size_t n, most, bytes, bytes_most;
};

static const struct entry_shown *shown_line(struct ctx *ctx, const struct version_row *shown)
{
    struct entry_shown *line = ARENA_NEW(ctx->arena, struct entry_shown);
    *line = (struct entry_shown){ .slug = shown->slug,
                                  .locale = text_or_none(shown->locale),
                                  .title = shown->title,
                                  .document = json_parse(ctx, shown->document) };
    return line->document ? line : NULL;
}

static bool entry_gather(struct ctx *ctx, const struct entry_row *row,
                         const struct version_row *shown, void *argument)
{
    struct gathering *gathering = argument;
    gathering->lines[gathering->n++] =
        (struct entry_line){ .entry_id = row->entry_id,
                             .kind = kind_of(row->kind),
                             .type = type_of_kind(row->kind),
                             .slug = row->slug,
                             .locale = text_or_none(row->locale),
                             .title = row->title,
                             .document = json_parse(ctx, row->document),
                             .publish = row->published_version == row->version,
                             .published = shown ? shown_line(ctx, shown) : NULL };
    gathering->bytes += row->document.len + (shown ? shown->document.len : 0);
    return !ctx_failed(ctx) && gathering->n < gathering->most &&
           gathering->bytes < gathering->bytes_most;
}

static bool earlier_find(struct ctx *ctx, struct entry_line *line)
{
    struct place_row places[EARLIER_MOST];
    size_t n;
    if (!store_moved(ctx, line->entry_id, EARLIER_MOST, places, &n))
        return false;
    struct earlier_place *earlier = ARENA_ARRAY(ctx->arena, struct earlier_place, n);
    for (size_t i = 0; i < n; i++)
        earlier[i] = (struct earlier_place){ places[i].slug, text_or_none(places[i].locale) };
    line->earlier = n ? earlier : NULL;
    line->n_earlier = n;
    return true;
}

static bool entries_add(struct ctx *ctx, struct page *page)
{
    const struct export_asked *asked = page->asked;
    struct gathering all = { .most = asked->limit - page->out->n,
                             .bytes_most = PAGE_BYTES - page->out->bytes };
    all.lines = ARENA_ARRAY(ctx->arena, struct entry_line, all.most);
    if (!store_export(ctx, asked->kind, page->after, all.most, entry_gather, &all))
        return false;
    for (size_t i = 0; i < all.n; i++) {
        if (asked->whole && !earlier_find(ctx, &all.lines[i]))
            return false;
        line_add(page, entry_line_encode(ctx, &all.lines[i]), all.lines[i].entry_id);
    }
    return true;
}

/* ---- pages ---- */

static const struct section {
    const char *name;
    bool only_whole;
    bool (*add)(struct ctx *ctx, struct page *page);
} sections[] = {
    { "types", true, types_add },
    { "locales", true, locales_add_lines },
    { "media", true, media_add },
    { "entries", false, entries_add },
};

static bool section_find(struct ctx *ctx, const struct export_asked *asked, size_t *out)
{
    for (*out = 0; *out < COUNT(sections); ++*out) {
        const struct section *section = &sections[*out];
        if (asked->section.len ? str_is(asked->section, section->name)
                               : asked->whole || !section->only_whole)
            return asked->whole || !section->only_whole ||
                   ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"),
                               "it is of a whole export: say so again");
    }
    return ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"), "this is not one of ours");
}

bool export_page(struct ctx *ctx, const struct export_asked *asked, struct export *out)
{
    struct page page = { .asked = asked, .out = out, .after = asked->after };
    size_t i;
    *out = (struct export){ .lines = ARENA_ARRAY(ctx->arena, struct str, asked->limit) };
    if (!section_find(ctx, asked, &i))
        return false;
    for (; i < COUNT(sections); i++) {
        if (!sections[i].add(ctx, &page))
            return false;
        if (is_full(&page)) {
            out->section = str_of(sections[i].name);
            out->last = page.after;
            return true;
        }
        page.after = STR("");
    }
    return true;
}
