#include "services/email/mailing.h"

#include <stdlib.h>

#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/store_deliveries.h"

#define KEPT 16 /* launches that mail goes out for at once */

struct kept {
    struct arena *arena; /* of all below; NULL: nothing is kept here */
    struct str launch_id;
    struct delivery_asked asked;
};

struct mailings {
    struct kept kept[KEPT];
    size_t next; /* that is given up for another one */
};

struct mailings *mailings_new(void)
{
    return mem_alloc(sizeof(struct mailings));
}

void mailings_free(struct mailings *mailings)
{
    for (size_t i = 0; mailings && i < KEPT; i++)
        arena_free(mailings->kept[i].arena);
    free(mailings);
}

struct launch {
    struct str launch_id;
    struct delivery_row row;
};

static bool launch_read(struct ctx *ctx, void *argument)
{
    struct launch *launch = argument;
    return store_delivery(ctx, launch->launch_id, &launch->row);
}

/* What was asked for is stored once and never changed, so that it may be kept. */
static bool keep(struct ctx *ctx, struct kept *place, const struct launch *launch)
{
    struct arena *arena = arena_new(0);
    struct ctx own = { .arena = arena };
    struct delivery_asked asked;
    const struct json *json = json_parse(&own, launch->row.asked);
    if (!json || !delivery_asked_read(&own, json, &asked)) {
        ctx_fail(ctx, ERR_INVALID, STR_FMT, STR_ARG(own.error.detail));
        arena_free(arena);
        return false;
    }
    arena_free(place->arena);
    *place = (struct kept){ arena, arena_str(arena, launch->launch_id), asked };
    return true;
}

static const struct delivery_asked *asked_of(struct ctx *ctx, struct mailings *mailings,
                                             struct str launch_id)
{
    struct launch launch = { .launch_id = launch_id };
    for (size_t i = 0; i < KEPT; i++)
        if (mailings->kept[i].arena && str_eq(mailings->kept[i].launch_id, launch_id))
            return &mailings->kept[i].asked;
    if (!sql_read(ctx, service_db(ctx), launch_read, &launch) || !launch.row.asked.ptr) {
        if (!ctx_failed(ctx))
            ctx_fail(ctx, ERR_INVALID, "nobody has asked for launch " STR_FMT, STR_ARG(launch_id));
        return NULL;
    }
    struct kept *place = &mailings->kept[mailings->next++ % KEPT];
    return keep(ctx, place, &launch) ? &place->asked : NULL;
}

#define CAP_AND_QUIET(asked)                                                                       \
    .cap_most = (asked)->cap ? (asked)->cap->most : 0,                                             \
    .cap_days = (asked)->cap ? (asked)->cap->days : 0,                                             \
    .quiet_from = (asked)->quiet ? (asked)->quiet->from : (struct str){ NULL, 0 },                 \
    .quiet_to = (asked)->quiet ? (asked)->quiet->to : (struct str){ NULL, 0 }

static bool of_launch(struct ctx *ctx, struct mailings *mailings, const struct message_row *message,
                      struct mailing *out)
{
    const struct delivery_asked *asked = asked_of(ctx, mailings, message_launch(message));
    if (!asked)
        return false;
    *out = (struct mailing){ .template = asked->template,
                             .sender_id = asked->sender_id,
                             .untracked = asked->has_tracking && !asked->tracking,
                             .campaign_name = asked->name,
                             .limits = { CAP_AND_QUIET(asked) } };
    if (asked->schedule)
        out->limits.zone = asked->schedule->zone;
    for (size_t i = 0; i < asked->n_variants; i++)
        if (message->variant.ptr && str_eq(asked->variants[i].name, message->variant)) {
            out->subject = asked->variants[i].subject;
            if (asked->variants[i].template.ptr)
                out->template = asked->variants[i].template;
        }
    return true;
}

/* What a request has said beyond the event (asking.c writes it). */
static void of_request(struct ctx *ctx, const struct json *json, struct mailing *out)
{
    const struct json *own = json_get(json, "own"), *sample = json_get(json, "sample");
    out->name = json_str(json_get(json, "name"));
    out->subject = json_str(json_get(json, "subject"));
    out->as_person = json_str(json_get(json, "as_person"));
    out->limits.contact_until_us = json_int(json_get(json, "contact_until"));
    out->attachments = json_int(json_get(json, "attachments"));
    if (own) {
        struct letter_text *text = ARENA_NEW(ctx->arena, struct letter_text);
        *text = (struct letter_text){ .subject = out->subject,
                                      .preheader = json_str(json_get(own, "preheader")),
                                      .html = json_str(json_get(own, "html")),
                                      .text = json_str(json_get(own, "text")) };
        out->own = text;
    }
    if (sample) {
        struct contact_row *contact = ARENA_NEW(ctx->arena, struct contact_row);
        const struct json *traits = json_get(sample, "traits");
        *contact = (struct contact_row){ .person_id = STR("prf_sample"),
                                         .email = json_str(json_get(sample, "email")),
                                         .name = json_str(json_get(sample, "name")),
                                         .locale = json_str(json_get(sample, "locale")),
                                         .time_zone = json_str(json_get(sample, "time_zone")) };
        if (traits)
            contact->traits = json_text(ctx->arena, traits);
        out->sample = contact;
    }
}

static bool of_itself(struct ctx *ctx, const struct message_row *message, struct mailing *out)
{
    struct message_asked asked;
    const struct json *json = message->asked.ptr ? json_parse(ctx, message->asked) : NULL;
    if (!json && !ctx_failed(ctx))
        return ctx_fail(ctx, ERR_INVALID, "what it was asked for with is forgotten");
    if (!json || !message_asked_read(ctx, json, &asked))
        return ctx_fail(ctx, ERR_INVALID, "what it was asked for with cannot be read");
    *out = (struct mailing){ .template = asked.template,
                             .sender_id = asked.sender_id,
                             .untracked = asked.has_tracking && !asked.tracking,
                             .data = asked.data,
                             .limits = { .expires_us = asked.expires_at, CAP_AND_QUIET(&asked) } };
    of_request(ctx, json, out);
    return true;
}

bool mailing_of(struct ctx *ctx, struct mailings *mailings, const struct message_row *message,
                struct mailing *out)
{
    return message_launch(message).ptr ? of_launch(ctx, mailings, message, out)
                                       : of_itself(ctx, message, out);
}
