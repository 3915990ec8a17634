#include "services/reporting/purchases.h"

#include "services/reporting/people.h"

/* Of ORDERS; the campaign follows. No byte of it is left to chance. */
struct order {
    int64_t placed_us, total, refunded;
    char currency[4];
    uint8_t channel, placed, cancelled, changed; /* the last: the number of its newest change */
};
_Static_assert(sizeof(struct order) == 32, "without padding");

struct purchase {
    struct order order;
    struct str campaign;
};

/* ---- the record ---- */

static struct purchase purchase_read(struct ctx *ctx, struct lmdb *db, struct str order_id)
{
    struct purchase purchase = { .order.channel = CHANNEL_DIRECT, .campaign = STR("") };
    struct str record = lmdb_get_for_update(ctx, db, TABLE_ORDERS, order_id);
    if (record.len >= sizeof(struct order)) {
        memcpy(&purchase.order, record.ptr, sizeof(struct order));
        purchase.campaign =
            (struct str){ record.ptr + sizeof(struct order), record.len - sizeof(struct order) };
    }
    return purchase;
}

/* Its part of the sums, added or taken back. */
static bool count(struct ctx *ctx, struct lmdb *db, const struct purchase *purchase, bool add)
{
    const struct order *order = &purchase->order;
    struct cell cell = { .at_us = order->placed_us,
                         .channel = order->channel,
                         .currency = order->currency,
                         .campaign = purchase->campaign };
    int64_t refunded = order->cancelled ? order->total : MIN(order->refunded, order->total);
    struct sums sums = { 0 };
    sums.of[MEASURE_orders] = 1;
    sums.of[MEASURE_revenue] = order->total;
    sums.of[MEASURE_refunded] = refunded;
    if (!add)
        sums_negate(&sums);
    return !order->placed || cell_change(ctx, db, &cell, &sums);
}

static bool purchase_change(struct ctx *ctx, struct lmdb *db, struct str order_id,
                            const struct purchase *before, const struct purchase *after)
{
    if (memcmp(&before->order, &after->order, sizeof(struct order)) == 0 &&
        str_eq(before->campaign, after->campaign))
        return true;
    size_t bytes = sizeof(struct order) + after->campaign.len;
    char *record = arena_alloc_raw(ctx->arena, bytes);
    memcpy(record, &after->order, sizeof(struct order));
    if (after->campaign.len)
        memcpy(record + sizeof(struct order), after->campaign.ptr, after->campaign.len);
    return count(ctx, db, before, false) && count(ctx, db, after, true) &&
           lmdb_put(ctx, db, TABLE_ORDERS, order_id, (struct str){ record, bytes });
}

/* ---- who a visitor is ---- */

struct owner {
    struct str visitor;
    bool any;
    int64_t at_us;
    struct hash customer;
};

/* Customers come in the order of their hashes: of two at the same moment the first stays. */
static bool owner_look(struct str key, struct str value, void *argument)
{
    struct owner *owner = argument;
    int64_t at_us;
    if (!str_starts(key, owner->visitor) || value.len != sizeof(at_us))
        return false;
    memcpy(&at_us, value.ptr, sizeof(at_us));
    if (!owner->any || at_us < owner->at_us) {
        owner->any = true;
        owner->at_us = at_us;
        memcpy(&owner->customer, key.ptr + HASH_BYTES, HASH_BYTES);
    }
    return true;
}

bool purchases_owner(struct lmdb *db, struct hash visitor, struct hash *out)
{
    struct lmdb_read read = lmdb_read_own(db);
    struct owner owner = { .visitor = { visitor.bytes, HASH_BYTES } };
    lmdb_scan(&read, TABLE_CLAIMS, owner.visitor, owner_look, &owner);
    *out = owner.customer;
    return owner.any;
}

/* ---- the touch that an order is counted for ---- */

#define CHANNEL_AT (HASH_BYTES + 8)

struct last_touch {
    struct hash person;
    uint64_t oldest;       /* as in the key: what is greater is too long ago */
    struct str found;      /* of the best so far, from the moment on; ptr NULL: none */
    struct arena *arena;
};

static bool last_look(struct str key, struct str value, void *argument)
{
    struct last_touch *last = argument;
    if (key.len <= CHANNEL_AT || memcmp(key.ptr, last->person.bytes, HASH_BYTES) != 0 ||
        key_read(key, HASH_BYTES, 8) > last->oldest)
        return false;
    struct str touch = { key.ptr + HASH_BYTES, key.len - HASH_BYTES };
    if (!last->found.ptr || str_cmp(touch, last->found) < 0)
        last->found = arena_str(last->arena, touch);
    return false;
}

static void last_of(struct lmdb *db, struct hash person, int64_t at_us, struct last_touch *last)
{
    struct lmdb_read read = lmdb_read_own(db);
    struct key from = { 0 };
    key_hash(&from, person);
    key_newest(&from, at_us);
    last->person = person;
    lmdb_scan(&read, TABLE_TOUCHES, key_str(&from), last_look, last);
}

