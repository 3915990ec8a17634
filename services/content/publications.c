#include "services/content/publications.h"

#include "base/clock.h"
#include "services/content/publish.h"
#include "services/content/reply.h"

/* ---- showing ---- */

struct showing {
    struct str launch_id;
    const struct str *entry_ids;
    size_t n;
    bool shown[PUBLICATION_MOST];
    int64_t published;
};

static bool entry_show(struct ctx *ctx, struct showing *showing, struct str entry_id)
{
    struct entry_row entry;
    struct shown_row shown;
    if (!entry_find(ctx, entry_id, &entry) || !entry_publish(ctx, entry_id, 0, &shown))
        return ctx_fail(ctx, ctx->error.code, STR_FMT, STR_ARG(entry_id));
    if (shown.version == entry.published_version)
        return true;
    struct publication_entry_row row = { .place = showing->published,
                                         .entry_id = entry_id,
                                         .version = shown.version,
                                         .version_before = entry.published_version };
    if (!store_publication_entry_put(ctx, showing->launch_id, &row))
        return false;
    showing->published++;
    return true;
}

/* What fails leaves nothing behind but its error. */
static bool entry_try(struct ctx *ctx, struct showing *showing, size_t i)
{
    if (!sql_savepoint(ctx))
        return false;
    if (entry_show(ctx, showing, showing->entry_ids[i])) {
        showing->shown[i] = true;
        return sql_savepoint_keep(ctx);
    }
    struct error error = ctx->error;
    ctx_clear(ctx);
    if (sql_savepoint_undo(ctx))
        ctx->error = error;
    return false;
}

/* Again and again while one more is shown: an entry that refers to another of the launch is shown after it. False with the
 * last refusal. */
static bool entries_show(struct ctx *ctx, struct showing *showing)
{
    for (bool any = true; any;) {
        bool all = true;
        any = false;
        for (size_t i = 0; i < showing->n; i++) {
            if (showing->shown[i])
                continue;
            ctx_clear(ctx);
            if (entry_try(ctx, showing, i))
                any = true;
            else if (outcome_of(ctx) != REJECT)
                return false;
            else
                all = false;
        }
        if (all)
            return true;
    }
    return false;
}

/* ---- deciding ---- */

static bool refuse(struct ctx *ctx, struct publication_row *row, struct str reason)
{
    row->state = STR("refused");
    row->reason = reason;
    return store_publication_put(ctx, row);
}

static bool show_all(struct ctx *ctx, struct showing *showing, struct publication_row *row)
{
    if (!sql_savepoint(ctx))
        return false;
    if (entries_show(ctx, showing)) {
        row->published = showing->published;
        return sql_savepoint_keep(ctx) && store_publication_put(ctx, row);
    }
    if (outcome_of(ctx) != REJECT)
        return false;
    struct str reason = ctx->error.detail;
    ctx_clear(ctx);
    return sql_savepoint_undo(ctx) && refuse(ctx, row, reason);
}

bool publication_do(struct ctx *ctx, const struct publication_row *wanted, int64_t expires_us,
                    const struct str *entry_ids, size_t n, struct publication_row *out)
{
    struct publication_row row;
    bool known = store_publication(ctx, wanted->launch_id, &row);
    if (ctx_failed(ctx))
        return false;
    if (known && str_is(row.state, "undone")) {
        row.state = STR("refused");
        row.reason = STR("the launch is undone");
    } else if (!known ||
               (str_is(row.state, "refused") && !str_eq(row.command_id, wanted->command_id))) {
        row = *wanted;
        row.state = STR("done");
        row.reason = STR("");
        struct showing showing = { .launch_id = row.launch_id, .entry_ids = entry_ids, .n = n };
        if (expires_us <= clock_now_us() ? !refuse(ctx, &row, STR("the command has expired"))
                                         : !show_all(ctx, &showing, &row))
            return false;
    }
    *out = row;
    return true;
}

/* ---- taking back ---- */

static bool earlier_show(struct ctx *ctx, const struct publication_entry_row *row)
{
    struct shown_row shown;
    struct entry_row entry;
    if (!sql_savepoint(ctx))
        return false;
    if (entry_publish(ctx, row->entry_id, row->version_before, &shown))
        return sql_savepoint_keep(ctx);
    if (outcome_of(ctx) != REJECT)
        return false;
    ctx_clear(ctx);
    return sql_savepoint_undo(ctx) && entry_unpublish(ctx, row->entry_id, &entry);
}

static bool entry_take_back(struct ctx *ctx, const struct publication_entry_row *row)
{
    struct entry_row entry;
    if (!store_entry(ctx, row->entry_id, &entry))
        return !ctx_failed(ctx); /* deleted since */
    if (entry.published_version != row->version)
        return true;
    return row->version_before ? earlier_show(ctx, row)
                               : entry_unpublish(ctx, row->entry_id, &entry);
}

bool publication_undo(struct ctx *ctx, struct str launch_id)
{
    struct publication_row row;
    struct publication_entry_row entries[PUBLICATION_MOST];
    size_t n = 0;
    bool known = store_publication(ctx, launch_id, &row);
    if (ctx_failed(ctx))
        return false;
    if (known && str_is(row.state, "done") &&
        !store_publication_entries(ctx, launch_id, PUBLICATION_MOST, entries, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!entry_take_back(ctx, &entries[i]))
            return false;
    if (!known)
        row = (struct publication_row){ .launch_id = launch_id, .command_id = STR("") };
    row.state = STR("undone");
    row.reason = STR("");
    return store_publication_put(ctx, &row);
}
