/* All entries out, and many in. */
#include "services/content/import.h"
#include "services/content/reply.h"

/* ---- export ---- */

/* A page ends with the line that fills it: what it holds in memory is this and one entry more. */
#define PAGE_BYTES (1024 * 1024)

struct export
{
    struct str *lines;
    size_t n, most, bytes;
    struct str last; /* entry_id of the last line */
};

static bool is_full(const struct export *export)
{
    return export->n == export->most || export->bytes >= PAGE_BYTES;
}

static const struct entry_shown *shown_line(struct ctx *ctx, const struct version_row *shown)
{
    struct entry_shown *line = ARENA_NEW(ctx->arena, struct entry_shown);
    *line = (struct entry_shown){ .slug = shown->slug,
                                  .locale = text_or_none(shown->locale),
                                  .title = shown->title,
                                  .document = json_parse(ctx, shown->document) };
    return line->document ? line : NULL;
}

static bool export_line(struct ctx *ctx, const struct entry_row *row,
                        const struct version_row *shown, void *argument)
{
    struct export *export = argument;
    struct entry_line line = { .entry_id = row->entry_id,
                               .kind = kind_of(row->kind),
                               .type = type_of_kind(row->kind),
                               .slug = row->slug,
                               .locale = text_or_none(row->locale),
                               .title = row->title,
                               .document = json_parse(ctx, row->document),
                               .publish = row->published_version == row->version };
    if (shown)
        line.published = shown_line(ctx, shown);
    if (ctx_failed(ctx))
        return false;
    struct str text = entry_line_encode(ctx, &line);
    export->lines[export->n++] = text;
    export->bytes += text.len + 1;
    export->last = row->entry_id;
    return !is_full(export);
}

static struct str lines_join(struct ctx *ctx, const struct export *export)
{
    char *text = arena_alloc_raw(ctx->arena, export->bytes + 1), *at = text;
    for (size_t i = 0; i < export->n; i++) {
        at = mempcpy(at, export->lines[i].ptr, export->lines[i].len);
        *at++ = '\n';
    }
    *at = '\0';
    return (struct str){ text, export->bytes };
}

struct reply content_export_entries(struct ctx *ctx, const struct export_entries_in *in)
{
    struct str after = STR("");
    struct str kind = in->type.ptr   ? in->type
                      : in->has_kind ? str_of(entry_kind_name(in->kind))
                                     : STR("");
    struct export export = { .most = (size_t)in->limit };
    export.lines = ARENA_ARRAY(ctx->arena, struct str, export.most);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_export(ctx, kind, after, export.most, export_line, &export))
        return reply_error(ctx);
    struct reply reply = reply_text(ctx, 200, "application/x-ndjson", lines_join(ctx, &export));
    if (is_full(&export))
        reply_add(ctx, &reply, "Fanfare-Next-Cursor", sql_cursor(ctx->arena, &export.last, 1));
    return reply;
}

/* ---- import ---- */

static struct imported_line line_answer(const struct import_line *line)
{
    return (struct imported_line){ .line = line->number,
                                   .entry_id = line->content.entry_id,
                                   .outcome = line->outcome,
                                   .has_version = line->version > 0,
                                   .version = line->version,
                                   .published = line->published,
                                   .pointer = line->error.pointer,
                                   .detail = line->error.detail };
}

struct reply content_import_entries(struct ctx *ctx, const struct import_entries_in *in)
{
    struct import import;
    if (!import_run(ctx, in->body_raw, &import))
        return reply_error(ctx);
    struct imported_line *lines = ARENA_ARRAY(ctx->arena, struct imported_line, import.n);
    struct import_result result = { .lines = lines, .n_lines = import.n };
    for (size_t i = 0; i < import.n; i++) {
        lines[i] = line_answer(&import.lines[i]);
        result.refused += import.lines[i].error.code != ERR_NONE;
    }
    return reply_ok(ctx, import_result_encode(ctx, &result));
}
