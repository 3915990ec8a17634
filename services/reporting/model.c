#include "services/reporting/model.h"

#include "platform/crypto/crypto.h"

#define CURRENCY_BYTES 3

static const char *const tables[] = {
#define X(name, text) [TABLE_##name] = text,
    TABLES(X)
#undef X
};

void *model_open(struct ctx *ctx, const char *folder)
{
    return lmdb_open(ctx, folder, tables, COUNT(tables), 0);
}

void model_close(void *model)
{
    lmdb_close(model);
}

/* ---- keys ---- */

void key_bytes(struct key *key, const void *bytes, size_t n)
{
    n = MIN(n, KEY_BYTES - key->len);
    if (n)
        memcpy(key->bytes + key->len, bytes, n);
    key->len += n;
}

void key_number(struct key *key, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        key_bytes(key, &(char){ (char)(number >> (8 * i)) }, 1);
}

#define SIGN (1ULL << 63)

void key_moment(struct key *key, int64_t us)
{
    key_number(key, (uint64_t)us ^ SIGN, sizeof(us));
}

void key_newest(struct key *key, int64_t us)
{
    key_number(key, ~((uint64_t)us ^ SIGN), sizeof(us));
}

void key_text(struct key *key, struct str text)
{
    key_bytes(key, text.ptr, text.len);
}

struct str key_str(const struct key *key)
{
    return (struct str){ key->bytes, key->len };
}

uint64_t key_read(struct str key, size_t at, int bytes)
{
    uint64_t number = 0;
    for (size_t i = at; i < at + (size_t)bytes; i++)
        number = number << 8 | (i < key.len ? (unsigned char)key.ptr[i] : 0);
    return number;
}

int64_t key_read_moment(struct str key, size_t at)
{
    return (int64_t)(key_read(key, at, sizeof(int64_t)) ^ SIGN);
}

struct hash hash_of(struct str id)
{
    uint8_t whole[32];
    struct hash hash;
    crypto_sha256(id.ptr, id.len, whole);
    memcpy(hash.bytes, whole, HASH_BYTES);
    return hash;
}

int64_t day_of(int64_t us)
{
    return us >= 0 ? us / US_PER_DAY : -((US_PER_DAY - 1 - us) / US_PER_DAY);
}

uint32_t day_number(int64_t day)
{
    return (uint32_t)day ^ 0x80000000u;
}

int64_t day_of_number(uint64_t number)
{
    return (int32_t)((uint32_t)number ^ 0x80000000u);
}

/* ---- sums ---- */

static struct key cell_key(const struct cell *cell)
{
    struct key key = { 0 };
    key_number(&key, day_number(day_of(cell->at_us)), 4);
    key_number(&key, cell->channel, 1);
    key_bytes(&key, cell->currency ? cell->currency : "\0\0\0", CURRENCY_BYTES);
    key_text(&key, cell->campaign);
    return key;
}

/* Around the end of the numbers rather than into what is undefined: it is the same in any order. */
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

void sums_negate(struct sums *sums)
{
    for (int i = 0; i < N_MEASURES; i++)
        sums->of[i] = (int64_t)(0 - (uint64_t)sums->of[i]);
}

bool cell_change(struct ctx *ctx, struct lmdb *db, const struct cell *cell,
                 const struct sums *change)
{
    struct key key = cell_key(cell);
    struct sums sums = { 0 };
    struct str record = lmdb_get_for_update(ctx, db, TABLE_CELLS, key_str(&key));
    if (record.len == sizeof(sums))
        memcpy(&sums, record.ptr, sizeof(sums));
    bool any = false;
    for (int i = 0; i < N_MEASURES; i++) {
        sums.of[i] = plus(sums.of[i], change->of[i]);
        any = any || sums.of[i] != 0;
    }
    if (!any)
        return lmdb_delete(ctx, db, TABLE_CELLS, key_str(&key));
    return lmdb_put(ctx, db, TABLE_CELLS, key_str(&key),
                    (struct str){ (const char *)&sums, sizeof(sums) });
}

bool cell_add(struct ctx *ctx, struct lmdb *db, const struct cell *cell, enum measure measure,
              int64_t n)
{
    struct sums change = { 0 };
    change.of[measure] = n;
    return cell_change(ctx, db, cell, &change);
}

/* ---- how long something took ---- */

