#include "services/content/import.h"

#include <stdlib.h>

#include "services/content/publish.h"
#include "services/content/reply.h"
#include "services/content/save.h"

/* ---- lines ---- */

static struct error error_take(struct ctx *ctx)
{
    struct error error = ctx->error;
    ctx_clear(ctx);
    return error;
}

static bool lines_read(struct ctx *ctx, struct str body, struct import *import)
{
    struct str text;
    import->lines = ARENA_ARRAY(ctx->arena, struct import_line, IMPORT_LINES);
    for (int64_t number = 1; str_split(&body, '\n', &text); number++) {
        if (!str_trim(text).len)
            continue;
        if (import->n == IMPORT_LINES)
            return ctx_fail(ctx, ERR_TOO_LARGE, "one import takes at most %d entries",
                            IMPORT_LINES);
        struct import_line *line = &import->lines[import->n++];
        line->number = number;
        if (!line_read(ctx, text, line))
            line->error = error_take(ctx);
    }
    return true;
}

/* ---- one after another, each for itself ---- */

typedef bool (*line_step)(struct ctx *ctx, struct import_line *line);

/* What the step does stands, or nothing of it and the line says why. False: it is not the line's fault. */
static bool line_try(struct ctx *ctx, struct import_line *line, line_step step)
{
    if (!sql_savepoint(ctx))
        return false;
    if (step(ctx, line))
        return sql_savepoint_keep(ctx);
    if (error_status(ctx->error.code) >= 500)
        return false;
    line->error = error_take(ctx);
    return sql_savepoint_undo(ctx);
}

/* ---- what entries stand on ---- */

static bool others_take(struct ctx *ctx, struct import *import)
{
    for (enum line_kind kind = LINE_TYPE; kind < LINE_ENTRY; kind++)
        for (size_t i = 0; i < import->n; i++) {
            struct import_line *line = &import->lines[i];
            if (line->kind == kind && line->error.code == ERR_NONE &&
                !line_try(ctx, line, line_take))
                return false;
        }
    return true;
}

/* ---- drafts ---- */

static struct str or_empty(struct str text)
{
    return text.ptr ? text : STR("");
}

static bool same_text(struct str a, struct str b)
{
    return !a.ptr == !b.ptr && str_eq(a, b);
}

static bool shown_is(const struct version_row *version, const struct entry_row *wanted)
{
    return str_eq(version->slug, wanted->slug) && str_eq(version->locale, wanted->locale) &&
           same_text(version->title, wanted->title) && str_eq(version->document, wanted->document);
}

/* What is to be shown where the draft is not: a version of its own, unless it is shown already. */
static bool shown_save(struct ctx *ctx, struct import_line *line, const struct entry_row *draft,
                       const struct entry_row *before)
{
    const struct entry_shown *shown = line->content.published;
    struct version_row version;
    struct entry_row saved, wanted = *draft;
    wanted.slug = shown->slug;
    wanted.locale = or_empty(shown->locale);
    wanted.title = shown->title;
    wanted.document = json_text(ctx->arena, shown->document);
    line->show = before->published_version;
    if (line->show && !version_find(ctx, draft->entry_id, line->show, &version))
        return false;
    if (line->show && shown_is(&version, &wanted))
        return true;
    if (!entry_save(ctx, &wanted, &(struct expectation){ 0 }, &saved))
        return false;
    line->show = saved.version;
    return true;
}

static bool earlier_save(struct ctx *ctx, const struct entry_line *content,
                         const struct entry_row *entry)
{
    for (size_t i = 0; i < content->n_earlier; i++) {
        struct place_row place = { content->earlier[i].slug, or_empty(content->earlier[i].locale) };
        if (!store_moved_put(ctx, entry, &place))
            return false;
    }
    return true;
}

