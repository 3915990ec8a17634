#include <math.h>
#include <stdlib.h>

#include <yaml.h>

#include "platform/json/json.h"

/* A mapping's key, kept until the mapping ends to find a second one. */
struct key {
    struct str name;
    yaml_mark_t mark;
};

struct level {
    bool mapping;
    bool at_key;      /* the next node of a mapping is a key */
    size_t first_key; /* in reader.keys */
};

/* The document is rewritten as JSON, event by event, and read as that. */
struct reader {
    struct ctx *ctx;
    yaml_parser_t parser;
    struct json_out out;
    struct level levels[JSON_DEPTH];
    int depth;
    struct key *keys;
    size_t n_keys, keys_cap;
};

#define FAIL(reader, mark, format, ...)                                                            \
    ctx_fail((reader)->ctx, ERR_MALFORMED, "YAML line %zu:%zu: " format, (mark).line + 1,          \
             (mark).column + 1, ##__VA_ARGS__)

/* ---- plain scalars: YAML 1.2.2 section 10.3.2 ---- */

static bool is_one_of(struct str text, const char *const *words)
{
    for (; *words; words++)
        if (str_is(text, *words))
            return true;
    return false;
}

static size_t digits_at(struct str text, size_t at)
{
    size_t n = 0;
    while (at + n < text.len && text.ptr[at + n] >= '0' && text.ptr[at + n] <= '9')
        n++;
    return n;
}

/* The parts of [-+]? [0-9]* ( . [0-9]* )? ( [eE] [-+]? [0-9]+ )? with a digit before or after the point. */
struct number {
    bool negative;
    struct str whole, fraction, exponent;
};

static bool number_of(struct str text, struct number *out)
{
    struct number number = { 0 };
    size_t at = 0, n;
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
        number.negative = text.ptr[at++] == '-';
    n = digits_at(text, at);
    number.whole = (struct str){ text.ptr + at, n };
    at += n;
    if (at < text.len && text.ptr[at] == '.') {
        n = digits_at(text, ++at);
        number.fraction = (struct str){ text.ptr + at, n };
        at += n;
    }
    if (number.whole.len + number.fraction.len == 0)
        return false;
    if (at < text.len && (text.ptr[at] | 0x20) == 'e') {
        size_t sign = at + 1 < text.len && (text.ptr[at + 1] == '-' || text.ptr[at + 1] == '+');
        n = digits_at(text, at + 1 + sign);
        if (n == 0)
            return false;
        number.exponent = (struct str){ text.ptr + at + 1, sign + n };
        at += 1 + sign + n;
    }
    while (number.whole.len > 1 && number.whole.ptr[0] == '0')
        number.whole.ptr++, number.whole.len--;
    *out = number;
    return at == text.len;
}

static bool put_number(struct reader *reader, const struct number *number, yaml_mark_t mark)
{
    struct str text = arena_printf(
        reader->ctx->arena, "%s" STR_FMT "%s" STR_FMT "%s" STR_FMT, number->negative ? "-" : "",
        STR_ARG(number->whole.len ? number->whole : STR("0")), number->fraction.len ? "." : "",
        STR_ARG(number->fraction), number->exponent.len ? "e" : "", STR_ARG(number->exponent));
    if (isinf(strtod(text.ptr, NULL)))
        return FAIL(reader, mark, STR_FMT " is too large a number", STR_ARG(text));
    json_put_raw(&reader->out, text);
    return true;
}

/* 0o17 and 0x1F. */
static bool based_integer(struct str text, int64_t *out)
{
    if (text.len < 3 || text.ptr[0] != '0' || (text.ptr[1] != 'o' && text.ptr[1] != 'x'))
        return false;
    int base = text.ptr[1] == 'o' ? 8 : 16;
    int64_t value = 0;
    for (size_t i = 2; i < text.len; i++) {
        char c = text.ptr[i] | 0x20;
        int digit = text.ptr[i] >= '0' && text.ptr[i] <= '9' ? text.ptr[i] - '0'
                    : c >= 'a' && c <= 'f'                   ? c - 'a' + 10
                                                             : 99;
        if (digit >= base || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, digit, &value))
            return false;
    }
    *out = value;
    return true;
}

static bool put_plain(struct reader *reader, struct str text, yaml_mark_t mark)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const trues[] = { "true", "True", "TRUE", NULL };
    static const char *const falses[] = { "false", "False", "FALSE", NULL };
    static const char *const not_json[] = { ".inf",  ".Inf",  ".INF",  "+.inf", "+.Inf",
                                            "+.INF", "-.inf", "-.Inf", "-.INF", ".nan",
                                            ".NaN",  ".NAN",  NULL };
    struct number number;
    int64_t integer;
    if (is_one_of(text, nulls))
        json_put_null(&reader->out);
    else if (is_one_of(text, trues) || is_one_of(text, falses))
        json_put_bool(&reader->out, (text.ptr[0] | 0x20) == 't');
    else if (is_one_of(text, not_json))
        return FAIL(reader, mark, STR_FMT " has no place in JSON", STR_ARG(text));
    else if (based_integer(text, &integer))
        json_put_int(&reader->out, integer);
    else if (number_of(text, &number))
        return put_number(reader, &number, mark);
    else
        json_put_str(&reader->out, text);
    return true;
}

/* ---- structure ---- */

static struct level *level_of(struct reader *reader)
{
    return reader->depth ? &reader->levels[reader->depth - 1] : NULL;
}

