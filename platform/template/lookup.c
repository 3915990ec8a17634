/* What an operand stands for. */
#include "platform/template/program.h"

struct value liquid_value_of(const struct json *json)
{
    switch (json_type(json)) {
    case JSON_BOOL:
        return bool_value(json_bool(json));
    case JSON_INTEGER:
        return int_value(json_int(json));
    case JSON_NUMBER:
        return float_value(json_double(json));
    case JSON_STRING:
        return text_value(json_str(json));
    case JSON_ARRAY:
    case JSON_OBJECT:
        return (struct value){ .kind = KIND_JSON, .json = json };
    default:
        return nil_value();
    }
}

/* Members and elements are looked for one after another. */
static bool search_costs(struct run *run, const struct json *container)
{
    size_t size = json_size(container);
    return size < BYTES_PER_STEP || liquid_steps(run, size / BYTES_PER_STEP);
}

/* ---- names ---- */

static bool load_slot(struct run *run, uint32_t index, struct value *out)
{
    struct slot *slot = &run->frame->slots[index];
    if (slot->state == SLOT_UNKNOWN) {
        const struct json *data = run->frame->data;
        if (!search_costs(run, data))
            return false;
        slot->value = slot->counted
                          ? int_value(slot->counter)
                          : liquid_value_of(json_get_n(data, run->template->names[index]));
        slot->state = SLOT_READ;
    }
    *out = slot->value;
    return true;
}

/* A name that is known only now: loops around are not looked at. */
static bool load_named(struct run *run, const struct operand *from, struct value *out)
{
    struct value name;
    *out = nil_value();
    if (!liquid_load(run, from, &name))
        return false;
    if (name.kind != KIND_TEXT)
        return true;
    const struct template *template = run->template;
    if (!liquid_steps(run, template->n_names / BYTES_PER_STEP))
        return false;
    for (uint32_t i = 0; i < template->n_names; i++)
        if (str_eq(template->names[i], name.text))
            return load_slot(run, i, out);
    if (!search_costs(run, run->frame->data))
        return false;
    *out = liquid_value_of(json_get_n(run->frame->data, name.text));
    return true;
}

/* ---- ranges ---- */

static bool load_end(struct run *run, const struct operand *operand, int64_t *out)
{
    struct value value;
    if (!liquid_load(run, operand, &value))
        return false;
    return liquid_integer(run, &value, out);
}

static bool load_range(struct run *run, const struct operand *operand, struct value *out)
{
    out->kind = KIND_RANGE;
    out->safe = false;
    return load_end(run, operand->from, &out->range.first) &&
           load_end(run, operand->to, &out->range.last);
}

/* ---- steps ---- */

static struct value loop_member(const struct loop *loop, struct str key)
{
    size_t column = loop->row ? loop->index % loop->columns : 0;
    const struct {
        const char *name;
        bool rows_only, loops_only;
        struct value value;
    } members[] = {
        { "index", false, false, int_value((int64_t)loop->index + 1) },
        { "index0", false, false, int_value((int64_t)loop->index) },
        { "rindex", false, false, int_value((int64_t)(loop->n - loop->index)) },
        { "rindex0", false, false, int_value((int64_t)(loop->n - loop->index) - 1) },
        { "first", false, false, bool_value(loop->index == 0) },
        { "last", false, false, bool_value(loop->index + 1 == loop->n) },
        { "length", false, false, int_value((int64_t)loop->n) },
        { "name", false, true, text_value(loop->call->name) },
        { "parentloop", false, true,
          loop->parent ? (struct value){ .kind = KIND_LOOP, .loop = loop->parent } : nil_value() },
        { "col", true, false, int_value((int64_t)column + 1) },
        { "col0", true, false, int_value((int64_t)column) },
        { "col_first", true, false, bool_value(column == 0) },
        { "col_last", true, false,
          bool_value(column + 1 == loop->columns || loop->index + 1 == loop->n) },
        { "row", true, false,
          int_value(loop->row ? (int64_t)(loop->index / loop->columns) + 1 : 0) },
    };
    for (size_t i = 0; i < COUNT(members); i++)
        if (str_is(key, members[i].name) &&
            !(loop->row ? members[i].loops_only : members[i].rows_only))
            return members[i].value;
    return nil_value();
}

static bool take_element(struct run *run, const struct value *from, int64_t index,
                         struct value *out)
{
    size_t n = from->kind == KIND_LIST ? from->list.n : json_size(from->json);
    if (index < 0)
        index += (int64_t)n;
    *out = nil_value();
    if (index < 0 || index >= (int64_t)n)
        return true;
    if (from->kind == KIND_LIST) {
        *out = from->list.items[index];
        return true;
    }
    *out = liquid_value_of(json_at(from->json, (size_t)index));
    return search_costs(run, from->json);
}

/* size, first and last, which are words of their own where there is no member of that name. */
static bool take_word(struct run *run, const struct value *from, struct str key, struct value *out)
{
    *out = nil_value();
    if (str_is(key, "size"))
        return liquid_size(run, from, out);
    bool first = str_is(key, "first");
    if (first || str_is(key, "last"))
        return liquid_first_or_last(run, from, first, out);
    return true;
}

static bool take_step(struct run *run, const struct value *from, const struct value *key,
                      struct value *out)
{
    bool object = from->kind == KIND_JSON && json_type(from->json) == JSON_OBJECT;
    if (key->kind == KIND_TEXT && object) {
        const struct json *member = json_get_n(from->json, key->text);
        *out = liquid_value_of(member);
        return search_costs(run, from->json) && (member || take_word(run, from, key->text, out));
    }
    if (key->kind == KIND_TEXT && from->kind == KIND_LOOP) {
        *out = loop_member(from->loop, key->text);
        return true;
    }
    if (key->kind == KIND_TEXT)
        return take_word(run, from, key->text, out);
    if (key->kind == KIND_INTEGER && !object &&
        (from->kind == KIND_LIST || from->kind == KIND_JSON))
        return take_element(run, from, key->integer, out);
    *out = nil_value();
    return true;
}

bool liquid_member(struct run *run, const struct value *from, const struct value *key,
                   struct value *out)
{
    struct value source = *from;
    return take_step(run, &source, key, out);
}

static bool load_root(struct run *run, const struct operand *operand, struct value *out)
{
    switch (operand->root) {
    case ROOT_CONSTANT:
        *out = operand->constant;
        return true;
    case ROOT_NAME:
        return load_slot(run, operand->index, out);
    case ROOT_DYNAMIC:
        return load_named(run, operand->from, out);
    case ROOT_ITEM:
        *out = liquid_item(&run->frame->loops[operand->index]);
        return true;
    case ROOT_LOOP:
        *out = (struct value){ .kind = KIND_LOOP, .loop = &run->frame->loops[operand->index] };
        return true;
    case ROOT_RANGE:
        return load_range(run, operand, out);
    }
    return false;
}

bool liquid_load(struct run *run, const struct operand *operand, struct value *out)
{
    if (!load_root(run, operand, out))
        return false;
    for (uint32_t i = 0; i < operand->n_steps; i++) {
        struct value from = *out, key;
        const struct step *step = &operand->steps[i];
        if (step->from && !liquid_load(run, step->from, &key))
            return false;
        if (!take_step(run, &from, step->from ? &key : &step->key, out))
            return false;
    }
    return true;
}
