#include "services/content/store.h"

/* ---- entries ---- */

#define ENTRY_COLUMNS                                                                              \
    "e.entry_id, e.kind, e.slug, e.locale, e.title, e.version, e.updated_us, e.published_version, e.published_us," \
    " e.told_us"

static struct entry_row entry_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct entry_row){ .entry_id = row_str(ctx, rows, 0),
                               .kind = row_str(ctx, rows, 1),
                               .slug = row_str(ctx, rows, 2),
                               .locale = row_str(ctx, rows, 3),
                               .title = row_str(ctx, rows, 4),
                               .version = row_int(rows, 5),
                               .updated_us = row_int(rows, 6),
                               .published_version = row_int(rows, 7),
                               .published_us = row_int(rows, 8),
                               .told_us = row_int(rows, 9) };
}

bool store_entry(struct ctx *ctx, struct str entry_id, struct entry_row *out)
{
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT " ENTRY_COLUMNS ", v.document FROM entries e"
            " JOIN versions v ON v.entry_id = e.entry_id AND v.version = e.version WHERE e.entry_id = $1",
            sql_str(entry_id)))
        return false;
    *out = entry_of(ctx, &rows);
    out->document = row_str(ctx, &rows, 10);
    sql_rows_close(&rows);
    return true;
}

bool store_slug_owner(struct ctx *ctx, const struct entry_row *entry, struct str *entry_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT entry_id FROM entries WHERE kind = $1 AND slug = $2 AND locale = $3",
                 sql_str(entry->kind), sql_str(entry->slug), sql_str(entry->locale)))
        return false;
    *entry_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_gone(struct ctx *ctx, struct str entry_id, int64_t *version, int64_t *told_us)
{
    struct sql_rows rows;
    *version = *told_us = 0;
    if (!sql_one(ctx, &rows, "SELECT version, told_us FROM gone WHERE entry_id = $1",
                 sql_str(entry_id)))
        return !ctx_failed(ctx);
    *version = row_int(&rows, 0);
    *told_us = row_int(&rows, 1);
    sql_rows_close(&rows);
    return true;
}

static const char changed_meanwhile[] = "the entry was changed by somebody else at the same time";

static bool entry_add(struct ctx *ctx, const struct entry_row *entry)
{
    return sql_exec(
               ctx, NULL,
               "INSERT INTO entries (entry_id, kind, slug, locale, title, version, updated_us, published_version,"
               " published_us, told_us) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8)",
               sql_str(entry->entry_id), sql_str(entry->kind), sql_str(entry->slug),
               sql_str(entry->locale), sql_str(entry->title), sql_int(entry->version),
               sql_int(entry->updated_us), sql_int(entry->told_us)) &&
           sql_exec(ctx, NULL, "DELETE FROM gone WHERE entry_id = $1", sql_str(entry->entry_id));
}

static bool entry_change(struct ctx *ctx, const struct entry_row *entry, int64_t was)
{
    int64_t changed;
    if (!sql_exec(
            ctx, &changed,
            "UPDATE entries SET slug = $1, locale = $2, title = $3, version = $4, updated_us = $5"
            " WHERE entry_id = $6 AND version = $7",
            sql_str(entry->slug), sql_str(entry->locale), sql_str(entry->title),
            sql_int(entry->version), sql_int(entry->updated_us), sql_str(entry->entry_id),
            sql_int(was)))
        return false;
    return changed == 1 || ctx_fail(ctx, ERR_CONFLICT, "%s", changed_meanwhile);
}

bool store_entry_put(struct ctx *ctx, const struct entry_row *entry, int64_t was)
{
    if (!(was ? entry_change(ctx, entry, was) : entry_add(ctx, entry)))
        return false;
    return sql_exec(
        ctx, NULL,
        "INSERT INTO versions (entry_id, version, slug, locale, title, document, saved_us)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        sql_str(entry->entry_id), sql_int(entry->version), sql_str(entry->slug),
        sql_str(entry->locale), sql_str(entry->title), sql_str(entry->document),
        sql_int(entry->updated_us));
}

bool store_entry_delete(struct ctx *ctx, const struct entry_row *entry)
{
    int64_t changed;
    struct sql_value id = sql_str(entry->entry_id);
    if (!sql_exec(ctx, NULL, "DELETE FROM versions WHERE entry_id = $1", id) ||
        !sql_exec(ctx, NULL, "DELETE FROM moved WHERE entry_id = $1", id) ||
        !sql_exec(ctx, NULL, "DELETE FROM schedules WHERE entry_id = $1", id) ||
        !sql_exec(ctx, NULL, "DELETE FROM entry_references WHERE entry_id = $1", id) ||
        !sql_exec(ctx, &changed,
                  "DELETE FROM entries WHERE entry_id = $1 AND version = $2 AND told_us = $3", id,
                  sql_int(entry->version), sql_int(entry->told_us)))
        return false;
    if (changed != 1)
        return ctx_fail(ctx, ERR_CONFLICT, "%s", changed_meanwhile);
    return sql_exec(ctx, NULL, "INSERT INTO gone (entry_id, version, told_us) VALUES ($1, $2, $3)",
                    id, sql_int(entry->version), sql_int(entry->told_us));
}

