/* Choices, names, and what is printed. */
#include "platform/template/compiler.h"

/* ---- if, unless ---- */

static bool condition(struct compiler *c, size_t at, bool wanted, uint32_t *otherwise)
{
    if (!parse_condition(c, at) || !close_tag(c))
        return false;
    emit_jump(c, wanted ? OP_JUMP_FALSE : OP_JUMP_TRUE, at, otherwise);
    return true;
}

/* Branches behind `else` are read, and never reached. */
static bool if_or_unless(struct compiler *c, size_t at, bool wanted, const char *name,
                         const char *const *ends)
{
    struct block block;
    uint32_t done = NO_JUMP, otherwise = NO_JUMP;
    int which;
    block_open(c, &block, BLOCK_PLAIN, name, at);
    if (!condition(c, at, wanted, &otherwise))
        return false;
    for (;;) {
        size_t here = c->pos;
        if (!compile_block(c, ends, &which))
            return false;
        if (which == 0)
            break;
        emit_jump(c, OP_JUMP, here, &done);
        patch_jumps(c, otherwise);
        otherwise = NO_JUMP;
        if (which == 1 ? !condition(c, here, true, &otherwise) : !skip_arguments(c))
            return false;
    }
    patch_jumps(c, otherwise);
    patch_jumps(c, done);
    block_close(c, &block);
    return close_tag(c);
}

bool tag_if(struct compiler *c, size_t at)
{
    return if_or_unless(c, at, true, "if", (const char *const[]){ "endif", "elsif", "else", NULL });
}

bool tag_unless(struct compiler *c, size_t at)
{
    return if_or_unless(c, at, false, "unless",
                        (const char *const[]){ "endunless", "elsif", "else", NULL });
}

/* ---- case ---- */

static bool parse_when(struct compiler *c, size_t at, uint32_t index, uint32_t *none)
{
    struct operand *operands = NULL;
    uint32_t n = 0, cap = 0;
    bool more;
    do {
        operands = liquid_grown(c->arena, operands, sizeof(*operands), n, &cap);
        if (!parse_operand(c, &operands[n++]))
            return false;
        more = is_sign(c, ',') || is_word(c, "or");
        if (more && !next_token(c))
            return false;
    } while (more);
    struct list *list = ARENA_NEW(c->arena, struct list);
    *list = (struct list){ operands, n };
    emit_jump(c, OP_WHEN, at, none);
    c->code[c->n_code - 1].list = list;
    c->code[c->n_code - 1].index = index;
    return close_tag(c);
}

static bool compile_when(struct compiler *c, size_t at, uint32_t index, const char *const *ends,
                         int *which)
{
    uint32_t none = NO_JUMP, start;
    if (!parse_when(c, at, index, &none))
        return false;
    start = c->n_code;
    if (!compile_block(c, ends, which))
        return false;
    struct instruction *again = liquid_emit(c, OP_AGAIN, at);
    again->index = index;
    again->target = start;
    patch_jumps(c, none);
    return true;
}

static bool compile_otherwise(struct compiler *c, size_t at, uint32_t index,
                              const char *const *ends, int *which)
{
    uint32_t matched = NO_JUMP;
    if (!skip_arguments(c))
        return false;
    emit_jump(c, OP_OTHERWISE, at, &matched);
    c->code[c->n_code - 1].index = index;
    if (!compile_block(c, ends, which))
        return false;
    patch_jumps(c, matched);
    return true;
}

/* What stands before the first `when` is never reached. */
bool tag_case(struct compiler *c, size_t at)
{
    static const char *const ends[] = { "endcase", "when", "else", NULL };
    struct block block;
    uint32_t before = NO_JUMP, index = c->cases++;
    int which;
    c->n_cases = MAX(c->n_cases, c->cases);
    if (!parse_value(c, at) || !close_tag(c))
        return false;
    liquid_emit(c, OP_CASE, at)->index = index;
    emit_jump(c, OP_JUMP, at, &before);
    block_open(c, &block, BLOCK_PLAIN, "case", at);
    if (!compile_block(c, ends, &which))
        return false;
    patch_jumps(c, before);
    while (which) {
        size_t here = c->pos;
        if (!(which == 1 ? compile_when(c, here, index, ends, &which)
                         : compile_otherwise(c, here, index, ends, &which)))
            return false;
    }
    c->cases--;
    block_close(c, &block);
    return close_tag(c);
}

