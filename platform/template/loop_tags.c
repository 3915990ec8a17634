/* Loops, and what stands in them. */
#include "platform/template/compiler.h"

/* ---- for, tablerow ---- */

static bool parse_option(struct compiler *c, struct for_call *call, bool row)
{
    bool offset = is_word(c, "offset"), limit = is_word(c, "limit");
    if (is_word(c, "reversed") && !row) {
        call->reversed = true;
        return next_token(c);
    }
    if (!offset && !limit && !(row && is_word(c, "cols")))
        return unexpected(c, row ? "limit, offset or cols" : "limit, offset or reversed");
    if (!next_token(c) || !expect_sign(c, ':'))
        return false;
    if (offset && is_word(c, "continue")) {
        call->goes_on = true;
        return next_token(c);
    }
    const struct operand *value = parse_operand_kept(c);
    *(offset ? &call->offset : limit ? &call->limit : &call->columns) = value;
    return value != NULL;
}

static bool parse_loop(struct compiler *c, size_t at, bool row, struct for_call *call,
                       struct str *item)
{
    bool comma;
    if (!take_name(c, "a name", item))
        return false;
    if (!is_word(c, "in"))
        return unexpected(c, "in");
    if (!next_token(c))
        return false;
    size_t from = c->token.at;
    if (!parse_value(c, at))
        return false;
    struct str collection = str_trim((struct str){ c->source.ptr + from, c->token.at - from });
    call->name = arena_printf(c->arena, STR_FMT "-" STR_FMT, STR_ARG(*item), STR_ARG(collection));
    if (!loop_place(c, call->name, &call->place))
        return false;
    while (c->token.type != TOKEN_END)
        if (!take_sign(c, ',', &comma) ||
            (c->token.type != TOKEN_END && !parse_option(c, call, row)))
            return false;
    return close_tag(c);
}

/* What begins a loop, the block, and the instruction that goes back. */
static bool compile_loop(struct compiler *c, struct block *block, const struct for_call *call,
                         const char *const *ends, int *which, uint32_t *none)
{
    bool row = block->kind == BLOCK_ROW;
    block->index = c->loops++;
    c->n_loops = MAX(c->n_loops, c->loops);
    emit_jump(c, row ? OP_ROW : OP_FOR, block->at, none);
    c->code[c->n_code - 1].loop = call;
    c->code[c->n_code - 1].index = block->index;
    uint32_t start = c->n_code;
    if (row)
        liquid_emit(c, OP_CELL, block->at)->index = block->index;
    if (!compile_block(c, ends, which))
        return false;
    patch_jumps(c, block->continues);
    struct instruction *next = liquid_emit(c, row ? OP_CELL_END : OP_NEXT, block->at);
    next->index = block->index;
    next->target = start;
    c->loops--;
    block->kind = BLOCK_PLAIN; /* in `else`, its names mean nothing any more */
    return true;
}

bool tag_for(struct compiler *c, size_t at)
{
    static const char *const ends[] = { "endfor", "else", NULL };
    struct for_call *call = ARENA_NEW(c->arena, struct for_call);
    struct block block;
    struct str item;
    uint32_t none = NO_JUMP, done = NO_JUMP;
    int which;
    if (!parse_loop(c, at, false, call, &item))
        return false;
    block_open(c, &block, BLOCK_LOOP, "for", at);
    block.item = item;
    if (!compile_loop(c, &block, call, ends, &which, &none))
        return false;
    emit_jump(c, OP_JUMP, at, &done);
    patch_jumps(c, none);
    if (which == 1 &&
        (!skip_arguments(c) || !compile_block(c, (const char *const[]){ "endfor", NULL }, &which)))
        return false;
    patch_jumps(c, done);
    patch_jumps(c, block.breaks);
    block_close(c, &block);
    return close_tag(c);
}

bool tag_tablerow(struct compiler *c, size_t at)
{
    struct for_call *call = ARENA_NEW(c->arena, struct for_call);
    struct block block;
    struct str item;
    uint32_t none = NO_JUMP;
    int which;
    if (!parse_loop(c, at, true, call, &item))
        return false;
    block_open(c, &block, BLOCK_ROW, "tablerow", at);
    block.item = item;
    if (!compile_loop(c, &block, call, (const char *const[]){ "endtablerow", NULL }, &which, &none))
        return false;
    emit_jump(c, OP_JUMP, at, &none);
    patch_jumps(c, block.breaks);
    liquid_emit(c, OP_TEXT, at)->text = STR("</td>");
    patch_jumps(c, none);
    liquid_emit(c, OP_TEXT, at)->text = STR("</tr>\n");
    block_close(c, &block);
    return close_tag(c);
}

/* ---- break, continue ---- */

/* What is captured between here and the loop ends first. */
static bool leave(struct compiler *c, size_t at, bool breaks)
{
    struct block *block = c->block;
    for (; block && block->kind != BLOCK_LOOP && block->kind != BLOCK_ROW; block = block->up) {
        if (block->kind == BLOCK_CAPTURE)
            liquid_emit(c, OP_CAPTURE_END, at)->index = block->index;
        else if (block->kind == BLOCK_CHANGED)
            liquid_emit(c, OP_CHANGED_END, at);
    }
    if (!block)
        return liquid_refuse(c, at, "%s stands outside of a loop", breaks ? "break" : "continue");
    emit_jump(c, OP_JUMP, at, breaks ? &block->breaks : &block->continues);
    return close_tag(c);
}

bool tag_break(struct compiler *c, size_t at)
{
    return leave(c, at, true);
}

bool tag_continue(struct compiler *c, size_t at)
{
    return leave(c, at, false);
}

/* ---- cycle ---- */

bool tag_cycle(struct compiler *c, size_t at)
{
    struct cycle_call *call = ARENA_NEW(c->arena, struct cycle_call);
    struct operand *items = NULL;
    uint32_t n = 0, cap = 0;
    bool more, named;
    size_t from = c->token.at;
    do {
        items = liquid_grown(c->arena, items, sizeof(*items), n, &cap);
        if (!parse_operand(c, &items[n]) || !take_sign(c, ':', &named))
            return false;
        if (named && (n || call->name))
            return liquid_refuse(c, at, "only one name stands before what cycle goes through");
        if (named)
            call->name = arena_copy(c->arena, &items[n], sizeof(*items));
        n += !named;
        more = named;
        if (!named && !take_sign(c, ',', &more))
            return false;
    } while (more);
    call->text = str_trim((struct str){ c->source.ptr + from, c->token.at - from });
    call->items = (struct list){ items, n };
    liquid_emit(c, OP_CYCLE, at)->cycle = call;
    return close_tag(c);
}
