#include <stdlib.h>

#include "platform/schema/run.h"

/* ---- numbers ---- */

bool visit_number(struct run *run, const struct number_rules *rules, const struct json *value,
                  const struct spot *spot)
{
    static const char *const sentences[] = { "must be at least ", "must be at most ",
                                             "must be more than ", "must be less than " };
    const struct json *const bounds[] = { rules->minimum, rules->maximum, rules->above,
                                          rules->below };
    for (int i = 0; i < 4; i++) {
        if (!bounds[i])
            continue;
        int order = json_compare_numbers(value, bounds[i]);
        if (i == 0 ? order < 0 : i == 1 ? order > 0 : i == 2 ? order <= 0 : order >= 0)
            return refuse(run, spot, "%s" STR_FMT, sentences[i],
                          STR_ARG(json_text(run->ctx->arena, bounds[i])));
    }
    if (rules->multiple_of && !decimal_is_multiple(decimal_of(value), rules->step))
        return refuse(run, spot, "must be a multiple of " STR_FMT,
                      STR_ARG(json_text(run->ctx->arena, rules->multiple_of)));
    return true;
}

/* ---- text ---- */

bool visit_string(struct run *run, const struct string_rules *rules, const struct json *value,
                  const struct spot *spot)
{
    struct str text = text_of(val_of(value));
    /* Counted only when the bytes leave it open: a code point has one to four. */
    if (text.len > rules->max_length || (text.len + 3) / 4 < rules->min_length) {
        size_t length = str_utf8_length(text);
        if (length < rules->min_length)
            return refuse(run, spot, "must have at least %zu characters", rules->min_length);
        if (length > rules->max_length)
            return refuse(run, spot, "must have at most %zu characters", rules->max_length);
    }
    if (rules->pattern) {
        enum pattern_result result = pattern_find(rules->pattern, text);
        if (result == PATTERN_TOO_COSTLY)
            return give_up(run);
        if (result == PATTERN_DIFFERS)
            return refuse(run, spot, "does not match the pattern " STR_FMT,
                          STR_ARG(rules->pattern_text));
    }
    if (rules->format && !rules->format(text))
        return refuse(run, spot, "is not a valid " STR_FMT, STR_ARG(rules->format_name));
    return true;
}

/* ---- arrays ---- */

#define FEW_ITEMS 8 /* up to here comparing all pairs is faster than sorting */

static int order_items(const void *a, const void *b)
{
    const struct json *const *left = a, *const *right = b;
    return json_order(*left, *right);
}

static bool refuse_twins(struct run *run, const struct json *array, const struct json *twin,
                         const struct spot *spot)
{
    if (run->quiet)
        return false;
    size_t first = SIZE_MAX;
    for (struct json_iter it = value_iter(array); value_next(&it);) {
        if (!json_equal(it.value, twin))
            continue;
        if (first != SIZE_MAX) {
            struct spot below = { spot, { NULL, 0 }, it.index };
            return refuse(run, &below, "is the same as element %zu", first);
        }
        first = it.index;
    }
    return false;
}

/* Sorted where there are many, so that no choice of items makes it slow. */
static bool visit_unique(struct run *run, const struct json *array, const struct spot *spot)
{
    size_t n = value_size(array);
    const struct json *few[FEW_ITEMS], **items = few, *twin = NULL;
    if (n > FEW_ITEMS)
        items = mem_alloc(n * sizeof(const struct json *));
    for (struct json_iter it = value_iter(array); value_next(&it);) {
        items[it.index] = it.value;
        for (size_t i = 0; n <= FEW_ITEMS && i < it.index; i++)
            if (json_equal(items[i], it.value))
                twin = it.value;
    }
    if (n > FEW_ITEMS) {
        qsort(items, n, sizeof(*items), order_items);
        for (size_t i = 1; i < n && !twin; i++)
            if (json_order(items[i - 1], items[i]) == 0)
                twin = items[i];
        free(items);
    }
    return !twin || refuse_twins(run, array, twin, spot);
}

static bool visit_contains(struct run *run, const struct array_rules *rules,
                           const struct json *array, const struct spot *spot, struct seen *seen)
{
    size_t n = 0;
    bool all = seen || rules->max_contains != SIZE_MAX;
    for (struct json_iter it = value_iter(array);
         value_next(&it) && (all || n < rules->min_contains);) {
        struct spot below = { spot, it.key, it.index };
        if (fits(run, rules->contains, it.value, &below, NULL)) {
            n++;
            seen_mark(seen, it.index);
        }
    }
    if (n < rules->min_contains)
        return refuse(run, spot, "must hold at least %zu fitting elements, not %zu",
                      rules->min_contains, n);
    if (n > rules->max_contains)
        return refuse(run, spot, "must hold at most %zu fitting elements, not %zu",
                      rules->max_contains, n);
    return true;
}

bool visit_array(struct run *run, const struct array_rules *rules, const struct json *value,
                 const struct spot *spot, struct seen *seen)
{
    size_t n = value_size(value);
    if (n < rules->min_items)
        return refuse(run, spot, "must have at least %zu elements", rules->min_items);
    if (n > rules->max_items)
        return refuse(run, spot, "must have at most %zu elements", rules->max_items);
    for (struct json_iter it = value_iter(value); value_next(&it);) {
        const struct node *node = it.index < rules->n_prefix ? rules->prefix[it.index]
                                                             : rules->items;
        if (!node)
            break;
        struct spot below = { spot, it.key, it.index };
        if (!visit(run, node, it.value, &below, NULL))
            return false;
        seen_mark(seen, it.index);
    }
    if (rules->unique && !visit_unique(run, value, spot))
        return false;
    return !rules->contains || visit_contains(run, rules, value, spot, seen);
}