/* ---- names ---- */

bool tag_assign(struct compiler *c, size_t at)
{
    struct str name;
    uint32_t slot;
    if (!take_name(c, "a name", &name) || !expect_sign(c, '=') || !parse_value(c, at) ||
        !name_slot(c, name, &slot))
        return false;
    liquid_emit(c, OP_ASSIGN, at)->index = slot;
    return close_tag(c);
}

bool tag_capture(struct compiler *c, size_t at)
{
    struct block block;
    struct str name = c->token.text;
    int which;
    bool quoted = c->token.type == TOKEN_STRING;
    uint32_t slot;
    if (!(quoted ? next_token(c) : take_name(c, "a name", &name)) || !close_tag(c) ||
        !name_slot(c, name, &slot))
        return false;
    block_open(c, &block, BLOCK_CAPTURE, "capture", at);
    block.index = slot;
    liquid_emit(c, OP_CAPTURE, at);
    if (!compile_block(c, (const char *const[]){ "endcapture", NULL }, &which))
        return false;
    liquid_emit(c, OP_CAPTURE_END, at)->index = block.index;
    block_close(c, &block);
    return close_tag(c);
}

bool tag_ifchanged(struct compiler *c, size_t at)
{
    struct block block;
    int which;
    if (!close_tag(c))
        return false;
    block_open(c, &block, BLOCK_CHANGED, "ifchanged", at);
    liquid_emit(c, OP_CAPTURE, at);
    if (!compile_block(c, (const char *const[]){ "endifchanged", NULL }, &which))
        return false;
    liquid_emit(c, OP_CHANGED_END, at);
    block_close(c, &block);
    return close_tag(c);
}

static bool count(struct compiler *c, size_t at, enum opcode op)
{
    struct str name;
    uint32_t slot;
    if (!take_name(c, "a name", &name) || !name_slot(c, name, &slot))
        return false;
    liquid_emit(c, op, at)->index = slot;
    return close_tag(c);
}

bool tag_increment(struct compiler *c, size_t at)
{
    return count(c, at, OP_INCREMENT);
}

bool tag_decrement(struct compiler *c, size_t at)
{
    return count(c, at, OP_DECREMENT);
}

/* ---- what is printed ---- */

bool tag_echo(struct compiler *c, size_t at)
{
    struct operand operand;
    bool simple;
    if (c->token.type == TOKEN_END)
        return close_tag(c);
    if (!parse_filtered(c, at, &operand, &simple))
        return false;
    const struct operand *kept = simple ? arena_copy(c->arena, &operand, sizeof(operand)) : NULL;
    liquid_emit(c, simple ? OP_SHOW : OP_PRINT, at)->operand = kept;
    return close_tag(c);
}

static bool parse_bound(struct compiler *c, struct render_call *call)
{
    call->as = call->name;
    call->each = is_word(c, "for");
    if (!call->each && !is_word(c, "with"))
        return true;
    if (!next_token(c) || !(call->with = parse_operand_kept(c)))
        return false;
    return !is_word(c, "as") || (next_token(c) && take_name(c, "a name", &call->as));
}

static bool parse_render_arguments(struct compiler *c, struct render_call *call)
{
    struct argument *args = NULL;
    uint32_t n = 0, cap = 0;
    bool comma;
    while (c->token.type != TOKEN_END) {
        if (!take_sign(c, ',', &comma))
            return false;
        args = liquid_grown(c->arena, args, sizeof(*args), n, &cap);
        if (!take_name(c, "the name of an argument", &args[n].name) || !expect_sign(c, ':') ||
            !parse_operand(c, &args[n].value))
            return false;
        n++;
    }
    call->args = args;
    call->n_args = n;
    return true;
}

bool tag_render(struct compiler *c, size_t at)
{
    struct render_call *call = ARENA_NEW(c->arena, struct render_call);
    if (c->token.type != TOKEN_STRING)
        return unexpected(c, "the name of a snippet, in quotes,");
    call->name = c->token.text;
    if (!next_token(c) || !parse_bound(c, call) || !parse_render_arguments(c, call))
        return false;
    liquid_emit(c, OP_RENDER, at)->render = call;
    return close_tag(c);
}
