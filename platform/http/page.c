#include "platform/http/page.h"

#define POLICY                                                                                     \
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"robots\" content=\"noindex\">\n<title>%s</title>\n"
    "<style>:root{color-scheme:light dark}\n"
    "body{font:1.125rem/1.5 system-ui,sans-serif;max-width:34rem;margin:0 auto;padding:2rem 1.25rem}\n"
    "h1{font-size:1.5rem;line-height:1.25}\n"
    "button{font:inherit;min-height:3rem;padding:.5rem 1.5rem;border:0;border-radius:.5rem;\n"
    "background:#1a56db;color:#fff;cursor:pointer}\n"
    "fieldset{border:1px solid #8888;border-radius:.5rem;margin:0 0 1.25rem;padding:.75rem 1rem}\n"
    "label{display:flex;gap:.75rem;align-items:center;min-height:3rem}\n"
    "input{width:1.375rem;height:1.375rem;flex:none;margin:0}\n"
    "blockquote{margin:0;padding-left:1rem;border-left:3px solid #8888}\n"
    ":focus-visible{outline:3px solid #f59e0b;outline-offset:2px}</style>\n"
    "</head><body><main>\n<h1>%s</h1>\n" STR_FMT "\n</main></body></html>\n";

struct reply page_reply(struct ctx *ctx, int status, const char *title, struct str body)
{
    struct reply reply = reply_text(ctx, status, "text/html; charset=utf-8",
                                    arena_printf(ctx->arena, head, title, title, STR_ARG(body)));
    reply_add(ctx, &reply, "Content-Security-Policy", STR(POLICY));
    reply_add(ctx, &reply, "X-Content-Type-Options", STR("nosniff"));
    reply_add(ctx, &reply, "Referrer-Policy", STR("no-referrer")); /* the link is a secret */
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    return reply;
}
