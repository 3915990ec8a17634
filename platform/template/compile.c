#include <stdlib.h>

#include "platform/template/compiler.h"

/* ---- errors ---- */

struct str liquid_place(struct arena *arena, struct str source, size_t at)
{
    size_t line = 1, start = 0;
    for (size_t i = 0; i < at && i < source.len; i++)
        if (source.ptr[i] == '\n') {
            line++;
            start = i + 1;
        }
    size_t column =
        1 + str_utf8_length((struct str){ source.ptr + start, MIN(at, source.len) - start });
    return arena_printf(arena, "line %zu, column %zu", line, column);
}

bool liquid_refuse(struct compiler *c, size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(c->ctx->arena, format, args);
    va_end(args);
    struct str place = liquid_place(c->ctx->arena, c->source, at);
    return ctx_fail(c->ctx, ERR_INVALID, STR_FMT ": " STR_FMT, STR_ARG(place), STR_ARG(sentence));
}

/* ---- code ---- */

void *liquid_grown(struct arena *arena, void *list, size_t bytes, uint32_t n, uint32_t *cap)
{
    if (n < *cap)
        return list;
    *cap = *cap ? 2 * *cap : 16;
    void *larger = arena_alloc(arena, bytes * *cap);
    if (n)
        memcpy(larger, list, bytes * n);
    return larger;
}

struct instruction *liquid_emit(struct compiler *c, enum opcode op, size_t at)
{
    c->code = liquid_grown(c->arena, c->code, sizeof(*c->code), c->n_code, &c->cap_code);
    c->code[c->n_code] = (struct instruction){ .op = op, .at = (uint32_t)at };
    if (c->block && (op == OP_SHOW || op == OP_PRINT || op == OP_INCREMENT || op == OP_DECREMENT ||
                     op == OP_CYCLE || op == OP_RENDER || op == OP_ROW))
        c->block->full = true;
    return &c->code[c->n_code++];
}

