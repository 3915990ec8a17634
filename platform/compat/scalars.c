/* Keywords on values themselves: enum and const, text, numbers, how many. */
#include <math.h>

#include "platform/compat/compare.h"

/* ---- enum and const ---- */

static struct str writer_text(struct compare *c, const struct writer *writer)
{
    struct arena *arena = c->reading.ctx->arena;
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    struct str out = { "", 0 };
    if (!values)
        return types_text(arena, writer_types(c, writer));
    for (size_t i = 0; i < n; i++)
        out = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), i ? ", " : "",
                           STR_ARG(json_text(arena, values[i])));
    return out;
}

static void compare_enum(struct compare *c, const struct writer *writer, struct node reader,
                         unsigned types, const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    const struct json *list = json_get(reader.json, "enum");
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    if (!list || !types)
        return;
    if (!values) {
        compare_found(c, RULE_ENUM_CLOSED, at, writer, reader, "enum",
                      (struct words){ .r = values_text(arena, list), .w = writer_text(c, writer) });
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!value_in(list, values[i]) && (type_of_value(values[i]) & types))
            compare_found(c, RULE_ENUM_VALUE, at, writer, reader, "enum",
                          (struct words){ .x = json_text(arena, values[i]) });
}

static void compare_const(struct compare *c, const struct writer *writer, struct node reader,
                          unsigned types, const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    const struct json *wanted = json_get(reader.json, "const");
    size_t n, others = 0;
    const struct json **values = writer_values(c, writer, &n);
    if (!wanted || !types)
        return;
    for (size_t i = 0; values && i < n; i++)
        others += !json_equal(values[i], wanted);
    if (values && !others)
        return;
    if (!values || others == n) {
        compare_found(c, RULE_CONST_CHANGED, at, writer, reader, "const",
                      (struct words){ .r = json_text(arena, wanted), .w = writer_text(c, writer) });
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!json_equal(values[i], wanted))
            compare_found(c, RULE_ENUM_VALUE, at, writer, reader, "const",
                          (struct words){ .x = json_text(arena, values[i]) });
}

/* ---- how many ---- */

static const struct count_rule {
    const char *keyword;
    unsigned type;
    bool least;
    enum rule rule;
} count_rules[] = {
    { "minLength",     TYPE_STRING, true,  RULE_MIN_LENGTH },
    { "maxLength",     TYPE_STRING, false, RULE_MAX_LENGTH },
    { "minItems",      TYPE_ARRAY,  true,  RULE_MIN_ITEMS },
    { "maxItems",      TYPE_ARRAY,  false, RULE_MAX_ITEMS },
    { "minProperties", TYPE_OBJECT, true,  RULE_MIN_MEMBERS },
    { "maxProperties", TYPE_OBJECT, false, RULE_MAX_MEMBERS },
};

static int64_t count_of(const struct json *value)
{
    return json_type(value) == JSON_STRING ? (int64_t)str_utf8_length(json_str(value))
                                           : (int64_t)json_size(value);
}

/* What follows from other keywords: so many are required, no more are allowed. */
static int64_t count_implied(struct compare *c, const struct writer *writer,
                             const struct count_rule *rule)
{
    struct str *names;
    int64_t n = 0;
    if (rule->type == TYPE_ARRAY)
        return rule->least ? 0 : writer_items_most(c, writer);
    if (rule->type != TYPE_OBJECT)
        return rule->least ? 0 : INT64_MAX;
    size_t n_names = writer_names(c, writer, &names);
    if (!rule->least)
        return writer_is_listed(c, writer) ? (int64_t)n_names : INT64_MAX;
    for (size_t i = 0; i < n_names; i++)
        n += writer_requires(writer, names[i]);
    return n;
}

/* The least (most) that is written; 0 (INT64_MAX) without a limit. */
static int64_t count_written(struct compare *c, const struct writer *writer,
                             const struct count_rule *rule)
{
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    if (values) {
        int64_t count = rule->least ? INT64_MAX : 0;
        for (size_t i = 0; i < n; i++)
            if (type_of_value(values[i]) == rule->type)
                count = rule->least ? MIN(count, count_of(values[i]))
                                    : MAX(count, count_of(values[i]));
        return count;
    }
    int64_t count = count_implied(c, writer, rule);
    for (size_t i = 0; i < writer->n; i++) {
        const struct json *limit = json_get(writer->atoms[i].node.json, rule->keyword);
        if (limit)
            count = rule->least ? MAX(count, json_int(limit)) : MIN(count, json_int(limit));
    }
    return count;
}

static struct str count_text(struct arena *arena, int64_t count)
{
    return count == INT64_MAX ? STR("any number") : arena_printf(arena, "%lld", (long long)count);
}

static void compare_count(struct compare *c, const struct writer *writer, struct node reader,
                          const struct count_rule *rule, const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    const struct json *limit = json_get(reader.json, rule->keyword);
    if (!limit)
        return;
    int64_t read = json_int(limit), wrote = count_written(c, writer, rule);
    if (rule->least ? wrote < read : wrote > read)
        compare_found(
            c, rule->rule, at, writer, reader, rule->keyword,
            (struct words){ .r = count_text(arena, read), .w = count_text(arena, wrote) });
}

