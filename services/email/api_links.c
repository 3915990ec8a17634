/* What links in mail lead to: for everybody, by the signature in their path. */
#include "base/clock.h"
#include "platform/http/http.h"
#include "services/email/email.h"
#include "services/email/feedback.h"
#include "services/email/links.h"
#include "services/email/machines.h"
#include "services/email/pages.h"
#include "services/email/store.h"
#include "email_contract.h"

/* Reads the token and the message that it names. *known false: there is no such message, or its person is erased. */
static bool link_open(struct ctx *ctx, enum link_kind kind, struct str token, struct link *link,
                      struct message_row *message, bool *known)
{
    if (!link_read(ctx, email_of(ctx)->links, kind, token, link))
        return false;
    *known = store_message(ctx, link->message_id, message) && !feedback_is_void(ctx, message);
    return !ctx_failed(ctx);
}

/* ---- opens and clicks ---- */

static bool is_machine(struct ctx *ctx, const struct message_row *message)
{
    struct str purpose = request_header(ctx, "sec-purpose");
    int64_t handed_over_us = MAX(message->doubted_us, message->ended_us);
    struct visit visit = {
        .user_agent = request_header(ctx, "user-agent"),
        .purpose = purpose.ptr ? purpose : request_header(ctx, "purpose"),
        .head = str_is(ctx->request->method, "HEAD"),
        .after_us = handed_over_us ? clock_now_us() - handed_over_us : -1,
    };
    return visit_is_machine(&visit, setting_int(ctx, "machine_within"));
}

/* What cannot be noted is left: whoever asked gets the answer all the same. */
static void track(struct ctx *ctx, const struct message_row *message, const struct link *link)
{
    if (!setting_bool(ctx, "tracking") || !sql_savepoint(ctx))
        return;
    bool machine = is_machine(ctx, message);
    bool ok = link->target.len ? feedback_clicked(ctx, message, link->target, machine)
                               : feedback_opened(ctx, message, machine);
    if (ok) {
        sql_savepoint_keep(ctx);
        return;
    }
    ctx_clear(ctx);
    sql_savepoint_undo(ctx);
}

struct reply email_follow_link(struct ctx *ctx, const struct follow_link_in *in)
{
    struct link link;
    struct message_row message;
    bool known;
    if (!link_open(ctx, LINK_CLICK, in->token, &link, &message, &known))
        return page_refusal(ctx);
    if (known)
        track(ctx, &message, &link);
    return page_redirect(ctx, link.target);
}

struct reply email_open_mail(struct ctx *ctx, const struct open_mail_in *in)
{
    struct link link;
    struct message_row message;
    bool known;
    if (!link_open(ctx, LINK_OPEN, in->token, &link, &message, &known))
        return page_refusal(ctx);
    if (known)
        track(ctx, &message, &link);
    return page_picture(ctx);
}

/* ---- unsubscribing ---- */

struct reply email_show_unsubscribe(struct ctx *ctx, const struct show_unsubscribe_in *in)
{
    struct link link;
    struct message_row message;
    bool known;
    if (!link_open(ctx, LINK_UNSUBSCRIBE, in->token, &link, &message, &known))
        return page_error(ctx);
    return page_unsubscribe(ctx,
                            link_preferences(ctx->arena, email_of(ctx)->links, link.message_id));
}

struct reply email_unsubscribe(struct ctx *ctx, const struct unsubscribe_in *in)
{
    struct link link;
    struct message_row message;
    bool known;
    if (!link_open(ctx, LINK_UNSUBSCRIBE, in->token, &link, &message, &known) ||
        (known && !feedback_unsubscribed(ctx, &message)))
        return page_error(ctx);
    return known ? page_unsubscribed(
                       ctx, link_preferences(ctx->arena, email_of(ctx)->links, link.message_id))
                 : page_nothing(ctx);
}

/* ---- preferences ---- */

/* `wants` marketing, as was saved right now, if it was. */
static struct reply preferences(struct ctx *ctx, const struct message_row *message, bool saved,
                                bool wants)
{
    struct reach reach;
    if (!feedback_reach(ctx, message, &reach))
        return page_error(ctx);
    struct page_choice choice = { .marketing = wants || !reach.marketing,
                                  .stopped = reach.service || (wants && reach.marketing),
                                  .saved = saved };
    return page_preferences(ctx, &choice);
}

struct reply email_show_preferences(struct ctx *ctx, const struct show_preferences_in *in)
{
    struct link link;
    struct message_row message;
    bool known;
    if (!link_open(ctx, LINK_PREFERENCES, in->token, &link, &message, &known))
        return page_error(ctx);
    return known ? preferences(ctx, &message, false, false) : page_nothing(ctx);
}

/* "marketing=on" or "marketing=off", as a form without a script sends it. */
static bool choice_read(struct ctx *ctx, struct str body, bool *marketing)
{
    struct str field;
    while (str_split(&body, '&', &field)) {
        *marketing = str_is(field, "marketing=on");
        if (*marketing || str_is(field, "marketing=off"))
            return true;
    }
    return ctx_fail(ctx, ERR_INVALID, "the body has no marketing=on or marketing=off");
}

struct reply email_save_preferences(struct ctx *ctx, const struct save_preferences_in *in)
{
    struct link link;
    struct message_row message;
    bool known, marketing;
    if (!link_open(ctx, LINK_PREFERENCES, in->token, &link, &message, &known) ||
        !choice_read(ctx, in->body_raw, &marketing))
        return page_error(ctx);
    if (!known)
        return page_nothing(ctx);
    if (!(marketing ? feedback_resubscribed(ctx, &message) : feedback_unsubscribed(ctx, &message)))
        return page_error(ctx);
    return preferences(ctx, &message, true, marketing);
}

/* ---- for whoever writes mail elsewhere, or helps a person ---- */

struct reply email_get_message_links(struct ctx *ctx, const struct get_message_links_in *in)
{
    const struct links *links = email_of(ctx)->links;
    struct str target = in->target.ptr ? link_target(ctx->arena, in->target) : in->target;
    if (in->target.ptr && !target.ptr) {
        ctx_fail_at(ctx, ERR_INVALID, STR("query/target"), "this is no http or https URL");
        return reply_error(ctx);
    }
    struct message_links answer = { 0 };
    struct message_link *of[] = { &answer.unsubscribe, &answer.preferences, &answer.open };
    static const enum link_kind kinds[] = { LINK_UNSUBSCRIBE, LINK_PREFERENCES, LINK_OPEN };
    for (size_t i = 0; i < COUNT(kinds); i++)
        *of[i] = (struct message_link){
            .url = link_url(ctx->arena, links, kinds[i], in->message_id, STR("")),
            .token = link_token(ctx->arena, links, kinds[i], in->message_id, STR("")),
        };
    struct message_link click = {
        .url = link_url(ctx->arena, links, LINK_CLICK, in->message_id, target),
        .token = link_token(ctx->arena, links, LINK_CLICK, in->message_id, target),
    };
    if (target.ptr)
        answer.click = &click;
    return reply_ok(ctx, message_links_encode(ctx, &answer));
}
