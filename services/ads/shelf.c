#include "services/ads/shelf.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/json/json.h"
#include "services/ads/link.h"
#include "services/ads/people.h"

#define GRACE_US (60 * US_PER_S)
#define MINUTE_US (60 * US_PER_S)
#define PROMISE_MINUTES (SEEN_WITHIN_US / MINUTE_US + 2)

/* What was promised in one minute and is neither charged nor over. */
struct promises {
    _Atomic int64_t minute, milli;
};

struct meter {
    char launch_id[81]; /* as contracts have it */
    _Atomic int64_t spent_milli, promised_milli;
    struct promises minutes[PROMISE_MINUTES];
    _Atomic int64_t swept_minute;
    struct meter *next;
};

/* The offers and all they point to live in one arena. */
struct held {
    struct offers offers;
    struct arena *arena;
    struct held *older;
    int64_t retired_us;
};

struct shelf {
    _Atomic(struct held *) now;
    _Atomic(struct meter *) meters; /* added at the head, freed with the shelf */
    _Atomic int64_t committed, looked;
    pthread_mutex_t lock; /* of who refreshes */
    struct held *retired;
    int64_t revision;
};

/* ---- life ---- */

static struct held *held_new(void)
{
    struct arena *arena = arena_new(0);
    struct held *held = ARENA_NEW(arena, struct held);
    held->arena = arena;
    return held;
}

struct shelf *shelf_new(void)
{
    struct shelf *shelf = mem_alloc(sizeof(*shelf));
    pthread_mutex_init(&shelf->lock, NULL);
    atomic_store(&shelf->now, held_new());
    return shelf;
}

void shelf_free(struct shelf *shelf)
{
    if (!shelf)
        return;
    struct held *now = atomic_load(&shelf->now);
    now->older = shelf->retired;
    for (struct held *held = now, *older; held; held = older) {
        older = held->older;
        arena_free(held->arena);
    }
    for (struct meter *meter = atomic_load(&shelf->meters), *next; meter; meter = next) {
        next = meter->next;
        free(meter);
    }
    pthread_mutex_destroy(&shelf->lock);
    free(shelf);
}

const struct offers *shelf_now(const struct shelf *shelf)
{
    return &atomic_load_explicit(&shelf->now, memory_order_acquire)->offers;
}