static void add_key(struct reader *reader, struct str name, yaml_mark_t mark)
{
    if (reader->n_keys == reader->keys_cap) {
        reader->keys_cap = MAX(reader->keys_cap * 2, 64);
        reader->keys = mem_realloc(reader->keys, reader->keys_cap * sizeof(*reader->keys));
    }
    reader->keys[reader->n_keys++] = (struct key){ arena_str(reader->ctx->arena, name), mark };
}

static int order_keys(const void *a, const void *b)
{
    const struct key *left = a, *right = b;
    int order = str_cmp(left->name, right->name);
    return order ? order
                 : (left->mark.index > right->mark.index) - (left->mark.index < right->mark.index);
}

static bool keys_are_unique(struct reader *reader, size_t first)
{
    size_t n = reader->n_keys - first;
    reader->n_keys = first;
    if (n < 2)
        return true;
    struct key *keys = reader->keys + first;
    qsort(keys, n, sizeof(*keys), order_keys);
    for (size_t i = 1; i < n; i++)
        if (str_eq(keys[i - 1].name, keys[i].name))
            return FAIL(
                reader, keys[i].mark, "the key \"" STR_FMT "\" is there twice (first on line %zu)",
                (int)MIN(keys[i].name.len, 100), keys[i].name.ptr, keys[i - 1].mark.line + 1);
    return true;
}

static bool open_level(struct reader *reader, bool mapping, yaml_mark_t mark)
{
    struct level *above = level_of(reader);
    if (above && above->mapping && above->at_key)
        return FAIL(reader, mark, "a key must be text");
    if (reader->depth == JSON_DEPTH)
        return FAIL(reader, mark, "deeper than %d levels", JSON_DEPTH);
    if (above)
        above->at_key = true;
    reader->levels[reader->depth++] = (struct level){ mapping, true, reader->n_keys };
    if (mapping)
        json_object(&reader->out);
    else
        json_array(&reader->out);
    return true;
}

static bool close_level(struct reader *reader)
{
    struct level *level = &reader->levels[--reader->depth];
    if (!level->mapping) {
        json_array_end(&reader->out);
        return true;
    }
    json_object_end(&reader->out);
    return keys_are_unique(reader, level->first_key);
}

static bool take_scalar(struct reader *reader, const yaml_event_t *event)
{
    struct str text = { (const char *)event->data.scalar.value, event->data.scalar.length };
    struct level *level = level_of(reader);
    if (level && level->mapping && level->at_key) {
        add_key(reader, text, event->start_mark);
        json_key_n(&reader->out, text);
        level->at_key = false;
        return true;
    }
    if (level)
        level->at_key = true;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return put_plain(reader, text, event->start_mark);
    json_put_str(&reader->out, text);
    return true;
}

static bool is_plain_node(struct reader *reader, yaml_mark_t mark, const void *anchor,
                          const void *tag)
{
    if (anchor)
        return FAIL(reader, mark, "anchors are not taken");
    if (tag)
        return FAIL(reader, mark, "tags are not taken");
    return true;
}

static bool take_event(struct reader *reader, const yaml_event_t *event)
{
    yaml_mark_t mark = event->start_mark;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return is_plain_node(reader, mark, event->data.scalar.anchor, event->data.scalar.tag) &&
               take_scalar(reader, event);
    case YAML_SEQUENCE_START_EVENT:
        return is_plain_node(reader, mark, event->data.sequence_start.anchor,
                             event->data.sequence_start.tag) &&
               open_level(reader, false, mark);
    case YAML_MAPPING_START_EVENT:
        return is_plain_node(reader, mark, event->data.mapping_start.anchor,
                             event->data.mapping_start.tag) &&
               open_level(reader, true, mark);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return close_level(reader);
    case YAML_ALIAS_EVENT:
        return FAIL(reader, mark, "aliases are not taken");
    case YAML_DOCUMENT_START_EVENT:
        return reader->out.len == 0 || FAIL(reader, mark, "a second document begins");
    default:
        return true;
    }
}

static bool fail_syntax(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR)
        return ctx_fail(reader->ctx, ERR_MALFORMED, "YAML line %zu:%zu: %s (byte %zu)",
                        parser->mark.line + 1, parser->mark.column + 1, problem,
                        parser->problem_offset);
    return FAIL(reader, parser->problem_mark, "%s%s%s", parser->context ? parser->context : "",
                parser->context ? ", " : "", problem);
}

static bool read_events(struct reader *reader)
{
    bool more = true, ok = true;
    while (more && ok) {
        yaml_event_t event;
        if (!yaml_parser_parse(&reader->parser, &event))
            return fail_syntax(reader);
        more = event.type != YAML_STREAM_END_EVENT;
        ok = take_event(reader, &event);
        yaml_event_delete(&event);
    }
    return ok;
}

const struct json *json_parse_yaml(struct ctx *ctx, struct str text)
{
    struct reader reader = { .ctx = ctx };
    if (!yaml_parser_initialize(&reader.parser)) {
        ctx_fail(ctx, ERR_INTERNAL, "the YAML parser cannot start");
        return NULL;
    }
    json_out_init(&reader.out, ctx->arena);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)(text.len ? text.ptr : ""),
                                 text.len);
    bool ok = read_events(&reader);
    yaml_parser_delete(&reader.parser);
    free(reader.keys);
    if (!ok)
        return NULL;
    if (reader.out.len == 0)
        json_put_null(&reader.out);
    return json_parse(ctx, json_out_str(&reader.out));
}
