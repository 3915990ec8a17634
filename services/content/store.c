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

/* The first column of the row that `rows` stands on; false where there was none. */
static bool owner_of(struct ctx *ctx, bool found, struct sql_rows *rows, struct str *entry_id)
{
    if (!found)
        return false;
    *entry_id = row_str(ctx, rows, 0);
    sql_rows_close(rows);
    return true;
}

bool store_slug_owner(struct ctx *ctx, const struct entry_row *entry, struct str *entry_id)
{
    struct sql_rows rows;
    bool found = sql_one(
        ctx, &rows, "SELECT entry_id FROM entries WHERE kind = $1 AND slug = $2 AND locale = $3",
        sql_str(entry->kind), sql_str(entry->slug), sql_str(entry->locale));
    return owner_of(ctx, found, &rows, entry_id);
}

bool store_shown_owner(struct ctx *ctx, struct str kind, const struct version_row *version,
                       struct str *entry_id)
{
    struct sql_rows rows;
    bool found = sql_one(ctx, &rows,
                         "SELECT entry_id FROM shown WHERE kind = $1 AND slug = $2 AND locale = $3",
                         sql_str(kind), sql_str(version->slug), sql_str(version->locale));
    return owner_of(ctx, found, &rows, entry_id);
}

static bool entry_add(struct ctx *ctx, const struct entry_row *entry)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO entries (entry_id, kind, slug, locale, title, version, updated_us, published_version,"
        " published_us, told_us) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0)",
        sql_str(entry->entry_id), sql_str(entry->kind), sql_str(entry->slug),
        sql_str(entry->locale), sql_str(entry->title), sql_int(entry->version),
        sql_int(entry->updated_us));
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
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "the entry was changed by somebody else at the same time");
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

bool store_entries(struct ctx *ctx, struct str kind, struct str state, struct str after,
                   size_t limit, struct entry_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " ENTRY_COLUMNS
                   " FROM entries e WHERE e.entry_id > $1 AND ($2 = '' OR e.kind = $2)"
                   " AND ($3 = '' OR $3 = CASE WHEN e.published_version = 0 THEN 'draft'"
                   " WHEN e.published_version = e.version THEN 'published' ELSE 'changed' END)"
                   " ORDER BY e.entry_id LIMIT $4",
                   sql_str(after.ptr ? after : STR("")), sql_str(kind.ptr ? kind : STR("")),
                   sql_str(state.ptr ? state : STR("")), sql_int((int64_t)limit)))
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

/* ---- what is shown ---- */

static bool entry_told(struct ctx *ctx, const struct entry_row *entry, int64_t published_version,
                       int64_t at_us)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE entries SET published_version = $1, published_us = $2, told_us = $3"
                  " WHERE entry_id = $4 AND told_us = $5",
                  sql_int(published_version), sql_int(published_version ? at_us : 0),
                  sql_int(at_us), sql_str(entry->entry_id), sql_int(entry->told_us)))
        return false;
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "the entry was published by somebody else at the same time");
}

bool store_show(struct ctx *ctx, const struct entry_row *entry, const struct version_row *version,
                int64_t at_us)
{
    return entry_told(ctx, entry, version->version, at_us) &&
           sql_exec(
               ctx, NULL,
               "INSERT INTO shown (entry_id, kind, slug, locale, version) VALUES ($1, $2, $3, $4, $5)"
               " ON CONFLICT (entry_id) DO UPDATE SET slug = excluded.slug, locale = excluded.locale,"
               " version = excluded.version",
               sql_str(entry->entry_id), sql_str(entry->kind), sql_str(version->slug),
               sql_str(version->locale), sql_int(version->version));
}

bool store_hide(struct ctx *ctx, const struct entry_row *entry, int64_t at_us)
{
    return entry_told(ctx, entry, 0, at_us) &&
           sql_exec(ctx, NULL, "DELETE FROM shown WHERE entry_id = $1", sql_str(entry->entry_id));
}

bool store_shown(struct ctx *ctx, struct str kind, struct str slug, struct str locale,
                 struct shown_row *out)
{
    struct sql_rows rows;
    ptrdiff_t dash = str_find_char(locale, '-');
    struct str language = { locale.ptr, dash < 0 ? locale.len : (size_t)dash };
    if (!sql_one(
            ctx, &rows,
            "SELECT s.entry_id, s.kind, s.slug, s.locale, v.title, v.document, s.version, e.published_us"
            " FROM shown s JOIN versions v ON v.entry_id = s.entry_id AND v.version = s.version"
            " JOIN entries e ON e.entry_id = s.entry_id"
            " WHERE s.kind = $1 AND s.slug = $2 AND s.locale IN ($3, $4, '')"
            " ORDER BY length(s.locale) DESC LIMIT 1",
            sql_str(kind), sql_str(slug), sql_str(locale.ptr ? locale : STR("")),
            sql_str(language.ptr ? language : STR(""))))
        return false;
    *out = (struct shown_row){ .entry_id = row_str(ctx, &rows, 0),
                               .kind = row_str(ctx, &rows, 1),
                               .slug = row_str(ctx, &rows, 2),
                               .locale = row_str(ctx, &rows, 3),
                               .title = row_str(ctx, &rows, 4),
                               .document = row_str(ctx, &rows, 5),
                               .version = row_int(&rows, 6),
                               .published_us = row_int(&rows, 7) };
    sql_rows_close(&rows);
    return true;
}