/* The first that does not come before `slot`. */
static size_t first_of(const struct offers *offers, struct str slot)
{
    size_t low = 0, high = offers->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (str_cmp(offers->items[middle].slot, slot) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct offers offers_in(const struct offers *offers, struct str slot)
{
    size_t first = first_of(offers, slot), end = first;
    while (end < offers->n && str_eq(offers->items[end].slot, slot))
        end++;
    return (struct offers){ end > first ? &offers->items[first] : NULL, end - first };
}

void shelf_doubt(void *argument)
{
    atomic_fetch_add(&((struct shelf *)argument)->committed, 1);
}

bool shelf_is_fresh(const struct shelf *shelf)
{
    return atomic_load(&shelf->committed) == atomic_load(&shelf->looked);
}

/* ---- budgets ---- */

static struct meter *meter_find(const struct shelf *shelf, struct str launch_id)
{
    struct meter *meter = atomic_load(&shelf->meters);
    while (meter && !str_is(launch_id, meter->launch_id))
        meter = meter->next;
    return meter;
}

/* Under the lock. */
static struct meter *meter_of(struct shelf *shelf, struct str launch_id)
{
    struct meter *meter = meter_find(shelf, launch_id);
    if (meter)
        return meter;
    meter = mem_alloc(sizeof(*meter));
    memcpy(meter->launch_id, launch_id.ptr, MIN(launch_id.len, sizeof(meter->launch_id) - 1));
    meter->next = atomic_load(&shelf->meters);
    atomic_store(&shelf->meters, meter);
    return meter;
}

static void spent_raise(struct meter *meter, int64_t milli)
{
    int64_t spent = atomic_load(&meter->spent_milli);
    while (spent < milli && !atomic_compare_exchange_weak(&meter->spent_milli, &spent, milli))
        continue;
}

/* Promises that were not kept in time are none: their links are over. */
static void promises_sweep(struct meter *meter, int64_t minute)
{
    int64_t swept = atomic_load(&meter->swept_minute);
    if (swept >= minute || !atomic_compare_exchange_strong(&meter->swept_minute, &swept, minute))
        return;
    for (size_t i = 0; i < PROMISE_MINUTES; i++) {
        struct promises *promises = &meter->minutes[i];
        if (atomic_load(&promises->minute) > minute - (int64_t)PROMISE_MINUTES + 1)
            continue;
        atomic_fetch_sub(&meter->promised_milli, atomic_exchange(&promises->milli, 0));
    }
    atomic_store(&meter->minutes[minute % PROMISE_MINUTES].minute, minute);
}

bool offer_promise(const struct offer *offer, int64_t now_us)
{
    struct meter *meter = offer->meter;
    int64_t minute = now_us / MINUTE_US, allowed = pace_allowed(&offer->pace, now_us);
    if (now_us < offer->pace.starts_us || now_us >= offer->pace.ends_us)
        return false;
    if (!offer->pace.budget_milli)
        return true;
    promises_sweep(meter, minute);
    int64_t promised = atomic_fetch_add(&meter->promised_milli, offer->cost_milli);
    int64_t used = atomic_load(&meter->spent_milli) + promised + offer->cost_milli;
    if (used > allowed || (!offer->cost_milli && used >= allowed)) {
        atomic_fetch_sub(&meter->promised_milli, offer->cost_milli);
        return false;
    }
    atomic_fetch_add(&meter->minutes[minute % PROMISE_MINUTES].milli, offer->cost_milli);
    return true;
}

int64_t offer_share(const struct offer *offer, int64_t now_us)
{
    return pace_share(&offer->pace,
                      atomic_load(&offer->meter->spent_milli) +
                          atomic_load(&offer->meter->promised_milli),
                      now_us);
}

/* Charged before it is promised no more, so that nobody sees it as neither. */
void shelf_counted(struct shelf *shelf, struct str launch_id, int64_t at_us, int64_t promised_milli,
                   int64_t charged_milli)
{
    struct meter *meter = meter_find(shelf, launch_id);
    if (!meter)
        return;
    int64_t minute = at_us / MINUTE_US;
    struct promises *promises = &meter->minutes[minute % PROMISE_MINUTES];
    atomic_fetch_add(&meter->spent_milli, charged_milli);
    int64_t held = atomic_load(&promises->milli);
    if (!promised_milli || atomic_load(&promises->minute) != minute)
        return;
    while (held >= promised_milli)
        if (atomic_compare_exchange_weak(&promises->milli, &held, held - promised_milli)) {
            atomic_fetch_sub(&meter->promised_milli, promised_milli);
            return;
        }
}

static bool spent_each(struct ctx *ctx, const struct activation_row *row, void *argument)
{
    struct meter *meter = meter_find(argument, row->launch_id);
    if (meter)
        spent_raise(meter, row->spent_milli);
    return true;
}

bool shelf_spent_read(struct ctx *ctx, struct shelf *shelf)
{
    return store_activations_each(ctx, clock_now_us(), spent_each, shelf);
}

/* ---- reading ---- */

#define OFFERS_MOST 10000

struct reading {
    struct shelf *shelf;
    struct offer *offers;
    size_t n;
    struct activation_row *rows;
    size_t n_rows;
};

static bool row_keep(struct ctx *ctx, const struct activation_row *row, void *argument)
{
    struct reading *reading = argument;
    if (reading->n_rows == OFFERS_MOST)
        return ctx_fail(ctx, ERR_TOO_LARGE, "there are more than %d launches at once", OFFERS_MOST);
    reading->rows[reading->n_rows++] = *row;
    return true;
}

static bool offer_read(struct ctx *ctx, struct str ad_id, struct offer *out, bool *found)
{
    struct ad_row row;
    struct ad_put ad;
    struct placement_row placement;
    *found = false;
    if (!store_ad(ctx, ad_id, &row) || !str_is(row.state, "approved"))
        return !ctx_failed(ctx);
    const struct json *json = json_parse(ctx, row.definition);
    if (!json || !ad_put_read(ctx, json, &ad))
        return false;
    if (!store_placement(ctx, ad.placement_id, &placement))
        return !ctx_failed(ctx);
    out->ad_id = row.ad_id;
    out->ad = people_hash(row.ad_id);
    out->placement_id = ad.placement_id;
    out->slot = placement.slot;
    out->content = ad.content;
    out->cost_milli = ad.model == PRICE_MODEL_MILLE ? ad.price.amount : 0;
    if (ad.cap) {
        out->cap = ad.cap->impressions;
        out->cap_us = ad.cap->hours * 3600 * US_PER_S;
    }
    return *found = true;
}

static bool offers_of(struct ctx *ctx, struct reading *reading, const struct activation_row *row)
{
    struct offer offer = { .launch_id = row->launch_id,
                           .campaign_id = row->campaign_id,
                           .pace = { row->budget_milli, row->starts_us, row->ends_us } };
    const struct json *ads = json_parse(ctx, row->ads), *segments = json_parse(ctx, row->segments);
    uint64_t *list = ARENA_ARRAY(ctx->arena, uint64_t, json_size(segments) + 1);
    if (!ads || !segments)
        return false;
    for (struct json_iter it = json_iter(segments); json_next(&it);)
        list[offer.n_segments++] = people_hash(json_str(it.value));
    offer.segments = list;
    offer.meter = meter_of(reading->shelf, row->launch_id);
    spent_raise(offer.meter, row->spent_milli);
    for (struct json_iter it = json_iter(ads); json_next(&it) && reading->n < OFFERS_MOST;) {
        bool found;
        reading->offers[reading->n] = offer;
        if (!offer_read(ctx, json_str(it.value), &reading->offers[reading->n], &found) &&
            ctx_failed(ctx))
            return false;
        reading->n += found;
    }
    return true;
}

static int by_slot(const void *a, const void *b)
{
    const struct offer *x = a, *y = b;
    int order = str_cmp(x->slot, y->slot);
    return order ? order : str_cmp(x->ad_id, y->ad_id);
}

/* Into the arena of what is held; what went wrong into the caller's. */
static bool read_all(struct ctx *ctx, struct shelf *shelf, struct held *held)
{
    struct ctx own = *ctx;
    own.arena = held->arena;
    struct reading reading = { .shelf = shelf };
    reading.rows = mem_alloc(OFFERS_MOST * sizeof(*reading.rows));
    reading.offers = mem_alloc(OFFERS_MOST * sizeof(*reading.offers));
    bool ok = store_activations_each(&own, clock_now_us(), row_keep, &reading);
    for (size_t i = 0; ok && i < reading.n_rows; i++)
        ok = offers_of(&own, &reading, &reading.rows[i]);
    if (ok) {
        qsort(reading.offers, reading.n, sizeof(*reading.offers), by_slot);
        held->offers = (struct offers){
            arena_copy(held->arena, reading.offers, reading.n * sizeof(*reading.offers)), reading.n
        };
    } else {
        ctx->error = own.error;
        ctx->error.detail = arena_str(ctx->arena, own.error.detail);
    }
    free(reading.rows);
    free(reading.offers);
    return ok;
}

static void free_retired(struct shelf *shelf)
{
    int64_t before_us = clock_mono_us() - GRACE_US;
    for (struct held **at = &shelf->retired; *at;) {
        struct held *held = *at;
        if (held->retired_us > before_us) {
            at = &held->older;
            continue;
        }
        *at = held->older;
        arena_free(held->arena);
    }
}

static bool refresh_locked(struct ctx *ctx, struct shelf *shelf)
{
    int64_t revision, committed = atomic_load(&shelf->committed);
    free_retired(shelf);
    if (!store_revision(ctx, &revision))
        return false;
    if (revision != shelf->revision) {
        struct held *fresh = held_new();
        if (!read_all(ctx, shelf, fresh)) {
            arena_free(fresh->arena);
            return false;
        }
        struct held *old = atomic_exchange(&shelf->now, fresh);
        old->retired_us = clock_mono_us();
        old->older = shelf->retired;
        shelf->retired = old;
        shelf->revision = revision;
    }
    atomic_store(&shelf->looked, committed);
    return true;
}

bool shelf_refresh(struct ctx *ctx, struct shelf *shelf)
{
    pthread_mutex_lock(&shelf->lock);
    bool ok = refresh_locked(ctx, shelf);
    pthread_mutex_unlock(&shelf->lock);
    return ok;
}