static bool draft_save(struct ctx *ctx, struct import_line *line)
{
    const struct entry_line *content = &line->content;
    struct entry_row before = { 0 }, saved,
                     wanted = { .entry_id = content->entry_id,
                                .slug = content->slug,
                                .locale = or_empty(content->locale),
                                .title = content->title };
    wanted.document = json_text(ctx->arena, content->document);
    store_entry(ctx, content->entry_id, &before);
    if (ctx_failed(ctx) || !kind_read(ctx, content->kind, content->type, "/type", &wanted.kind) ||
        (content->published && !shown_save(ctx, line, &wanted, &before)) ||
        !entry_save(ctx, &wanted, &(struct expectation){ 0 }, &saved) ||
        !earlier_save(ctx, content, &saved))
        return false;
    if (content->publish)
        line->show = saved.version;
    line->version = saved.version;
    line->outcome = !before.version                   ? IMPORT_OUTCOME_CREATED
                    : saved.version == before.version ? IMPORT_OUTCOME_UNCHANGED
                                                      : IMPORT_OUTCOME_CHANGED;
    return references_find(ctx,
                           content->published ? content->published->document : content->document,
                           &line->references);
}

static int by_entry_id(const void *a, const void *b)
{
    const struct import_line *const *x = a, *const *y = b;
    return str_cmp((*x)->content.entry_id, (*y)->content.entry_id);
}

static bool is_twice(const struct import *import, const struct import_line *line)
{
    for (const struct import_line *at = import->lines; at < line; at++)
        if (str_eq(at->content.entry_id, line->content.entry_id))
            return true;
    return false;
}

/* A slug that is taken may be free once the lines after it were saved: those that met one are tried again. */
static bool drafts_save(struct ctx *ctx, struct import *import)
{
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < import->n; i++) {
            struct import_line *line = &import->lines[i];
            if (line->kind != LINE_ENTRY || line->error.code != (round ? ERR_CONFLICT : ERR_NONE))
                continue;
            line->error = (struct error){ 0 };
            if (is_twice(import, line))
                line->error = (struct error){ .code = ERR_INVALID,
                                              .pointer = STR("/entry_id"),
                                              .detail = STR("a line before has this id") };
            else if (!line_try(ctx, line, draft_save))
                return false;
        }
    import->by_id = ARENA_ARRAY(ctx->arena, struct import_line *, import->n);
    for (size_t i = 0; i < import->n; i++)
        if (import->lines[i].kind == LINE_ENTRY && import->lines[i].error.code == ERR_NONE)
            import->by_id[import->n_saved++] = &import->lines[i];
    qsort(import->by_id, import->n_saved, sizeof(struct import_line *), by_entry_id);
    return true;
}

/* ---- showing ---- */

static bool line_show(struct ctx *ctx, struct import_line *line)
{
    struct shown_row shown;
    line->published = entry_publish(ctx, line->content.entry_id, line->show, &shown);
    return line->published;
}

static struct import_line *line_of(const struct import *import, struct str entry_id)
{
    struct import_line key = { .content.entry_id = entry_id }, *at = &key;
    struct import_line **found =
        bsearch(&at, import->by_id, import->n_saved, sizeof(struct import_line *), by_entry_id);
    return found ? *found : NULL;
}

/* Whom it refers to goes first; a circle ends where it began, and is refused there. */
static bool show_in_order(struct ctx *ctx, struct import *import, struct import_line *line)
{
    int64_t show = line->show;
    line->show = 0; /* under way */
    for (size_t i = 0; i < line->references.n; i++) {
        struct import_line *first = line_of(import, line->references.targets[i]);
        if (first && first->show && !show_in_order(ctx, import, first))
            return false;
    }
    line->show = show;
    bool ok = line_try(ctx, line, line_show);
    line->show = 0;
    return ok;
}

bool import_run(struct ctx *ctx, struct str body, struct import *out)
{
    *out = (struct import){ 0 };
    if (!lines_read(ctx, body, out) || !others_take(ctx, out) || !drafts_save(ctx, out))
        return false;
    for (size_t i = 0; i < out->n_saved; i++)
        if (out->by_id[i]->show && !show_in_order(ctx, out, out->by_id[i]))
            return false;
    return true;
}
