#include "services/email/audience.h"

#include "base/clock.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/store.h"
#include "email_contract.h"

#define ZONES_MOST 64 /* of one batch that are read once; the others each time */

struct expansion {
    struct delivery_row *delivery;
    struct delivery_asked asked;
    const struct zone *common;
    struct {
        struct str name;
        const struct zone *zone;
    } zones[ZONES_MOST];
    size_t n_zones;
};

/* NULL: the person has said none, or one that there is not. */
static const struct zone *zone_of(struct ctx *ctx, struct expansion *expansion, struct str name)
{
    if (!name.ptr)
        return NULL;
    for (size_t i = 0; i < expansion->n_zones; i++)
        if (str_eq(expansion->zones[i].name, name))
            return expansion->zones[i].zone;
    const struct zone *zone = zone_find(ctx, name);
    if (!zone)
        ctx_clear(ctx);
    if (expansion->n_zones < ZONES_MOST) {
        expansion->zones[expansion->n_zones].name = name;
        expansion->zones[expansion->n_zones++].zone = zone;
    }
    return zone;
}

/* Not of this launch: left out, or already looked at in one of the segments before. */
static bool is_other(struct ctx *ctx, const struct expansion *expansion, struct str person_id,
                     bool *other)
{
    const struct delivery_asked_audience *audience = expansion->asked.audience;
    size_t before = audience->everyone ? 0 : (size_t)expansion->delivery->segment;
    if (!store_is_member(ctx, audience->segments, before, person_id, other))
        return false;
    return *other || store_is_member(ctx, audience->exclude, audience->n_exclude, person_id, other);
}

static bool queue_for(struct ctx *ctx, struct expansion *expansion,
                      const struct contact_row *contact)
{
    bool added;
    int64_t due_us;
    const struct delivery_row *delivery = expansion->delivery;
    struct plan_share share = plan_share(&expansion->asked, contact->person_id);
    bool decided = share.waits && delivery->winner.ptr;
    if (!plan_due(ctx, expansion->asked.schedule, zone_of(ctx, expansion, contact->time_zone),
                  expansion->common, &due_us))
        return false;
    struct message_row message = {
        .message_id = plan_message_id(ctx->arena, delivery->launch_id, contact->person_id, STR("")),
        .queue = delivery->launch_id,
        .state = share.waits && !decided ? STR("waiting") : STR("queued"),
        .due_us = MAX(due_us, delivery->released_us),
        .campaign_id = delivery->campaign_id,
        .person_id = contact->person_id,
        .variant = decided         ? delivery->winner
                   : share.variant ? share.variant->name
                                   : (struct str){ NULL, 0 },
        .marketing = expansion->asked.purpose != DELIVERY_ASKED_PURPOSE_SERVICE,
        .created_us = clock_now_us(),
    };
    if (!store_message_add(ctx, &message, &added))
        return false;
    expansion->delivery->recipients += added;
    return true;
}

static bool person_take(struct ctx *ctx, struct expansion *expansion, struct str person_id)
{
    bool other;
    struct reach reach;
    struct delivery_row *delivery = expansion->delivery;
    const struct delivery_asked_audience *audience = expansion->asked.audience;
    bool service = expansion->asked.purpose == DELIVERY_ASKED_PURPOSE_SERVICE;
    if (!is_other(ctx, expansion, person_id, &other) ||
        (!other && !store_reach(ctx, person_id, &reach)))
        return false;
    if (other)
        return true;
    if (service ? reach.service : reach.marketing) {
        delivery->withheld++;
        return true;
    }
    if (audience->has_holdout_percent &&
        plan_is_held_out(delivery->campaign_id, person_id, audience->holdout_percent)) {
        delivery->held_out++;
        return true;
    }
    return queue_for(ctx, expansion, &reach.contact);
}

static bool count(struct ctx *ctx, struct delivery_row *delivery)
{
    struct delivery_counted counted = { .campaign_id = delivery->campaign_id,
                                        .launch_id = delivery->launch_id,
                                        .recipients = delivery->recipients,
                                        .withheld = delivery->withheld,
                                        .held_out = delivery->held_out,
                                        .counted_at = clock_now_us() };
    delivery->expanded = true;
    return publish_delivery_counted(ctx, &counted);
}

static bool expansion_begin(struct ctx *ctx, struct expansion *expansion)
{
    const struct json *asked = json_parse(ctx, expansion->delivery->asked);
    if (!asked || !delivery_asked_read(ctx, asked, &expansion->asked))
        return false;
    const struct delivery_asked_schedule *schedule = expansion->asked.schedule;
    if (schedule && schedule->zone.ptr)
        expansion->common = zone_find(ctx, schedule->zone);
    return !ctx_failed(ctx);
}

bool audience_expand(struct ctx *ctx, struct delivery_row *delivery)
{
    struct expansion *expansion = ARENA_NEW(ctx->arena, struct expansion);
    struct str persons[AUDIENCE_BATCH], all = { NULL, 0 };
    size_t n;
    expansion->delivery = delivery;
    if (!expansion_begin(ctx, expansion))
        return false;
    const struct delivery_asked_audience *audience = expansion->asked.audience;
    size_t n_segments = audience->everyone ? 1 : audience->n_segments;
    if (!store_audience(ctx, audience->everyone ? all : audience->segments[delivery->segment],
                        delivery->person_id, AUDIENCE_BATCH, persons, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!person_take(ctx, expansion, persons[i]))
            return false;
    delivery->person_id = n ? persons[n - 1] : STR("");
    if (n < AUDIENCE_BATCH) {
        delivery->segment++;
        delivery->person_id = STR("");
    }
    if (delivery->segment == (int64_t)n_segments && !count(ctx, delivery))
        return false;
    return store_delivery_put(ctx, delivery);
}
