#include "services/gateway/html.h"

#include "platform/http/http.h"
#include "platform/telemetry/log.h"

/* All that is said on the page, without any looks. */
static const char plain[] =
    "<!doctype html>\n"
    "<html lang=\"{{ page.locale | default: 'en' }}\" data-layout=\"plain\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\"><title>{{ page.title | default: page.slug }}</title></head>\n"
    "<body><main><h1>{{ page.title | default: page.slug }}</h1>\n"
    "{% for block in page.blocks %}<section id=\"{{ block.id }}\" data-kind=\"{{ block.kind }}\" "
    "data-variant=\"{{ block.variant }}\" data-default=\"{{ block.default }}\">\n"
    "{% if block.ad %}<a href=\"{{ block.ad.click_path }}\">{% endif %}"
    "{% for member in block.content %}<p>{{ member[1] }}</p>\n{% endfor %}"
    "{% if block.ad %}</a><img src=\"{{ block.ad.impression_path }}\" alt=\"\" width=\"1\" height=\"1\">{% endif %}"
    "{% if block.prices %}<ul>{% for price in block.prices %}<li>{{ price.name | default: price.product_id }}"
    "{% if price.price %} {{ price.price | money }}{% endif %}</li>\n{% endfor %}</ul>{% endif %}"
    "</section>\n{% endfor %}</main></body></html>\n";

/* When even that is too much (a page of megabytes). */
#define BARE                                                                                       \
    STR("<!doctype html>\n<html data-layout=\"bare\"><title>Too large</title><p>This page is too large to be shown.</p></html>\n")

bool html_open(struct ctx *ctx, struct html *html)
{
    html->templates = templates_new();
    html->plain = template_compile(ctx, str_of(plain));
    return html->plain != NULL;
}

void html_close(struct html *html)
{
    templates_free(html->templates);
    template_free(html->plain);
}

bool html_wanted(const struct ctx *ctx)
{
    struct str list = request_header(ctx, "Accept"), part;
    while (list.len && str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("text/html")))
            return true;
        if (str_starts(part, STR("application/json")))
            return false;
    }
    return false;
}

static const struct template *snippet_take(struct ctx *ctx, struct str name, void *argument)
{
    return templates_take(ctx, argument, name);
}

static bool by_layout(struct ctx *ctx, const struct template_options *options,
                      struct templates_use *use, struct str *out)
{
    const struct template *layout = templates_take(ctx, use, STR(HTML_LAYOUT));
    return layout && template_render(ctx, layout, options, out);
}

bool html_render(struct ctx *ctx, struct html *html, struct lmdb *edge,
                 const struct served_page *page, struct str *out)
{
    CLEANUP(templates_give)
    struct templates_use use = { .templates = html->templates,
                                 .edge = edge,
                                 .locale = page->locale };
    struct str text =
        arena_printf(ctx->arena, "{\"page\":" STR_FMT "}", STR_ARG(served_page_encode(ctx, page)));
    struct template_options options = { .data = json_parse(ctx, text),
                                        .locale = page->locale,
                                        .most_steps = HTML_MOST_STEPS,
                                        .most_bytes = HTML_MOST_BYTES,
                                        .snippet = snippet_take,
                                        .argument = &use };
    if (by_layout(ctx, &options, &use, out))
        return true;
    bool none = ctx->error.code == ERR_NOT_FOUND && use.n == 1; /* of the layout itself */
    if (!none)
        log_line(LOG_WARN, ctx, "layout_failed", LOG_S("slug", page->slug),
                 LOG_S("why", ctx->error.detail));
    ctx_clear(ctx);
    if (!template_render(ctx, html->plain, &options, out))
        *out = BARE;
    ctx_clear(ctx);
    return none;
}
