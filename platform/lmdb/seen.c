/* Ids of events that were handled: id -> second when. UUIDs are kept as 16 bytes. They are forgotten after 7 days, a few
 * at each commit: no second index, and no commit that has much to do. */
#include "base/clock.h"
#include "platform/lmdb/internal.h"

#define KEEP_S (7 * 86400)
#define LONGEST_ID 480
#define SWEEP_EACH                                                                                 \
    4 /* old ones looked at for each new one: all within KEEP_S / 4 at a steady rate */
#define SWEEP_LEAST 16

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool uuid_read(struct str id, unsigned char out[16])
{
    if (id.len != 36)
        return false;
    size_t n = 0;
    for (size_t i = 0; i < 36; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (id.ptr[i] != '-')
                return false;
            continue;
        }
        int high = hex_digit(id.ptr[i]), low = i + 1 < 36 ? hex_digit(id.ptr[i + 1]) : -1;
        if (high < 0 || low < 0)
            return false;
        out[n++] = (unsigned char)(high << 4 | low);
        i++;
    }
    return n == 16;
}

/* The key of an id; of others than UUIDs one that is never 16 bytes long. */
static bool key_of(struct ctx *ctx, struct str id, unsigned char *out, size_t *bytes)
{
    *bytes = 16;
    if (uuid_read(id, out))
        return true;
    if (id.len == 0 || id.len > LONGEST_ID)
        return ctx_fail(ctx, ERR_INVALID, "an event's id is 1 to %d bytes long", LONGEST_ID);
    memcpy(out, id.ptr, id.len);
    out[id.len] = 0;
    out[id.len + 1] = 0;
    *bytes = id.len == 15 ? 17 : id.len + 1;
    return true;
}

static uint32_t second_of(const MDB_val *value)
{
    uint32_t second = 0;
    if (value->mv_size == sizeof second)
        memcpy(&second, value->mv_data, sizeof second);
    return second;
}

bool lmdb_seen(struct ctx *ctx, void *store, struct str id, bool *already)
{
    struct lmdb *db = store;
    unsigned char bytes[512];
    size_t n;
    MDB_txn *txn = lmdb_writing(db);
    if (!txn)
        return ctx_fail(ctx, ERR_INTERNAL, "an id noted outside a transaction");
    if (!key_of(ctx, id, bytes, &n))
        return false;
    uint32_t now = (uint32_t)(clock_now_us() / US_PER_S);
    MDB_val key = { n, bytes }, value = { sizeof now, &now };
    int result = mdb_put(txn, db->seen, &key, &value, MDB_NOOVERWRITE);
    if (result == MDB_KEYEXIST) {
        *already = (int64_t)now - second_of(&value) <= KEEP_S;
        if (*already)
            return true;
        value = (MDB_val){ sizeof now, &now };
        result = mdb_put(txn, db->seen, &key, &value, 0);
    }
    if (result != 0)
        return lmdb_fail(ctx, db, result, "noting an id");
    *already = false;
    db->noted++;
    return true;
}

/* Where the sweep stands, or the first key; false at the end. */
static int sweep_find(struct lmdb *db, MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
    *key = (MDB_val){ db->sweep_bytes, db->sweep };
    return mdb_cursor_get(cursor, key, value, db->sweep_bytes ? MDB_SET_RANGE : MDB_FIRST);
}

bool lmdb_seen_sweep(struct ctx *ctx, struct lmdb *db)
{
    MDB_cursor *cursor;
    if (db->noted == 0)
        return true;
    int result = mdb_cursor_open(lmdb_writing(db), db->seen, &cursor);
    if (result != 0)
        return lmdb_fail(ctx, db, result, "forgetting old ids");
    int64_t now = clock_now_us() / US_PER_S,
            left = MAX((int64_t)db->noted * SWEEP_EACH, SWEEP_LEAST);
    MDB_val key, value;
    result = sweep_find(db, cursor, &key, &value);
    for (; result == 0 && left > 0; left--) {
        if (now - second_of(&value) > KEEP_S)
            result = mdb_cursor_del(cursor, 0);
        if (result == 0)
            result = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    }
    db->sweep_bytes = 0;
    if (result == 0) {
        db->sweep_bytes = key.mv_size;
        memcpy(db->sweep, key.mv_data, key.mv_size);
    }
    mdb_cursor_close(cursor);
    return result == 0 || result == MDB_NOTFOUND ||
           lmdb_fail(ctx, db, result, "forgetting old ids");
}

int64_t lmdb_seen_count(struct ctx *ctx, struct lmdb *db)
{
    struct lmdb_read read;
    MDB_stat stat = { 0 };
    if (!lmdb_read_begin(ctx, db, &read))
        return -1;
    mdb_stat(read.txn, db->seen, &stat);
    lmdb_read_end(&read);
    return (int64_t)stat.ms_entries;
}
