/* Operations of a service. */
#include "cli/contract_docs.h"

static const char *const methods[] = { "get", "post", "put", "patch", "delete", "head", "options" };

static bool is_method(struct str word)
{
    for (size_t i = 0; i < COUNT(methods); i++)
        if (str_is(word, methods[i]))
            return true;
    return false;
}

size_t docs_n_operations(const struct contract_service *service)
{
    size_t n = 0;
    const struct json *paths = json_get(service->openapi.root, "paths");
    for (struct json_iter path = json_iter(paths); json_next(&path);)
        for (struct json_iter method = json_iter(path.value); json_next(&method);)
            n += is_method(method.key);
    return n;
}

static struct str upper(struct arena *arena, struct str word)
{
    struct str out = arena_str(arena, word);
    for (char *at = (char *)(uintptr_t)out.ptr; *at; at++)
        *at = (char)(*at >= 'a' && *at <= 'z' ? *at - ('a' - 'A') : *at);
    return out;
}

static void put_head(struct page *page, struct str method, struct str path)
{
    fputs("<span class=\"method\">", page->to);
    html_text(page->to, upper(page->ctx->arena, method));
    fputs("</span> <code>", page->to);
    html_text(page->to, path);
    fputs("</code>", page->to);
}

void docs_operation_list(struct page *page)
{
    const struct json *paths = json_get(page->service->openapi.root, "paths");
    fputs("<ul class=\"plain\">\n", page->to);
    for (struct json_iter path = json_iter(paths); json_next(&path);)
        for (struct json_iter method = json_iter(path.value); json_next(&method);) {
            struct str id = json_str(json_get(method.value, "operationId"));
            if (!is_method(method.key))
                continue;
            fprintf(page->to, "<li><a href=\"#" STR_FMT "\">", STR_ARG(id));
            put_head(page, method.key, path.key);
            fputs("</a> <span class=\"soft\">", page->to);
            html_text(page->to, json_str(json_get(method.value, "summary")));
            fputs("</span>\n", page->to);
        }
    fputs("</ul>\n", page->to);
}

/* ---- who may call, and who does ---- */

static void put_security(struct page *page, const struct json *operation)
{
    const struct json *security = json_get(operation, "security");
    if (!security)
        security = json_get(page->service->openapi.root, "security");
    fputs("<p>", page->to);
    if (!json_size(security))
        fputs("<span class=\"tag\">public</span>", page->to);
    for (struct json_iter it = json_iter(security); json_next(&it);) {
        if (!json_size(it.value))
            fputs(" <span class=\"tag\">public</span>", page->to);
        for (struct json_iter scheme = json_iter(it.value); json_next(&scheme);) {
            fprintf(page->to, " <span class=\"tag\">" STR_FMT, STR_ARG(scheme.key));
            for (struct json_iter scope = json_iter(scheme.value); json_next(&scope);)
                fprintf(page->to, " " STR_FMT, STR_ARG(json_str(scope.value)));
            fputs("</span>", page->to);
        }
    }
}

static void put_tag(struct page *page, const struct json *operation, const char *key,
                    const char *before)
{
    const struct json *value = json_get(operation, key);
    if (!value)
        return;
    fprintf(page->to, " <span class=\"tag\">%s", before);
    html_text(page->to, json_type(value) == JSON_STRING ? json_str(value)
                                                        : json_text(page->ctx->arena, value));
    fputs("</span>", page->to);
}

static void put_callers(struct page *page, struct str id)
{
    const char *between = "; called by ";
    for (const struct contract_service *at = page->set->services; at; at = at->next)
        for (size_t i = 0; i < at->n_calls; i++) {
            if (!str_eq(at->calls[i].service, page->service->name) ||
                !str_eq(at->calls[i].operation, id))
                continue;
            fputs(between, page->to);
            html_service_link(page, at->name, "");
            between = ", ";
        }
}

/* ---- what goes in and out ---- */

static const struct json *example_of(const struct json *holder)
{
    const struct json *example = json_get(holder, "example"),
                      *examples = json_get(holder, "examples");
    struct json_iter it = json_iter(examples);
    if (example || !examples || !json_next(&it))
        return example;
    return json_get(it.value, "value");
}

static void put_parameters(struct page *page, struct docs_node operation)
{
    struct docs_node list = docs_get(operation, "parameters"), at = list;
    if (!json_size(list.json))
        return;
    fputs("<h4>Parameters</h4>\n<div class=\"wide\"><table>\n<tr><th>name<th>in<th><th>is<th>\n",
          page->to);
    for (struct json_iter it = json_iter(list.json); json_next(&it);) {
        struct str called;
        at.json = it.value;
        struct docs_node parameter = docs_follow(page, at, &called);
        struct str text = json_str(json_get(parameter.json, "description"));
        fputs("<tr><td><code>", page->to);
        html_text(page->to, json_str(json_get(parameter.json, "name")));
        fprintf(page->to, "</code><td>" STR_FMT "<td>%s<td>",
                STR_ARG(json_str(json_get(parameter.json, "in"))),
                json_bool(json_get(parameter.json, "required")) ? "required" : "");
        docs_type(page, docs_get(parameter, "schema"));
        fputs("<td class=\"soft\">", page->to);
        html_text(page->to, text);
        fputs("\n", page->to);
    }
    fputs("</table></div>\n", page->to);
}

