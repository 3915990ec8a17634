#include "services/email/asking.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/service/service.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/senders.h"

#define EXPIRES_US                                                                                 \
    (7 * US_PER_DAY)     /* where nothing is said of it: nobody waits longer for service mail */
#define OWN_TEMPLATE "-"            /* what the event calls a template, where there is none */
#define STRANGER_DIGITS 32

struct str asking_stranger(struct arena *arena, struct str address_hash)
{
    return arena_printf(arena, "adr_%.*s", (int)MIN(address_hash.len, STRANGER_DIGITS),
                        address_hash.ptr);
}

/* ---- is it right? ---- */

/* The error so far is that of a member of the body. */
static bool at(struct ctx *ctx, const char *pointer)
{
    struct str why = ctx->error.detail;
    if (outcome_of(ctx) != REJECT)
        return false;
    ctx_clear(ctx);
    return ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), STR_FMT, STR_ARG(why));
}

static bool recipient_check(struct ctx *ctx, const struct asking *asking)
{
    if (!asking->person_id.ptr && !asking->address.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/person_id"), "person_id or address is needed");
    if (asking->address.ptr && !address_is_valid(asking->address))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/address"),
                           "is no address that can be written to");
    return true;
}

static bool content_check(struct ctx *ctx, const struct asking *asking)
{
    const struct letter_text *own = &asking->own;
    struct str none = { NULL, 0 };
    if (asking->template.ptr && (own->html.ptr || own->text.ptr))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/template"),
                           "a template and html or text exclude each other");
    if (asking->template.ptr)
        return letter_check(ctx, email_of(ctx)->letters, asking->template,
                            asking->subject.ptr ? asking->subject : none) ||
               at(ctx, "/template");
    if (!own->html.ptr && !own->text.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/template"), "template, html or text is needed");
    if (!own->subject.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/subject"),
                           "is needed where there is no template");
    return letter_check_own(ctx, own);
}

static bool sender_read(struct ctx *ctx, void *argument)
{
    const struct asking *asking = argument;
    return !asking->sender_id.ptr || sender_check(ctx, asking->sender_id);
}

bool asking_check(struct ctx *ctx, const struct asking *asking)
{
    return recipient_check(ctx, asking) && content_check(ctx, asking) &&
           (sql_read(ctx, service_db(ctx), sender_read, (void *)asking) || at(ctx, "/sender_id"));
}

/* ---- the message ---- */

static void put(struct json_out *out, const char *key, struct str value)
{
    if (!value.ptr)
        return;
    json_key(out, key);
    json_put_str(out, value);
}

/* The event, and what a request may say beyond it: mailing.c reads both. */
static struct str asked_text(struct ctx *ctx, struct str event, const struct asking *asking)
{
    struct json_out out;
    const struct json *json = json_parse(ctx, event);
    if (!json)
        return (struct str){ NULL, 0 };
    json_out_init(&out, ctx->arena);
    json_object(&out);
    for (struct json_iter it = json_iter(json); json_next(&it);) {
        json_key_n(&out, json_str(json_iter_key(&it)));
        json_put(&out, it.value);
    }
    put(&out, "name", asking->name);
    put(&out, "subject", asking->template.ptr ? asking->subject : asking->own.subject);
    put(&out, "as_person", asking->as_person);
    if (asking->n_attachments) {
        json_key(&out, "attachments");
        json_put_int(&out, (int64_t)asking->n_attachments);
    }
    if (asking->contact_until_us) {
        json_key(&out, "contact_until");
        json_put_int(&out, asking->contact_until_us);
    }
    if (asking->sample) {
        json_key(&out, "sample");
        json_put(&out, asking->sample);
    }
    if (!asking->template.ptr) {
        json_key(&out, "own");
        json_object(&out);
        put(&out, "preheader", asking->own.preheader);
        put(&out, "html", asking->own.html);
        put(&out, "text", asking->own.text);
        json_object_end(&out);
    }
    json_object_end(&out);
    return json_out_str(&out);
}

struct owner {
    struct str hash, person_id;
};

static bool owner_read(struct ctx *ctx, void *argument)
{
    struct owner *owner = argument;
    return store_contact_by_hash(ctx, owner->hash, &owner->person_id) || !ctx_failed(ctx);
}

/* Whose message it is: of who is named, of who has the address, or of a stranger. */
static bool person_of(struct ctx *ctx, const struct asking *asking, struct str *person_id)
{
    struct owner owner = { .person_id = asking->person_id };
    if (!owner.person_id.ptr) {
        owner.hash = address_hash(ctx->arena, email_of(ctx)->secret, asking->address);
        if (!sql_read(ctx, service_db(ctx), owner_read, &owner))
            return false;
        if (!owner.person_id.ptr)
            owner.person_id = asking_stranger(ctx->arena, owner.hash);
    }
    *person_id = owner.person_id;
    return true;
}

bool asking_message(struct ctx *ctx, const struct asking *asking, struct message_row *row)
{
    int64_t now_us = clock_now_us(), from_us = MAX(asking->send_us, now_us);
    struct str key = asking->key.ptr ? asking->key : id_new(ctx->arena, "key"), person_id;
    if (!person_of(ctx, asking, &person_id))
        return false;
    struct message_asked asked = {
        .command_id = STR("email"),
        .message_key = key,
        .person_id = person_id,
        .template = asking->template.ptr ? asking->template : STR(OWN_TEMPLATE),
        .purpose = asking->marketing ? MESSAGE_ASKED_PURPOSE_MARKETING
                                     : MESSAGE_ASKED_PURPOSE_SERVICE,
        .campaign_id = asking->campaign_id,
        .step = asking->step,
        .data = asking->data,
        .sender_id = asking->sender_id,
        .has_tracking = asking->untracked,
        .expires_at = asking->expires_us ? asking->expires_us : from_us + EXPIRES_US,
    };
    if (!message_asked_row(ctx, &asked, asking->address, row))
        return false;
    row->asked = asked_text(ctx, row->asked, asking);
    row->due_us = from_us;
    if (asking->prefix)
        row->message_id = id_new(ctx->arena, asking->prefix);
    return row->asked.ptr;
}
