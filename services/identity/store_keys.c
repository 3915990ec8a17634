/* API keys and write keys: what they may do, and their hashes. */
#include "services/identity/store.h"

#define KEY_COLUMNS                                                                                \
    "SELECT key_id, kind, name, hash, scopes, created_by, version, created_us, expires_us,"        \
    " revoked_us, last_used_us FROM keys"

/* A moment that may be "never" is kept as NULL, which is read as 0. */
static struct sql_value moment(int64_t us)
{
    return us ? sql_int(us) : sql_null();
}

static struct key_row key_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct key_row){ .key_id = row_str(ctx, rows, 0),
                             .kind = row_str(ctx, rows, 1),
                             .name = row_str(ctx, rows, 2),
                             .hash = row_str(ctx, rows, 3),
                             .scopes = row_str(ctx, rows, 4),
                             .created_by = row_str(ctx, rows, 5),
                             .version = row_int(rows, 6),
                             .created_us = row_int(rows, 7),
                             .expires_us = row_int(rows, 8),
                             .revoked_us = row_int(rows, 9),
                             .last_used_us = row_int(rows, 10) };
}

bool store_key(struct ctx *ctx, struct str key_id, struct key_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, KEY_COLUMNS " WHERE key_id = $1", sql_str(key_id)))
        return false;
    *out = key_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_keys(struct ctx *ctx, struct sql_moment before, size_t limit, struct key_row *out,
                size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   KEY_COLUMNS " WHERE created_us < $1 OR (created_us = $1 AND key_id < $2)"
                               " ORDER BY created_us DESC, key_id DESC LIMIT $3",
                   sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = key_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_key_new(struct ctx *ctx, const struct key_row *key)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO keys (key_id, kind, name, hash, scopes, created_by, version,"
                    " created_us, expires_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                    sql_str(key->key_id), sql_str(key->kind), sql_str(key->name),
                    sql_str(key->hash), sql_str(key->scopes), sql_str(key->created_by),
                    sql_int(key->version), sql_int(key->created_us), moment(key->expires_us));
}

bool store_key_change(struct ctx *ctx, const struct key_row *key)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE keys SET name = $2, scopes = $3, version = $4, expires_us = $5,"
                  " revoked_us = $6 WHERE key_id = $1 AND version = $4 - 1",
                  sql_str(key->key_id), sql_str(key->name), sql_str(key->scopes),
                  sql_int(key->version), moment(key->expires_us), moment(key->revoked_us)))
        return false;
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "the key was changed by somebody else at the same time");
}

bool store_key_used(struct ctx *ctx, struct str key_id, int64_t used_us)
{
    return sql_exec(ctx, NULL,
                    "UPDATE keys SET last_used_us = $2"
                    " WHERE key_id = $1 AND (last_used_us IS NULL OR last_used_us < $2)",
                    sql_str(key_id), sql_int(used_us));
}
