/* Schemas in words. */
#include "cli/contract_docs.h"
#include "platform/schema/uri.h"

#define REFS_AT_MOST 32 /* a longer chain goes in a circle */

/* ---- references ---- */

struct docs_node docs_root(const struct compat_document *document)
{
    return (struct docs_node){ document->root, document, document->root, document->uri };
}

struct docs_node docs_get(struct docs_node node, const char *key)
{
    node.json = json_get(node.json, key);
    return node;
}

static struct str last_part(struct str reference)
{
    const char *slash = memrchr(reference.ptr, '/', reference.len);
    size_t from = slash ? (size_t)(slash - reference.ptr) + 1 : 0;
    return (struct str){ reference.ptr + from, reference.len - from };
}

static struct docs_node follow_one(struct page *page, struct docs_node from, struct str reference)
{
    struct arena *arena = page->ctx->arena;
    struct docs_node to = from;
    if (reference.len && reference.ptr[0] != '#') {
        const struct compat_document *document = from.document;
        to.uri = uri_without_fragment(uri_resolve(arena, from.uri, reference));
        to.root = document->resolve ? document->resolve(page->ctx, to.uri, document->argument)
                                    : NULL;
    }
    to.json = json_pointer(to.root, uri_fragment(arena, reference));
    return to;
}

struct docs_node docs_follow(struct page *page, struct docs_node node, struct str *name)
{
    *name = (struct str){ NULL, 0 };
    for (int i = 0; i < REFS_AT_MOST; i++) {
        struct str reference = json_str(json_get(node.json, "$ref"));
        if (!reference.ptr)
            break;
        *name = last_part(reference);
        node = follow_one(page, node, reference);
    }
    return node;
}

/* Only objects get a place of their own; what else has a name is told where it is used. */
static bool has_members(const struct json *schema)
{
    return json_size(json_get(schema, "properties")) > 0;
}

static void note_schema(struct page *page, struct str name, struct docs_node node)
{
    struct docs_schema **last = &page->schemas;
    for (; *last; last = &(*last)->next)
        if (str_eq((*last)->name, name))
            return;
    *last = ARENA_NEW(page->ctx->arena, struct docs_schema);
    (*last)->name = name;
    (*last)->node = node;
}

/* ---- one value ---- */

static void put_limit(struct page *page, const struct json *schema, const char *keyword,
                      const char *before, const char *after)
{
    const struct json *value = json_get(schema, keyword);
    if (value)
        fprintf(page->to, ", %s" STR_FMT "%s", before, STR_ARG(json_text(page->ctx->arena, value)),
                after);
}

static void put_limits(struct page *page, const struct json *schema)
{
    put_limit(page, schema, "minLength", "at least ", " characters");
    put_limit(page, schema, "maxLength", "at most ", " characters");
    put_limit(page, schema, "minimum", "at least ", "");
    put_limit(page, schema, "exclusiveMinimum", "more than ", "");
    put_limit(page, schema, "maximum", "at most ", "");
    put_limit(page, schema, "exclusiveMaximum", "less than ", "");
    put_limit(page, schema, "multipleOf", "a multiple of ", "");
    put_limit(page, schema, "minItems", "at least ", " of them");
    put_limit(page, schema, "maxItems", "at most ", " of them");
    put_limit(page, schema, "maxProperties", "at most ", " members");
    struct str pattern = json_str(json_get(schema, "pattern"));
    if (pattern.ptr) {
        fputs(", <code>", page->to);
        html_text(page->to, pattern);
        fputs("</code>", page->to);
    }
}

static void put_values(struct page *page, const struct json *list)
{
    fputs("one of ", page->to);
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        fputs(it.index ? ", <code>" : "<code>", page->to);
        html_text(page->to, json_type(it.value) == JSON_STRING
                                ? json_str(it.value)
                                : json_text(page->ctx->arena, it.value));
        fputs("</code>", page->to);
    }
}

static const char *type_word(struct str type)
{
    static const char *const words[][2] = {
        { "string", "text" },   { "integer", "a whole number" }, { "number", "a number" },
        { "object", "an object" }, { "boolean", "true or false" },  { "null", "null" },
        { "array", "an array" },
    };
    for (size_t i = 0; i < COUNT(words); i++)
        if (str_is(type, words[i][0]))
            return words[i][1];
    return "anything";
}

static void put_types(struct page *page, const struct json *schema)
{
    const struct json *type = json_get(schema, "type");
    struct str format = json_str(json_get(schema, "format"));
    if (format.ptr && json_type(type) == JSON_STRING) {
        fprintf(page->to, "%s (", type_word(json_str(type)));
        html_text(page->to, format);
        fputs(")", page->to);
        return;
    }
    if (json_type(type) != JSON_ARRAY) {
        fputs(type_word(json_str(type)), page->to);
        return;
    }
    for (struct json_iter it = json_iter(type); json_next(&it);)
        fprintf(page->to, "%s%s", it.index ? " or " : "", type_word(json_str(it.value)));
}

