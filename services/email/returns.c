#include "services/email/returns.h"

#include <stdlib.h>

#include "base/clock.h"
#include "platform/mail/arf.h"
#include "platform/mail/bounce.h"
#include "platform/mail/verp.h"
#include "platform/service/service.h"
#include "services/email/email.h"
#include "services/email/feedback.h"

#define MOST_MAIL ((size_t)8 << 20) /* reports bring the whole mail back with them */
#define COMPLAINTS STR("complaints")

struct returns {
    struct ctx ctx; /* what the ctx of each mail begins as */
    struct smtp_listener *listener;
};

/* ---- whom it is for ---- */

static struct str secret_of(const struct ctx *ctx)
{
    return (struct str){ (const char *)email_of(ctx)->secret, sizeof(email_of(ctx)->secret) };
}

static bool is_at_domain(struct ctx *ctx, struct str address, struct str *local)
{
    struct str domain = setting_text(ctx, "return_domain");
    return domain.len && str_split(&address, '@', local) && str_eq_nocase(address, domain);
}

struct str returns_message(struct ctx *ctx, struct str address)
{
    struct str local;
    return is_at_domain(ctx, address, &local) ? verp_read(ctx->arena, secret_of(ctx), address)
                                              : (struct str){ 0 };
}

static bool is_for_complaints(struct ctx *ctx, struct str address)
{
    struct str local;
    return is_at_domain(ctx, address, &local) && str_eq_nocase(local, COMPLAINTS);
}

bool returns_knows(struct ctx *ctx, struct str recipient)
{
    return returns_message(ctx, recipient).ptr || is_for_complaints(ctx, recipient);
}

/* ---- what it says ---- */

struct report {
    struct str message_id;
    bool complains;
    const struct bounce_recipient *bounced; /* NULL: it is late, or it is no bounce */
};

/* It had one recipient; a report that names several was passed on, and the first is the one that we wrote to. */
static bool report_of(struct ctx *ctx, struct mime_part *mail, struct report *report)
{
    struct complaint complaint;
    struct bounce *bounce = ARENA_NEW(ctx->arena, struct bounce);
    report->complains = arf_read(ctx->arena, mail, &complaint);
    if (report->complains && !report->message_id.ptr && complaint.return_path.ptr)
        report->message_id = returns_message(ctx, complaint.return_path);
    if (report->complains || !report->message_id.ptr || !bounce_read(ctx->arena, mail, bounce))
        return report->complains && report->message_id.ptr;
    report->bounced = &bounce->recipients[0];
    return report->bounced->kind != BOUNCE_DELAYED;
}

static bool report_note(struct ctx *ctx, void *argument)
{
    const struct report *report = argument;
    struct message_row message;
    if (!store_message(ctx, report->message_id, &message))
        return !ctx_failed(ctx);
    return report->complains
               ? feedback_complained(ctx, &message)
               : feedback_bounced(ctx, &message, bounce_kind_name(report->bounced->kind),
                                  report->bounced->status);
}

enum smtp_verdict returns_take(struct ctx *ctx, const struct smtp_mail *mail)
{
    struct mime_part *parsed = mime_parse(ctx->arena, mail->data);
    for (size_t i = 0; i < mail->n_recipients; i++) {
        struct report report = { .message_id = returns_message(ctx, mail->recipients[i]) };
        if (report_of(ctx, parsed, &report) &&
            !sql_write(ctx, service_db(ctx), report_note, &report))
            return SMTP_LATER;
    }
    return SMTP_TAKEN;
}

/* ---- the server ---- */

static bool knows(void *context, struct str recipient)
{
    struct returns *returns = context;
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = returns->ctx;
    ctx.arena = arena;
    return returns_knows(&ctx, recipient);
}

static enum smtp_verdict take(void *context, const struct smtp_mail *mail)
{
    struct returns *returns = context;
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = returns->ctx;
    ctx.arena = arena;
    return returns_take(&ctx, mail);
}

bool returns_open(struct ctx *ctx)
{
    int port = (int)setting_int(ctx, "return_port");
    struct str domain = setting_text(ctx, "return_domain");
    if (!port)
        return true;
    if (!domain.len)
        return ctx_fail(ctx, ERR_INVALID, "return_port is set, and return_domain is not");
    struct returns *returns = email_of(ctx)->returns = mem_alloc(sizeof(*returns));
    returns->ctx = (struct ctx){ .app = ctx->app, .runtime = ctx->runtime };
    struct smtp_listener_settings settings = { .host = setting_text(ctx, "return_bind").ptr,
                                               .port = port,
                                               .name = domain.ptr,
                                               .most_bytes = MOST_MAIL,
                                               .most_recipients = 10,
                                               .most_sessions = 50,
                                               .idle_us = 300 * US_PER_S,
                                               .knows = knows,
                                               .take = take,
                                               .context = returns };
    returns->listener = smtp_listener_start(ctx, &settings);
    return returns->listener;
}

void returns_stop(struct returns *returns)
{
    if (!returns)
        return;
    smtp_listener_stop(returns->listener);
    free(returns);
}
