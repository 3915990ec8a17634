/* Filters of lists. Lists inside of lists are part of them; anything else is a list of one. */
#include <strings.h>

#include "platform/template/filters.h"

/* item[property]; the property may be nil, which nothing has. */
static bool property_of(struct run *run, const struct value *item, const struct value *property,
                        struct value *out)
{
    return liquid_member(run, item, property, out);
}

FILTER(first)
{
    return liquid_first_or_last(run, value, true, value);
}

FILTER(last)
{
    return liquid_first_or_last(run, value, false, value);
}

FILTER(size)
{
    if (!liquid_size(run, value, value))
        return false;
    if (value->kind == KIND_NIL)
        *value = int_value(0);
    return true;
}

FILTER(default)
{
    bool equal;
    if (in->keyword.kind != KIND_NIL && is_true(&in->keyword) && value->kind == KIND_BOOL)
        return true;
    if (!liquid_equal(run, value, &(struct value){ .kind = KIND_EMPTY }, &equal))
        return false;
    if (!is_true(value) || equal)
        *value = in->n ? in->args[0] : text_value(STR(""));
    return true;
}

FILTER(join)
{
    struct str between = STR(" "), text;
    struct value list;
    if ((in->n && !liquid_text(run, &in->args[0], &between)) || !liquid_elements(run, value, &list))
        return false;
    struct str *parts = ARENA_ARRAY(run->ctx->arena, struct str, list.list.n);
    for (size_t i = 0; i < list.list.n; i++)
        if (!liquid_text(run, &list.list.items[i], &parts[i]))
            return false;
    return liquid_join(run, parts, list.list.n, between, &text) && give_text(value, text);
}

FILTER(reverse)
{
    struct builder builder = { 0 };
    struct value list;
    if (!liquid_elements(run, value, &list))
        return false;
    for (size_t i = list.list.n; i-- > 0;)
        if (!liquid_push(run, &builder, list.list.items[i]))
            return false;
    *value = list_value(builder.items, builder.n);
    return true;
}

FILTER(concat)
{
    struct builder builder = { 0 };
    struct value lists[2];
    if (!is_list(&in->args[0]))
        return liquid_fail(run, "concat is given %s, not a list", liquid_kind(&in->args[0]));
    if (!liquid_elements(run, value, &lists[0]) ||
        !liquid_items(run, &in->args[0], 0, SIZE_MAX, &lists[1]))
        return false;
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; j < lists[i].list.n; j++)
            if (!liquid_push(run, &builder, lists[i].list.items[j]))
                return false;
    *value = list_value(builder.items, builder.n);
    return true;
}

static bool has_members(const struct value *value)
{
    return value->kind == KIND_JSON || value->kind == KIND_LOOP;
}

FILTER(map)
{
    struct builder builder = { 0 };
    struct value list, member;
    if (!liquid_elements(run, value, &list))
        return false;
    for (size_t i = 0; i < list.list.n; i++) {
        if (!has_members(&list.list.items[i]))
            return liquid_fail(run, "map meets %s, which has no members",
                               liquid_kind(&list.list.items[i]));
        if (!property_of(run, &list.list.items[i], &in->args[0], &member) ||
            !liquid_push(run, &builder, member))
            return false;
    }
    *value = list_value(builder.items, builder.n);
    return true;
}

/* What an element counts as: itself, or its property where one is given. */
static bool key_of(struct run *run, const struct filter_input *in, const struct value *item,
                   struct value *out)
{
    *out = *item;
    if (!in->n || in->args[0].kind == KIND_NIL)
        return true;
    if (!has_members(item))
        return liquid_fail(run, "%s has no members", liquid_kind(item));
    return property_of(run, item, &in->args[0], out);
}

FILTER(compact)
{
    struct builder builder = { 0 };
    struct value list, key;
    if (!liquid_elements(run, value, &list))
        return false;
    for (size_t i = 0; i < list.list.n; i++) {
        const struct value *item = &list.list.items[i];
        if (!key_of(run, in, item, &key) ||
            (key.kind != KIND_NIL && !liquid_push(run, &builder, *item)))
            return false;
    }
    *value = list_value(builder.items, builder.n);
    return true;
}

