/* Events of a service, and who reads them. */
#include "cli/contract_docs.h"

static void put_row(struct page *page, const char *what, struct str text)
{
    fprintf(page->to, "<tr><th>%s<td><code>", what);
    html_text(page->to, text);
    fputs("</code>\n", page->to);
}

static struct str keeping_of(struct arena *arena, const struct json *header)
{
    const struct json *keeping = json_get(header, "keeping"), *days = json_get(keeping, "days");
    if (days)
        return arena_printf(arena, "for %lld days", (long long)json_int(days));
    if (str_is(json_str(keeping), "compacted"))
        return STR("the newest of each key");
    return STR("for ever");
}

static void put_header(struct page *page, const struct json *header)
{
    struct arena *arena = page->ctx->arena;
    struct str subject = json_str(json_get(header, "subject")),
               key = json_str(json_get(header, "key"));
    const struct json *partitions = json_get(header, "partitions");
    fputs("<table>\n", page->to);
    put_row(page, "topic", json_str(json_get(header, "topic")));
    put_row(page, "subject", subject);
    put_row(page, "key", key.ptr ? key : subject);
    put_row(page, "kept", keeping_of(arena, header));
    if (partitions)
        put_row(page, "partitions", json_text(arena, partitions));
    put_row(page, "erasable", json_bool(json_get(header, "erasable")) ? STR("yes") : STR("no"));
    fputs("</table>\n", page->to);
}

static void put_readers(struct page *page, struct str type)
{
    size_t n = 0;
    for (const struct contract_service *at = page->set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_reads; i++) {
            if (!str_eq(at->reads[i].type, type))
                continue;
            fputs(n++ ? "" : "<h4>Read by</h4>\n<table>\n", page->to);
            fputs("<tr><td>", page->to);
            html_service_link(page, at->name, "");
            fputs("<td>", page->to);
            for (size_t k = 0; k < at->reads[i].n; k++) {
                fputs(k ? ", <code>" : "<code>", page->to);
                html_text(page->to, at->reads[i].members[k]);
                fputs("</code>", page->to);
            }
            fputs("\n", page->to);
        }
    fputs(n ? "</table>\n" : "<p class=\"soft\">No service here reads it.</p>\n", page->to);
}

static void put_event(struct page *page, const struct contract_event *event)
{
    const struct json *root = event->document.root, *header = json_get(root, "x-event");
    fprintf(page->to, "<h3 id=\"" STR_FMT "\"><code>", STR_ARG(event->type));
    html_text(page->to, event->type);
    fprintf(page->to, "</code>%s</h3>\n<p>",
            json_bool(json_get(header, "command")) ? " <span class=\"tag\">command</span>" : "");
    html_text(page->to, json_str(json_get(root, "description")));
    fputs("</p>\n", page->to);
    put_header(page, header);
    docs_members(page, docs_root(&event->document));
    const struct json *example = json_at(json_get(root, "examples"), 0);
    if (example) {
        fputs("<details><summary>Example</summary>\n", page->to);
        html_code(page, example);
        fputs("</details>\n", page->to);
    }
    put_readers(page, event->type);
}

static void put_reads(struct page *page)
{
    const struct contract_service *service = page->service;
    if (!service->n_reads)
        return;
    fputs("<h2 id=\"reads\">What it reads</h2>\n<table>\n", page->to);
    for (size_t i = 0; i < service->n_reads; i++) {
        fputs("<tr><td>", page->to);
        html_event_link(page, service->reads[i].type);
        fputs("<td>", page->to);
        for (size_t k = 0; k < service->reads[i].n; k++) {
            fputs(k ? ", <code>" : "<code>", page->to);
            html_text(page->to, service->reads[i].members[k]);
            fputs("</code>", page->to);
        }
        fputs("\n", page->to);
    }
    fputs("</table>\n", page->to);
}

void docs_events(struct page *page)
{
    if (page->service->n_events)
        fputs("<h2 id=\"events\">Events</h2>\n", page->to);
    for (size_t i = 0; i < page->service->n_events; i++)
        put_event(page, &page->service->events[i]);
    put_reads(page);
}
