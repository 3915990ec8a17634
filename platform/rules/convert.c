#include <math.h>
#include <stdio.h>

#include "platform/rules/program.h"

#define DEEPEST_TEXT 64 /* lists in lists, as text */

bool is_array(const struct value *value)
{
    return value->kind == VALUE_ARRAY ||
           (value->kind == VALUE_JSON && json_type(value->json) == JSON_ARRAY);
}

static bool is_container(const struct value *value)
{
    return value->kind == VALUE_ARRAY || value->kind == VALUE_JSON;
}

/* ---- text ---- */

static struct str number_text(struct arena *arena, double number)
{
    if (isnan(number))
        return STR("NaN");
    if (isinf(number))
        return number > 0 ? STR("Infinity") : STR("-Infinity");
    if (number == floor(number) && fabs(number) < 1e15)
        return arena_printf(arena, "%.0f", number == 0 ? 0 : number); /* no "-0" */
    struct json_out out;
    json_out_init(&out, arena);
    json_put_double(&out, number);
    return json_out_str(&out);
}

static bool text_at(struct run *run, const struct value *value, int depth, struct str *out);

/* Elements with commas between; null is nothing (Array.prototype.join). */
static bool join(struct run *run, const struct value *value, int depth, struct str *out)
{
    const struct value *items;
    size_t n, len = 0;
    if (depth == DEEPEST_TEXT)
        return ctx_fail(run->ctx, ERR_INVALID, "the rule makes text of lists deeper than %d",
                        DEEPEST_TEXT);
    if (!items_of(run, value, &items, &n) || !take_steps(run, n))
        return false;
    struct str *texts = ARENA_ARRAY(run->ctx->arena, struct str, n);
    for (size_t i = 0; i < n; i++) {
        texts[i] = STR("");
        if (items[i].kind != VALUE_NULL && !text_at(run, &items[i], depth + 1, &texts[i]))
            return false;
        len += texts[i].len + 1;
    }
    if (!take_steps(run, len / BYTES_PER_STEP))
        return false;
    char *text = arena_alloc_raw(run->ctx->arena, len + 1);
    len = 0;
    for (size_t i = 0; i < n; i++) {
        if (i)
            text[len++] = ',';
        memcpy(text + len, texts[i].ptr, texts[i].len);
        len += texts[i].len;
    }
    text[len] = '\0';
    *out = (struct str){ text, len };
    return true;
}

static bool text_at(struct run *run, const struct value *value, int depth, struct str *out)
{
    switch (value->kind) {
    case VALUE_NULL:
        *out = STR("null");
        return true;
    case VALUE_BOOL:
        *out = value->boolean ? STR("true") : STR("false");
        return true;
    case VALUE_NUMBER:
        *out = number_text(run->ctx->arena, value->number);
        return true;
    case VALUE_STRING:
        *out = value->str.ptr ? value->str : STR("");
        return true;
    default:
        if (is_array(value))
            return join(run, value, depth, out);
        *out = STR("[object Object]");
        return true;
    }
}

bool text_of(struct run *run, const struct value *value, struct str *out)
{
    return text_at(run, value, 0, out);
}

/* ---- numbers ---- */

static double number_of_text(struct str text)
{
    double number;
    text = str_trim(text);
    if (text.len == 0)
        return 0;
    return str_to_double(text, &number) ? number : NAN;
}

static size_t digits_at(struct str text, size_t at)
{
    size_t n = 0;
    while (at + n < text.len && text.ptr[at + n] >= '0' && text.ptr[at + n] <= '9')
        n++;
    return n;
}

/* The longest number that the text begins with. */
static double float_of_text(struct str text)
{
    text = str_trim(text);
    size_t at = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    size_t whole = digits_at(text, at), fraction = 0;
    at += whole;
    if (at < text.len && text.ptr[at] == '.') {
        fraction = digits_at(text, at + 1);
        at += whole + fraction ? 1 + fraction : 0;
    }
    if (whole + fraction == 0)
        return NAN;
    if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
        size_t sign = at + 1 < text.len && (text.ptr[at + 1] == '-' || text.ptr[at + 1] == '+');
        size_t exponent = digits_at(text, at + 1 + sign);
        at += exponent ? 1 + sign + exponent : 0;
    }
    return number_of_text((struct str){ text.ptr, at });
}

bool number_of(struct run *run, const struct value *value, double *out)
{
    struct str text;
    switch (value->kind) {
    case VALUE_NULL:
        *out = 0;
        return true;
    case VALUE_BOOL:
        *out = value->boolean;
        return true;
    case VALUE_NUMBER:
        *out = value->number;
        return true;
    default:
        if (!text_of(run, value, &text))
            return false;
        *out = number_of_text(text);
        return true;
    }
}

bool float_of(struct run *run, const struct value *value, double *out)
{
    struct str text;
    if (value->kind == VALUE_NUMBER) {
        *out = value->number;
        return true;
    }
    if (!text_of(run, value, &text))
        return false;
    *out = float_of_text(text);
    return true;
}

/* ---- comparing ---- */

/* Lists and objects are the same only as one and the same (as in JavaScript), which also bounds the work. */
bool is_same(const struct value *a, const struct value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_NUMBER:
        return a->number == b->number;
    case VALUE_STRING:
        return str_eq(a->str, b->str);
    case VALUE_ARRAY:
        return a->items == b->items && a->n_items == b->n_items;
    case VALUE_JSON:
        return a->json == b->json;
    }
    return false;
}

/* A list or object as the text that JavaScript compares it by; others as they are. */
static bool primitive_of(struct run *run, const struct value *value, struct value *out)
{
    struct str text;
    *out = *value;
    if (!is_container(value))
        return true;
    return text_of(run, value, &text) && give_str(out, text);
}

bool is_equal(struct run *run, const struct value *a, const struct value *b, bool *out)
{
    if (a->kind == b->kind || (is_container(a) && is_container(b))) {
        *out = is_same(a, b);
        return true;
    }
    *out = false;
    if (a->kind == VALUE_NULL || b->kind == VALUE_NULL)
        return true;
    struct value left, right;
    if (!primitive_of(run, a, &left) || !primitive_of(run, b, &right))
        return false;
    if (left.kind == VALUE_STRING && right.kind == VALUE_STRING) {
        *out = str_eq(left.str, right.str);
        return true;
    }
    double x, y;
    if (!number_of(run, &left, &x) || !number_of(run, &right, &y))
        return false;
    *out = x == y;
    return true;
}

static int numbers_order(double x, double y)
{
    return isnan(x) || isnan(y) ? 2 : (x > y) - (x < y);
}

bool compare(struct run *run, const struct value *a, const struct value *b, int *out)
{
    struct value left, right;
    double x, y;
    if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER) {
        *out = numbers_order(a->number, b->number);
        return true;
    }
    if (!primitive_of(run, a, &left) || !primitive_of(run, b, &right))
        return false;
    if (left.kind == VALUE_STRING && right.kind == VALUE_STRING) {
        int order = str_cmp(left.str, right.str);
        *out = (order > 0) - (order < 0);
        return true;
    }
    if (!number_of(run, &left, &x) || !number_of(run, &right, &y))
        return false;
    *out = numbers_order(x, y);
    return true;
}
