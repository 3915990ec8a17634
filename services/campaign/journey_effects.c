#include "services/campaign/journey_effects.h"

#include "base/clock.h"
#include "platform/faults/faults.h"
#include "services/campaign/store_journeys.h"
#include "services/campaign/store_visits.h"
#include "platform/webhook/webhooks.h"
#include "campaign_contract.h"
#include "email_events.h"

/* What all functions below need. */
struct effect {
    const struct shelf_program *program;
    const struct journey_visit_at *visit;
    const struct journey_node *node;
    int64_t now_us;
};

static bool moved_tell(struct ctx *ctx, const struct effect *effect, enum journey_moved_state state)
{
    const struct journey_visit_at *visit = effect->visit;
    struct journey_moved moved = { .journey_id = effect->program->journey_id,
                                   .visit_id = visit->visit_id,
                                   .person_id = visit->person_id,
                                   .state = state,
                                   .node = effect->node->id,
                                   .moved_at = effect->now_us };
    if (visit->reason != JOURNEY_REASON_UNKNOWN) {
        moved.has_reason = true;
        moved.reason = journey_moved_reason_parse(str_of(journey_reason_name(visit->reason)));
    }
    return publish_journey_moved(ctx, &moved);
}

static bool entered(struct ctx *ctx, const struct effect *effect)
{
    return store_journey_count(ctx, effect->program->journey_id, STR(""), "entered") &&
           moved_tell(ctx, effect, JOURNEY_MOVED_STATE_ENTERED);
}

static bool arrived(struct ctx *ctx, const struct effect *effect)
{
    return store_journey_count(ctx, effect->program->journey_id, effect->node->id, "arrived");
}

static bool goes_on(struct ctx *ctx, const struct effect *effect)
{
    return moved_tell(ctx, effect, JOURNEY_MOVED_STATE_MOVED);
}

static bool ended(struct ctx *ctx, const struct effect *effect)
{
    return store_journey_count(ctx, effect->program->journey_id, STR(""),
                               journey_reason_name(effect->visit->reason)) &&
           moved_tell(ctx, effect, JOURNEY_MOVED_STATE_EXITED);
}

/* ---- a mail ---- */

struct mail_limits {
    struct message_asked_cap cap;
    struct message_asked_quiet quiet;
};

static void limits_of(const struct journey_send *send, struct mail_limits *limits,
                      struct message_asked *asked)
{
    if (send->cap) {
        limits->cap =
            (struct message_asked_cap){ .most = send->cap->most, .days = send->cap->days };
        asked->cap = &limits->cap;
    }
    if (send->quiet) {
        limits->quiet =
            (struct message_asked_quiet){ .from = send->quiet->from, .to = send->quiet->to };
        asked->quiet = &limits->quiet;
    }
}

/* The number of the step is in the key: who goes round gets each mail again, and who asks again does not. */
static bool sent(struct ctx *ctx, const struct effect *effect)
{
    const struct journey_visit_at *visit = effect->visit;
    const struct journey_send *send = effect->node->send;
    struct mail_limits limits;
    struct message_asked asked = {
        .command_id = arena_printf(ctx->arena, "cmd_" STR_FMT "-%lld", STR_ARG(visit->visit_id),
                                   (long long)visit->steps),
        .message_key = arena_printf(ctx->arena, STR_FMT "/" STR_FMT "/%lld",
                                    STR_ARG(effect->program->journey_id), STR_ARG(visit->visit_id),
                                    (long long)visit->steps),
        .person_id = visit->person_id,
        .template = send->template,
        .purpose = send->purpose == MAIL_PURPOSE_SERVICE ? MESSAGE_ASKED_PURPOSE_SERVICE
                                                         : MESSAGE_ASKED_PURPOSE_MARKETING,
        .campaign_id = effect->program->journey_id,
        .step = effect->node->id,
        .data = visit->data,
        .sender_id = send->sender_id,
        .has_tracking = send->has_tracking,
        .tracking = send->tracking,
        .expires_at = effect->now_us + send->within_s * US_PER_S,
    };
    limits_of(send, &limits, &asked);
    return publish_message_asked(ctx, &asked);
}

/* ---- a webhook ---- */

static struct str call_data(struct ctx *ctx, const struct effect *effect)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "journey_id");
    json_put_str(&out, effect->program->journey_id);
    json_key(&out, "visit_id");
    json_put_str(&out, effect->visit->visit_id);
    json_key(&out, "node");
    json_put_str(&out, effect->node->id);
    json_key(&out, "person_id");
    json_put_str(&out, effect->visit->person_id);
    json_key(&out, "data");
    json_put(&out, effect->visit->data);
    json_object_end(&out);
    return json_out_str(&out);
}

static bool called(struct ctx *ctx, const struct effect *effect)
{
    const struct journey_visit_at *visit = effect->visit;
    return webhook_owe(
        ctx, &(struct webhook_owed){ .call_id = arena_printf(ctx->arena, "msg_" STR_FMT "-%lld",
                                                             STR_ARG(visit->visit_id),
                                                             (long long)visit->steps),
                                     .url = effect->node->webhook->url,
                                     .type = STR("journey.reached"),
                                     .data = call_data(ctx, effect),
                                     .person_id = visit->person_id,
                                     .source_id = effect->program->journey_id });
}

/* ---- all of them ---- */

static bool (*const effects[])(struct ctx *ctx, const struct effect *effect) = {
    [JOURNEY_DID_ENTERED] = entered,    [JOURNEY_DID_ARRIVED] = arrived,
    [JOURNEY_DID_SENT] = sent,          [JOURNEY_DID_CALLED] = called,
    [JOURNEY_DID_GOES_ON] = goes_on,    [JOURNEY_DID_ENDED] = ended,
    [JOURNEY_DID_NOT_EVALUATED] = NULL,
};

bool journey_did(struct ctx *ctx, void *argument, const struct journey_visit_at *visit,
                 enum journey_did did)
{
    const struct moving *moving = argument;
    const struct effect effect = { .program = moving->program,
                                   .visit = visit,
                                   .node = moving->program->program.places[visit->node].node,
                                   .now_us = moving->now_us };
    const struct path_row step = { .step = visit->steps,
                                   .did = did,
                                   .node = effect.node->id,
                                   .reason = visit->reason,
                                   .at_us = moving->now_us };
    fault_at("campaign.journey", journey_did_name(did));
    return store_path_add(ctx, visit->visit_id, &step) &&
           (!effects[did] || effects[did](ctx, &effect));
}

bool journey_ended_tell(struct ctx *ctx, struct str journey_id, struct str visit_id,
                        struct str person_id, struct str node, enum journey_reason reason)
{
    const struct shelf_program program = { .journey_id = journey_id };
    const struct journey_node where = { .id = node };
    const struct journey_visit_at visit = { .visit_id = visit_id,
                                            .person_id = person_id,
                                            .reason = reason };
    return ended(ctx, &(struct effect){ &program, &visit, &where, clock_now_us() });
}
