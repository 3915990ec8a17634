/* `fanfare contract docs`: one page for each service, and an index. */
#include "cli/contract_docs.h"

#include <errno.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/contract_command.h"

static bool has_page(const struct contract_service *service)
{
    return service->openapi.root || service->n_events;
}

/* ---- the index ---- */

static void put_services(struct page *page)
{
    fputs("<h2>Services</h2>\n<div class=\"wide\"><table>\n"
          "<tr><th>service<th>operations<th>events<th>reads<th>\n",
          page->to);
    for (const struct contract_service *at = page->set->services; at; at = at->next) {
        const struct json *info = json_get(at->openapi.root, "info");
        if (!has_page(at))
            continue;
        fputs("<tr><td>", page->to);
        html_service_link(page, at->name, "");
        fprintf(page->to, "<td>%zu<td>%zu<td>%zu<td class=\"soft\">", docs_n_operations(at),
                at->n_events, at->n_reads);
        html_text(page->to, json_str(json_get(info, "description")));
        fputs("\n", page->to);
    }
    fputs("</table></div>\n", page->to);
}

static void put_readers(struct page *page, struct str type)
{
    const char *between = "";
    for (const struct contract_service *at = page->set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_reads; i++)
            if (str_eq(at->reads[i].type, type)) {
                fputs(between, page->to);
                html_service_link(page, at->name, "#reads");
                between = ", ";
            }
}

static void put_events(struct page *page)
{
    fputs("<h2>Events</h2>\n<div class=\"wide\"><table>\n<tr><th>event<th>of<th>read by\n",
          page->to);
    for (const struct contract_service *at = page->set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_events; i++) {
            fputs("<tr><td>", page->to);
            html_event_link(page, at->events[i].type);
            fputs("<td>", page->to);
            html_service_link(page, at->name, "");
            fputs("<td>", page->to);
            put_readers(page, at->events[i].type);
            fputs("\n", page->to);
        }
    fputs("</table></div>\n", page->to);
}

/* ---- pages ---- */

static bool page_open(struct page *page, const char *folder, struct str name)
{
    struct str path = arena_printf(page->ctx->arena, "%s/" STR_FMT, folder, STR_ARG(name));
    page->to = fopen(path.ptr, "we");
    return page->to || ctx_fail(page->ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr,
                                strerror(errno));
}

static bool page_close(struct page *page, const char *folder)
{
    bool bad = ferror(page->to) != 0;
    if (fclose(page->to) != 0 || bad)
        return ctx_fail(page->ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", folder,
                        strerror(errno));
    return true;
}

static bool write_style(struct page *page, const char *folder)
{
    if (!page_open(page, folder, STR("style.css")))
        return false;
    fputs(html_style, page->to);
    return page_close(page, folder);
}

static bool write_index(struct page *page, const char *folder)
{
    if (!page_open(page, folder, STR("index.html")))
        return false;
    html_begin(page, STR("Contracts"));
    put_services(page);
    put_events(page);
    html_end(page);
    return page_close(page, folder);
}

static void put_paragraph(FILE *to, struct str text)
{
    if (!text.ptr)
        return;
    fputs("<p>", to);
    html_text(to, text);
    fputs("</p>\n", to);
}

static bool write_service(struct page *page, const char *folder)
{
    const struct json *root = page->service->openapi.root, *info = json_get(root, "info");
    struct str title = json_str(json_get(info, "title"));
    struct arena *arena = page->ctx->arena;
    if (!page_open(page, folder,
                   arena_printf(arena, STR_FMT ".html", STR_ARG(page->service->name))))
        return false;
    html_begin(page, title.ptr ? title : page->service->name);
    put_paragraph(page->to, json_str(json_get(info, "description")));
    struct str url = json_str(json_get(json_at(json_get(root, "servers"), 0), "url"));
    if (url.ptr) {
        fputs("<p class=\"soft\">Version ", page->to);
        html_text(page->to, json_str(json_get(info, "version")));
        fputs(", at <code>", page->to);
        html_text(page->to, url);
        fputs("</code> by default.</p>\n", page->to);
    }
    docs_operation_list(page);
    docs_operations(page);
    docs_events(page);
    docs_schemas(page);
    html_end(page);
    return page_close(page, folder);
}

static bool write_all(struct ctx *ctx, const struct contract_set *set, const char *folder)
{
    struct page page = { .ctx = ctx, .set = set };
    if (mkdir(folder, 0755) < 0 && errno != EEXIST)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be made: %s", folder, strerror(errno));
    if (!write_style(&page, folder) || !write_index(&page, folder))
        return false;
    for (const struct contract_service *at = set->services; at; at = at->next) {
        page = (struct page){ .ctx = ctx, .set = set, .service = at };
        if (has_page(at) && !write_service(&page, folder))
            return false;
    }
    return true;
}

int contract_docs(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--out" }, { "--root" } };
    struct contract_set set;
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest))
        return contract_failed(ctx);
    if (!options[0].value) {
        ctx_fail(ctx, ERR_INVALID, "--out says which folder to write to");
        return contract_failed(ctx);
    }
    struct str root = contract_root(ctx, options[1].value);
    if (!root.ptr || !set_read_folder(ctx, root.ptr, &set) ||
        !write_all(ctx, &set, options[0].value))
        return contract_failed(ctx);
    printf("%s/index.html\n", options[0].value);
    return CONTRACT_FITS;
}
