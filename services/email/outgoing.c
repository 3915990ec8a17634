#include "services/email/outgoing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "platform/mail/message.h"
#include "platform/mail/verp.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/letters.h"
#include "services/email/links.h"
#include "services/email/messages.h"
#include "services/email/news.h"
#include "services/email/senders.h"
#include "services/email/signing.h"
#include "services/email/store_attachments.h"

struct outgoing {
    struct mailings *mailings;
    struct signing *signing;
};

struct outgoing *outgoing_new(void)
{
    struct outgoing *outgoing = mem_alloc(sizeof *outgoing);
    outgoing->mailings = mailings_new();
    outgoing->signing = signing_new();
    return outgoing;
}

void outgoing_free(struct outgoing *outgoing)
{
    if (!outgoing)
        return;
    mailings_free(outgoing->mailings);
    signing_free(outgoing->signing);
    free(outgoing);
}

/* One message, while it is written. */
struct writing {
    const struct message_row *message;
    struct mailing mailing;
    struct contact_row contact;
    struct sender_row sender;
    struct str domain, unsubscribe_url, preferences_url;
    struct mail_attachment files[ATTACHMENTS_MOST];
    size_t n_files;
};

/* ---- who writes to whom ---- */

static bool people_read(struct ctx *ctx, void *argument)
{
    struct writing *writing = argument;
    const struct mailing *mailing = &writing->mailing;
    struct str person_id = mailing->as_person.ptr ? mailing->as_person
                                                  : writing->message->person_id;
    if (mailing->sample) {
        writing->contact = *mailing->sample;
    } else if (!store_contact(ctx, person_id, &writing->contact)) {
        if (ctx_failed(ctx))
            return false;
        writing->contact = (struct contact_row){ .person_id = person_id,
                                                 .email = writing->message->address,
                                                 .name = mailing->name };
    }
    if (mailing->attachments &&
        !store_attachments(ctx, writing->message->message_id, writing->files, &writing->n_files))
        return false;
    return sender_find(ctx, writing->mailing.sender_id, &writing->sender);
}

static bool people(struct ctx *ctx, struct writing *writing, struct outgoing_letter *out)
{
    if (!sql_read(ctx, service_db(ctx), people_read, writing))
        return false;
    out->to = writing->message->address.ptr ? writing->message->address : writing->contact.email;
    writing->domain = address_domain(ctx->arena, writing->sender.address);
    if (out->to.ptr)
        return true;
    out->withheld = "no_address";
    return ctx_fail(ctx, ERR_INVALID, "the person has no address");
}

/* ---- what is in it ---- */

static void links_make(struct ctx *ctx, struct writing *writing)
{
    const struct links *links = email_of(ctx)->links;
    struct str message_id = writing->message->message_id;
    writing->preferences_url = link_preferences(ctx->arena, links, message_id);
    if (writing->message->marketing || message_is_trial(writing->message))
        writing->unsubscribe_url = link_unsubscribe(ctx->arena, links, message_id);
}

static bool track(struct ctx *ctx, const struct writing *writing, struct str *html)
{
    struct link_message about = { .message_id = writing->message->message_id,
                                  .untracked = !setting_bool(ctx, "tracking") ||
                                               writing->mailing.untracked };
    if (!html->ptr) /* text alone */
        return true;
    return links_track(ctx, email_of(ctx)->links, &about, *html, html);
}

static bool render(struct ctx *ctx, const struct writing *writing, struct outgoing_letter *out,
                   struct letter_text *text)
{
    struct letter_data data = { .template = writing->mailing.template,
                                .subject = writing->mailing.subject,
                                .contact = &writing->contact,
                                .own = writing->mailing.own,
                                .data = writing->mailing.data,
                                .campaign_id = writing->message->campaign_id,
                                .campaign_name = writing->mailing.campaign_name,
                                .message_id = writing->message->message_id,
                                .unsubscribe_url = writing->unsubscribe_url,
                                .preferences_url = writing->preferences_url };
    if (!letter_render(ctx, email_of(ctx)->letters, &data, text))
        return false;
    out->subject = text->subject;
    if (message_is_trial(writing->message))
        out->subject = arena_printf(ctx->arena, "[Test] " STR_FMT, STR_ARG(text->subject));
    out->preheader = text->preheader;
    out->html = text->html;
    out->plain = text->text;
    return true;
}

/* Where the body's tag ends; 0: there is none. */
static size_t body_begin(struct str html)
{
    const char *end = html.ptr + html.len, *at = html.ptr;
    for (; (at = memchr(at, '<', (size_t)(end - at))) && end - at > 6; at++) {
        if (!str_eq_nocase((struct str){ at, 5 }, STR("<body")))
            continue;
        at = memchr(at, '>', (size_t)(end - at));
        return at ? (size_t)(at + 1 - html.ptr) : 0;
    }
    return 0;
}

