#include "cli/contract_docs.h"

/* One style for all pages: light or dark as the reader's system is. */
const char html_style[] =
    ":root { color-scheme: light dark; --text: #1d2129; --soft: #5b6472; --line: #dfe3e8;\n"
    "  --back: #ffffff; --panel: #f5f7f9; --link: #0b57b7; --mark: #8a4b08; --good: #1a7f4b; }\n"
    "@media (prefers-color-scheme: dark) { :root { --text: #e4e7ec; --soft: #9aa4b2;\n"
    "  --line: #303742; --back: #14171c; --panel: #1c2128; --link: #79b0ff; --mark: #e6b060;\n"
    "  --good: #5fcf95; } }\n"
    "* { box-sizing: border-box; }\n"
    "body { margin: 0; background: var(--back); color: var(--text);\n"
    "  font: 16px/1.55 system-ui, sans-serif; }\n"
    "a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }\n"
    "header, main { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }\n"
    "header { padding-top: 1rem; display: flex; gap: .4rem 1rem; flex-wrap: wrap; }\n"
    "h1 { font-size: 1.9rem; margin: 1.2rem 0 .4rem; line-height: 1.2; }\n"
    "h2 { font-size: 1.35rem; margin: 2.6rem 0 .6rem; border-bottom: 1px solid var(--line); }\n"
    "h3 { font-size: 1.08rem; margin: 2.2rem 0 .3rem; scroll-margin-top: 1rem; }\n"
    "h4 { font-size: .95rem; margin: 1.2rem 0 .3rem; color: var(--soft); }\n"
    "code, pre { font-family: ui-monospace, monospace; font-size: .87em; }\n"
    "pre { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem;\n"
    "  padding: .7rem .9rem; overflow-x: auto; line-height: 1.45; }\n"
    "table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; font-size: .93em; }\n"
    "th { text-align: left; color: var(--soft); font-weight: 600; }\n"
    "th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line);\n"
    "  vertical-align: top; }\n"
    ".soft { color: var(--soft); } .wide { overflow-x: auto; }\n"
    ".tag { border: 1px solid var(--line); border-radius: .3rem; padding: .05rem .4rem;\n"
    "  font-size: .8em; color: var(--soft); white-space: nowrap; }\n"
    ".method { font: 600 .82em ui-monospace, monospace; color: var(--good); }\n"
    ".personal { color: var(--mark); border-color: var(--mark); }\n"
    "summary { cursor: pointer; color: var(--soft); }\n"
    "ul.plain { list-style: none; padding: 0; margin: .5rem 0; } ul.plain li { margin: .15rem 0; }\n"
    "@media print { header { display: none; } }\n";

void html_text(FILE *to, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.ptr[i]) {
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        case '&':
            fputs("&amp;", to);
            break;
        case '"':
            fputs("&quot;", to);
            break;
        default:
            fputc(text.ptr[i], to);
        }
    }
}

static bool has_page(const struct contract_service *service)
{
    return service->openapi.root || service->n_events;
}

void html_service_link(struct page *page, struct str name, const char *anchor)
{
    const struct contract_service *service = set_service(page->set, name);
    if (!service || !has_page(service)) {
        html_text(page->to, name);
        return;
    }
    fprintf(page->to, "<a href=\"" STR_FMT ".html%s\">", STR_ARG(name), anchor);
    html_text(page->to, name);
    fputs("</a>", page->to);
}

void html_event_link(struct page *page, struct str type)
{
    const struct contract_service *owner = NULL;
    bool known = set_event(page->set, type, &owner) != NULL;
    if (known)
        fprintf(page->to, "<a href=\"" STR_FMT ".html#" STR_FMT "\">", STR_ARG(owner->name),
                STR_ARG(type));
    fputs("<code>", page->to);
    html_text(page->to, type);
    fputs(known ? "</code></a>" : "</code>", page->to);
}

void html_begin(struct page *page, struct str title)
{
    FILE *to = page->to;
    fputs("<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
          to);
    html_text(to, title);
    fputs("</title>\n<link rel=\"stylesheet\" href=\"style.css\">\n<header><nav>\n"
          "<a href=\"index.html\"><b>Contracts</b></a>\n",
          to);
    for (const struct contract_service *at = page->set->services; at; at = at->next) {
        if (!has_page(at))
            continue;
        html_service_link(page, at->name, "");
        fputs("\n", to);
    }
    fputs("</nav></header>\n<main>\n<h1>", to);
    html_text(to, title);
    fputs("</h1>\n", to);
}

void html_end(struct page *page)
{
    fputs("</main>\n</html>\n", page->to);
}

/* ---- JSON, as people read it ---- */

static void indent(FILE *to, int depth)
{
    fprintf(to, "\n%*s", depth * 2, "");
}

static void put_value(struct page *page, const struct json *value, int depth)
{
    FILE *to = page->to;
    bool object = json_type(value) == JSON_OBJECT;
    size_t n = json_size(value);
    if ((!object && json_type(value) != JSON_ARRAY) || n == 0) {
        html_text(to, json_text(page->ctx->arena, value));
        return;
    }
    fputs(object ? "{" : "[", to);
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        indent(to, depth + 1);
        if (object) {
            html_text(to, json_text(page->ctx->arena, json_iter_key(&it)));
            fputs(": ", to);
        }
        put_value(page, it.value, depth + 1);
        fputs(it.index + 1 < n ? "," : "", to);
    }
    indent(to, depth);
    fputs(object ? "}" : "]", to);
}

void html_code(struct page *page, const struct json *value)
{
    fputs("<pre>", page->to);
    put_value(page, value, 0);
    fputs("</pre>\n", page->to);
}
