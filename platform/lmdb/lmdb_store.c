/* Tables: reading from any thread, writing by one. */
#include "platform/lmdb/internal.h"

/* The database in which this thread writes: LMDB's writing transactions belong to a thread. */
static __thread const struct lmdb *writes_in;

MDB_txn *lmdb_writing(const struct lmdb *db)
{
    return writes_in == db ? db->txn : NULL;
}

static MDB_val val(struct str text)
{
    return (MDB_val){ text.len, (void *)text.ptr };
}

bool lmdb_fail(struct ctx *ctx, const struct lmdb *db, int result, const char *doing)
{
    switch (result) {
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
        lmdb_broken(db, mdb_strerror(result));
        break;
    case MDB_BAD_VALSIZE:
        return ctx_fail(ctx, ERR_INVALID, "%s: a key is 1 to %d bytes long", doing,
                        mdb_env_get_maxkeysize(db->env));
    default:
        break;
    }
    return ctx_fail(ctx, ERR_UNAVAILABLE, "%s: %s", doing, mdb_strerror(result));
}

/* ---- reading ---- */

/* Where this thread looks first for a transaction to use again, so that threads do not meet. */
static unsigned first_slot(void)
{
    static _Atomic unsigned threads;
    static __thread unsigned slot;
    if (slot == 0)
        slot = atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) % LMDB_READERS + 1;
    return slot - 1;
}

static MDB_txn *reader_take(struct lmdb *db)
{
    unsigned first = first_slot();
    for (unsigned i = 0; i < LMDB_READERS; i++) {
        _Atomic(MDB_txn *) *slot = &db->readers[(first + i) % LMDB_READERS];
        if (atomic_load_explicit(slot, memory_order_relaxed)) {
            MDB_txn *txn = atomic_exchange_explicit(slot, NULL, memory_order_acq_rel);
            if (txn)
                return txn;
        }
    }
    return NULL;
}

static void reader_give(struct lmdb *db, MDB_txn *txn)
{
    unsigned first = first_slot();
    for (unsigned i = 0; i < LMDB_READERS; i++) {
        MDB_txn *none = NULL;
        if (atomic_compare_exchange_strong_explicit(&db->readers[(first + i) % LMDB_READERS], &none,
                                                    txn, memory_order_acq_rel,
                                                    memory_order_relaxed))
            return;
    }
    mdb_txn_abort(txn);
}

bool lmdb_read_begin(struct ctx *ctx, struct lmdb *db, struct lmdb_read *read)
{
    MDB_txn *txn = reader_take(db);
    int result = txn ? mdb_txn_renew(txn) : mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    *read = (struct lmdb_read){ txn, db };
    if (result == 0)
        return true;
    if (txn)
        mdb_txn_abort(txn);
    *read = (struct lmdb_read){ 0 };
    return lmdb_fail(ctx, db, result, "reading");
}

void lmdb_read_end(struct lmdb_read *read)
{
    if (!read->txn)
        return;
    mdb_txn_reset(read->txn);
    reader_give(read->db, read->txn);
    *read = (struct lmdb_read){ 0 };
}

static struct str get(const struct lmdb *db, MDB_txn *txn, MDB_dbi table, struct str key)
{
    MDB_val wanted = val(key), found;
    int result = mdb_get(txn, table, &wanted, &found);
    if (result == 0)
        return (struct str){ found.mv_size ? found.mv_data : "", found.mv_size };
    if (result == MDB_CORRUPTED || result == MDB_PAGE_NOTFOUND)
        lmdb_broken(db, mdb_strerror(result));
    return (struct str){ NULL, 0 };
}

struct str lmdb_get(const struct lmdb_read *read, int table, struct str key)
{
    return get(read->db, read->txn, read->db->tables[table], key);
}

void lmdb_scan(const struct lmdb_read *read, int table, struct str from,
               bool (*visit)(struct str key, struct str value, void *argument), void *argument)
{
    MDB_cursor *cursor;
    if (mdb_cursor_open(read->txn, read->db->tables[table], &cursor) != 0)
        return;
    MDB_val key = val(from), value;
    int result = mdb_cursor_get(cursor, &key, &value, from.len ? MDB_SET_RANGE : MDB_FIRST);
    while (result == 0 &&
           visit((struct str){ key.mv_data, key.mv_size },
                 (struct str){ value.mv_size ? value.mv_data : "", value.mv_size }, argument))
        result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    mdb_cursor_close(cursor);
}