#define FINE_BITS 5 /* buckets for each doubling: 32 */

unsigned lasting_bucket(int64_t us)
{
    uint64_t n = (uint64_t)MAX(us, 0);
    unsigned doublings = n >> FINE_BITS ? 63 - FINE_BITS - (unsigned)__builtin_clzll(n) : 0;
    return (doublings << FINE_BITS) + (unsigned)(n >> doublings);
}

int64_t lasting_of(unsigned bucket)
{
    unsigned fine = 1u << FINE_BITS;
    if (bucket < 2 * fine)
        return bucket;
    unsigned doublings = (bucket >> FINE_BITS) - 1;
    uint64_t first = (uint64_t)((bucket & (fine - 1)) + fine) << doublings;
    return (int64_t)(first + (1ULL << doublings) - 1);
}

bool lasting_change(struct ctx *ctx, struct lmdb *db, enum lasting_kind what, int64_t at_us,
                    struct str campaign, int64_t took_us, int64_t n)
{
    struct key key = { 0 };
    int64_t count = 0;
    key_number(&key, what, 1);
    key_number(&key, day_number(day_of(at_us)), 4);
    key_number(&key, lasting_bucket(took_us), 2);
    key_text(&key, campaign);
    struct str record = lmdb_get_for_update(ctx, db, TABLE_TIMES, key_str(&key));
    if (record.len == sizeof(count))
        memcpy(&count, record.ptr, sizeof(count));
    count = plus(count, n);
    if (count == 0)
        return lmdb_delete(ctx, db, TABLE_TIMES, key_str(&key));
    return lmdb_put(ctx, db, TABLE_TIMES, key_str(&key),
                    (struct str){ (const char *)&count, sizeof(count) });
}

/* ---- sets ---- */

bool model_has(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *key)
{
    return lmdb_get_for_update(ctx, db, (int)table, key_str(key)).ptr != NULL;
}

bool model_note(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *key)
{
    return lmdb_put(ctx, db, (int)table, key_str(key), STR(""));
}

bool model_once(struct ctx *ctx, struct lmdb *db, char what, struct str id, bool *first)
{
    struct key key = { 0 };
    key_number(&key, (unsigned char)what, 1);
    key_hash(&key, hash_of(id));
    *first = !model_has(ctx, db, TABLE_ONCE, &key);
    return !*first || model_note(ctx, db, TABLE_ONCE, &key);
}

bool model_heard(struct ctx *ctx, struct lmdb *db)
{
    struct str topic = ctx->event->topic;
    int64_t newest = INT64_MIN;
    struct str record = lmdb_get_for_update(ctx, db, TABLE_FRESH, topic);
    if (record.len == sizeof(newest))
        memcpy(&newest, record.ptr, sizeof(newest));
    if (newest >= ctx->event->time_us)
        return true;
    return lmdb_put(ctx, db, TABLE_FRESH, topic,
                    (struct str){ (const char *)&ctx->event->time_us, sizeof(int64_t) });
}

static bool keys_add(struct str key, struct str value, void *argument)
{
    struct keys *keys = argument;
    if (!str_starts(key, keys->prefix) || (keys->until.ptr && str_cmp(key, keys->until) >= 0))
        return false;
    if (keys->n == keys->cap) {
        size_t cap = keys->cap ? 2 * keys->cap : 8;
        struct str *grown = ARENA_ARRAY(keys->ctx->arena, struct str, cap);
        if (keys->n)
            memcpy(grown, keys->list, keys->n * sizeof(*grown));
        keys->list = grown;
        keys->cap = cap;
    }
    keys->list[keys->n++] = arena_str(keys->ctx->arena, key);
    return true;
}

void model_keys(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *prefix,
                struct keys *out)
{
    struct lmdb_read read = lmdb_read_own(db);
    *out = (struct keys){ .ctx = ctx, .prefix = key_str(prefix) };
    lmdb_scan(&read, (int)table, key_str(prefix), keys_add, out);
}

void model_range(struct ctx *ctx, struct lmdb *db, enum model_table table, const struct key *from,
                 const struct key *until, struct keys *out)
{
    struct lmdb_read read = lmdb_read_own(db);
    *out = (struct keys){ .ctx = ctx, .prefix = STR(""), .until = key_str(until) };
    lmdb_scan(&read, (int)table, key_str(from), keys_add, out);
}
