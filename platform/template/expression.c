#include "platform/template/compiler.h"

/* ---- operands ---- */

static const struct {
    const char *word;
    struct value value;
} literals[] = {
    { "nil", { .kind = KIND_NIL } },
    { "null", { .kind = KIND_NIL } },
    { "true", { .kind = KIND_BOOL, .boolean = true } },
    { "false", { .kind = KIND_BOOL, .boolean = false } },
    { "empty", { .kind = KIND_EMPTY } },
    { "blank", { .kind = KIND_BLANK } },
};

static bool resolve_name(struct compiler *c, struct str name, struct operand *out)
{
    bool forloop = str_is(name, "forloop"), tablerowloop = str_is(name, "tablerowloop");
    for (const struct block *block = c->block; block; block = block->up) {
        bool loop = block->kind == BLOCK_LOOP, row = block->kind == BLOCK_ROW;
        if (!loop && !row)
            continue;
        bool item = str_eq(block->item, name);
        if (!item && !(loop && forloop) && !(row && tablerowloop))
            continue;
        out->root = item ? ROOT_ITEM : ROOT_LOOP;
        out->index = block->index;
        return true;
    }
    out->root = ROOT_NAME;
    return name_slot(c, name, &out->index);
}

static void literal(struct operand *out, struct value value)
{
    out->root = ROOT_CONSTANT;
    out->constant = value;
}

static bool parse_range(struct compiler *c, struct operand *out)
{
    out->root = ROOT_RANGE;
    if (!expect_sign(c, '(') || !(out->from = parse_operand_kept(c)))
        return false;
    if (c->token.type != TOKEN_DOTS)
        return unexpected(c, "..");
    return next_token(c) && (out->to = parse_operand_kept(c)) && expect_sign(c, ')');
}

static bool parse_root(struct compiler *c, struct operand *out)
{
    struct token token = c->token;
    *out = (struct operand){ 0 };
    switch (token.type) {
    case TOKEN_STRING:
        literal(out, text_value(token.text));
        return next_token(c);
    case TOKEN_INTEGER:
        literal(out, int_value(token.integer));
        return next_token(c);
    case TOKEN_FLOAT:
        literal(out, float_value(token.number));
        return next_token(c);
    case TOKEN_NAME:
        for (size_t i = 0; i < COUNT(literals); i++)
            if (str_is(token.text, literals[i].word)) {
                literal(out, literals[i].value);
                return next_token(c);
            }
        return resolve_name(c, token.text, out) && next_token(c);
    default:
        if (is_sign(c, '('))
            return parse_range(c, out);
        return unexpected(c, "a value");
    }
}

/* What stands in brackets: an index, a text, or what has one of them as its value. */
static bool parse_key(struct compiler *c, struct step *step)
{
    struct operand key;
    if (!next_token(c) || !parse_operand(c, &key) || !expect_sign(c, ']'))
        return false;
    step->from = NULL;
    if (key.root == ROOT_CONSTANT && !key.n_steps)
        step->key = key.constant;
    else
        step->from = arena_copy(c->arena, &key, sizeof(key));
    return true;
}

static bool parse_step(struct compiler *c, struct step *step)
{
    if (is_sign(c, '['))
        return parse_key(c, step);
    if (!next_token(c))
        return false;
    if (c->token.type != TOKEN_NAME)
        return unexpected(c, "a name");
    *step = (struct step){ .key = text_value(c->token.text) };
    return next_token(c);
}

#define MOST_STEPS_OF_PATH 32

static bool parse_steps(struct compiler *c, struct operand *out)
{
    struct step steps[MOST_STEPS_OF_PATH];
    uint32_t n = 0;
    for (; is_sign(c, '.') || is_sign(c, '['); n++) {
        if (n == COUNT(steps))
            return liquid_refuse(c, c->token.at, "a path of more than %zu steps", COUNT(steps));
        if (!parse_step(c, &steps[n]))
            return false;
    }
    out->n_steps = n;
    out->steps = n ? arena_copy(c->arena, steps, n * sizeof(*steps)) : NULL;
    return true;
}

/* ["name"], or what a value names. */
static bool parse_dynamic(struct compiler *c, struct operand *out)
{
    struct step name;
    *out = (struct operand){ .root = ROOT_DYNAMIC };
    if (!parse_key(c, &name))
        return false;
    struct operand *from = ARENA_NEW(c->arena, struct operand);
    if (name.from)
        *from = *name.from;
    else
        literal(from, name.key);
    out->from = from;
    return true;
}