/* ---- text ---- */

/* x-id-prefix is a pattern that the contract compiler writes out. */
static struct str pattern_of(struct arena *arena, const struct json *schema)
{
    struct str pattern = json_str(json_get(schema, "pattern")),
               prefix = json_str(json_get(schema, "x-id-prefix"));
    if (pattern.ptr || !prefix.ptr)
        return pattern;
    return arena_printf(arena, "^" STR_FMT "_[A-Za-z0-9._-]{1,64}$", STR_ARG(prefix));
}

static bool is_empty_pattern(struct str pattern)
{
    static const char *const empty[] = { "", "^", "$", ".*", "^.*", ".*$", "^.*$" };
    for (size_t i = 0; i < COUNT(empty); i++)
        if (str_is(pattern, empty[i]))
            return true;
    return false;
}

static bool texts_match(struct compare *c, const struct json **values, size_t n, struct str pattern)
{
    for (size_t i = 0; i < n; i++)
        if (json_type(values[i]) == JSON_STRING &&
            !pattern_matches(c, pattern, json_str(values[i])))
            return false;
    return true;
}

static void compare_pattern(struct compare *c, const struct writer *writer, struct node reader,
                            const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    struct str pattern = pattern_of(arena, reader.json), wrote = { NULL, 0 };
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    if (!pattern.ptr || is_empty_pattern(pattern))
        return;
    for (size_t i = 0; i < writer->n; i++) {
        struct str own = pattern_of(arena, writer->atoms[i].node.json);
        if (own.ptr && str_eq(own, pattern))
            return;
        wrote = own.ptr ? own : wrote;
    }
    if (!values || !texts_match(c, values, n, pattern))
        compare_found(c, RULE_PATTERN, at, writer, reader, "pattern",
                      (struct words){ .r = pattern, .w = wrote.ptr ? wrote : STR("any text") });
}

/* A keyword whose value is a name; the first that is said. */
static struct str writer_name(const struct writer *writer, const char *keyword)
{
    for (size_t i = 0; i < writer->n; i++) {
        struct str name = json_str(json_get(writer->atoms[i].node.json, keyword));
        if (name.ptr)
            return name;
    }
    return (struct str){ NULL, 0 };
}

/* All that is of the one format is of the other, too. */
static bool format_within(struct str inner, struct str outer)
{
    static const char *const within[][2] = {
        { "int32", "int64" },      { "uri", "uri-reference" },     { "uri", "iri" },
        { "float", "double" },    { "uri-reference", "iri-reference" }, { "uri", "iri-reference" },
        { "email", "idn-email" }, { "hostname", "idn-hostname" },       { "iri", "iri-reference" },
    };
    if (str_eq(inner, outer))
        return true;
    for (size_t i = 0; i < COUNT(within); i++)
        if (str_is(inner, within[i][0]) && str_is(outer, within[i][1]))
            return true;
    return false;
}

static bool is_number_format(struct str format)
{
    return str_starts(format, STR("int")) || str_is(format, "float") || str_is(format, "double");
}

static void compare_format(struct compare *c, const struct writer *writer, struct node reader,
                           unsigned types, const struct at *at)
{
    struct str format = json_str(json_get(reader.json, "format")),
               wrote = writer_name(writer, "format");
    unsigned asked = is_number_format(format) ? TYPE_NUMBER : TYPE_STRING;
    if (!format.ptr || !(types & asked) || (wrote.ptr && format_within(wrote, format)))
        return;
    compare_found(c, RULE_FORMAT, at, writer, reader, "format",
                  (struct words){ .r = format, .w = wrote.ptr ? wrote : writer_text(c, writer) });
}

static void compare_content(struct compare *c, const struct writer *writer, struct node reader,
                            const struct at *at)
{
    static const char *const keywords[] = { "contentEncoding", "contentMediaType" };
    for (size_t i = 0; i < COUNT(keywords); i++) {
        struct str content = json_str(json_get(reader.json, keywords[i])),
                   wrote = writer_name(writer, keywords[i]);
        if (content.ptr && !(wrote.ptr && str_eq(content, wrote)))
            compare_found(c, RULE_CONTENT, at, writer, reader, keywords[i],
                          (struct words){ .r = content, .w = wrote.ptr ? wrote : STR("any text") });
    }
}

/* ---- numbers ---- */

/* A limit of numbers; for whole numbers exclusive ones are told as inclusive ones. */
struct bound {
    bool set, exclusive;
    long double value;
};

