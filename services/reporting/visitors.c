#include "services/reporting/visitors.h"

#define DAY_BYTES 4
#define GAP_BYTES 4
#define NEVER UINT32_MAX /* the gap of a first day */

/* ---- whose ---- */

struct crowd crowd_all(void)
{
    return (struct crowd){ .bytes = { 'a' }, .len = 1 };
}

struct crowd crowd_of_channel(enum channel channel)
{
    return (struct crowd){ .bytes = { 'c', (char)channel }, .len = 2 };
}

struct crowd crowd_of_campaign(struct str campaign_id)
{
    struct crowd crowd = { .bytes = { 'm' }, .len = 1 + HASH_BYTES };
    struct hash hash = hash_of(campaign_id);
    memcpy(crowd.bytes + 1, hash.bytes, HASH_BYTES);
    return crowd;
}

/* ---- days of a person ---- */

static struct key days_key(struct hash person, const struct crowd *crowd)
{
    struct key key = { 0 };
    key_hash(&key, person);
    key_bytes(&key, crowd->bytes, crowd->len);
    return key;
}

/* The person's days beside this one. */
struct beside {
    struct str prefix;
    int64_t day, before, after;
    bool has_before, has_after;
};

static bool beside_look(struct str key, struct str value, void *argument)
{
    struct beside *beside = argument;
    (void)value;
    if (!str_starts(key, beside->prefix))
        return false;
    int64_t day = day_of_number(key_read(key, beside->prefix.len, DAY_BYTES));
    if (day < beside->day) {
        beside->has_before = true;
        beside->before = day;
    }
    beside->has_after = day > beside->day;
    beside->after = day;
    return !beside->has_after;
}

static struct beside beside_of(struct lmdb *db, const struct key *days, int64_t day)
{
    struct lmdb_read read = lmdb_read_own(db);
    struct beside beside = { .prefix = key_str(days), .day = day };
    lmdb_scan(&read, TABLE_CROWDS, beside.prefix, beside_look, &beside);
    return beside;
}

/* ---- gaps ---- */

static struct key gaps_key(const struct crowd *crowd, int64_t day)
{
    struct key key = { 0 };
    key_bytes(&key, crowd->bytes, crowd->len);
    key_number(&key, day_number(day), DAY_BYTES);
    return key;
}

static bool gap_add(struct ctx *ctx, struct lmdb *db, const struct crowd *crowd, int64_t day,
                    uint32_t gap, int64_t n)
{
    struct key key = gaps_key(crowd, day);
    int64_t count = 0;
    key_number(&key, gap, GAP_BYTES);
    struct str record = lmdb_get_for_update(ctx, db, TABLE_GAPS, key_str(&key));
    if (record.len == sizeof(count))
        memcpy(&count, record.ptr, sizeof(count));
    count += n;
    if (count == 0)
        return lmdb_delete(ctx, db, TABLE_GAPS, key_str(&key));
    return lmdb_put(ctx, db, TABLE_GAPS, key_str(&key),
                    (struct str){ (const char *)&count, sizeof(count) });
}

/* n 1: the day comes between those beside it; -1: it goes. */
static bool day_change(struct ctx *ctx, struct lmdb *db, const struct crowd *crowd,
                       const struct beside *beside, int64_t n)
{
    int64_t day = beside->day, after = beside->after;
    uint32_t gap = beside->has_before ? (uint32_t)(day - beside->before) : NEVER;
    uint32_t whole = beside->has_before ? (uint32_t)(after - beside->before) : NEVER;
    return gap_add(ctx, db, crowd, day, gap, n) &&
           (!beside->has_after || (gap_add(ctx, db, crowd, after, whole, -n) &&
                                   gap_add(ctx, db, crowd, after, (uint32_t)(after - day), n)));
}

bool visitors_note(struct ctx *ctx, struct lmdb *db, struct hash person, const struct crowd *crowd,
                   int64_t day)
{
    struct key key = days_key(person, crowd);
    struct beside beside = beside_of(db, &key, day);
    struct key whole = key;
    key_number(&whole, day_number(day), DAY_BYTES);
    if (model_has(ctx, db, TABLE_CROWDS, &whole))
        return true;
    return model_note(ctx, db, TABLE_CROWDS, &whole) && day_change(ctx, db, crowd, &beside, 1);
}

bool visitors_take_back(struct ctx *ctx, struct lmdb *db, struct hash person,
                        const struct crowd *crowd, int64_t day)
{
    struct key key = days_key(person, crowd);
    struct beside beside = beside_of(db, &key, day);
    struct key whole = key;
    key_number(&whole, day_number(day), DAY_BYTES);
    if (!model_has(ctx, db, TABLE_CROWDS, &whole))
        return !ctx_failed(ctx);
    return lmdb_delete(ctx, db, TABLE_CROWDS, key_str(&whole)) &&
           day_change(ctx, db, crowd, &beside, -1);
}

bool visitors_forget(struct ctx *ctx, struct lmdb *db, struct hash person)
{
    struct keys days;
    struct key key = { 0 };
    key_hash(&key, person);
    model_keys(ctx, db, TABLE_CROWDS, &key, &days);
    for (size_t i = 0; i < days.n; i++) {
        struct str day = days.list[i];
        struct crowd crowd = { .len = day.len - HASH_BYTES - DAY_BYTES };
        memcpy(crowd.bytes, day.ptr + HASH_BYTES, MIN(crowd.len, sizeof(crowd.bytes)));
        if (!visitors_take_back(ctx, db, person, &crowd,
                                day_of_number(key_read(day, day.len - DAY_BYTES, DAY_BYTES))))
            return false;
    }
    return true;
}

/* ---- counting ---- */

struct counting {
    const struct crowd *crowd;
    int64_t from_day, to_day, n;
};

static bool count_look(struct str key, struct str value, void *argument)
{
    struct counting *counting = argument;
    size_t at = counting->crowd->len;
    int64_t count;
    if (!str_starts(key, (struct str){ counting->crowd->bytes, at }) || value.len != sizeof(count))
        return false;
    int64_t day = day_of_number(key_read(key, at, DAY_BYTES));
    int64_t gap = (int64_t)key_read(key, at + DAY_BYTES, GAP_BYTES);
    if (day > counting->to_day)
        return false;
    memcpy(&count, value.ptr, sizeof(count));
    if (gap == NEVER || gap > day - counting->from_day)
        counting->n += count;
    return true;
}

int64_t visitors_count(const struct lmdb_read *read, const struct crowd *crowd, int64_t from_day,
                       int64_t to_day)
{
    struct counting counting = { crowd, from_day, to_day, 0 };
    struct key from = gaps_key(crowd, from_day);
    lmdb_scan(read, TABLE_GAPS, key_str(&from), count_look, &counting);
    return counting.n;
}