static void put_list(struct page *page, const struct json *array, struct docs_node from,
                     const char *between)
{
    for (struct json_iter it = json_iter(array); json_next(&it);) {
        from.json = it.value;
        fputs(it.index ? between : "", page->to);
        docs_type(page, from);
    }
}

static void put_own(struct page *page, struct docs_node schema)
{
    const struct json *json = schema.json;
    static const char *const lists[][2] = { { "oneOf", " or " },
                                            { "anyOf", " or " },
                                            { "allOf", " and " } };
    for (size_t i = 0; i < COUNT(lists); i++) {
        if (!json_get(json, lists[i][0]))
            continue;
        put_list(page, json_get(json, lists[i][0]), schema, lists[i][1]);
        return;
    }
    if (json_get(json, "const")) {
        fputs("<code>", page->to);
        html_text(page->to, json_text(page->ctx->arena, json_get(json, "const")));
        fputs("</code>", page->to);
    } else if (json_get(json, "enum")) {
        put_values(page, json_get(json, "enum"));
    } else if (json_get(json, "items")) {
        fputs("an array; each ", page->to);
        docs_type(page, docs_get(schema, "items"));
    } else {
        put_types(page, json);
    }
}

void docs_type(struct page *page, struct docs_node schema)
{
    struct str name;
    struct docs_node target = docs_follow(page, schema, &name);
    const struct json *fallback = json_get(schema.json, "default");
    if (name.ptr && has_members(target.json)) {
        note_schema(page, name, target);
        fprintf(page->to, "<a href=\"#schema-" STR_FMT "\">", STR_ARG(name));
        html_text(page->to, name);
        fputs("</a>", page->to);
        return;
    }
    put_own(page, target);
    put_limits(page, target.json);
    if (!fallback)
        fallback = json_get(target.json, "default");
    if (fallback) {
        fputs("; <code>", page->to);
        html_text(page->to, json_text(page->ctx->arena, fallback));
        fputs("</code> when absent", page->to);
    }
}

/* ---- objects ---- */

static bool is_required(const struct json *schema, struct str name)
{
    for (struct json_iter it = json_iter(json_get(schema, "required")); json_next(&it);)
        if (str_eq(json_str(it.value), name))
            return true;
    return false;
}

static struct docs_node without_array(struct docs_node schema)
{
    while (json_get(schema.json, "items") && !json_get(schema.json, "$ref"))
        schema = docs_get(schema, "items");
    return schema;
}

static void put_rows(struct page *page, struct docs_node object, struct str path);

static void put_row(struct page *page, struct docs_node object, struct str name,
                    struct docs_node member, struct str path)
{
    FILE *to = page->to;
    struct str full = arena_printf(page->ctx->arena, STR_FMT "%s" STR_FMT, STR_ARG(path),
                                   path.len ? "." : "", STR_ARG(name)),
               called;
    struct docs_node target = docs_follow(page, member, &called);
    struct str text = json_str(json_get(member.json, "description"));
    if (!text.ptr)
        text = json_str(json_get(target.json, "description"));
    fputs("<tr><td><code>", to);
    html_text(to, full);
    fputs("</code>", to);
    if (json_bool(json_get(member.json, "x-personal")) ||
        json_bool(json_get(target.json, "x-personal")))
        fputs(" <span class=\"tag personal\">personal</span>", to);
    fprintf(to, "<td>%s<td>", is_required(object.json, name) ? "required" : "");
    docs_type(page, member);
    fputs("<td class=\"soft\">", to);
    html_text(to, text);
    fputs("\n", to);
    struct docs_node inner = without_array(member);
    if (!json_get(inner.json, "$ref") && has_members(inner.json))
        put_rows(page, inner,
                 inner.json == member.json
                     ? full
                     : arena_printf(page->ctx->arena, STR_FMT "[]", STR_ARG(full)));
}

static void put_rows(struct page *page, struct docs_node object, struct str path)
{
    struct docs_node member = object;
    for (struct json_iter it = json_iter(json_get(object.json, "properties")); json_next(&it);) {
        member.json = it.value;
        put_row(page, object, it.key, member, path);
    }
}

void docs_members(struct page *page, struct docs_node schema)
{
    if (!has_members(schema.json))
        return;
    fputs("<div class=\"wide\"><table>\n<tr><th>member<th><th>is<th>\n", page->to);
    put_rows(page, schema, STR(""));
    fputs("</table></div>\n", page->to);
}

void docs_schemas(struct page *page)
{
    if (page->schemas)
        fputs("<h2 id=\"schemas\">Schemas</h2>\n", page->to);
    for (struct docs_schema *at = page->schemas; at; at = at->next) { /* grows meanwhile */
        fprintf(page->to, "<h3 id=\"schema-" STR_FMT "\">", STR_ARG(at->name));
        html_text(page->to, at->name);
        fputs("</h3>\n<p class=\"soft\">", page->to);
        html_text(page->to, json_str(json_get(at->node.json, "description")));
        fputs("</p>\n", page->to);
        docs_members(page, at->node);
    }
}