static struct bound bound_of(const struct json *schema, bool low, bool whole)
{
    const struct json *limit = json_get(schema, low ? "minimum" : "maximum"),
                      *beyond = json_get(schema, low ? "exclusiveMinimum" : "exclusiveMaximum");
    struct bound bound = { limit != NULL, json_type(beyond) == JSON_BOOL && json_bool(beyond), 0 };
    long double sign = low ? 1 : -1;
    if (limit)
        bound.value = json_type(limit) == JSON_INTEGER ? json_int(limit) : json_double(limit);
    if (json_type(beyond) == JSON_INTEGER || json_type(beyond) == JSON_NUMBER) {
        long double value = json_type(beyond) == JSON_INTEGER ? json_int(beyond)
                                                              : json_double(beyond);
        if (!bound.set || sign * value >= sign * bound.value)
            bound = (struct bound){ true, true, value };
    }
    if (bound.set && whole) {
        long double rounded = low ? ceill(bound.value) : floorl(bound.value);
        bound.value = rounded + (bound.exclusive && rounded == bound.value ? sign : 0);
        bound.exclusive = false;
    }
    return bound;
}

/* Is `a` the narrower of two low (high) limits, or the same? */
static bool bound_within(struct bound a, struct bound b, bool low)
{
    if (!b.set || !a.set)
        return !b.set;
    if (a.value == b.value)
        return a.exclusive || !b.exclusive;
    return low ? a.value > b.value : a.value < b.value;
}

static struct bound bound_written(struct compare *c, const struct writer *writer, bool low,
                                  bool whole)
{
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    struct bound bound = { 0 };
    for (size_t i = 0; values && i < n; i++) {
        if (!(type_of_value(values[i]) & TYPE_NUMBER))
            continue;
        long double value = json_type(values[i]) == JSON_INTEGER ? json_int(values[i])
                                                                 : json_double(values[i]);
        if (!bound.set || (low ? value < bound.value : value > bound.value))
            bound = (struct bound){ true, false, value };
    }
    for (size_t i = 0; !values && i < writer->n; i++) {
        struct bound own = bound_of(writer->atoms[i].node.json, low, whole);
        if (own.set && bound_within(own, bound, low))
            bound = own;
    }
    return bound;
}

static struct str bound_text(struct arena *arena, struct bound bound, bool low)
{
    if (!bound.set)
        return STR("any number");
    const char *form = low               ? bound.exclusive ? "more than" : "at least"
                       : bound.exclusive ? "less than"
                                         : "at most";
    if (bound.value == (long double)(int64_t)bound.value)
        return arena_printf(arena, "%s %lld", form, (long long)bound.value);
    return arena_printf(arena, "%s %.17Lg", form, bound.value);
}

static void compare_bound(struct compare *c, const struct writer *writer, struct node reader,
                          bool low, const struct at *at)
{
    struct arena *arena = c->reading.ctx->arena;
    bool whole = !(writer_types(c, writer) & TYPE_FRACTION);
    struct bound read = bound_of(reader.json, low, whole),
                 wrote = bound_written(c, writer, low, whole);
    const char *keyword = low ? "minimum" : "maximum";
    if (!bound_within(wrote, read, low))
        compare_found(c, low ? RULE_MINIMUM : RULE_MAXIMUM, at, writer, reader, keyword,
                      (struct words){ .r = bound_text(arena, read, low),
                                      .w = bound_text(arena, wrote, low) });
}

static bool is_multiple(double value, double of)
{
    double times = of > 0 ? value / of : 0.5;
    return fabs(times - nearbyint(times)) < 1e-9;
}

static void compare_multiple(struct compare *c, const struct writer *writer, struct node reader,
                             const struct at *at)
{
    const struct json *of = json_get(reader.json, "multipleOf");
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    if (!of)
        return;
    bool fits = values ||
                (!(writer_types(c, writer) & TYPE_FRACTION) && is_multiple(1, json_double(of)));
    for (size_t i = 0; values && i < n; i++)
        fits &= !(type_of_value(values[i]) & TYPE_NUMBER) ||
                is_multiple(json_double(values[i]), json_double(of));
    for (size_t i = 0; i < writer->n; i++) {
        const struct json *own = json_get(writer->atoms[i].node.json, "multipleOf");
        fits |= own && is_multiple(json_double(own), json_double(of));
    }
    if (!fits)
        compare_found(c, RULE_MULTIPLE_OF, at, writer, reader, "multipleOf",
                      (struct words){ .r = json_text(c->reading.ctx->arena, of) });
}

void compare_scalars(struct compare *c, const struct writer *writer, struct node reader,
                     unsigned types, const struct at *at)
{
    compare_enum(c, writer, reader, types, at);
    compare_const(c, writer, reader, types, at);
    for (size_t i = 0; i < COUNT(count_rules); i++)
        if (types & count_rules[i].type)
            compare_count(c, writer, reader, &count_rules[i], at);
    compare_format(c, writer, reader, types, at);
    if (types & TYPE_STRING) {
        compare_pattern(c, writer, reader, at);
        compare_content(c, writer, reader, at);
    }
    if (types & TYPE_NUMBER) {
        compare_bound(c, writer, reader, true, at);
        compare_bound(c, writer, reader, false, at);
        compare_multiple(c, writer, reader, at);
    }
}
