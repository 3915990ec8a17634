#include "services/gateway/routing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "services/gateway/gateway.h"

/* One version of a neighbour. Those that are replaced live until the last call to them is over. */
struct target {
    struct peer *peer;
    char *url;
    int refs;
    bool made_here; /* not the service's own peer */
};

enum side { SIDE_BLUE, SIDE_GREEN, N_SIDES };

struct upstream {
    const char *name;
    struct peer *own; /* of the setting */
    char *own_url;
    pthread_mutex_t mutex;
    int64_t version;
    struct target *targets[N_SIDES];
    enum side live;
    char *canary_id; /* NULL: none */
    uint32_t seed;
    bool by_itself, halted; /* halted: called worse, whatever the disk says of it by now */
    uint64_t step_number;
    struct canary_plan plan;
    struct canary_step step;
    struct canary_step before; /* the round before, where the last step goes round again */
    struct metric *share;
};

struct routing {
    struct upstream *upstreams[ROUTING_MOST];
    size_t n;
};

/* ---- targets; with the lock held ---- */

static void target_drop(struct target *target)
{
    if (!target || --target->refs > 0)
        return;
    if (target->made_here)
        peer_free(target->peer);
    free(target->url);
    free(target);
}

static struct target *target_new(const struct upstream *upstream, enum side side, const char *url)
{
    struct target *target = mem_alloc(sizeof(*target));
    *target = (struct target){ .peer = upstream->own, .url = mem_strdup(url), .refs = 1 };
    if (strcmp(url, upstream->own_url) == 0)
        return target;
    char name[64];
    snprintf(name, sizeof(name), "%s-%s", upstream->name, side == SIDE_BLUE ? "blue" : "green");
    target->peer = peer_new(
        &(struct peer_settings){ .name = name, .url = url, .open_most_us = GATEWAY_OPEN_US });
    target->made_here = true;
    return target;
}

static void target_set(struct upstream *upstream, enum side side, const char *url)
{
    struct target **target = &upstream->targets[side];
    if (*target && url && strcmp((*target)->url, url) == 0)
        return;
    target_drop(*target);
    *target = url ? target_new(upstream, side, url) : NULL;
}

/* ---- life ---- */

static struct upstream *upstream_new(struct ctx *ctx, const char *name)
{
    struct upstream *upstream = mem_alloc(sizeof(*upstream));
    struct arena *arena = ctx->arena;
    upstream->name = name;
    upstream->own = service_peer(ctx, name);
    upstream->own_url = mem_strdup(setting_text(ctx, arena_printf(arena, "%s_url", name).ptr).ptr);
    upstream->share = metric_get(METRIC_GAUGE, "gateway_canary_share_percent",
                                 "Percent of visitors that a canary has; 0 without one.",
                                 metric_label(arena, "route", str_of(name)).ptr);
    pthread_mutex_init(&upstream->mutex, NULL);
    target_set(upstream, SIDE_BLUE, upstream->own_url);
    return upstream;
}

struct routing *routing_new(struct ctx *ctx, const char *const *peers)
{
    struct routing *routing = mem_alloc(sizeof(*routing));
    while (peers[routing->n] && routing->n < ROUTING_MOST) {
        routing->upstreams[routing->n] = upstream_new(ctx, peers[routing->n]);
        routing->n++;
    }
    return routing;
}

void routing_free(struct routing *routing)
{
    for (size_t i = 0; routing && i < routing->n; i++) {
        struct upstream *upstream = routing->upstreams[i];
        for (size_t side = 0; side < N_SIDES; side++)
            target_drop(upstream->targets[side]);
        pthread_mutex_destroy(&upstream->mutex);
        free(upstream->own_url);
        free(upstream->canary_id);
        free(upstream);
    }
    free(routing);
}

static struct upstream *upstream_of(const struct routing *routing, const char *name)
{
    size_t i = 0;
    while (strcmp(routing->upstreams[i]->name, name) != 0)
        i++; /* names are those of the service's own table */
    return routing->upstreams[i];
}

const char *routing_name(const struct routing *routing, size_t index)
{
    return index < routing->n ? routing->upstreams[index]->name : NULL;
}

const char *routing_find(const struct routing *routing, struct str route)
{
    for (size_t i = 0; i < routing->n; i++)
        if (str_is(route, routing->upstreams[i]->name))
            return routing->upstreams[i]->name;
    return NULL;
}

struct str routing_own_address(const struct routing *routing, const char *route)
{
    return str_of(upstream_of(routing, route)->own_url);
}

/* ---- calls ---- */

static bool splits(const struct upstream *upstream)
{
    return upstream->canary_id && !upstream->halted && upstream->targets[!upstream->live];
}

bool routing_splits(struct routing *routing, const char *peer)
{
    struct upstream *upstream = upstream_of(routing, peer);
    pthread_mutex_lock(&upstream->mutex);
    bool yes = splits(upstream);
    pthread_mutex_unlock(&upstream->mutex);
    return yes;
}

