/* Media: what is known of them; the bytes are in files. */
#include "services/content/store.h"

#define MEDIA_COLUMNS                                                                              \
    "SELECT media_id, media_type, bytes, width, height, name, uploaded_us FROM media"

static struct media_row media_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct media_row){ .media_id = row_str(ctx, rows, 0),
                               .type = row_str(ctx, rows, 1),
                               .bytes = row_int(rows, 2),
                               .width = row_int(rows, 3),
                               .height = row_int(rows, 4),
                               .name = row_str(ctx, rows, 5),
                               .uploaded_us = row_int(rows, 6) };
}

bool store_media(struct ctx *ctx, struct str media_id, struct media_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, MEDIA_COLUMNS " WHERE media_id = $1 AND deleted_us = 0",
                 sql_str(media_id)))
        return false;
    *out = media_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_media_put(struct ctx *ctx, const struct media_row *media)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO media (media_id, media_type, bytes, width, height, name,"
                    " uploaded_us, deleted_us) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)"
                    " ON CONFLICT (media_id) DO UPDATE SET deleted_us = 0,"
                    " name = CASE WHEN media.deleted_us = 0 THEN media.name ELSE excluded.name END,"
                    " uploaded_us = CASE WHEN media.deleted_us = 0 THEN media.uploaded_us"
                    " ELSE excluded.uploaded_us END",
                    sql_str(media->media_id), sql_str(media->type), sql_int(media->bytes),
                    sql_int(media->width), sql_int(media->height), sql_str(media->name),
                    sql_int(media->uploaded_us));
}

bool store_media_list(struct ctx *ctx, struct str type, struct sql_moment before, size_t limit,
                      struct media_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   MEDIA_COLUMNS " WHERE deleted_us = 0 AND ($1 = '' OR media_type = $1)"
                                 " AND (uploaded_us, media_id) < ($2, $3)"
                                 " ORDER BY uploaded_us DESC, media_id DESC LIMIT $4",
                   sql_str(type), sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = media_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_media_by_id(struct ctx *ctx, struct str after, size_t limit, struct media_row *out,
                       size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   MEDIA_COLUMNS
                   " WHERE deleted_us = 0 AND media_id > $1 ORDER BY media_id LIMIT $2",
                   sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = media_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_media_delete(struct ctx *ctx, struct str media_id, int64_t now_us)
{
    return sql_exec(ctx, NULL, "UPDATE media SET deleted_us = $1 WHERE media_id = $2",
                    sql_int(now_us), sql_str(media_id));
}

bool store_media_deleted(struct ctx *ctx, struct str *media_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT media_id FROM media WHERE deleted_us > 0 LIMIT 1"))
        return false;
    *media_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_media_forget(struct ctx *ctx, struct str media_id, bool *was)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed, "DELETE FROM media WHERE media_id = $1 AND deleted_us > 0",
                  sql_str(media_id)))
        return false;
    *was = changed == 1;
    return true;
}
