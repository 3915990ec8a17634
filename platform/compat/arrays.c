/* Keywords on arrays. `items` as a list and `additionalItems` are how drafts before 2020-12 wrote
 * `prefixItems` and `items`. */
#include "platform/compat/compare.h"

/* ---- what schemas say of elements ---- */

static bool has_old_list(struct node schema)
{
    return json_type(json_get(schema.json, "items")) == JSON_ARRAY;
}

static const char *list_keyword(struct node schema)
{
    return has_old_list(schema) ? "items" : "prefixItems";
}

size_t items_numbered(struct node schema)
{
    return json_size(json_get(schema.json, list_keyword(schema)));
}

/* May other keywords evaluate elements, so that less is left for `unevaluatedItems`? */
static bool may_evaluate(const struct json *schema)
{
    static const char *const keywords[] = { "contains", "allOf", "anyOf", "oneOf",
                                            "if",       "then",  "else",  "dependentSchemas",
                                            "$ref",     "not",   "$dynamicRef" };
    for (size_t i = 0; i < COUNT(keywords); i++)
        if (json_get(schema, keywords[i]))
            return true;
    return false;
}

struct node item_of(struct compare *c, struct node schema, size_t index, bool writes, bool *closed)
{
    struct ctx *ctx = c->reading.ctx;
    *closed = false;
    if (index < items_numbered(schema))
        return node_at(ctx, node_get(ctx, schema, list_keyword(schema)), index);
    struct node rest = node_get(ctx, schema, has_old_list(schema) ? "additionalItems" : "items");
    if (!rest.json && !(writes && may_evaluate(schema.json)))
        rest = node_get(ctx, schema, "unevaluatedItems");
    *closed = json_type(rest.json) == JSON_BOOL && !json_bool(rest.json);
    return rest;
}

struct writer writer_item(struct compare *c, const struct writer *writer, size_t index)
{
    struct writer item = writer_any();
    bool closed;
    for (size_t i = 0; i < writer->n; i++) {
        struct node own = item_of(c, writer->atoms[i].node, index, true, &closed);
        if (own.json)
            item = writer_with(c, &item, own);
    }
    if (json_type(writer->value) == JSON_ARRAY && index != ANY_OTHER) {
        item.value = json_at(writer->value, index);
        item.never |= !item.value;
    }
    return item;
}

int64_t writer_items_most(struct compare *c, const struct writer *writer)
{
    int64_t most = INT64_MAX;
    for (size_t i = 0; i < writer->n; i++) {
        bool closed;
        item_of(c, writer->atoms[i].node, ANY_OTHER, true, &closed);
        if (closed)
            most = MIN(most, (int64_t)items_numbered(writer->atoms[i].node));
    }
    return most;
}

/* ---- the reader's keywords ---- */

static int64_t most_written(struct compare *c, const struct writer *writer)
{
    int64_t most = writer_items_most(c, writer);
    for (size_t i = 0; i < writer->n; i++) {
        const struct json *limit = json_get(writer->atoms[i].node.json, "maxItems");
        if (limit)
            most = MIN(most, json_int(limit));
    }
    if (json_type(writer->value) == JSON_ARRAY)
        most = MIN(most, (int64_t)json_size(writer->value));
    return most;
}

static size_t numbered_by_either(const struct writer *writer, struct node reader)
{
    size_t n = items_numbered(reader);
    for (size_t i = 0; i < writer->n; i++)
        n = MAX(n, items_numbered(writer->atoms[i].node));
    return json_type(writer->value) == JSON_ARRAY ? MAX(n, json_size(writer->value)) : n;
}

static void compare_item(struct compare *c, const struct writer *writer, struct node reader,
                         size_t index, const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    struct writer item = writer_item(c, writer, index);
    bool closed;
    struct node wanted = item_of(c, reader, index, false, &closed);
    struct at place = { at, AT_ITEM, STR("") };
    if (index != ANY_OTHER)
        place.name = arena_printf(arena, "%zu", index);
    if (item.never)
        return;
    if (closed)
        compare_found(c, RULE_ITEMS_CLOSED, at, writer, reader, NULL,
                      (struct words){ .r = arena_printf(arena, "%zu", items_numbered(reader)) });
    else if (wanted.json)
        compare_values(c, &item, wanted, &place);
}

static void compare_items(struct compare *c, const struct writer *writer, struct node reader,
                          const struct at *at)
{
    size_t n = numbered_by_either(writer, reader);
    int64_t most = most_written(c, writer);
    for (size_t i = 0; i < n && (int64_t)i < most; i++)
        compare_item(c, writer, reader, i, at);
    if (most > (int64_t)n)
        compare_item(c, writer, reader, ANY_OTHER, at);
}

static void compare_unique(struct compare *c, const struct writer *writer, struct node reader,
                           const struct at *at)
{
    bool unique = most_written(c, writer) < 2 || writer->value;
    for (size_t i = 0; i < writer->n; i++)
        unique |= json_bool(json_get(writer->atoms[i].node.json, "uniqueItems"));
    if (json_bool(json_get(reader.json, "uniqueItems")) && !unique)
        compare_found(c, RULE_UNIQUE_ITEMS, at, writer, reader, "uniqueItems", (struct words){ 0 });
}

/* ---- contains ---- */

static int64_t count_or(const struct json *schema, const char *keyword, int64_t otherwise)
{
    const struct json *count = json_get(schema, keyword);
    return count ? json_int(count) : otherwise;
}

/* Is it within what the reader asks for: as many at least, as few at most? */
static bool contains_fits(struct compare *c, struct node own, struct node reader,
                          const struct at *at)
{
    struct node inner = node_get(c->reading.ctx, own, "contains"),
                outer = node_get(c->reading.ctx, reader, "contains");
    int64_t least = count_or(reader.json, "minContains", 1),
            most = count_or(reader.json, "maxContains", INT64_MAX);
    if (!inner.json)
        return false;
    struct writer wrote = writer_new(c, inner), read = writer_new(c, outer);
    return (least == 0 || (count_or(own.json, "minContains", 1) >= least &&
                           compare_fits(c, &wrote, outer, at))) &&
           (most == INT64_MAX || (count_or(own.json, "maxContains", INT64_MAX) <= most &&
                                  compare_fits(c, &read, inner, at)));
}

static void compare_contains(struct compare *c, const struct writer *writer, struct node reader,
                             const struct at *at)
{
    bool fits =
        !json_get(reader.json, "contains") ||
        (count_or(reader.json, "minContains", 1) == 0 && !json_get(reader.json, "maxContains"));
    for (size_t i = 0; i < writer->n && !fits; i++)
        fits = contains_fits(c, writer->atoms[i].node, reader, at);
    if (!fits)
        compare_found(c, RULE_CONTAINS, at, writer, reader, "contains", (struct words){ 0 });
}

void compare_array(struct compare *c, const struct writer *writer, struct node reader,
                   const struct at *at)
{
    struct writer arrays = *writer;
    arrays.types &= TYPE_ARRAY;
    compare_items(c, &arrays, reader, at);
    compare_unique(c, &arrays, reader, at);
    compare_contains(c, &arrays, reader, at);
}
