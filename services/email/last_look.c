#include "services/email/last_look.h"

#include "base/clock.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/store.h"
#include "services/email/store_queue.h"

#define CONTACT_LEAST_US (5 * US_PER_S)
#define CONTACT_MOST_US (600 * US_PER_S)

static bool withhold(struct look *out, const char *reason)
{
    *out = (struct look){ .verdict = LOOK_WITHHOLD, .reason = reason };
    return true;
}

/* Each may change *out from GO to something else. */
static bool look_at_launch(struct ctx *ctx, const struct message_row *message, struct look *out)
{
    bool goes_on = true;
    struct str launch_id = message_launch(message);
    if (launch_id.ptr && !store_launch_goes_on(ctx, launch_id, &goes_on))
        return false;
    if (!goes_on)
        out->verdict = LOOK_BACK;
    return true;
}

/* Whose address is not told yet is waited for: twice as long each time, from some seconds to some minutes. */
static bool wait_for_contact(const struct message_row *message, const struct mailing_limits *limits,
                             struct look *out)
{
    int64_t now_us = clock_now_us(), wait_us = MAX(now_us - message->created_us, CONTACT_LEAST_US);
    if (now_us >= limits->contact_until_us)
        return false;
    *out = (struct look){ .verdict = LOOK_PUT_OFF,
                          .until_us = now_us + MIN(wait_us, CONTACT_MOST_US) };
    return true;
}

static bool look_at_person(struct ctx *ctx, const struct message_row *message,
                           const struct mailing_limits *limits, struct str to,
                           struct contact_row *contact, struct look *out)
{
    bool erased;
    struct reach reach;
    struct str own = message->address;
    if (!store_erased(ctx, message->person_id, &erased))
        return false;
    if (erased)
        return withhold(out, "erased");
    struct str hash = own.ptr ? address_hash(ctx->arena, email_of(ctx)->secret, own) : own;
    if (own.ptr ? !store_reach_at(ctx, message->person_id, own, hash, &reach)
                : !store_reach(ctx, message->person_id, &reach))
        return false;
    const char *reason = message->marketing ? reach.marketing : reach.service;
    *contact = reach.contact;
    if (reason && str_is(str_of(reason), "no_address") && wait_for_contact(message, limits, out))
        return true;
    if (reason)
        return withhold(out, reason);
    if (to.ptr && !str_eq(to, contact->email)) /* written to their address of before */
        out->verdict = LOOK_BACK;
    return true;
}

static bool look_at_cap(struct ctx *ctx, const struct message_row *message,
                        const struct mailing_limits *limits, struct look *out)
{
    int64_t n, since_us = clock_now_us() - limits->cap_days * US_PER_DAY;
    if (!message->marketing || !limits->cap_most)
        return true;
    if (!store_messages_sent_to(ctx, message->person_id, since_us, &n))
        return false;
    return n < limits->cap_most || withhold(out, "capped");
}

static bool look_at_clock(struct ctx *ctx, const struct contact_row *contact,
                          const struct mailing_limits *limits, struct look *out)
{
    int64_t now_us = clock_now_us();
    struct str name = contact->time_zone.ptr ? contact->time_zone : limits->zone;
    if (!limits->quiet_from.ptr)
        return true;
    const struct zone *zone = name.ptr ? zone_find(ctx, name) : NULL;
    if (name.ptr && !zone)
        ctx_clear(ctx); /* what a profile calls its zone may be none */
    if (!plan_quiet_until(ctx, limits->quiet_from, limits->quiet_to, zone, now_us, &out->until_us))
        return false;
    if (out->until_us > now_us)
        out->verdict = LOOK_PUT_OFF;
    return true;
}

bool last_look(struct ctx *ctx, const struct message_row *message,
               const struct mailing_limits *limits, struct str to, struct look *out)
{
    struct contact_row contact;
    *out = (struct look){ .verdict = LOOK_GO };
    if (!look_at_launch(ctx, message, out))
        return false;
    if (out->verdict == LOOK_GO && !look_at_person(ctx, message, limits, to, &contact, out))
        return false;
    if (out->verdict == LOOK_GO && limits->expires_us && clock_now_us() > limits->expires_us)
        withhold(out, "expired");
    if (out->verdict == LOOK_GO && !look_at_cap(ctx, message, limits, out))
        return false;
    return out->verdict != LOOK_GO || look_at_clock(ctx, &contact, limits, out);
}
