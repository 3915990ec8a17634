#include "services/crm/pages.h"

#include "platform/http/page.h"

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
    return page_reply(
        ctx, 200, "Please confirm",
        arena_printf(ctx->arena,
                     "<p>You have been asked whether you agree:</p>\n" STR_FMT
                     "<form method=\"post\"><button>Yes, I agree</button></form>\n"
                     "<p>You did not ask for this? Close the page, and nothing happens.</p>",
                     STR_ARG(quote)));
}

struct reply page_confirmed(struct ctx *ctx)
{
    return page_reply(
        ctx, 200, "Thank you",
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
            return page_reply(ctx, status, refusals[i].title, str_of(refusals[i].body));
    return page_reply(ctx, status,
                      status < 500 ? "This link is not valid" : "Something went wrong here",
                      STR("<p>Please open it from the mail again. Nothing was changed.</p>"));
}