static void put_content(struct page *page, struct docs_node holder)
{
    struct docs_node content = docs_get(holder, "content"), media = content;
    for (struct json_iter it = json_iter(content.json); json_next(&it);) {
        media.json = it.value;
        fputs("<p><code>", page->to);
        html_text(page->to, it.key);
        fputs("</code>: ", page->to);
        docs_type(page, docs_get(media, "schema"));
        fputs("</p>\n", page->to);
        const struct json *example = example_of(it.value);
        if (example)
            html_code(page, example);
    }
}

static void put_body(struct page *page, struct docs_node operation)
{
    struct str called;
    struct docs_node body = docs_follow(page, docs_get(operation, "requestBody"), &called);
    if (!body.json)
        return;
    fprintf(page->to, "<h4>Request body%s</h4>\n",
            json_bool(json_get(body.json, "required")) ? "" : ", optional");
    put_content(page, body);
}

/* What the error means, where the contract says no more than that it is a problem. */
static struct str error_text(struct str status, const struct json *response)
{
    struct str text = json_str(json_get(response, "description"));
    int64_t number;
    if (text.ptr || !str_to_int(status, &number))
        return text;
    return str_of(error_title(error_of_status((int)number)));
}

static void put_errors(struct page *page, const struct json *responses)
{
    size_t n = 0;
    for (struct json_iter it = json_iter(responses); json_next(&it);) {
        if (it.key.len == 0 || it.key.ptr[0] < '4')
            continue;
        fputs(n++ ? "" : "<details><summary>Errors</summary>\n<table>\n", page->to);
        fprintf(page->to, "<tr><td><code>" STR_FMT "</code><td>", STR_ARG(it.key));
        html_text(page->to, error_text(it.key, it.value));
        fputs("\n", page->to);
    }
    fputs(n ? "</table></details>\n" : "", page->to);
}

static void put_responses(struct page *page, struct docs_node operation)
{
    struct docs_node responses = docs_get(operation, "responses"), response = responses;
    for (struct json_iter it = json_iter(responses.json); json_next(&it);) {
        struct str called;
        if (it.key.len == 0 || it.key.ptr[0] >= '4')
            continue;
        response.json = it.value;
        struct docs_node target = docs_follow(page, response, &called);
        fprintf(page->to, "<h4>Response " STR_FMT "</h4>\n<p>", STR_ARG(it.key));
        html_text(page->to, json_str(json_get(target.json, "description")));
        fputs("</p>\n", page->to);
        put_content(page, target);
    }
    put_errors(page, responses.json);
}

static void put_operation(struct page *page, struct str method, struct str path,
                          struct docs_node operation)
{
    struct str id = json_str(json_get(operation.json, "operationId"));
    fprintf(page->to, "<h3 id=\"" STR_FMT "\">", STR_ARG(id));
    put_head(page, method, path);
    fputs("</h3>\n<p>", page->to);
    html_text(page->to, json_str(json_get(operation.json, "summary")));
    fputs(" <span class=\"soft\">(<code>", page->to);
    html_text(page->to, id);
    fputs("</code>", page->to);
    put_callers(page, id);
    fputs(")</span></p>\n", page->to);
    put_security(page, operation.json);
    put_tag(page, operation.json, "x-priority", "priority ");
    put_tag(page, operation.json, "x-max-body", "body up to ");
    put_tag(page, operation.json, "x-foreign", "protocol: ");
    fputs("</p>\n", page->to);
    struct str text = json_str(json_get(operation.json, "description"));
    if (text.ptr) {
        fputs("<p>", page->to);
        html_text(page->to, text);
        fputs("</p>\n", page->to);
    }
    put_parameters(page, operation);
    put_body(page, operation);
    put_responses(page, operation);
}

void docs_operations(struct page *page)
{
    struct docs_node root = docs_root(&page->service->openapi), operation = root;
    if (!docs_n_operations(page->service))
        return;
    fputs("<h2 id=\"operations\">Operations</h2>\n", page->to);
    for (struct json_iter path = json_iter(json_get(root.json, "paths")); json_next(&path);)
        for (struct json_iter method = json_iter(path.value); json_next(&method);) {
            operation.json = method.value;
            if (is_method(method.key))
                put_operation(page, method.key, path.key, operation);
        }
}
