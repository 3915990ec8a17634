#include "services/reporting/people.h"

#include "services/reporting/purchases.h"
#include "services/reporting/visitors.h"

#define DAY_AT HASH_BYTES
#define TOUCHED_AT (HASH_BYTES + 4) /* a key that goes on there is a touch's */

static struct key person_key(struct hash person)
{
    struct key key = { 0 };
    key_hash(&key, person);
    return key;
}

static bool is_erased(struct ctx *ctx, struct lmdb *db, struct hash person)
{
    struct key key = person_key(person);
    return model_has(ctx, db, TABLE_ERASED, &key);
}

/* ---- visits: different people by day ---- */

static bool add_visitors(struct ctx *ctx, struct lmdb *db, int64_t at_us, enum channel channel,
                         struct str campaign, int64_t n)
{
    struct cell cell = { .at_us = at_us, .channel = channel, .campaign = campaign };
    return cell_add(ctx, db, &cell, MEASURE_visitors, n);
}

/* Once for any days that are asked for, where add_visitors counts once for each. */
static bool note_day(struct ctx *ctx, struct lmdb *db, struct hash person, int64_t at_us,
                     struct crowd crowd)
{
    return visitors_note(ctx, db, person, &crowd, day_of(at_us));
}

static struct key visit_key(struct hash person, int64_t at_us)
{
    struct key key = person_key(person);
    key_number(&key, day_number(day_of(at_us)), 4);
    return key;
}

static bool visit(struct ctx *ctx, struct lmdb *db, struct hash person, int64_t at_us)
{
    struct key key = visit_key(person, at_us);
    if (model_has(ctx, db, TABLE_VISITS, &key))
        return true;
    return lmdb_put(ctx, db, TABLE_VISITS, key_str(&key), STR("d")) &&
           add_visitors(ctx, db, at_us, CHANNEL_ALL, STR(""), 1) &&
           add_visitors(ctx, db, at_us, CHANNEL_DIRECT, STR(""), 1) &&
           note_day(ctx, db, person, at_us, crowd_all()) &&
           note_day(ctx, db, person, at_us, crowd_of_channel(CHANNEL_DIRECT));
}

/* The day's visit is direct no more. */
static bool visit_by_touch(struct ctx *ctx, struct lmdb *db, struct hash person, int64_t at_us)
{
    struct key key = visit_key(person, at_us);
    struct crowd direct = crowd_of_channel(CHANNEL_DIRECT);
    struct str was = lmdb_get_for_update(ctx, db, TABLE_VISITS, key_str(&key));
    if (str_is(was, "t"))
        return true;
    bool known = was.ptr != NULL;
    return lmdb_put(ctx, db, TABLE_VISITS, key_str(&key), STR("t")) &&
           (known ? add_visitors(ctx, db, at_us, CHANNEL_DIRECT, STR(""), -1) &&
                        visitors_take_back(ctx, db, person, &direct, day_of(at_us))
                  : add_visitors(ctx, db, at_us, CHANNEL_ALL, STR(""), 1) &&
                        note_day(ctx, db, person, at_us, crowd_all()));
}

bool people_visited(struct ctx *ctx, struct lmdb *db, struct str person_id, int64_t at_us)
{
    struct hash person = hash_of(person_id);
    return is_erased(ctx, db, person) ? !ctx_failed(ctx) : visit(ctx, db, person, at_us);
}

static bool count_touch(struct ctx *ctx, struct lmdb *db, struct hash person, int64_t at_us,
                        const struct touch *touch)
{
    struct key key = visit_key(person, at_us);
    key_number(&key, touch->channel, 1);
    key_text(&key, touch->campaign);
    if (model_has(ctx, db, TABLE_VISITS, &key))
        return true;
    return model_note(ctx, db, TABLE_VISITS, &key) &&
           add_visitors(ctx, db, at_us, touch->channel, touch->campaign, 1) &&
           note_day(ctx, db, person, at_us, crowd_of_channel(touch->channel)) &&
           (!touch->campaign.len ||
            note_day(ctx, db, person, at_us, crowd_of_campaign(touch->campaign))) &&
           visit_by_touch(ctx, db, person, at_us);
}

