#include "base/clock.h"
#include "platform/rules/program.h"

#define LONGEST_NAME 1024

const struct path *path_cut(struct arena *arena, struct str name)
{
    struct path *path = ARENA_NEW(arena, struct path);
    path->name = name;
    if (name.len == 0)
        return path;
    size_t n = 1;
    for (size_t i = 0; i < name.len; i++)
        n += name.ptr[i] == '.';
    struct str *parts = ARENA_ARRAY(arena, struct str, n), rest = name, part;
    while (str_split(&rest, '.', &part))
        parts[path->n++] = part;
    path->parts = parts;
    return path;
}

/* An index into a list: digits only. */
static bool index_of(struct str part, size_t n, size_t *out)
{
    int64_t index;
    if (part.len == 0 || part.ptr[0] == '-' || !str_to_int(part, &index) || (uint64_t)index >= n)
        return false;
    *out = (size_t)index;
    return true;
}

static bool step_into(struct run *run, struct value *value, struct str part, bool *found)
{
    size_t index;
    *found = false;
    if (value->kind == VALUE_ARRAY && index_of(part, value->n_items, &index)) {
        struct value item = value->items[index];
        *value = item;
        *found = true;
    } else if (value->kind == VALUE_JSON) {
        bool object = json_type(value->json) == JSON_OBJECT;
        const struct json *below = NULL;
        if (!take_steps(run, 1 + json_size(value->json) / 16)) /* looked for one by one */
            return false;
        if (object)
            below = json_get_n(value->json, part);
        else if (index_of(part, json_size(value->json), &index))
            below = json_at(value->json, index);
        *found = below != NULL;
        *value = value_of(below);
    }
    return true;
}

static bool walk(struct run *run, const struct value *from, const struct path *path, size_t first,
                 struct value *out, bool *found)
{
    struct value value = *from;
    *found = true;
    for (size_t i = first; i < path->n && *found; i++)
        if (!step_into(run, &value, path->parts[i], found))
            return false;
    if (*found)
        *out = value;
    return true;
}

/* What flagd gives every rule: $flagd.flagKey, $flagd.timestamp (seconds), targetingKey. */
static bool look_up_given(const struct rule_input *input, struct str name, struct value *out)
{
    if (str_is(name, "$flagd.flagKey") && input->flag_key.ptr)
        return give_str(out, input->flag_key);
    if (str_is(name, "$flagd.timestamp"))
        return give_number(out, (double)(clock_now_us() / US_PER_S));
    if (str_is(name, "targetingKey") && input->targeting_key.ptr)
        return give_str(out, input->targeting_key);
    return false;
}

static bool look_up_input(struct run *run, const struct path *path, struct value *out, bool *found)
{
    const struct rule_input *input = run->input;
    *found = input->lookup && input->lookup(run->ctx, path->name, input->argument, out);
    if (*found || ctx_failed(run->ctx))
        return !ctx_failed(run->ctx);
    if (input->data) {
        struct value whole = value_of(input->data);
        if (!walk(run, &whole, path, 0, out, found) || *found)
            return *found;
    }
    *found = look_up_given(input, path->name, out);
    return true;
}

static bool look_up_once(struct run *run, const struct path *path, uint32_t number,
                         struct value *out, bool *found)
{
    struct rule_memo *memo = run->input->memo;
    if (!memo || number == 0 || number > memo->n)
        return look_up_input(run, path, out, found);
    uint32_t i = number - 1;
    if (memo->states[i] == MEMO_EMPTY) {
        if (!look_up_input(run, path, &memo->values[i], found))
            return false;
        memo->states[i] = *found ? MEMO_FOUND : MEMO_NONE;
    }
    *found = memo->states[i] == MEMO_FOUND;
    if (*found)
        *out = memo->values[i];
    return true;
}

bool look_up(struct run *run, const struct path *path, uint32_t number, struct value *out,
             bool *found)
{
    const struct scope *scope = &run->scope;
    if (!scope->item)
        return look_up_once(run, path, number, out, found);
    if (!scope->accumulator)
        return walk(run, scope->item, path, 0, out, found);
    *found = false;
    if (path->n && str_is(path->parts[0], "current"))
        return walk(run, scope->item, path, 1, out, found);
    if (path->n && str_is(path->parts[0], "accumulator"))
        return walk(run, scope->accumulator, path, 1, out, found);
    return true;
}

/* A name made by the rule: its parts cost steps, and no name is that long. */
bool look_up_name(struct run *run, struct str name, struct value *out, bool *found)
{
    *found = false;
    if (name.len > LONGEST_NAME)
        return take_steps(run, 1);
    const struct path *path = path_cut(run->ctx->arena, name);
    return take_steps(run, 1 + path->n) && look_up(run, path, 0, out, found);
}