struct leg routing_take(struct routing *routing, const char *peer, struct str visitor)
{
    struct upstream *upstream = upstream_of(routing, peer);
    struct leg leg = { .upstream = upstream };
    pthread_mutex_lock(&upstream->mutex);
    leg.canary = splits(upstream) &&
                 canary_takes(visitor.ptr, visitor.len, upstream->seed, upstream->step.share);
    leg.target = upstream->targets[leg.canary ? !upstream->live : upstream->live];
    leg.target->refs++;
    leg.peer = leg.target->peer;
    leg.step = upstream->step_number;
    pthread_mutex_unlock(&upstream->mutex);
    return leg;
}

void routing_give(struct leg *leg, const struct call *call)
{
    struct upstream *upstream = leg->upstream;
    bool error = call->error.code != ERR_NONE || call->retried;
    pthread_mutex_lock(&upstream->mutex);
    if (splits(upstream) && leg->step == upstream->step_number)
        tally_add(leg->canary ? &upstream->step.canary : &upstream->step.stable, error,
                  call->took_us);
    target_drop(leg->target);
    pthread_mutex_unlock(&upstream->mutex);
}

/* ---- what is stored ---- */

static void step_begin(struct upstream *upstream, const struct route_row *row)
{
    struct str id = row->canary_id;
    bool same = upstream->canary_id && id.ptr && str_is(id, upstream->canary_id);
    if (same && upstream->step.share == row->share)
        return;
    free(upstream->canary_id);
    upstream->canary_id = id.ptr ? mem_strdup(id.ptr) : NULL;
    upstream->seed = hash_murmur3_32(id.ptr, id.len, 0);
    upstream->by_itself = row->by_itself;
    upstream->halted = false;
    upstream->plan = (struct canary_plan){ .step = (int)row->step,
                                           .most = (int)row->most,
                                           .sample = row->sample,
                                           .hold_us = row->hold_s * US_PER_S };
    upstream->step_number++;
    canary_begin(&upstream->step, &upstream->plan, id.ptr ? (int)row->share : 0, clock_mono_us());
    upstream->before = upstream->step;
    metric_set(upstream->share, upstream->step.share);
}

static void upstream_apply(struct upstream *upstream, const struct route_row *row)
{
    pthread_mutex_lock(&upstream->mutex);
    if (upstream->version != row->version) {
        upstream->version = row->version;
        target_set(upstream, SIDE_BLUE, row->blue.ptr ? row->blue.ptr : upstream->own_url);
        target_set(upstream, SIDE_GREEN, row->green.ptr);
        upstream->live = row->live == ROUTE_COLOUR_GREEN && row->green.ptr ? SIDE_GREEN : SIDE_BLUE;
        step_begin(upstream, row);
    }
    pthread_mutex_unlock(&upstream->mutex);
}

bool routing_refresh(struct ctx *ctx, struct routing *routing)
{
    for (size_t i = 0; i < routing->n; i++) {
        struct route_row row;
        if (!store_route(ctx, str_of(routing->upstreams[i]->name), &row))
            return false;
        upstream_apply(routing->upstreams[i], &row);
    }
    return true;
}

/* ---- how a canary does ---- */

static struct canary_progress progress_of(const struct upstream *upstream)
{
    const struct canary_step *step = &upstream->step,
                             *judged = step->looks ? step : &upstream->before;
    return (struct canary_progress){ .canary_calls = step->canary.calls,
                                     .stable_calls = step->stable.calls,
                                     .looks = judged->looks,
                                     .judgement = judged->judgement };
}

struct canary_progress routing_progress(struct routing *routing, const char *route)
{
    struct upstream *upstream = upstream_of(routing, route);
    pthread_mutex_lock(&upstream->mutex);
    struct canary_progress progress = progress_of(upstream);
    pthread_mutex_unlock(&upstream->mutex);
    return progress;
}

/* Where it waits for a hand, its last step goes round again: what it does today is not hidden by what it did. */
static int share_after(struct upstream *upstream)
{
    int share = upstream->step.share, next = canary_next_share(&upstream->plan, share);
    return next == 100 && !upstream->by_itself ? share : next;
}

struct ruling routing_judge(struct ctx *ctx, struct routing *routing, const char *route)
{
    struct upstream *upstream = upstream_of(routing, route);
    struct ruling ruling = { .route = upstream->name };
    pthread_mutex_lock(&upstream->mutex);
    if (upstream->canary_id) {
        ruling.verdict = canary_judge(&upstream->step, &upstream->plan, clock_mono_us());
        ruling.canary_id = arena_str(ctx->arena, str_of(upstream->canary_id));
        ruling.version = upstream->version;
        ruling.share = upstream->step.share;
        ruling.next_share = share_after(upstream);
        ruling.progress = progress_of(upstream);
        upstream->halted |= ruling.verdict == VERDICT_WORSE;
        if (ruling.verdict == VERDICT_GOOD && ruling.next_share == ruling.share) {
            upstream->before = upstream->step;
            canary_begin(&upstream->step, &upstream->plan, ruling.share, clock_mono_us());
        }
    }
    pthread_mutex_unlock(&upstream->mutex);
    return ruling;
}