static bool is_blank(struct str text)
{
    while (text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    return !text.len;
}

static void emit_text(struct compiler *c, struct str text, size_t at)
{
    if (!text.len)
        return;
    if (c->block && !is_blank(text))
        c->block->full = true;
    liquid_emit(c, OP_TEXT, at)->text = text;
    c->text_bytes += text.len;
}

void put_text(struct compiler *c, size_t from, size_t to, bool trims)
{
    struct str text = { c->source.ptr + from, to - from };
    while (c->trims && text.len && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (trims && text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    c->trims = false;
    emit_text(c, text, from);
}

void emit_jump(struct compiler *c, enum opcode op, size_t at, uint32_t *waiting)
{
    liquid_emit(c, op, at)->target = *waiting;
    *waiting = c->n_code - 1;
}

void patch_jumps(struct compiler *c, uint32_t waiting)
{
    while (waiting != NO_JUMP) {
        uint32_t next = c->code[waiting].target;
        c->code[waiting].target = c->n_code;
        waiting = next;
    }
}

static bool find_or_add(struct compiler *c, struct names *names, struct str name, uint32_t *out)
{
    for (*out = 0; *out < names->n; ++*out)
        if (str_eq(names->list[*out], name))
            return true;
    if (names->n == MOST_NAMES)
        return liquid_refuse(c, c->token.at, "more than %d names", MOST_NAMES);
    names->list = liquid_grown(c->arena, names->list, sizeof(*names->list), names->n, &names->cap);
    names->list[names->n++] = name;
    return true;
}

bool name_slot(struct compiler *c, struct str name, uint32_t *out)
{
    return find_or_add(c, &c->names, name, out);
}

bool loop_place(struct compiler *c, struct str name, uint32_t *out)
{
    return find_or_add(c, &c->places, name, out);
}

/* ---- blocks ---- */

void block_open(struct compiler *c, struct block *block, enum block_kind kind, const char *name,
                size_t at)
{
    *block = (struct block){
        .up = c->block,
        .kind = kind,
        .name = name,
        .at = at,
        .first = c->n_code,
        .full = kind == BLOCK_ROW,
        .breaks = NO_JUMP,
        .continues = NO_JUMP,
    };
    c->block = block;
}

/* White space is not printed where a tag holds nothing else that prints. What is captured is kept as it is, and leaves
 * the block around as empty as it was. */
void block_close(struct compiler *c, struct block *block)
{
    bool capture = block->kind == BLOCK_CAPTURE;
    for (uint32_t i = block->first; i < c->n_code && (capture || !block->full); i++) {
        struct instruction *in = &c->code[i];
        if (in->op == OP_TEXT && capture)
            in->kept = true;
        else if (in->op == OP_TEXT && !in->kept && is_blank(in->text))
            in->text.len = 0;
    }
    c->block = block->up;
    if (c->block && block->full && !capture)
        c->block->full = true;
}

/* ---- tags and output ---- */

static const struct {
    const char *name;
    tag_function *compile;
    bool by_itself; /* its arguments are not Liquid's tokens */
} tags[] = {
    { "if", tag_if },
    { "unless", tag_unless },
    { "case", tag_case },
    { "for", tag_for },
    { "tablerow", tag_tablerow },
    { "break", tag_break },
    { "continue", tag_continue },
    { "cycle", tag_cycle },
    { "assign", tag_assign },
    { "capture", tag_capture },
    { "increment", tag_increment },
    { "decrement", tag_decrement },
    { "ifchanged", tag_ifchanged },
    { "echo", tag_echo },
    { "render", tag_render },
    { "comment", tag_comment, true },
    { "raw", tag_raw, true },
    { "doc", tag_doc, true },
    { "liquid", tag_liquid, true },
};

static bool unknown_tag(struct compiler *c, size_t at, struct str name)
{
    int length = (int)MIN(name.len, 40);
    if (c->block && str_starts(name, STR("end")))
        return liquid_refuse(c, at, "%.*s stands inside %s, which is not closed", length, name.ptr,
                             c->block->name);
    return liquid_refuse(c, at, "there is no tag %.*s here", length, name.ptr);
}

/* *which: the index of the tag when it is one of `ends`, which is left to the caller. */
static bool compile_tag(struct compiler *c, size_t at, const char *const *ends, int *which)
{
    bool comment;
    if (!skip_inline_comment(c, &comment))
        return false;
    if (comment)
        return true;
    if (!next_token(c))
        return false;
    if (c->token.type != TOKEN_NAME)
        return unexpected(c, "the name of a tag");
    struct str name = c->token.text;
    for (int i = 0; ends && ends[i]; i++)
        if (str_is(name, ends[i])) {
            *which = i;
            return next_token(c);
        }
    for (size_t i = 0; i < COUNT(tags); i++)
        if (str_is(name, tags[i].name))
            return (tags[i].by_itself || next_token(c)) && tags[i].compile(c, at);
    return unknown_tag(c, at, name);
}

static bool compile_output(struct compiler *c, size_t at)
{
    c->output = true;
    bool ok = next_token(c) && tag_echo(c, at);
    c->output = false;
    return ok;
}

/* Past the text before the next tag or output, and past that's opening; false when there is none. */
static bool take_text(struct compiler *c)
{
    const char *text = c->source.ptr;
    size_t from = c->pos, to = from, end = c->source.len;
    while (to < end) {
        const char *brace = memchr(text + to, '{', end - to);
        to = brace ? (size_t)(brace - text) : end;
        if (to + 1 < end && (text[to + 1] == '{' || text[to + 1] == '%'))
            break;
        to += to < end;
    }
    bool found = to < end, trims = found && to + 2 < end && text[to + 2] == '-';
    put_text(c, from, to, trims);
    c->pos = to + (found ? 2 + trims : 0);
    return found;
}

bool compile_block(struct compiler *c, const char *const *ends, int *which)
{
    if (c->depth == MOST_BLOCKS)
        return liquid_refuse(c, c->pos, "more than %d blocks and brackets are inside each other",
                             MOST_BLOCKS);
    c->depth++;
    *which = -1;
    while (*which < 0) {
        if (!(c->lines ? next_line(c) : take_text(c))) {
            if (!ends)
                break;
            return liquid_refuse(c, c->block->at, "%s is not closed", c->block->name);
        }
        size_t at = c->pos;
        bool output = !c->lines && (c->source.ptr[at - 1] == '{' ||
                                    (c->source.ptr[at - 1] == '-' && c->source.ptr[at - 2] == '{'));
        if (!(output ? compile_output(c, at) : compile_tag(c, at, ends, which)))
            return false;
    }
    c->depth--;
    return true;
}

/* ---- the whole ---- */

struct template *template_compile(struct ctx *ctx, struct str source)
{
    if (source.len > MOST_SOURCE)
        return ctx_fail(ctx, ERR_INVALID, "the template has more than %u bytes", MOST_SOURCE), NULL;
    if (!str_is_utf8(source))
        return ctx_fail(ctx, ERR_INVALID, "the template is not UTF-8"), NULL;
    struct template *template = mem_alloc(sizeof(*template));
    template->arena = arena_new(0);
    template->source = arena_str(template->arena, source);
    struct compiler c = { .ctx = ctx, .arena = template->arena, .source = template->source };
    int which;
    if (!compile_block(&c, NULL, &which)) {
        template_free(template);
        return NULL;
    }
    liquid_emit(&c, OP_END, c.pos);
    template->code = c.code;
    template->names = c.names.list;
    template->n_names = c.names.n;
    template->n_loops = c.n_loops;
    template->n_cases = c.n_cases;
    template->n_places = c.places.n;
    template->text_bytes = c.text_bytes;
    return template;
}

void template_free(struct template *template)
{
    if (!template)
        return;
    arena_free(template->arena);
    free(template);
}
