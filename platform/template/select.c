/* Filters that choose elements by a property, or by a part of a text. */
#include "platform/template/filters.h"

/* What an element has: false where it is of a kind that has nothing, and then the filter's result is nil. */
static bool look_into(struct run *run, const struct value *item, const struct value *property,
                      struct value *out, bool *possible)
{
    *possible = true;
    *out = nil_value();
    switch (item->kind) {
    case KIND_JSON:
    case KIND_LOOP:
        return liquid_member(run, item, property, out);
    case KIND_TEXT:
        *possible = property->kind == KIND_TEXT;
        if (*possible && liquid_find(item->text, property->text, 0) != SIZE_MAX)
            *out = *property;
        return liquid_steps(run, item->text.len / BYTES_PER_STEP);
    case KIND_INTEGER: /* its bit, which is a number, and so true */
        if (property->kind != KIND_INTEGER)
            return liquid_fail(run, "a number has no property");
        *out = int_value(0);
        return true;
    default:
        *possible = false;
        return true;
    }
}

/* Without a value (nil is none): whether it is true; with one: whether it is equal. */
static bool fits(struct run *run, const struct filter_input *in, const struct value *item,
                 bool *fit, bool *possible)
{
    struct value found;
    if (!look_into(run, item, &in->args[0], &found, possible))
        return false;
    *fit = *possible && is_true(&found);
    return !*possible || in->args[1].kind == KIND_NIL ||
           liquid_equal(run, &found, &in->args[1], fit);
}

static bool chosen(struct run *run, const struct filter_input *in, struct value *value, bool wanted)
{
    struct builder builder = { 0 };
    struct value list;
    bool fit, possible;
    if (!liquid_elements(run, value, &list))
        return false;
    for (size_t i = 0; i < list.list.n; i++) {
        if (!fits(run, in, &list.list.items[i], &fit, &possible))
            return false;
        if (!possible) {
            *value = nil_value();
            return true;
        }
        if (fit == wanted && !liquid_push(run, &builder, list.list.items[i]))
            return false;
    }
    *value = list_value(builder.items, builder.n);
    return true;
}

FILTER(where)
{
    return chosen(run, in, value, true);
}

FILTER(reject)
{
    return chosen(run, in, value, false);
}

/* *index: of the first that fits, SIZE_MAX: none; false in *possible: the result is nil. */
static bool find_first(struct run *run, const struct filter_input *in, const struct value *list,
                       size_t *index, bool *possible)
{
    bool fit = false;
    *possible = true;
    *index = SIZE_MAX;
    for (size_t i = 0; i < list->list.n && *possible && !fit; i++) {
        if (!fits(run, in, &list->list.items[i], &fit, possible))
            return false;
        if (fit)
            *index = i;
    }
    return true;
}

enum answer { ITEM, INDEX, WHETHER };

static bool found(struct run *run, const struct filter_input *in, struct value *value,
                  enum answer answer)
{
    struct value list;
    size_t index;
    bool possible;
    if (!liquid_elements(run, value, &list) || !find_first(run, in, &list, &index, &possible))
        return false;
    *value = nil_value();
    if (answer == WHETHER && possible)
        *value = bool_value(index != SIZE_MAX);
    else if (answer == INDEX && index != SIZE_MAX)
        *value = int_value((int64_t)index);
    else if (answer == ITEM && index != SIZE_MAX)
        *value = list.list.items[index];
    return true;
}

FILTER(find)
{
    return found(run, in, value, ITEM);
}

FILTER(find_index)
{
    return found(run, in, value, INDEX);
}

FILTER(has)
{
    return found(run, in, value, WHETHER);
}