/* ---- touches ---- */

bool people_touched(struct ctx *ctx, struct lmdb *db, struct str person_id, int64_t at_us,
                    const struct touch *touch)
{
    struct hash person = hash_of(person_id), owner;
    struct key key = person_key(person);
    if (is_erased(ctx, db, person))
        return !ctx_failed(ctx);
    key_newest(&key, at_us);
    key_number(&key, touch->channel, 1);
    key_text(&key, touch->campaign);
    if (!model_note(ctx, db, TABLE_TOUCHES, &key) || !count_touch(ctx, db, person, at_us, touch) ||
        !purchases_settle(ctx, db, person, at_us, at_us + TOUCH_COUNTS_US + 1))
        return false;
    return !purchases_owner(db, person, &owner) ||
           purchases_settle(ctx, db, owner, at_us, at_us + TOUCH_COUNTS_US + 1);
}

/* ---- who is who ---- */

static struct key pair_key(struct hash a, struct hash b)
{
    struct key key = person_key(a);
    key_hash(&key, b);
    return key;
}

static bool erase(struct ctx *ctx, struct lmdb *db, struct hash person);

static bool claim_note(struct ctx *ctx, struct lmdb *db, struct hash visitor, struct hash customer,
                       int64_t at_us)
{
    struct key claim = pair_key(visitor, customer), claimed = pair_key(customer, visitor);
    struct hash before, after;
    int64_t was;
    struct str record = lmdb_get_for_update(ctx, db, TABLE_CLAIMS, key_str(&claim));
    if (record.len == sizeof(was)) {
        memcpy(&was, record.ptr, sizeof(was));
        if (was <= at_us)
            return true;
    }
    bool owned = purchases_owner(db, visitor, &before);
    if (!lmdb_put(ctx, db, TABLE_CLAIMS, key_str(&claim),
                  (struct str){ (const char *)&at_us, sizeof(at_us) }) ||
        !model_note(ctx, db, TABLE_CLAIMED, &claimed))
        return false;
    purchases_owner(db, visitor, &after);
    if (owned && memcmp(&before, &after, sizeof(after)) == 0)
        return true;
    return (!owned || purchases_settle(ctx, db, before, INT64_MIN, INT64_MAX)) &&
           purchases_settle(ctx, db, after, INT64_MIN, INT64_MAX);
}

bool people_claimed(struct ctx *ctx, struct lmdb *db, struct str visitor_id, struct str customer_id,
                    int64_t at_us)
{
    struct hash visitor = hash_of(visitor_id), customer = hash_of(customer_id);
    if (str_eq(visitor_id, customer_id))
        return true;
    if (is_erased(ctx, db, customer))
        return erase(ctx, db, visitor);
    return is_erased(ctx, db, visitor) ? !ctx_failed(ctx)
                                       : claim_note(ctx, db, visitor, customer, at_us);
}

/* ---- orders ---- */

bool people_ordered(struct ctx *ctx, struct lmdb *db, struct str order_id, struct str customer_id,
                    struct money total, int64_t at_us)
{
    struct hash customer = hash_of(customer_id);
    bool known = !is_erased(ctx, db, customer);
    return !ctx_failed(ctx) &&
           purchase_placed(ctx, db, order_id, known ? &customer : NULL, total, at_us);
}

/* ---- erasing ---- */

static bool forget_visits(struct ctx *ctx, struct lmdb *db, const struct key *person)
{
    struct keys visits;
    model_keys(ctx, db, TABLE_VISITS, person, &visits);
    for (size_t i = 0; i < visits.n; i++) {
        struct str key = visits.list[i];
        int64_t at_us = day_of_number(key_read(key, DAY_AT, 4)) * US_PER_DAY;
        bool whole = key.len == TOUCHED_AT;
        bool direct = whole && str_is(lmdb_get_for_update(ctx, db, TABLE_VISITS, key), "d");
        enum channel channel = whole ? CHANNEL_ALL : (enum channel)key_read(key, TOUCHED_AT, 1);
        struct str campaign =
            whole ? STR("") : (struct str){ key.ptr + TOUCHED_AT + 1, key.len - TOUCHED_AT - 1 };
        if (!add_visitors(ctx, db, at_us, channel, campaign, -1) ||
            (direct && !add_visitors(ctx, db, at_us, CHANNEL_DIRECT, STR(""), -1)) ||
            !lmdb_delete(ctx, db, TABLE_VISITS, key))
            return false;
    }
    return true;
}

