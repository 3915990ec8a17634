/* Operations of loops. */
#include <stdio.h>

#include "platform/template/program.h"

#define OPERATION(name) bool op_liquid_##name(struct run *run, const struct instruction *in)

/* A number, or a text that is one; nil: `otherwise`. */
static bool load_number(struct run *run, const struct operand *operand, const char *what,
                        size_t otherwise, size_t *out)
{
    struct value value = nil_value();
    int64_t number;
    double real;
    if (operand && !liquid_load(run, operand, &value))
        return false;
    switch (value.kind) {
    case KIND_NIL:
        *out = otherwise;
        return true;
    case KIND_INTEGER:
        number = value.integer;
        break;
    case KIND_FLOAT:
        real = value.number;
        number = real > 1e15 ? (int64_t)1e15 : real > 0 ? (int64_t)real : 0;
        break;
    default:
        if (value.kind != KIND_TEXT || !str_to_int(value.text, &number))
            return liquid_fail(run, "%s is %s, not a number", what, liquid_kind(&value));
    }
    *out = number > 0 ? (size_t)number : 0;
    return true;
}

struct value liquid_item(const struct loop *loop)
{
    if (loop->index >= loop->n)
        return nil_value();
    return loop->items[loop->call->reversed ? loop->n - 1 - loop->index : loop->index];
}

/* The loop around, of the same template: its `forloop.parentloop`. */
static const struct loop *parent_of(const struct run *run, uint32_t index)
{
    while (index--)
        if (!run->frame->loops[index].row)
            return &run->frame->loops[index];
    return NULL;
}

static bool begin(struct run *run, const struct instruction *in, bool row)
{
    const struct for_call *call = in->loop;
    struct value items, over = run->value;
    size_t offset, limit, *place = &run->frame->places[call->place];
    if (!load_number(run, call->offset, "offset", 0, &offset) ||
        !load_number(run, call->limit, "limit", SIZE_MAX, &limit))
        return false;
    if (call->goes_on)
        offset = *place;
    if (!liquid_items(run, &over, offset, limit, &items))
        return false;
    *place = offset + items.list.n;
    struct loop *loop = &run->frame->loops[in->index];
    *loop = (struct loop){
        .call = call,
        .items = items.list.items,
        .parent = parent_of(run, in->index),
        .n = items.list.n,
        .row = row,
    };
    if (row && !load_number(run, call->columns, "cols", items.list.n, &loop->columns))
        return false;
    if (row && !loop->columns)
        loop->columns = MAX(items.list.n, 1);
    return true;
}

OPERATION(for)
{
    return begin(run, in, false) && (run->frame->loops[in->index].n > 0 || op_liquid_jump(run, in));
}

OPERATION(next)
{
    struct loop *loop = &run->frame->loops[in->index];
    return ++loop->index >= loop->n || op_liquid_jump(run, in);
}

OPERATION(row)
{
    return begin(run, in, true) && liquid_put(run, STR("<tr class=\"row1\">\n")) &&
           (run->frame->loops[in->index].n > 0 || op_liquid_jump(run, in));
}

static bool put_number(struct run *run, const char *before, size_t number)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%s%zu\">", before, number);
    return liquid_put(run, (struct str){ text, (size_t)n });
}

OPERATION(cell)
{
    const struct loop *loop = &run->frame->loops[in->index];
    return put_number(run, "<td class=\"col", loop->index % loop->columns + 1);
}

OPERATION(cell_end)
{
    struct loop *loop = &run->frame->loops[in->index];
    if (!liquid_put(run, STR("</td>")))
        return false;
    if (++loop->index >= loop->n)
        return true;
    if (loop->index % loop->columns == 0 &&
        !put_number(run, "</tr>\n<tr class=\"row", loop->index / loop->columns + 1))
        return false;
    return op_liquid_jump(run, in);
}

/* ---- cycle ---- */

static bool cycle_state(struct run *run, const struct cycle_call *call, struct cycle_state **out)
{
    struct str name = call->text;
    if (call->name) {
        struct value value;
        if (!liquid_load(run, call->name, &value) || !liquid_text(run, &value, &name))
            return false;
    }
    if (!liquid_steps(run, name.len / BYTES_PER_STEP))
        return false;
    struct cycle_state *state = run->frame->cycles;
    for (; state; state = state->next) {
        if (!liquid_steps(run, 1))
            return false;
        if (state->named == (call->name != NULL) && str_eq(state->name, name))
            break;
    }
    if (!state) {
        state = ARENA_NEW(run->ctx->arena, struct cycle_state);
        *state = (struct cycle_state){ run->frame->cycles, name, call->name != NULL, 0 };
        run->frame->cycles = state;
    }
    *out = state;
    return true;
}

/* A name may go through lists of different lengths: what a shorter one does not have prints nothing. */
OPERATION(cycle)
{
    struct list items = in->cycle->items;
    struct cycle_state *state;
    struct value value = nil_value();
    if (!cycle_state(run, in->cycle, &state) ||
        (state->at < items.n && !liquid_load(run, &items.operands[state->at], &value)))
        return false;
    state->at = state->at + 1 < items.n ? state->at + 1 : 0;
    return liquid_put_value(run, &value);
}
