/* All there is out, and many in. */
#include "services/content/export.h"
#include "services/content/import.h"
#include "services/content/reply.h"

/* ---- export ---- */

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

/* One of entries alone has no section in it, as it was before there were any. */
static bool cursor_read(struct ctx *ctx, struct str cursor, struct export_asked *asked)
{
    struct str parts[2] = { STR(""), STR("") };
    if (cursor.ptr && !sql_cursor_parse(ctx, cursor, parts, asked->whole ? 2 : 1))
        return false;
    asked->section = asked->whole ? parts[0] : STR("");
    asked->after = parts[asked->whole];
    return true;
}

static struct str cursor_of(struct ctx *ctx, const struct export_asked *asked,
                            const struct export *export)
{
    const struct str parts[] = { export->section, export->last };
    return asked->whole ? sql_cursor(ctx->arena, parts, 2) : sql_cursor(ctx->arena, &parts[1], 1);
}

static struct str kind_asked(const struct export_entries_in *in)
{
    return in->type.ptr ? in->type : in->has_kind ? str_of(entry_kind_name(in->kind)) : STR("");
}

struct reply content_export_entries(struct ctx *ctx, const struct export_entries_in *in)
{
    struct export export;
    struct export_asked asked = { .kind = kind_asked(in),
                                  .whole = in->whole,
                                  .limit = (size_t)in->limit };
    if (asked.whole && asked.kind.len) {
        ctx_fail_at(ctx, ERR_INVALID, STR("query/whole"),
                    "a whole export is of all kinds and types");
        return reply_error(ctx);
    }
    if (!cursor_read(ctx, in->cursor, &asked) || !export_page(ctx, &asked, &export))
        return reply_error(ctx);
    struct reply reply = reply_text(ctx, 200, "application/x-ndjson", lines_join(ctx, &export));
    if (export.section.ptr)
        reply_add(ctx, &reply, "Fanfare-Next-Cursor", cursor_of(ctx, &asked, &export));
    return reply;
}

/* ---- import ---- */

static struct imported_line line_answer(const struct import_line *line)
{
    return (struct imported_line){ .line = line->number,
                                   .entry_id = line->content.entry_id,
                                   .type = line->type.type,
                                   .locale = line->locale.locale,
                                   .media_id = line->medium.media_id,
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