/* $1 and $2 say where the page begins; the rest is the same for each order. */
#define ENTRIES(beyond, order)                                                                     \
    "SELECT " ENTRY_COLUMNS " FROM entries e WHERE " beyond " AND ($3 = '' OR e.kind = $3)"        \
    " AND ($4 = '' OR $4 = CASE WHEN e.published_version = 0 THEN 'draft'"                         \
    " WHEN e.published_version = e.version THEN 'published' ELSE 'changed' END)"                   \
    " AND ($5 = '' OR substr(e.slug, 1, length($5)) = $5) AND ($6 = '*' OR e.locale = $6)"         \
    " AND ($7 = '' OR EXISTS (SELECT 1 FROM entry_references r"                                    \
    " WHERE r.entry_id = e.entry_id AND r.shown = 0 AND r.target = $7))"                           \
    " AND e.updated_us >= $8 ORDER BY " order " LIMIT $9"

static const char *const entries_texts[] = {
    [ENTRIES_BY_ID] = ENTRIES("e.entry_id > $1 AND e.entry_id >= $2", "e.entry_id"),
    [ENTRIES_BY_SLUG] = ENTRIES("(e.slug, e.entry_id) > ($2, $1)", "e.slug, e.entry_id"),
    [ENTRIES_NEWEST] =
        ENTRIES("(e.updated_us, e.entry_id) < ($2, $1)", "e.updated_us DESC, e.entry_id DESC"),
    [ENTRIES_OLDEST] = ENTRIES("(e.updated_us, e.entry_id) > ($2, $1)", "e.updated_us, e.entry_id"),
};

static struct sql_value place_value(enum entry_order order, const struct entry_place *beyond)
{
    switch (order) {
    case ENTRIES_BY_ID:
        return sql_str(beyond->id);
    case ENTRIES_BY_SLUG:
        return sql_str(beyond->slug);
    default:
        return sql_int(beyond->updated_us);
    }
}

bool store_entries(struct ctx *ctx, const struct entry_filter *filter, enum entry_order order,
                   const struct entry_place *beyond, size_t limit, struct entry_row *out, size_t *n)
{
    struct sql_rows rows;
    const struct sql_value values[] = {
        { 0 }, /* the filler */
        sql_str(beyond->id),
        place_value(order, beyond),
        sql_str(filter->kind),
        sql_str(filter->state),
        sql_str(filter->slug_prefix),
        sql_str(filter->any_locale ? STR("*") : filter->locale),
        sql_str(filter->refers_to),
        sql_int(filter->changed_since_us),
        sql_int((int64_t)limit),
    };
    if (!sql_query_n(ctx, &rows, entries_texts[order], values, COUNT(values)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = entry_of(ctx, &rows);
    return !ctx_failed(ctx);
}

/* ---- versions ---- */

#define VERSION_COLUMNS "version, saved_us, slug, locale, title"

static struct version_row version_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct version_row){ .version = row_int(rows, 0),
                                 .saved_us = row_int(rows, 1),
                                 .slug = row_str(ctx, rows, 2),
                                 .locale = row_str(ctx, rows, 3),
                                 .title = row_str(ctx, rows, 4) };
}

bool store_versions(struct ctx *ctx, struct str entry_id, int64_t before, size_t limit,
                    struct version_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " VERSION_COLUMNS " FROM versions WHERE entry_id = $1 AND version < $2"
                   " ORDER BY version DESC LIMIT $3",
                   sql_str(entry_id), sql_int(before), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = version_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_version(struct ctx *ctx, struct str entry_id, int64_t version, struct version_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT " VERSION_COLUMNS
                 ", document FROM versions WHERE entry_id = $1 AND version = $2",
                 sql_str(entry_id), sql_int(version)))
        return false;
    *out = version_of(ctx, &rows);
    out->document = row_str(ctx, &rows, 5);
    sql_rows_close(&rows);
    return true;
}

bool store_export(struct ctx *ctx, struct str kind, struct str after, size_t limit,
                  export_visit visit, void *argument)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT " ENTRY_COLUMNS ", v.document, s.version, s.slug, s.locale, s.title, s.document"
            " FROM entries e JOIN versions v ON v.entry_id = e.entry_id AND v.version = e.version"
            " LEFT JOIN versions s ON s.entry_id = e.entry_id AND s.version = e.published_version"
            " AND e.published_version <> e.version"
            " WHERE e.entry_id > $1 AND ($2 = '' OR e.kind = $2) ORDER BY e.entry_id LIMIT $3",
            sql_str(after), sql_str(kind), sql_int((int64_t)limit)))
        return false;
    while (sql_next(ctx, &rows)) {
        struct entry_row entry = entry_of(ctx, &rows);
        struct version_row shown = { .version = row_int(&rows, 11),
                                     .slug = row_str(ctx, &rows, 12),
                                     .locale = row_str(ctx, &rows, 13),
                                     .title = row_str(ctx, &rows, 14),
                                     .document = row_str(ctx, &rows, 15) };
        entry.document = row_str(ctx, &rows, 10);
        if (!visit(ctx, &entry, shown.slug.ptr ? &shown : NULL, argument)) {
            sql_rows_close(&rows);
            break;
        }
    }
    return !ctx_failed(ctx);
}