static bool forget_touches(struct ctx *ctx, struct lmdb *db, const struct key *person)
{
    struct keys touches;
    model_keys(ctx, db, TABLE_TOUCHES, person, &touches);
    for (size_t i = 0; i < touches.n; i++)
        if (!lmdb_delete(ctx, db, TABLE_TOUCHES, touches.list[i]))
            return false;
    return true;
}

static struct hash other_of(struct str pair)
{
    struct hash other;
    memcpy(&other, pair.ptr + HASH_BYTES, HASH_BYTES);
    return other;
}

static bool unpair(struct ctx *ctx, struct lmdb *db, struct hash visitor, struct hash customer)
{
    struct key claim = pair_key(visitor, customer), claimed = pair_key(customer, visitor);
    return lmdb_delete(ctx, db, TABLE_CLAIMS, key_str(&claim)) &&
           lmdb_delete(ctx, db, TABLE_CLAIMED, key_str(&claimed));
}

/* As a visitor: the customers that it was are so no more. */
static bool forget_customers(struct ctx *ctx, struct lmdb *db, struct hash person)
{
    struct keys claims;
    struct key key = person_key(person);
    model_keys(ctx, db, TABLE_CLAIMS, &key, &claims);
    for (size_t i = 0; i < claims.n; i++) {
        struct hash customer = other_of(claims.list[i]);
        if (!unpair(ctx, db, person, customer) ||
            !purchases_settle(ctx, db, customer, INT64_MIN, INT64_MAX))
            return false;
    }
    return true;
}

/* Those who are still to be erased: each brings the visitors along that they were. */
struct erasing {
    struct hash *list;
    size_t n, cap;
};

static void erase_too(struct ctx *ctx, struct erasing *erasing, struct hash person)
{
    if (erasing->n == erasing->cap) {
        size_t cap = erasing->cap ? 2 * erasing->cap : 8;
        struct hash *grown = ARENA_ARRAY(ctx->arena, struct hash, cap);
        if (erasing->n)
            memcpy(grown, erasing->list, erasing->n * sizeof(*grown));
        erasing->list = grown;
        erasing->cap = cap;
    }
    erasing->list[erasing->n++] = person;
}

/* As a customer: the visitors are the same person. */
static bool forget_visitors(struct ctx *ctx, struct lmdb *db, struct hash person,
                            struct erasing *erasing)
{
    struct keys claimed;
    struct key key = person_key(person);
    model_keys(ctx, db, TABLE_CLAIMED, &key, &claimed);
    for (size_t i = 0; i < claimed.n; i++) {
        struct hash visitor = other_of(claimed.list[i]);
        if (!unpair(ctx, db, visitor, person))
            return false;
        erase_too(ctx, erasing, visitor);
    }
    return true;
}

static bool erase_one(struct ctx *ctx, struct lmdb *db, struct hash person, struct erasing *erasing)
{
    struct key key = person_key(person);
    if (is_erased(ctx, db, person))
        return !ctx_failed(ctx);
    return model_note(ctx, db, TABLE_ERASED, &key) && forget_visits(ctx, db, &key) &&
           visitors_forget(ctx, db, person) && forget_touches(ctx, db, &key) &&
           purchases_forget(ctx, db, person) && forget_customers(ctx, db, person) &&
           forget_visitors(ctx, db, person, erasing);
}

static bool erase(struct ctx *ctx, struct lmdb *db, struct hash person)
{
    struct erasing erasing = { 0 };
    erase_too(ctx, &erasing, person);
    while (erasing.n)
        if (!erase_one(ctx, db, erasing.list[--erasing.n], &erasing))
            return false;
    return true;
}

bool people_erased(struct ctx *ctx, struct lmdb *db, struct str person_id)
{
    return erase(ctx, db, hash_of(person_id));
}