/* ---- objects ---- */

/* `*next` is where the member is that comes next if the instance has the order of the schema. */
static const struct member *member_find(const struct object_rules *rules, struct str name,
                                        uint32_t *next)
{
    if (*next < rules->n_members && same_text(rules->members[*next].name, name))
        return &rules->members[(*next)++];
    if (!rules->slots)
        return NULL;
    for (uint32_t at = member_hash(name);; at++) {
        uint32_t slot = rules->slots[at & rules->slot_mask];
        if (!slot)
            return NULL;
        if (same_text(rules->members[slot - 1].name, name)) {
            *next = slot;
            return &rules->members[slot - 1];
        }
    }
}

static bool has_member(const struct json *object, struct str name)
{
    for (struct json_iter it = value_iter(object); value_next(&it);)
        if (same_text(it.key, name))
            return true;
    return false;
}

static bool has_required(const struct object_rules *rules, const struct json *value)
{
    for (uint32_t i = 0; i < rules->n_required; i++)
        if (!has_member(value, rules->members[i].name))
            return false;
    return true;
}

/* Has a pattern spoken of the name? False with *ok false when its schema refuses the value. */
static bool visit_patterns(struct run *run, const struct object_rules *rules,
                           const struct json *value, const struct spot *below, bool *ok)
{
    bool spoken = false;
    for (size_t i = 0; i < rules->n_patterns; i++) {
        enum pattern_result result = pattern_find(rules->patterns[i].pattern, below->key);
        if (result == PATTERN_DIFFERS)
            continue;
        spoken = true;
        *ok = result == PATTERN_MATCHES ? visit(run, rules->patterns[i].node, value, below, NULL)
                                        : give_up(run);
        if (!*ok)
            return false;
    }
    return spoken;
}

static bool visit_member(struct run *run, const struct object_rules *rules,
                         const struct json_iter *it, const struct member *member,
                         const struct spot *spot, struct seen *seen)
{
    struct spot below = { spot, it->key, it->index };
    bool spoken = member && member->node, ok = true;
    if (spoken && !(member->node->only_type && member->node->types & type_of(it->value)) &&
        !visit(run, member->node, it->value, &below, NULL))
        return false;
    if (rules->n_patterns)
        spoken |= visit_patterns(run, rules, it->value, &below, &ok);
    if (!ok)
        return false;
    if (!spoken && rules->additional) {
        spoken = true;
        if (!visit(run, rules->additional, it->value, &below, NULL))
            return false;
    }
    if (spoken)
        seen_mark(seen, it->index);
    return !rules->names || visit(run, rules->names, json_iter_key(it), &below, NULL);
}

static bool refuse_missing(struct run *run, const struct object_rules *rules,
                           const struct json *value, const struct spot *spot)
{
    for (uint32_t i = 0; i < rules->n_members && !run->quiet; i++) {
        const struct member *member = &rules->members[i];
        struct spot below = { spot, member->name, 0 };
        if (member->required != NOT_REQUIRED && !json_get_n(value, member->name))
            return refuse(run, &below, "is required");
    }
    return false;
}

/* Each member against what is said of it, and whether all that must be there are. */
static bool visit_members(struct run *run, const struct object_rules *rules,
                          const struct json *value, const struct spot *spot, struct seen *seen)
{
    uint32_t next = 0, required = 0;
    for (struct json_iter it = value_iter(value); value_next(&it);) {
        const struct member *member = member_find(rules, it.key, &next);
        if (!visit_member(run, rules, &it, member, spot, seen))
            return false;
        required += member && member->required != NOT_REQUIRED;
    }
    return required >= rules->n_required || refuse_missing(run, rules, value, spot);
}

static bool visit_dependent(struct run *run, const struct dependent *dependent,
                            const struct json *value, const struct spot *spot, struct seen *seen)
{
    if (!json_get_n(value, dependent->name))
        return true;
    for (struct json_iter it = value_iter(dependent->names); value_next(&it);) {
        struct spot below = { spot, json_str(it.value), 0 };
        if (!json_get_n(value, json_str(it.value)))
            return refuse(run, &below, "is required beside " STR_FMT, STR_ARG(dependent->name));
    }
    return !dependent->node || visit(run, dependent->node, value, spot, seen);
}

bool visit_object(struct run *run, const struct object_rules *rules, const struct json *value,
                  const struct spot *spot, struct seen *seen)
{
    size_t n = value_size(value);
    if (n < rules->min_members)
        return refuse(run, spot, "must have at least %zu members", rules->min_members);
    if (n > rules->max_members)
        return refuse(run, spot, "must have at most %zu members", rules->max_members);
    run->steps += (unsigned)n;
    bool ok = rules->names_only
                  ? has_required(rules, value) || refuse_missing(run, rules, value, spot)
                  : visit_members(run, rules, value, spot, seen);
    if (!ok)
        return false;
    for (size_t i = 0; i < rules->n_dependents; i++)
        if (!visit_dependent(run, &rules->dependents[i], value, spot, seen))
            return false;
    return true;
}
