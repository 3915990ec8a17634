/* What values are as text, as lists, and to each other. */
#include <inttypes.h>
#include <stdio.h>

#include "platform/template/program.h"

const char *liquid_kind(const struct value *value)
{
    static const char *const kinds[] = {
        [KIND_NIL] = "nil",        [KIND_BOOL] = "true or false", [KIND_INTEGER] = "a number",
        [KIND_FLOAT] = "a fraction", [KIND_TEXT] = "a text",        [KIND_RANGE] = "a range",
        [KIND_LIST] = "a list",    [KIND_JSON] = "an object",     [KIND_LOOP] = "a forloop",
        [KIND_EMPTY] = "empty",    [KIND_BLANK] = "blank",
    };
    return is_list(value) ? "a list" : kinds[value->kind];
}

/* ---- text ---- */

static bool number_text(struct run *run, const char *format, int64_t a, int64_t b, struct str *out)
{
    char text[64];
    int n = snprintf(text, sizeof(text), format, a, b);
    *out = arena_str(run->ctx->arena, (struct str){ text, (size_t)n });
    return true;
}

/* The shortest that reads back the same; a whole one shows that it is a float: 5.0. */
static struct str float_text(struct run *run, double number)
{
    struct json_out out;
    json_out_init(&out, run->ctx->arena);
    json_put_double(&out, number);
    struct str text = json_out_str(&out);
    bool whole = str_find_char(text, '.') < 0 && str_find_char(text, 'e') < 0;
    return whole ? arena_printf(run->ctx->arena, STR_FMT ".0", STR_ARG(text)) : text;
}

static bool list_text(struct run *run, const struct value *value, struct str *out)
{
    struct value list;
    if (!liquid_items(run, value, 0, SIZE_MAX, &list) || !liquid_steps(run, list.list.n))
        return false;
    struct str *parts = ARENA_ARRAY(run->ctx->arena, struct str, list.list.n);
    for (size_t i = 0; i < list.list.n; i++)
        if (!liquid_text(run, &list.list.items[i], &parts[i]))
            return false;
    return liquid_join(run, parts, list.list.n, STR(""), out);
}

bool liquid_join(struct run *run, const struct str *parts, size_t n, struct str between,
                 struct str *out)
{
    size_t bytes = n ? (n - 1) * between.len : 0;
    for (size_t i = 0; i < n; i++)
        bytes += parts[i].len;
    char *room = liquid_room(run, bytes), *at = room;
    if (!room)
        return false;
    for (size_t i = 0; i < n; i++) {
        at = put_bytes(at, i ? between : STR(""));
        at = put_bytes(at, parts[i]);
    }
    *out = (struct str){ room, bytes };
    return true;
}

bool liquid_text(struct run *run, const struct value *value, struct str *out)
{
    *out = STR("");
    switch (value->kind) {
    case KIND_TEXT:
        *out = value->text;
        return true;
    case KIND_BOOL:
        *out = value->boolean ? STR("true") : STR("false");
        return true;
    case KIND_INTEGER:
        return number_text(run, "%" PRId64, value->integer, 0, out);
    case KIND_FLOAT:
        *out = float_text(run, value->number);
        return true;
    case KIND_RANGE:
        return number_text(run, "%" PRId64 "..%" PRId64, value->range.first, value->range.last,
                           out);
    case KIND_LIST:
        return list_text(run, value, out);
    case KIND_JSON:
        if (is_list(value))
            return list_text(run, value, out);
        *out = json_text(run->ctx->arena, value->json);
        return liquid_steps(run, out->len / BYTES_PER_STEP);
    default:
        return true;
    }
}

/* ---- lists ---- */

bool liquid_push(struct run *run, struct builder *builder, struct value value)
{
    if (!liquid_steps(run, 1))
        return false;
    if (builder->n == builder->cap) {
        builder->cap = MAX(builder->cap * 2, 8);
        struct value *larger =
            arena_alloc_raw(run->ctx->arena, builder->cap * sizeof(struct value));
        if (builder->n)
            memcpy(larger, builder->items, builder->n * sizeof(struct value));
        builder->items = larger;
    }
    builder->items[builder->n++] = value;
    return true;
}

static uint64_t range_size(const struct value *range)
{
    if (range->range.last < range->range.first)
        return 0;
    uint64_t size = (uint64_t)range->range.last - (uint64_t)range->range.first;
    return size == UINT64_MAX ? size : size + 1;
}

static bool range_items(struct run *run, const struct value *range, size_t offset, size_t limit,
                        struct value *out)
{
    uint64_t size = range_size(range);
    size_t n = offset < size ? (size_t)MIN(size - offset, limit) : 0;
    if (!liquid_steps(run, n))
        return false;
    struct value *items = arena_alloc_raw(run->ctx->arena, n * sizeof(*items));
    for (size_t i = 0; i < n; i++)
        items[i] = int_value((int64_t)((uint64_t)range->range.first + offset + i));
    *out = list_value(items, n);
    return true;
}