bool parse_operand(struct compiler *c, struct operand *out)
{
    if (c->depth == MOST_BLOCKS)
        return liquid_refuse(c, c->token.at,
                             "more than %d blocks and brackets are inside each other", MOST_BLOCKS);
    c->depth++;
    bool ok = is_sign(c, '[') ? parse_dynamic(c, out) : parse_root(c, out);
    ok = ok && parse_steps(c, out);
    c->depth--;
    return ok;
}

const struct operand *parse_operand_kept(struct compiler *c)
{
    struct operand *operand = ARENA_NEW(c->arena, struct operand);
    return parse_operand(c, operand) ? operand : NULL;
}

/* ---- filters ---- */

/* name: of a keyword, when the next token is a colon. */
static bool parse_argument(struct compiler *c, struct filter_call *call)
{
    const struct filter *filter = call->filter;
    struct token first = c->token;
    struct operand value;
    bool keyword;
    if (!parse_operand(c, &value) || !take_sign(c, ':', &keyword))
        return false;
    if (keyword) {
        if (first.type != TOKEN_NAME || !filter->keyword || !str_is(first.text, filter->keyword))
            return liquid_refuse(c, first.at, "%s takes no argument named " STR_FMT, filter->name,
                                 (int)MIN(first.text.len, 40), first.text.ptr);
        return (call->keyword = parse_operand_kept(c)) != NULL;
    }
    if (call->n == filter->most)
        return liquid_refuse(c, first.at, "%s takes %s%u argument%s", filter->name,
                             filter->least < filter->most ? "at most " : "", filter->most,
                             filter->most == 1 ? "" : "s");
    call->args[call->n++] = value;
    return true;
}

static bool parse_filter(struct compiler *c)
{
    size_t at = c->token.at;
    if (c->token.type != TOKEN_NAME)
        return unexpected(c, "the name of a filter");
    struct filter_call *call = ARENA_NEW(c->arena, struct filter_call);
    call->filter = liquid_filter(c->token.text);
    if (!call->filter)
        return liquid_refuse(c, at, "there is no filter " STR_FMT, (int)MIN(c->token.text.len, 40),
                             c->token.text.ptr);
    bool more;
    if (!next_token(c) || !take_sign(c, ':', &more))
        return false;
    while (more)
        if (!parse_argument(c, call) || !take_sign(c, ',', &more))
            return false;
    if (call->n < call->filter->least)
        return liquid_refuse(c, at, "%s takes at least %u argument%s", call->filter->name,
                             call->filter->least, call->filter->least == 1 ? "" : "s");
    liquid_emit(c, OP_FILTER, at)->filter = call;
    return true;
}

static bool emit_load(struct compiler *c, const struct operand *operand, size_t at)
{
    const struct operand *kept = arena_copy(c->arena, operand, sizeof(*operand));
    liquid_emit(c, OP_LOAD, at)->operand = kept;
    return true;
}

bool parse_filtered(struct compiler *c, size_t at, struct operand *operand, bool *simple)
{
    bool filters;
    if (!parse_operand(c, operand) || !take_sign(c, '|', &filters))
        return false;
    *simple = !filters;
    if (filters)
        emit_load(c, operand, at);
    while (filters)
        if (!parse_filter(c) || !take_sign(c, '|', &filters))
            return false;
    return true;
}

bool parse_value(struct compiler *c, size_t at)
{
    struct operand operand;
    bool simple;
    return parse_filtered(c, at, &operand, &simple) && (!simple || emit_load(c, &operand, at));
}

/* ---- conditions ---- */

static bool parse_comparison(struct compiler *c)
{
    struct test test = { .comparison = CONTAINS };
    size_t at = c->token.at;
    if (!parse_operand(c, &test.left))
        return false;
    if (c->token.type != TOKEN_COMPARE && !is_word(c, "contains"))
        return emit_load(c, &test.left, at);
    if (c->token.type == TOKEN_COMPARE)
        test.comparison = c->token.comparison;
    if (!next_token(c) || !parse_operand(c, &test.right))
        return false;
    const struct test *kept = arena_copy(c->arena, &test, sizeof(test));
    liquid_emit(c, OP_COMPARE, at)->test = kept;
    return true;
}

/* `and` and `or` bind alike, from the right: the right side of each is all the rest, so whatever ends one ends all. */
bool parse_condition(struct compiler *c, size_t at)
{
    uint32_t waiting = NO_JUMP;
    for (;;) {
        if (!parse_comparison(c))
            return false;
        bool and = is_word(c, "and");
        if (!and&&!is_word(c, "or"))
            break;
        emit_jump(c, and? OP_JUMP_FALSE : OP_JUMP_TRUE, at, &waiting);
        if (!next_token(c))
            return false;
    }
    patch_jumps(c, waiting);
    return true;
}
