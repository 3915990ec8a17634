#include <stdio.h>

#include "platform/template/program.h"

/* ---- errors and limits ---- */

bool liquid_fail(struct run *run, const char *format, ...)
{
    struct arena *arena = run->ctx->arena;
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(arena, format, args);
    va_end(args);
    struct str place = liquid_place(arena, run->template->source, run->at->at);
    enum error_code code = ctx_failed(run->ctx) ? run->ctx->error.code : ERR_INVALID;
    return ctx_fail(run->ctx, code, STR_FMT ": " STR_FMT, STR_ARG(place), STR_ARG(sentence));
}

bool liquid_too_large(struct run *run, const char *format, size_t limit)
{
    struct str sentence = arena_printf(run->ctx->arena, format, limit);
    struct str place = liquid_place(run->ctx->arena, run->template->source, run->at->at);
    return ctx_fail(run->ctx, ERR_TOO_LARGE, STR_FMT ": " STR_FMT, STR_ARG(place),
                    STR_ARG(sentence));
}

static bool too_many_steps(struct run *run)
{
    run->steps = run->most_steps;
    return liquid_too_large(run, "the template takes more than %zu steps", run->most_steps);
}

bool liquid_steps(struct run *run, size_t n)
{
    if (n > run->most_steps - run->steps)
        return too_many_steps(run);
    run->steps += n;
    return true;
}

char *liquid_room(struct run *run, size_t bytes)
{
    if (!liquid_steps(run, bytes / BYTES_PER_STEP))
        return NULL;
    char *room = arena_alloc_raw(run->ctx->arena, bytes + 1);
    room[bytes] = '\0';
    return room;
}

/* ---- output ---- */

static bool make_room(struct run *run, size_t bytes)
{
    struct output *out = run->out;
    if (bytes > run->most_bytes - out->len)
        return liquid_too_large(run, "the result has more than %zu bytes", run->most_bytes);
    size_t cap = MIN(MAX(out->cap * 2, out->len + bytes), run->most_bytes);
    char *larger = arena_alloc_raw(run->ctx->arena, cap + 1);
    if (out->len)
        memcpy(larger, out->ptr, out->len);
    out->ptr = larger;
    out->cap = cap;
    return true;
}

bool liquid_put(struct run *run, struct str text)
{
    struct output *out = run->out;
    if (text.len > out->cap - out->len && !make_room(run, text.len))
        return false;
    if (text.len)
        memcpy(out->ptr + out->len, text.ptr, text.len);
    out->len += text.len;
    return true;
}

/* What stands for a character in HTML: in text, and in attributes with quotes. */
static const struct str entities[256] = {
    ['&'] = STR_INIT("&amp;"), ['<'] = STR_INIT("&lt;"),   ['>'] = STR_INIT("&gt;"),
    ['"'] = STR_INIT("&quot;"), ['\''] = STR_INIT("&#39;"),
};

struct str liquid_entity(char c)
{
    return entities[(unsigned char)c];
}

static bool put_escaped(struct run *run, struct str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!has_entity(text.ptr[i]))
            continue;
        if (!liquid_put(run, (struct str){ text.ptr + from, i - from }) ||
            !liquid_put(run, liquid_entity(text.ptr[i])))
            return false;
        from = i + 1;
    }
    return liquid_put(run, (struct str){ text.ptr + from, text.len - from });
}

bool liquid_put_value(struct run *run, const struct value *value)
{
    struct str text;
    if (value->kind == KIND_LIST) { /* each by itself: some may be markup */
        for (size_t i = 0; i < value->list.n; i++)
            if (!liquid_steps(run, 1) || !liquid_put_value(run, &value->list.items[i]))
                return false;
        return true;
    }
    if (!liquid_text(run, value, &text))
        return false;
    return run->escapes && !value->safe ? put_escaped(run, text) : liquid_put(run, text);
}

/* ---- operations ---- */

#define OPERATION(name) bool op_liquid_##name(struct run *run, const struct instruction *in)

OPERATION(text)
{
    return liquid_put(run, in->text);
}

OPERATION(show)
{
    struct value value;
    return liquid_load(run, in->operand, &value) && liquid_put_value(run, &value);
}

OPERATION(load)
{
    return liquid_load(run, in->operand, &run->value);
}

/* What a filter reads costs as what it makes. */
static size_t bytes_read(const struct filter_input *in, const struct value *value)
{
    size_t bytes = value->kind == KIND_TEXT ? value->text.len : 0;
    for (size_t i = 0; i < in->n; i++)
        bytes += in->args[i].kind == KIND_TEXT ? in->args[i].text.len : 0;
    return bytes;
}

OPERATION(filter)
{
    const struct filter_call *call = in->filter;
    struct filter_input input = { .n = call->n };
    for (uint32_t i = 0; i < call->n; i++)
        if (!liquid_load(run, &call->args[i], &input.args[i]))
            return false;
    if (call->keyword && !liquid_load(run, call->keyword, &input.keyword))
        return false;
    if (!liquid_steps(run, bytes_read(&input, &run->value) / BYTES_PER_STEP))
        return false;
    bool safe = call->filter->keeps_safe && run->value.kind == KIND_TEXT && run->value.safe;
    if (!call->filter->apply(run, &input, &run->value))
        return false;
    run->value.safe |= safe;
    return true;
}

OPERATION(print)
{
    return liquid_put_value(run, &run->value);
}

void liquid_assign(struct run *run, uint32_t index, const struct value *value)
{
    struct slot *slot = &run->frame->slots[index];
    slot->state = SLOT_ASSIGNED;
    slot->value = *value;
}

OPERATION(assign)
{
    liquid_assign(run, in->index, &run->value);
    return true;
}