static bool json_items(struct run *run, const struct value *value, size_t offset, size_t limit,
                       struct value *out)
{
    struct builder builder = { 0 };
    bool object = !is_list(value);
    if (!liquid_steps(run, json_size(value->json) / BYTES_PER_STEP))
        return false;
    for (struct json_iter it = json_iter(value->json); json_next(&it) && builder.n < limit;) {
        if (it.index < offset)
            continue;
        struct value item = liquid_value_of(it.value);
        if (object) {
            struct value pair[] = { text_value(it.key), item };
            item = list_value(arena_copy(run->ctx->arena, pair, sizeof(pair)), 2);
        }
        if (!liquid_push(run, &builder, item))
            return false;
    }
    *out = list_value(builder.items, builder.n);
    return true;
}

bool liquid_items(struct run *run, const struct value *value, size_t offset, size_t limit,
                  struct value *out)
{
    struct value from = *value;
    struct builder one = { 0 };
    switch (from.kind) {
    case KIND_RANGE:
        return range_items(run, &from, offset, limit, out);
    case KIND_JSON:
        return json_items(run, &from, offset, limit, out);
    case KIND_LIST:
        offset = MIN(offset, from.list.n);
        *out = list_value(offset ? from.list.items + offset : from.list.items,
                          MIN(from.list.n - offset, limit));
        return true;
    case KIND_TEXT:
        if (from.text.len && !offset && limit && !liquid_push(run, &one, from))
            return false;
        break;
    default:
        break;
    }
    *out = list_value(one.items, one.n);
    return true;
}

static bool flatten(struct run *run, const struct value *value, struct builder *builder)
{
    if (!is_list(value))
        return liquid_push(run, builder, *value);
    struct value items;
    if (!liquid_items(run, value, 0, SIZE_MAX, &items))
        return false;
    for (size_t i = 0; i < items.list.n; i++)
        if (!flatten(run, &items.list.items[i], builder))
            return false;
    return true;
}

bool liquid_elements(struct run *run, const struct value *value, struct value *out)
{
    struct builder builder = { 0 };
    if (value->kind != KIND_NIL && !flatten(run, value, &builder))
        return false;
    *out = list_value(builder.items, builder.n);
    return true;
}

bool liquid_size(struct run *run, const struct value *value, struct value *out)
{
    switch (value->kind) {
    case KIND_TEXT:
        *out = int_value((int64_t)str_utf8_length(value->text));
        return liquid_steps(run, value->text.len / 1024);
    case KIND_LIST:
        *out = int_value((int64_t)value->list.n);
        return true;
    case KIND_JSON:
        *out = int_value((int64_t)json_size(value->json));
        return true;
    case KIND_RANGE:
        *out = int_value((int64_t)MIN(range_size(value), (uint64_t)INT64_MAX));
        return true;
    default:
        *out = nil_value();
        return true;
    }
}

bool liquid_first_or_last(struct run *run, const struct value *value, bool first, struct value *out)
{
    struct value from = *value, items;
    size_t n;
    *out = nil_value();
    if (from.kind == KIND_RANGE && range_size(&from)) {
        *out = int_value(first ? from.range.first : from.range.last);
        return true;
    }
    if (from.kind != KIND_LIST && from.kind != KIND_JSON)
        return true;
    n = from.kind == KIND_LIST ? from.list.n : json_size(from.json);
    if (!n || (!first && !is_list(&from)))
        return true; /* the last pair of an object is nobody's business, as in stock Liquid */
    if (!liquid_items(run, &from, first ? 0 : n - 1, 1, &items))
        return false;
    *out = items.list.items[0];
    return true;
}

/* ---- numbers ---- */

bool liquid_is_number(const struct value *value)
{
    return value->kind == KIND_INTEGER || value->kind == KIND_FLOAT;
}

static double double_of(const struct value *value)
{
    return value->kind == KIND_INTEGER ? (double)value->integer : value->number;
}

