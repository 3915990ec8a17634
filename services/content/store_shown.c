/* What is shown, and where it was before. */
#include "services/content/store.h"

bool store_shown_owner(struct ctx *ctx, struct str kind, const struct version_row *version,
                       struct str *entry_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT entry_id FROM shown WHERE kind = $1 AND slug = $2 AND locale = $3",
                 sql_str(kind), sql_str(version->slug), sql_str(version->locale)))
        return false;
    *entry_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

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

/* Where it was shown until now leads to where it is shown from now on. */
static bool moved_note(struct ctx *ctx, const struct entry_row *entry,
                       const struct version_row *version)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO moved (kind, slug, locale, entry_id)"
                    " SELECT kind, slug, locale, entry_id FROM shown WHERE entry_id = $1"
                    " ON CONFLICT (kind, slug, locale) DO UPDATE SET entry_id = excluded.entry_id",
                    sql_str(entry->entry_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM moved WHERE kind = $1 AND slug = $2 AND locale = $3",
                    sql_str(entry->kind), sql_str(version->slug), sql_str(version->locale));
}

bool store_show(struct ctx *ctx, const struct entry_row *entry, const struct version_row *version,
                int64_t at_us)
{
    return entry_told(ctx, entry, version->version, at_us) && moved_note(ctx, entry, version) &&
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

#define SHOWN_COLUMNS                                                                              \
    "SELECT s.entry_id, s.kind, s.slug, s.locale, v.title, v.document, s.version, e.published_us"
#define SHOWN_VERSION                                                                              \
    " JOIN versions v ON v.entry_id = s.entry_id AND v.version = s.version"                        \
    " JOIN entries e ON e.entry_id = s.entry_id"

static const char shown_text[] = SHOWN_COLUMNS
    " FROM shown s" SHOWN_VERSION " WHERE s.kind = $1 AND s.slug = $2 AND s.locale = $3";
static const char moved_text[] = SHOWN_COLUMNS
    " FROM moved m JOIN shown s ON s.entry_id = m.entry_id" SHOWN_VERSION
    " WHERE m.kind = $1 AND m.slug = $2 AND m.locale = $3";

static const char by_id_text[] = SHOWN_COLUMNS " FROM shown s" SHOWN_VERSION
                                               " WHERE s.entry_id = $1";

static struct shown_row shown_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct shown_row){ .entry_id = row_str(ctx, rows, 0),
                               .kind = row_str(ctx, rows, 1),
                               .slug = row_str(ctx, rows, 2),
                               .locale = row_str(ctx, rows, 3),
                               .title = row_str(ctx, rows, 4),
                               .document = row_str(ctx, rows, 5),
                               .version = row_int(rows, 6),
                               .published_us = row_int(rows, 7) };
}

static bool shown_read(struct ctx *ctx, const char *text, const struct sql_value *values, size_t n,
                       struct shown_row *out)
{
    struct sql_rows rows;
    if (!sql_query_n(ctx, &rows, text, values, n) || !sql_next(ctx, &rows))
        return false;
    *out = shown_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_shown_entry(struct ctx *ctx, struct str entry_id, struct shown_row *out)
{
    const struct sql_value values[] = { { 0 }, sql_str(entry_id) };
    return shown_read(ctx, by_id_text, values, COUNT(values), out);
}

bool store_shown_revision(struct ctx *ctx, int64_t *revision)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT revision FROM shown_revision"))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_INTERNAL, "shown_revision is empty");
    *revision = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static bool shown_at(struct ctx *ctx, const char *text, struct str kind, struct str slug,
                     struct str locale, struct shown_row *out)
{
    const struct sql_value values[] = { { 0 }, sql_str(kind), sql_str(slug), sql_str(locale) };
    return shown_read(ctx, text, values, COUNT(values), out);
}

bool store_shown(struct ctx *ctx, struct str kind, struct str slug, const struct locales *locales,
                 struct shown_row *out)
{
    const char *const texts[] = { shown_text, moved_text };
    for (size_t i = 0; i < COUNT(texts) && !ctx_failed(ctx); i++)
        for (size_t j = 0; j < locales->n && !ctx_failed(ctx); j++)
            if (shown_at(ctx, texts[i], kind, slug, locales->names[j], out))
                return true;
    return false;
}

bool store_moved(struct ctx *ctx, struct str entry_id, size_t most, struct place_row *out,
                 size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT m.slug, m.locale FROM moved m WHERE m.entry_id = $1 AND NOT EXISTS"
                   " (SELECT 1 FROM shown s WHERE s.kind = m.kind AND s.slug = m.slug"
                   " AND s.locale = m.locale) ORDER BY m.slug, m.locale LIMIT $2",
                   sql_str(entry_id), sql_int((int64_t)most)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct place_row){ row_str(ctx, &rows, 0), row_str(ctx, &rows, 1) };
    return !ctx_failed(ctx);
}

bool store_moved_put(struct ctx *ctx, const struct entry_row *entry, const struct place_row *place)
{
    int64_t changed;
    return sql_exec(ctx, &changed,
                    "INSERT INTO moved (kind, slug, locale, entry_id) VALUES ($1, $2, $3, $4)"
                    " ON CONFLICT (kind, slug, locale) DO UPDATE SET entry_id = excluded.entry_id"
                    " WHERE moved.entry_id <> excluded.entry_id",
                    sql_str(entry->kind), sql_str(place->slug), sql_str(place->locale),
                    sql_str(entry->entry_id)) &&
           (!changed || sql_exec(ctx, NULL, "UPDATE shown_revision SET revision = revision + 1"));
}
