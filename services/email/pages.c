#include "services/email/pages.h"

#include "platform/http/http.h"
#include "platform/http/page.h"
#include "services/email/email.h"
#include "services/email/links.h"

struct reply page_unsubscribe(struct ctx *ctx, struct str preferences_url)
{
    return page_reply(
        ctx, 200, "Unsubscribe",
        arena_printf(ctx->arena,
                     "<p>Do you want no more marketing mail from us? Mail about your orders "
                     "and your account still comes.</p>\n"
                     "<form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" "
                     "value=\"One-Click\"><button>Unsubscribe</button></form>\n"
                     "<p><a href=\"" STR_FMT "\">Preferences</a></p>",
                     STR_ARG(preferences_url)));
}

struct reply page_unsubscribed(struct ctx *ctx, struct str preferences_url)
{
    return page_reply(
        ctx, 200, "You are unsubscribed",
        arena_printf(ctx->arena,
                     "<p>You get no more marketing mail from us, from this moment on.</p>\n"
                     "<p>You did not want that? <a href=\"" STR_FMT
                     "\">Change your preferences</a>.</p>",
                     STR_ARG(preferences_url)));
}

struct reply page_preferences(struct ctx *ctx, const struct page_choice *choice)
{
    const char *saved = choice->saved ? "<p role=\"status\"><strong>Saved.</strong></p>\n" : "";
    const char *stopped =
        choice->stopped
            ? "<p>Nothing is sent to your address at the moment, whatever you choose here: mail to it came "
              "back, or it was taken off our list. Please write to us if that is wrong.</p>\n"
            : "";
    return page_reply(
        ctx, 200, "Your preferences",
        arena_printf(
            ctx->arena,
            "%s%s<form method=\"post\"><fieldset><legend>News and offers by email</legend>\n"
            "<label><input type=\"radio\" name=\"marketing\" value=\"on\"%s> Yes, please</label>\n"
            "<label><input type=\"radio\" name=\"marketing\" value=\"off\"%s> No, thank you</label>\n"
            "</fieldset><button>Save</button></form>\n"
            "<p>Mail about your orders and your account comes in any case.</p>",
            saved, stopped, choice->marketing ? " checked" : "",
            choice->marketing ? "" : " checked"));
}

struct reply page_nothing(struct ctx *ctx)
{
    return page_reply(
        ctx, 200, "There is nothing to change",
        STR("<p>Nothing is kept here that this link could change: it is of a mail that was sent "
            "for a trial, or of which nothing is kept any more.</p>"));
}

struct reply page_redirect(struct ctx *ctx, struct str target)
{
    struct reply reply = reply_text(ctx, 302, "text/plain", STR(""));
    reply_add(ctx, &reply, "Location", target);
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    reply_add(ctx, &reply, "X-Robots-Tag", STR("noindex"));
    return reply;
}

struct reply page_picture(struct ctx *ctx)
{
    /* A GIF of one transparent point (GIF89a). */
    static const char point[] =
        "GIF89a\1\0\1\0\x80\0\0\0\0\0\0\0\0!\xf9\4\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    struct reply reply =
        reply_text(ctx, 200, "image/gif", (struct str){ point, sizeof(point) - 1 });
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    return reply;
}

/* ---- refusals ---- */

static const struct {
    enum error_code code;
    const char *title, *body;
} refusals[] = {
    { ERR_GONE, "This link is too old",
      "<p>Please use the link in a newer mail from us. Nothing was changed.</p>" },
    { ERR_NOT_FOUND, "This link is not valid",
      "<p>Perhaps a part of it is missing. Please open it from the mail again. Nothing was changed.</p>" },
    { ERR_INVALID, "This cannot be read",
      "<p>Please open the link from the mail again. Nothing was changed.</p>" },
    { ERR_UNAVAILABLE, "Please try again in a moment",
      "<p>It could not be stored right now. Nothing was changed.</p>" },
};

struct reply page_error(struct ctx *ctx)
{
    int status = error_status(ctx->error.code);
    for (size_t i = 0; i < COUNT(refusals); i++)
        if (ctx->error.code == refusals[i].code)
            return page_reply(ctx, status, refusals[i].title, str_of(refusals[i].body));
    return page_reply(ctx, status,
                      status < 500 ? "This cannot be done" : "Something went wrong here",
                      STR("<p>Nothing was changed.</p>"));
}

/* What is behind `path` in the target of the request; ptr NULL: it is another. */
static struct str token_behind(const struct ctx *ctx, struct str path)
{
    struct str target = ctx->request->target, token;
    if (!str_starts(target, path))
        return (struct str){ 0 };
    target = (struct str){ target.ptr + path.len, target.len - path.len };
    return str_split(&target, '?', &token) ? token : (struct str){ 0 };
}

/* Who follows a link does not wait for it to be noted: it leads on when nothing can be stored. */
static bool leads_on(struct ctx *ctx, struct reply *reply)
{
    struct link link;
    struct error error = ctx->error;
    struct str click = token_behind(ctx, STR("/v1/clicks/")),
               open = token_behind(ctx, STR("/v1/opens/"));
    const struct links *links = email_of(ctx)->links;
    bool ok = false;
    ctx_clear(ctx);
    if (click.ptr && (ok = link_read(ctx, links, LINK_CLICK, click, &link)))
        *reply = page_redirect(ctx, link.target);
    else if (open.ptr && (ok = link_read(ctx, links, LINK_OPEN, open, &link)))
        *reply = page_picture(ctx);
    ctx->error = error;
    return ok;
}

struct reply page_refusal(struct ctx *ctx)
{
    struct reply reply;
    if (str_starts(ctx->request->target, STR("/v1/caught")) ||
        str_starts(ctx->request->target, STR("/caught")))
        return reply_error(ctx);
    if (ctx->error.code == ERR_UNAVAILABLE && leads_on(ctx, &reply))
        return reply;
    return page_error(ctx);
}