/* What a list of mails shows beside the subject: first in the body, and not seen there. */
static struct str with_preheader(struct arena *arena, struct str html, struct str preheader)
{
    if (!preheader.len || !html.ptr)
        return html;
    size_t at = body_begin(html);
    struct str parts[] = { { html.ptr, at },
                           STR("<div style=\"display:none;max-height:0;overflow:hidden\">"),
                           preheader,
                           STR("</div>"),
                           { html.ptr + at, html.len - at } };
    return arena_join(arena, parts, COUNT(parts));
}

/* ---- the mail ---- */

static struct str envelope_sender(struct ctx *ctx, const struct writing *writing)
{
    const struct email *email = email_of(ctx);
    struct str domain = setting_text(ctx, "return_domain"), none = { NULL, 0 },
               secret = { (const char *)email->secret, sizeof email->secret };
    struct str path =
        domain.len ? verp_address(ctx->arena, secret, writing->message->message_id, domain) : none;
    return path.ptr ? path : writing->sender.address;
}

static struct str list_id(struct ctx *ctx, const struct writing *writing)
{
    struct str campaign = writing->message->campaign_id;
    return writing->message->marketing && campaign.len
               ? arena_printf(ctx->arena, STR_FMT "." STR_FMT, STR_ARG(campaign),
                              STR_ARG(writing->domain))
               : (struct str){ NULL, 0 };
}

/* In a header it must be https (RFC 8058 section 3.1); while `public_url` is not, it stands in the mail alone. */
static struct str unsubscribe_header(const struct writing *writing)
{
    return str_starts(writing->unsubscribe_url, STR("https://")) ? writing->unsubscribe_url
                                                                 : (struct str){ NULL, 0 };
}

/* A person whose name or address cannot be written is one thing, a template or sender another. */
static const char *reason_of(const struct ctx *ctx)
{
    if (outcome_of(ctx) != REJECT)
        return NULL;
    return str_starts(ctx->error.pointer, STR("/to")) ? "address" : "template";
}

/* By which the provider's webhooks tell the message back. */
static size_t provider_fields(struct ctx *ctx, const struct writing *writing,
                              struct mail_field *field)
{
    static const struct {
        const char *provider;
        struct str header;
    } headers[] = { { "ses", STR_INIT(NEWS_HEADER) },
                    { "postmark", STR_INIT(NEWS_POSTMARK_HEADER) } };
    struct str provider = setting_text(ctx, "provider");
    for (size_t i = 0; i < COUNT(headers); i++)
        if (str_is(provider, headers[i].provider)) {
            *field = (struct mail_field){ headers[i].header, writing->message->message_id };
            return 1;
        }
    return 0; /* SendGrid tells the Message-ID */
}

static bool compose(struct ctx *ctx, const struct writing *writing, struct str html,
                    struct outgoing_letter *out)
{
    const struct mailing *mailing = &writing->mailing;
    struct str own_name = mailing->as_person.ptr || mailing->sample ? mailing->name
                                                                    : writing->contact.name;
    struct mail_address to = { own_name, out->to };
    struct mail_field field;
    struct mail mail = {
        .from = { writing->sender.name, writing->sender.address },
        .reply_to = { .address = writing->sender.reply_to },
        .to = &to,
        .n_to = 1,
        .subject = out->subject,
        .date_us = clock_now_us(),
        .message_id = arena_printf(ctx->arena, STR_FMT "@" STR_FMT,
                                   STR_ARG(writing->message->message_id), STR_ARG(writing->domain)),
        .list_id = list_id(ctx, writing),
        .unsubscribe_url = unsubscribe_header(writing),
        .precedence = writing->message->marketing ? STR("bulk") : (struct str){ NULL, 0 },
        .fields = &field,
        .n_fields = provider_fields(ctx, writing, &field),
        .text = out->plain,
        .html = html,
        .attachments = writing->files,
        .n_attachments = writing->n_files,
    };
    out->html_bytes = html.len;
    return mail_compose(ctx, &mail, &out->text);
}

bool outgoing_limits(struct ctx *ctx, struct outgoing *outgoing, const struct message_row *message,
                     struct mailing_limits *out)
{
    struct mailing mailing;
    if (!mailing_of(ctx, outgoing->mailings, message, &mailing))
        return false;
    *out = mailing.limits;
    return true;
}

bool outgoing_compose(struct ctx *ctx, struct outgoing *outgoing, const struct message_row *message,
                      struct outgoing_letter *out)
{
    struct writing writing = { .message = message };
    struct letter_text text;
    *out = (struct outgoing_letter){ 0 };
    links_make(ctx, &writing);
    if (mailing_of(ctx, outgoing->mailings, message, &writing.mailing) &&
        people(ctx, &writing, out) && render(ctx, &writing, out, &text)) {
        out->from = envelope_sender(ctx, &writing);
        struct str html = with_preheader(ctx->arena, text.html, text.preheader);
        if (track(ctx, &writing, &html) && compose(ctx, &writing, html, out) &&
            signing_sign(ctx, outgoing->signing, writing.domain, out->text, &out->text))
            return true;
    }
    if (!out->withheld)
        out->failed = reason_of(ctx);
    return false;
}