OPERATION(compare)
{
    struct value left, right;
    bool answer;
    if (!liquid_load(run, &in->test->left, &left) || !liquid_load(run, &in->test->right, &right) ||
        !liquid_compare(run, in->test->comparison, &left, &right, &answer))
        return false;
    run->value = bool_value(answer);
    return true;
}

OPERATION(jump)
{
    run->next = run->template->code + in->target;
    return true;
}

OPERATION(jump_false)
{
    return is_true(&run->value) || op_liquid_jump(run, in);
}

OPERATION(jump_true)
{
    return !is_true(&run->value) || op_liquid_jump(run, in);
}

/* ---- captures ---- */

OPERATION(capture)
{
    struct output *out = ARENA_NEW(run->ctx->arena, struct output);
    out->outer = run->out;
    run->out = out;
    return true;
}

static bool end_capture(struct run *run, struct str *text)
{
    struct output *out = run->out;
    run->out = out->outer;
    *text = (struct str){ out->ptr ? out->ptr : "", out->len };
    if (out->ptr)
        out->ptr[out->len] = '\0';
    return liquid_steps(run, out->len / BYTES_PER_STEP);
}

OPERATION(capture_end)
{
    struct str text;
    if (!end_capture(run, &text))
        return false;
    struct value value = text_value(text);
    value.safe = run->escapes;
    liquid_assign(run, in->index, &value);
    return true;
}

OPERATION(changed_end)
{
    struct str text;
    if (!end_capture(run, &text))
        return false;
    if (str_eq(text, run->frame->changed))
        return true;
    run->frame->changed = text;
    return liquid_put(run, text);
}

/* ---- counters ---- */

static bool count(struct run *run, uint32_t index, int change, bool before)
{
    struct slot *slot = &run->frame->slots[index];
    slot->counted = true;
    struct value shown = int_value(before ? slot->counter : slot->counter + change);
    slot->counter += change;
    if (slot->state == SLOT_READ)
        slot->state = SLOT_UNKNOWN;
    return liquid_put_value(run, &shown);
}

OPERATION(increment)
{
    return count(run, in->index, 1, true);
}

OPERATION(decrement)
{
    return count(run, in->index, -1, false);
}

/* ---- case ---- */

OPERATION(case)
{
    run->frame->cases[in->index] = (struct case_state){ .value = run->value };
    return true;
}

OPERATION(when)
{
    struct case_state *state = &run->frame->cases[in->index];
    for (uint32_t i = 0; i < in->list->n; i++) {
        struct value value;
        bool equal;
        if (!liquid_load(run, &in->list->operands[i], &value) ||
            !liquid_equal(run, &state->value, &value, &equal))
            return false;
        state->left += equal;
    }
    state->matched |= state->left > 0;
    return state->left || op_liquid_jump(run, in);
}

OPERATION(again)
{
    struct case_state *state = &run->frame->cases[in->index];
    return --state->left == 0 || op_liquid_jump(run, in);
}

OPERATION(otherwise)
{
    return !run->frame->cases[in->index].matched || op_liquid_jump(run, in);
}

/* ---- the whole ---- */

bool liquid_enter(struct run *run, const struct template *template, const struct json *data)
{
    size_t slots = template->n_names * sizeof(struct slot);
    size_t loops = template->n_loops * sizeof(struct loop);
    size_t cases = template->n_cases * sizeof(struct case_state);
    size_t bytes = slots + loops + cases + (template->n_places + 1) * sizeof(size_t);
    if (!liquid_steps(run, bytes / 1024)) /* what clearing costs */
        return false;
    struct frame *frame = &run->frames[run->depth];
    char *room = (char *)frame->slots;
    if (bytes > run->frame_bytes[run->depth]) {
        room = arena_alloc_raw(run->ctx->arena, bytes);
        run->frame_bytes[run->depth] = bytes;
    }
    memset(room, 0, bytes);
    *frame = (struct frame){
        .data = data,
        .slots = (struct slot *)room,
        .loops = (struct loop *)(room + slots),
        .cases = (struct case_state *)(room + slots + loops),
        .places = (size_t *)(room + slots + loops + cases),
    };
    run->frame = frame;
    run->template = template;
    run->at = template->code;
    return true;
}

static bool (*const operations[])(struct run *, const struct instruction *) = {
#define X(id, name) [OP_##id] = op_liquid_##name,
    OPERATIONS(X)
#undef X
};

bool liquid_execute(struct run *run)
{
    run->next = run->template->code;
    for (;;) {
        run->at = run->next++;
        if (run->at->op == OP_END)
            return true;
        if (run->steps++ == run->most_steps)
            return too_many_steps(run);
        if (!operations[run->at->op](run, run->at))
            return false;
    }
}

bool template_render(struct ctx *ctx, const struct template *template,
                     const struct template_options *options, struct str *out)
{
    struct output output = { 0 };
    struct run run = {
        .ctx = ctx,
        .options = options,
        .template = template,
        .at = template->code,
        .out = &output,
        .most_steps = options->most_steps ? options->most_steps : TEMPLATE_MOST_STEPS,
        .most_bytes = options->most_bytes ? options->most_bytes : TEMPLATE_MOST_BYTES,
        .escapes = !options->text,
    };
    output.cap = MIN(template->text_bytes + template->text_bytes / 4 + 1024, run.most_bytes);
    output.ptr = arena_alloc_raw(ctx->arena, output.cap + 1);
    if (!liquid_enter(&run, template, options->data) || !liquid_execute(&run))
        return false;
    output.ptr[output.len] = '\0';
    *out = (struct str){ output.ptr, output.len };
    return true;
}