int64_t lmdb_count(const struct lmdb_read *read, int table)
{
    MDB_stat stat;
    return mdb_stat(read->txn, read->db->tables[table], &stat) == 0 ? (int64_t)stat.ms_entries : 0;
}

/* ---- writing ---- */

bool lmdb_begin(struct ctx *ctx, struct lmdb *db)
{
    MDB_txn *txn;
    if (writes_in)
        return ctx_fail(ctx, ERR_INTERNAL, "a writing transaction is open already");
    int result = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (result != 0)
        return lmdb_fail(ctx, db, result, "beginning to write");
    if (!lmdb_mark_unsynced(ctx, db)) {
        mdb_txn_abort(txn);
        return false;
    }
    db->txn = txn;
    db->noted = 0;
    writes_in = db;
    return true;
}

bool lmdb_commit(struct ctx *ctx, struct lmdb *db)
{
    if (!lmdb_writing(db))
        return ctx_fail(ctx, ERR_INTERNAL, "nothing to commit");
    if (!lmdb_seen_sweep(ctx, db)) {
        lmdb_undo(db);
        return false;
    }
    /* Before the commit: then the next writer begins, and these are its. */
    MDB_txn *txn = db->txn;
    db->txn = NULL;
    writes_in = NULL;
    int result = mdb_txn_commit(txn);
    lmdb_note_end(db, result == 0);
    return result == 0 || lmdb_fail(ctx, db, result, "committing");
}

void lmdb_undo(struct lmdb *db)
{
    if (!lmdb_writing(db))
        return;
    MDB_txn *txn = db->txn;
    db->txn = NULL;
    writes_in = NULL;
    lmdb_note_end(db, false);
    mdb_txn_abort(txn);
}

static MDB_txn *writing_or_fail(struct ctx *ctx, const struct lmdb *db)
{
    MDB_txn *txn = lmdb_writing(db);
    if (!txn)
        ctx_fail(ctx, ERR_INTERNAL, "written outside a transaction");
    return txn;
}

bool lmdb_put(struct ctx *ctx, struct lmdb *db, int table, struct str key, struct str value)
{
    MDB_txn *txn = writing_or_fail(ctx, db);
    if (!txn)
        return false;
    MDB_val k = val(key), v = val(value);
    int result = mdb_put(txn, db->tables[table], &k, &v, 0);
    return result == 0 || lmdb_fail(ctx, db, result, "storing");
}

bool lmdb_delete(struct ctx *ctx, struct lmdb *db, int table, struct str key)
{
    MDB_txn *txn = writing_or_fail(ctx, db);
    if (!txn)
        return false;
    MDB_val k = val(key);
    int result = mdb_del(txn, db->tables[table], &k, NULL);
    return result == 0 || result == MDB_NOTFOUND || lmdb_fail(ctx, db, result, "deleting");
}

/* A copy: what is in the map moves with the next change. */
struct str lmdb_get_for_update(struct ctx *ctx, struct lmdb *db, int table, struct str key)
{
    MDB_txn *txn = writing_or_fail(ctx, db);
    if (!txn)
        return (struct str){ NULL, 0 };
    struct str found = get(db, txn, db->tables[table], key);
    return found.ptr ? arena_str(ctx->arena, found) : found;
}

struct lmdb_read lmdb_read_own(struct lmdb *db)
{
    return (struct lmdb_read){ lmdb_writing(db), db };
}

bool lmdb_write(struct ctx *ctx, struct lmdb *db, bool (*run)(struct ctx *ctx, void *argument),
                void *argument)
{
    if (lmdb_writing(db))
        return run(ctx, argument);
    if (!lmdb_begin(ctx, db))
        return false;
    if (run(ctx, argument))
        return lmdb_commit(ctx, db);
    lmdb_undo(db);
    return false;
}
