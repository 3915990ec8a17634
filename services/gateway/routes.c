#include "services/gateway/routes.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/token/token.h"

/* ---- rows ---- */

enum route_colour route_other(enum route_colour colour)
{
    return colour == ROUTE_COLOUR_BLUE ? ROUTE_COLOUR_GREEN : ROUTE_COLOUR_BLUE;
}

struct str route_address(const struct route_row *row, enum route_colour colour, struct str own)
{
    if (colour == ROUTE_COLOUR_GREEN)
        return row->green;
    return row->blue.ptr ? row->blue : own;
}

static void address_set(struct route_row *row, enum route_colour colour, struct str address)
{
    *(colour == ROUTE_COLOUR_GREEN ? &row->green : &row->blue) = address;
}

static struct str who_asks(const struct ctx *ctx)
{
    return ctx->who ? ctx->who->subject : STR("svc:gateway");
}

/* Stores the row as its next version, and what has happened. `about` is the colour that it happened to. */
static bool route_move(struct ctx *ctx, struct route_row *row, enum route_change_what what,
                       enum route_colour about, struct str own, int64_t share, struct str judgement)
{
    row->version++;
    row->updated_us = clock_now_us();
    struct route_change_row change = { .change_id = id_new(ctx->arena, "chg"),
                                       .route = row->route,
                                       .what = str_of(route_change_what_name(what)),
                                       .who = who_asks(ctx),
                                       .live = str_of(route_colour_name(row->live)),
                                       .address = route_address(row, about, own),
                                       .share = share,
                                       .version = row->version,
                                       .judgement = judgement,
                                       .at_us = row->updated_us };
    return store_route_put(ctx, row) && store_change_add(ctx, &change);
}

static const struct str no_judgement = { NULL, 0 };

/* ---- by hand ---- */

static bool same_canary(const struct route_row *row, struct str own,
                        const struct route_canary_put *put)
{
    return str_eq(route_address(row, route_other(row->live), own), put->address) &&
           row->step == put->step && row->most == put->most && row->sample == put->sample &&
           row->hold_s == put->hold_s && row->by_itself == put->by_itself;
}

bool route_canary_start(struct ctx *ctx, struct str route, struct str own,
                        const struct route_canary_put *put, struct route_row *out)
{
    if (!store_route(ctx, route, out))
        return false;
    enum route_colour colour = route_other(out->live);
    if (out->canary_id.ptr)
        return same_canary(out, own, put) ||
               ctx_fail(ctx, ERR_CONFLICT,
                        "another canary is under way; `switch` promotes it or takes it back");
    if (str_eq(put->address, route_address(out, out->live, own)))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/address"), "this address is live already");
    if (put->step > put->most)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/step"), "a step is not larger than `most`");
    address_set(out, colour, put->address);
    out->canary_id = id_new(ctx->arena, "can");
    out->share = out->step = put->step;
    out->most = put->most;
    out->sample = put->sample;
    out->hold_s = put->hold_s;
    out->by_itself = put->by_itself;
    return route_move(ctx, out, ROUTE_CHANGE_WHAT_CANARY_STARTED, colour, own, out->share,
                      no_judgement);
}

static bool switch_check(struct ctx *ctx, const struct route_row *row, struct str own,
                         const struct route_switch *to)
{
    struct str there = route_address(row, to->to, own);
    if (to->address.ptr && !str_eq(to->address, there)) {
        if (to->to == row->live)
            return ctx_fail_at(ctx, ERR_INVALID, STR("/address"),
                               "only the colour that is not live is given another address");
        if (row->canary_id.ptr)
            return ctx_fail(ctx, ERR_CONFLICT, "the canary of this colour has another address");
    }
    return to->address.ptr || there.ptr ||
           ctx_fail(ctx, ERR_CONFLICT, "%s has no address yet: name one",
                    route_colour_name(to->to));
}