FILTER(sum)
{
    struct value list, key, number, sum = int_value(0);
    if (!liquid_elements(run, value, &list))
        return false;
    for (size_t i = 0; i < list.list.n; i++)
        if (!key_of(run, in, &list.list.items[i], &key) || !liquid_number(run, &key, &number) ||
            !liquid_add(run, &sum, &number, &sum))
            return false;
    *value = sum;
    return true;
}

/* The keys so far are compared one by one; each costs a step. */
FILTER(uniq)
{
    struct builder builder = { 0 }, keys = { 0 };
    struct value list, key;
    if (!liquid_elements(run, value, &list))
        return false;
    for (size_t i = 0; i < list.list.n; i++) {
        bool seen = false;
        if (!key_of(run, in, &list.list.items[i], &key) || !liquid_steps(run, keys.n))
            return false;
        for (size_t j = 0; j < keys.n && !seen; j++)
            if (!liquid_equal(run, &keys.items[j], &key, &seen))
                return false;
        if (!seen &&
            (!liquid_push(run, &keys, key) || !liquid_push(run, &builder, list.list.items[i])))
            return false;
    }
    *value = list_value(builder.items, builder.n);
    return true;
}

/* ---- sorting ---- */

struct sortable {
    struct value key, item;
    struct str text; /* of the key, for sort_natural */
};

static int compare_texts(struct str a, struct str b)
{
    int order = strncasecmp(a.ptr, b.ptr, MIN(a.len, b.len));
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* nil comes last. */
static bool compare(struct run *run, const struct sortable *a, const struct sortable *b,
                    bool natural, int *out)
{
    bool a_nil = a->key.kind == KIND_NIL, b_nil = b->key.kind == KIND_NIL;
    *out = a_nil - b_nil;
    if (a_nil || b_nil)
        return true;
    if (natural) {
        *out = compare_texts(a->text, b->text);
        return liquid_steps(run, a->text.len / 1024);
    }
    return liquid_order(run, &a->key, &b->key, out);
}

/* Merges two sorted halves of `from` into `to`; equal ones stay in order. */
static bool merge(struct run *run, const struct sortable *from, size_t half, size_t n,
                  struct sortable *to, bool natural)
{
    size_t left = 0, right = half;
    for (size_t i = 0; i < n; i++) {
        int order = left == half ? 1 : -1;
        if (left < half && right < n &&
            !(liquid_steps(run, 1) && compare(run, &from[left], &from[right], natural, &order)))
            return false;
        to[i] = from[order <= 0 ? left++ : right++];
    }
    return true;
}

static bool merge_sort(struct run *run, struct sortable *list, struct sortable *spare, size_t n,
                       bool natural)
{
    size_t half = n / 2;
    if (n < 2)
        return true;
    if (!merge_sort(run, list, spare, half, natural) ||
        !merge_sort(run, list + half, spare, n - half, natural))
        return false;
    memcpy(spare, list, n * sizeof(*list));
    return merge(run, spare, half, n, list, natural);
}

static bool sorted(struct run *run, const struct filter_input *in, struct value *value,
                   bool natural)
{
    struct value list;
    if (!liquid_elements(run, value, &list) || !liquid_steps(run, list.list.n * 8))
        return false;
    size_t n = list.list.n;
    struct arena *arena = run->ctx->arena;
    struct sortable *items = ARENA_ARRAY(arena, struct sortable, n);
    struct value *result = ARENA_ARRAY(arena, struct value, n);
    for (size_t i = 0; i < n; i++) {
        items[i].item = list.list.items[i];
        if (!key_of(run, in, &items[i].item, &items[i].key) ||
            (natural && !liquid_text(run, &items[i].key, &items[i].text)))
            return false;
    }
    if (!merge_sort(run, items, ARENA_ARRAY(arena, struct sortable, n), n, natural))
        return false;
    for (size_t i = 0; i < n; i++)
        result[i] = items[i].item;
    *value = list_value(result, n);
    return true;
}

FILTER(sort)
{
    return sorted(run, in, value, false);
}

FILTER(sort_natural)
{
    return sorted(run, in, value, true);
}
