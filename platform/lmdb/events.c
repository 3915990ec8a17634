/* Positions: "<topic>/<partition>" -> next offset (8 bytes) and the log. */
#include "platform/lmdb/internal.h"

static bool begin(struct ctx *ctx, void *store)
{
    return lmdb_begin(ctx, store);
}

static bool commit(struct ctx *ctx, void *store)
{
    return lmdb_commit(ctx, store);
}

static void undo(struct ctx *ctx, void *store)
{
    lmdb_undo(store);
}

static struct str position_key(struct ctx *ctx, struct str topic, int partition)
{
    return arena_printf(ctx->arena, STR_FMT "/%d", STR_ARG(topic), partition);
}

static bool position_get(struct ctx *ctx, struct lmdb *db, MDB_txn *txn, struct str log,
                         struct str topic, int partition, int64_t *next)
{
    struct str key = position_key(ctx, topic, partition);
    MDB_val k = { key.len, (void *)key.ptr }, v;
    int result = mdb_get(txn, db->positions, &k, &v);
    if (result == MDB_NOTFOUND) {
        *next = -1;
        return true;
    }
    if (result != 0)
        return lmdb_fail(ctx, db, result, "reading a position");
    struct str ours = { (const char *)v.mv_data + sizeof *next, v.mv_size - sizeof *next };
    if (v.mv_size < sizeof *next || !str_eq(ours, log))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "the position in " STR_FMT "/%d is of the log " STR_FMT
                        ", but this one is " STR_FMT,
                        STR_ARG(topic), partition, STR_ARG(ours), STR_ARG(log));
    memcpy(next, v.mv_data, sizeof *next);
    return true;
}

static bool position(struct ctx *ctx, void *store, struct str log, struct str topic, int partition,
                     int64_t *next)
{
    struct lmdb *db = store;
    struct lmdb_read read;
    if (lmdb_writing(db))
        return position_get(ctx, db, lmdb_writing(db), log, topic, partition, next);
    if (!lmdb_read_begin(ctx, db, &read))
        return false;
    bool ok = position_get(ctx, db, read.txn, log, topic, partition, next);
    lmdb_read_end(&read);
    return ok;
}

static bool move(struct ctx *ctx, void *store, struct str log, struct str topic, int partition,
                 int64_t was, int64_t next)
{
    struct lmdb *db = store;
    int64_t now;
    if (!lmdb_writing(db))
        return ctx_fail(ctx, ERR_INTERNAL, "a position moved outside a transaction");
    if (!position_get(ctx, db, lmdb_writing(db), log, topic, partition, &now))
        return false;
    if (now != was && !(now < 0 && was < 0))
        return ctx_fail(ctx, ERR_CONFLICT, "the position in " STR_FMT "/%d is %lld, not %lld",
                        STR_ARG(topic), partition, (long long)now, (long long)was);
    struct str key = position_key(ctx, topic, partition);
    char *value = arena_alloc_raw(ctx->arena, sizeof next + log.len);
    memcpy(value, &next, sizeof next);
    memcpy(value + sizeof next, log.ptr, log.len);
    MDB_val k = { key.len, (void *)key.ptr }, v = { sizeof next + log.len, value };
    int result = mdb_put(lmdb_writing(db), db->positions, &k, &v, 0);
    return result == 0 || lmdb_fail(ctx, db, result, "moving a position");
}

void lmdb_positions(const struct lmdb_read *read,
                    void (*visit)(struct str partition, int64_t next, void *argument),
                    void *argument)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    if (mdb_cursor_open(read->txn, read->db->positions, &cursor) != 0)
        return;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        int64_t next;
        if (value.mv_size < sizeof next)
            continue;
        memcpy(&next, value.mv_data, sizeof next);
        visit((struct str){ key.mv_data, key.mv_size }, next, argument);
    }
    mdb_cursor_close(cursor);
}

static bool sync_all(struct ctx *ctx, void *store)
{
    return lmdb_sync(ctx, store);
}

const struct event_store lmdb_event_store = {
    .begin    = begin,
    .position = position,
    .move     = move,
    .commit   = commit,
    .undo     = undo,
    .seen     = lmdb_seen,
    .sync     = sync_all,
};