/* -1, 0, 1; 2: one is not a number. */
static int order_of_numbers(const struct value *a, const struct value *b)
{
    if (a->kind == KIND_INTEGER && b->kind == KIND_INTEGER)
        return (a->integer > b->integer) - (a->integer < b->integer);
    double x = double_of(a), y = double_of(b);
    return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

/* ---- equality and order ---- */

static bool is_empty(const struct value *value)
{
    return (value->kind == KIND_TEXT && !value->text.len) ||
           (value->kind == KIND_LIST && !value->list.n) ||
           (value->kind == KIND_JSON && !json_size(value->json));
}

static bool is_blank(const struct value *value)
{
    return is_empty(value) || value->kind == KIND_NIL || value->kind == KIND_BLANK ||
           (value->kind == KIND_BOOL && !value->boolean) ||
           (value->kind == KIND_TEXT && !str_trim(value->text).len);
}

static bool equal_lists(struct run *run, const struct value *a, const struct value *b, bool *out)
{
    struct value x, y;
    *out = false;
    if (!liquid_items(run, a, 0, SIZE_MAX, &x) || !liquid_items(run, b, 0, SIZE_MAX, &y))
        return false;
    if (x.list.n != y.list.n)
        return true;
    *out = true;
    for (size_t i = 0; i < x.list.n && *out; i++)
        if (!liquid_steps(run, 1) || !liquid_equal(run, &x.list.items[i], &y.list.items[i], out))
            return false;
    return true;
}

static bool equal_objects(struct run *run, const struct json *a, const struct json *b, bool *out)
{
    size_t size = json_size(a);
    *out = size == json_size(b);
    for (struct json_iter it = json_iter(a); *out && json_next(&it);) {
        const struct json *other = json_get_n(b, it.key);
        struct value x = liquid_value_of(it.value), y = liquid_value_of(other);
        *out = other != NULL;
        if (!liquid_steps(run, 1 + size / BYTES_PER_STEP) ||
            (*out && !liquid_equal(run, &x, &y, out)))
            return false;
    }
    return true;
}

/* What comparing, or looking for something that is not white space, costs. */
static bool reading_costs(struct run *run, const struct value *value)
{
    return value->kind != KIND_TEXT || liquid_steps(run, value->text.len / 1024);
}

bool liquid_equal(struct run *run, const struct value *a, const struct value *b, bool *out)
{
    if (a->kind < b->kind) /* the special ones are last */
        return liquid_equal(run, b, a, out);
    if (!reading_costs(run, b))
        return false;
    if (liquid_is_number(a) && liquid_is_number(b))
        *out = order_of_numbers(a, b) == 0;
    else if (a->kind == KIND_BLANK)
        *out = is_blank(b);
    else if (a->kind == KIND_EMPTY)
        *out = is_empty(b) || b->kind == KIND_EMPTY;
    else if (is_list(a) && is_list(b))
        return equal_lists(run, a, b, out);
    else if (a->kind != b->kind)
        *out = false;
    else if (a->kind == KIND_TEXT)
        *out = str_eq(a->text, b->text);
    else if (a->kind == KIND_JSON)
        return equal_objects(run, a->json, b->json, out);
    else if (a->kind == KIND_RANGE)
        *out = a->range.first == b->range.first && a->range.last == b->range.last;
    else
        *out = a->kind == KIND_NIL || (a->kind == KIND_BOOL && a->boolean == b->boolean) ||
               (a->kind == KIND_LOOP && a->loop == b->loop);
    return true;
}

bool liquid_order(struct run *run, const struct value *a, const struct value *b, int *out)
{
    if (!reading_costs(run, a))
        return false;
    if (liquid_is_number(a) && liquid_is_number(b))
        *out = order_of_numbers(a, b);
    else if (a->kind == KIND_TEXT && b->kind == KIND_TEXT)
        *out = str_cmp(a->text, b->text);
    else
        return liquid_fail(run, "%s has no order with %s", liquid_kind(a), liquid_kind(b));
    return true;
}

static bool contains(struct run *run, const struct value *a, const struct value *b, bool *out)
{
    struct value items;
    struct str text;
    *out = false;
    if (!is_true(b))
        return true;
    if (a->kind == KIND_TEXT || (a->kind == KIND_JSON && !is_list(a))) {
        if (!liquid_text(run, b, &text))
            return false;
        *out = a->kind == KIND_JSON ? json_get_n(a->json, text) != NULL
                                    : liquid_find(a->text, text, 0) != SIZE_MAX;
        return liquid_steps(run, (a->kind == KIND_JSON ? json_size(a->json) : a->text.len) /
                                     BYTES_PER_STEP);
    }
    if (!liquid_items(run, a, 0, SIZE_MAX, &items))
        return false;
    for (size_t i = 0; i < items.list.n && !*out; i++)
        if (!liquid_steps(run, 1) || !liquid_equal(run, &items.list.items[i], b, out))
            return false;
    return true;
}

size_t liquid_find(struct str text, struct str part, size_t from)
{
    if (part.len > text.len || from > text.len - part.len)
        return SIZE_MAX;
    if (!part.len)
        return from;
    const char *at = memmem(text.ptr + from, text.len - from, part.ptr, part.len);
    return at ? (size_t)(at - text.ptr) : SIZE_MAX;
}

static bool has_no_order(const struct value *value)
{
    return value->kind == KIND_NIL || value->kind == KIND_EMPTY || value->kind == KIND_BLANK;
}

bool liquid_compare(struct run *run, enum comparison comparison, const struct value *a,
                    const struct value *b, bool *out)
{
    int order = 2;
    if (comparison == CONTAINS)
        return contains(run, a, b, out);
    if (comparison == EQUAL || comparison == NOT_EQUAL) {
        if (!liquid_equal(run, a, b, out))
            return false;
        *out = *out == (comparison == EQUAL);
        return true;
    }
    if (!has_no_order(a) && !has_no_order(b) && !liquid_order(run, a, b, &order))
        return false;
    *out = order != 2 && (comparison == LESS      ? order < 0
                          : comparison == AT_MOST ? order <= 0
                          : comparison == MORE    ? order > 0
                                                  : order >= 0);
    return true;
}