bool route_switch(struct ctx *ctx, struct str route, struct str own, const struct route_switch *to,
                  struct route_row *out)
{
    if (!store_route(ctx, route, out) || !switch_check(ctx, out, own, to))
        return false;
    bool canary = out->canary_id.ptr != NULL, stays = to->to == out->live;
    if (stays && !canary)
        return true;
    enum route_colour about = stays ? route_other(out->live) : to->to;
    int64_t share = stays ? out->share : 100;
    if (to->address.ptr)
        address_set(out, to->to, to->address);
    out->live = to->to;
    out->canary_id = (struct str){ NULL, 0 };
    enum route_change_what what = !canary ? ROUTE_CHANGE_WHAT_SWITCHED
                                  : stays ? ROUTE_CHANGE_WHAT_ROLLED_BACK
                                          : ROUTE_CHANGE_WHAT_PROMOTED;
    return route_move(ctx, out, what, about, own, share, no_judgement);
}

/* ---- by itself ---- */

static struct route_measure measure_of(enum measure measure, const struct finding *finding)
{
    static const enum route_measure_measure names[] = {
        [MEASURE_ERRORS] = ROUTE_MEASURE_MEASURE_ERRORS,
        [MEASURE_MEDIAN] = ROUTE_MEASURE_MEASURE_MEDIAN,
        [MEASURE_P99] = ROUTE_MEASURE_MEASURE_P99,
    };
    return (struct route_measure){ .measure = names[measure],
                                   .canary = finding->canary,
                                   .stable = finding->stable,
                                   .canary_calls = finding->canary_calls,
                                   .canary_bad = finding->canary_bad,
                                   .stable_calls = finding->stable_calls,
                                   .stable_bad = finding->stable_bad,
                                   .p = finding->p,
                                   .worse = finding->worse };
}

struct route_verdict route_verdict_of(struct ctx *ctx, enum verdict verdict,
                                      const struct canary_progress *progress)
{
    static const enum route_verdict_verdict names[] = {
        [VERDICT_NONE] = ROUTE_VERDICT_VERDICT_NONE,
        [VERDICT_GOOD] = ROUTE_VERDICT_VERDICT_GOOD,
        [VERDICT_WORSE] = ROUTE_VERDICT_VERDICT_WORSE,
    };
    size_t n = progress->looks ? N_MEASURES : 0;
    struct route_measure *measures = ARENA_ARRAY(ctx->arena, struct route_measure, n);
    for (size_t i = 0; i < n; i++)
        measures[i] = measure_of((enum measure)i, &progress->judgement.findings[i]);
    return (struct route_verdict){ .verdict = names[verdict],
                                   .looks = progress->looks,
                                   .alpha = progress->judgement.alpha,
                                   .measures = measures,
                                   .n_measures = n };
}

bool route_rule(struct ctx *ctx, struct str own, const struct ruling *ruling)
{
    struct route_row row;
    if (!store_route(ctx, str_of(ruling->route), &row))
        return false;
    if (row.version != ruling->version || !str_eq(row.canary_id, ruling->canary_id))
        return true;
    enum route_colour colour = route_other(row.live);
    enum route_change_what what = ROUTE_CHANGE_WHAT_SHARE_RAISED;
    struct route_verdict verdict = route_verdict_of(ctx, ruling->verdict, &ruling->progress);
    int64_t share = row.share = ruling->next_share;
    if (ruling->verdict == VERDICT_WORSE) {
        what = ROUTE_CHANGE_WHAT_ROLLED_BACK;
        share = ruling->share;
    } else if (share == 100) {
        what = ROUTE_CHANGE_WHAT_PROMOTED;
        row.live = colour;
    }
    if (what != ROUTE_CHANGE_WHAT_SHARE_RAISED)
        row.canary_id = (struct str){ NULL, 0 };
    return route_move(ctx, &row, what, colour, own, share, route_verdict_encode(ctx, &verdict));
}