/* The newest of the customer's and of their visitors'; of two at the same moment the first channel, the first campaign. */
static void attribute(struct ctx *ctx, struct lmdb *db, struct hash customer,
                      struct purchase *purchase)
{
    struct key key = { 0 };
    struct keys visitors;
    struct hash visitor, owner;
    struct last_touch last = { .arena = ctx->arena };
    key_newest(&key, purchase->order.placed_us - TOUCH_COUNTS_US);
    last.oldest = key_read(key_str(&key), 0, 8);
    last_of(db, customer, purchase->order.placed_us, &last);
    key = (struct key){ 0 };
    key_hash(&key, customer);
    model_keys(ctx, db, TABLE_CLAIMED, &key, &visitors);
    for (size_t i = 0; i < visitors.n; i++) {
        memcpy(&visitor, visitors.list[i].ptr + HASH_BYTES, HASH_BYTES);
        if (purchases_owner(db, visitor, &owner) && memcmp(&owner, &customer, sizeof(owner)) == 0)
            last_of(db, visitor, purchase->order.placed_us, &last);
    }
    purchase->order.channel = last.found.ptr ? (uint8_t)last.found.ptr[8] : (uint8_t)CHANNEL_DIRECT;
    purchase->campaign = last.found.ptr ? (struct str){ last.found.ptr + 9, last.found.len - 9 }
                                        : STR("");
}

/* ---- what happens to orders ---- */

static struct key bought_key(struct hash customer, int64_t at_us, struct str order_id)
{
    struct key key = { 0 };
    key_hash(&key, customer);
    key_moment(&key, at_us);
    key_text(&key, order_id);
    return key;
}

bool purchase_placed(struct ctx *ctx, struct lmdb *db, struct str order_id,
                     const struct hash *customer, struct money total, int64_t at_us)
{
    struct purchase before = purchase_read(ctx, db, order_id), after = before;
    if (before.order.placed)
        return true;
    after.order.placed = 1;
    after.order.placed_us = at_us;
    if (!after.order.changed)
        after.order.total = total.amount;
    memcpy(after.order.currency, total.currency, sizeof(after.order.currency));
    if (customer) {
        struct key key = bought_key(*customer, at_us, order_id);
        if (!model_note(ctx, db, TABLE_BOUGHT, &key))
            return false;
        attribute(ctx, db, *customer, &after);
    }
    return purchase_change(ctx, db, order_id, &before, &after);
}

bool purchase_refunded(struct ctx *ctx, struct lmdb *db, struct str order_id,
                       int64_t refunded_in_all)
{
    struct purchase before = purchase_read(ctx, db, order_id), after = before;
    after.order.refunded = MAX(before.order.refunded, refunded_in_all);
    return purchase_change(ctx, db, order_id, &before, &after);
}

bool purchase_changed(struct ctx *ctx, struct lmdb *db, struct str order_id, int64_t change,
                      int64_t total)
{
    struct purchase before = purchase_read(ctx, db, order_id), after = before;
    if (MIN(change, UINT8_MAX) < before.order.changed)
        return true;
    after.order.changed = (uint8_t)MIN(change, UINT8_MAX);
    after.order.total = total;
    return purchase_change(ctx, db, order_id, &before, &after);
}

bool purchase_cancelled(struct ctx *ctx, struct lmdb *db, struct str order_id)
{
    struct purchase before = purchase_read(ctx, db, order_id), after = before;
    after.order.cancelled = 1;
    return purchase_change(ctx, db, order_id, &before, &after);
}

#define ORDER_AT (HASH_BYTES + 8)

bool purchases_settle(struct ctx *ctx, struct lmdb *db, struct hash customer, int64_t from_us,
                      int64_t to_us)
{
    struct key from = bought_key(customer, from_us, STR(""));
    struct key until = bought_key(customer, to_us, STR(""));
    struct keys bought;
    model_range(ctx, db, TABLE_BOUGHT, &from, &until, &bought);
    for (size_t i = 0; i < bought.n; i++) {
        struct str order_id = { bought.list[i].ptr + ORDER_AT, bought.list[i].len - ORDER_AT };
        struct purchase before = purchase_read(ctx, db, order_id), after = before;
        attribute(ctx, db, customer, &after);
        if (!purchase_change(ctx, db, order_id, &before, &after))
            return false;
    }
    return true;
}

bool purchases_forget(struct ctx *ctx, struct lmdb *db, struct hash customer)
{
    struct key key = { 0 };
    struct keys bought;
    key_hash(&key, customer);
    model_keys(ctx, db, TABLE_BOUGHT, &key, &bought);
    for (size_t i = 0; i < bought.n; i++) {
        struct str order_id = { bought.list[i].ptr + ORDER_AT, bought.list[i].len - ORDER_AT };
        struct purchase before = purchase_read(ctx, db, order_id), after = before;
        after.order.channel = CHANNEL_DIRECT;
        after.campaign = STR("");
        if (!purchase_change(ctx, db, order_id, &before, &after) ||
            !lmdb_delete(ctx, db, TABLE_BOUGHT, bought.list[i]))
            return false;
    }
    return true;
}
