#include "services/crm/pages.h"

#define POLICY                                                                                     \
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"

static const char frame[] =
    "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    "<meta name=\"robots\" content=\"noindex\"><title>%s</title>\n"
    "<style>:root{color-scheme:light dark}body{font:1.125rem/1.5 system-ui,sans-serif;"
    "max-width:34rem;margin:0 auto;padding:2rem 1.25rem}blockquote{margin:0;padding-left:1rem;"
    "border-left:3px solid #8888}button{font:inherit;min-height:3rem;padding:.5rem 1.5rem;"
    "margin-top:1.25rem}</style>\n<main><h1>%s</h1>\n" STR_FMT "\n</main></html>\n";

static struct reply page(struct ctx *ctx, int status, const char *title, struct str body)
{
    struct reply reply = reply_text(ctx, status, "text/html; charset=utf-8",
                                    arena_printf(ctx->arena, frame, title, title, STR_ARG(body)));
    reply_add(ctx, &reply, "Content-Security-Policy", STR(POLICY));
    reply_add(ctx, &reply, "Referrer-Policy", STR("no-referrer")); /* the link is a secret */
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    return reply;
}

static struct str escaped(struct arena *arena, struct str text)
{
    static const struct {
        char c;
        struct str entity;
    } entities[] = { { '&', STR_INIT("&amp;") },
                     { '<', STR_INIT("&lt;") },
                     { '>', STR_INIT("&gt;") },
                     { '"', STR_INIT("&quot;") } };
    char *out = arena_alloc(arena, text.len * 6 + 1), *at = out;
    for (size_t i = 0; i < text.len; i++) {
        struct str put = { &text.ptr[i], 1 };
        for (size_t k = 0; k < COUNT(entities); k++)
            if (text.ptr[i] == entities[k].c)
                put = entities[k].entity;
        at = mempcpy(at, put.ptr, put.len);
    }
    return (struct str){ out, (size_t)(at - out) };
}

struct reply page_confirm(struct ctx *ctx, struct str wording)
{
    struct str quote = wording.ptr
                           ? arena_printf(ctx->arena, "<blockquote>" STR_FMT "</blockquote>\n",
                                          STR_ARG(escaped(ctx->arena, wording)))
                           : STR("");
    return page(
        ctx, 200, "Please confirm",
        arena_printf(ctx->arena,
                     "<p>You have been asked whether you agree:</p>\n" STR_FMT
                     "<form method=\"post\"><button>Yes, I agree</button></form>\n"
                     "<p>You did not ask for this? Close the page, and nothing happens.</p>",
                     STR_ARG(quote)));
}

struct reply page_confirmed(struct ctx *ctx)
{
    return page(ctx, 200, "Thank you",
                STR("<p>It is confirmed. You can take it back at any time, by the link at the end "
                    "of every mail.</p>"));
}

static const struct {
    enum error_code code;
    const char *title, *body;
} refusals[] = {
    { ERR_GONE, "This link is too old", "<p>Please ask for a new one. Nothing was changed.</p>" },
    { ERR_UNAVAILABLE, "Please try again in a moment", "<p>Nothing was changed.</p>" },
};

struct reply page_error(struct ctx *ctx)
{
    int status = error_status(ctx->error.code);
    for (size_t i = 0; i < COUNT(refusals); i++)
        if (ctx->error.code == refusals[i].code)
            return page(ctx, status, refusals[i].title, str_of(refusals[i].body));
    return page(ctx, status, status < 500 ? "This link is not valid" : "Something went wrong here",
                STR("<p>Please open it from the mail again. Nothing was changed.</p>"));
}
