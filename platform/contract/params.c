/* Parameters of operations: from the text of a request, and into the target of one. */
#include "base/clock.h"
#include "platform/contract/values.h"

static const char *const places[] = {
    [PARAM_PATH] = "path", [PARAM_QUERY] = "query", [PARAM_HEADER] = "header"
};

static bool param_bool(struct walk *walk, const struct place *place, struct str text, bool *out)
{
    *out = str_is(text, "true");
    return *out || str_is(text, "false") || value_fail(walk, place, "must be true or false");
}

static bool param_enum(struct walk *walk, const struct place *place, const struct field *field,
                       struct str text, int *out)
{
    *out = contract_enum_parse(field->members, text);
    return *out != 0 || value_not_member(walk, place, field->members);
}

static bool param_value(struct walk *walk, const struct place *place, const struct field *field,
                        struct str text, void *at)
{
    if (!str_is_utf8(text))
        return value_fail(walk, place, "must be UTF-8");
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        *(struct str *)at = text;
        return value_text(walk, place, field->limits, text);
    case FIELD_INT:
        if (!str_to_int(text, at))
            return value_fail(walk, place, "must be a whole number");
        return value_int(walk, place, field->limits, *(int64_t *)at);
    case FIELD_DOUBLE:
        if (!str_to_double(text, at))
            return value_fail(walk, place, "must be a number");
        return value_double(walk, place, field->limits, *(double *)at);
    case FIELD_BOOL:
        return param_bool(walk, place, text, at);
    case FIELD_TIME:
        return value_time(walk, place, text, at);
    case FIELD_ENUM:
        return param_enum(walk, place, field, text, at);
    case FIELD_MONEY:
    case FIELD_OBJECT:
    case FIELD_JSON:
        break; /* the compiler refuses them as parameters */
    }
    return false;
}

static bool param_array(struct walk *walk, const struct place *place, const struct field *field,
                        const struct str *values, size_t n, char *base)
{
    size_t size = field_size(field);
    if (!value_count(walk, place, field->limits, n))
        return false;
    char *elements = arena_alloc(walk->ctx->arena, n * size);
    for (size_t i = 0; i < n; i++)
        if (!param_value(walk, place, field, values[i], elements + i * size))
            return false;
    *(void **)(base + field->offset) = elements;
    *(size_t *)(base + field->presence) = n;
    return true;
}

bool contract_param(struct ctx *ctx, const struct param *param, const struct str *values, size_t n,
                    void *in)
{
    const struct field *field = &param->field;
    struct walk walk = { ctx, DECODE_STRICT, ERR_INVALID };
    struct str pointer = arena_printf(ctx->arena, "%s/%s", places[param->place], field->name);
    struct place place = { NULL, pointer, 0 };
    char *base = in;
    if (n == 0) {
        if (field->flags & FIELD_REQUIRED)
            return value_fail(&walk, &place, "is required");
        if (field->flags & FIELD_DEFAULT)
            field_set_fallback(field, base);
        return true;
    }
    if (field->flags & FIELD_ARRAY)
        return param_array(&walk, &place, field, values, n, base);
    if (n > 1)
        return value_fail(&walk, &place, "must not be repeated");
    if (field->presence != UINT32_MAX)
        *(bool *)(base + field->presence) = true;
    return param_value(&walk, &place, field, values[0], base + field->offset);
}

/* ---- targets ---- */

struct target {
    struct arena *arena;
    char *ptr;
    size_t len, cap;
};

static void target_put(struct target *out, const char *bytes, size_t n)
{
    if (out->len + n + 1 > out->cap) {
        out->cap = (out->len + n + 1) * 2;
        char *grown = arena_alloc_raw(out->arena, out->cap);
        if (out->len)
            memcpy(grown, out->ptr, out->len);
        out->ptr = grown;
    }
    memcpy(out->ptr + out->len, bytes, n);
    out->len += n;
    out->ptr[out->len] = '\0';
}

/* All but the unreserved characters of RFC 3986 as percents. */
static void target_escape(struct target *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        char escaped[] = { '%', hex[c >> 4], hex[c & 15] };
        target_put(out, plain ? (const char *)&text.ptr[i] : escaped, plain ? 1 : 3);
    }
}

static struct str value_text_of(struct arena *arena, const struct field *field, const void *at)
{
    char time[CLOCK_TEXT_BYTES];
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        return *(const struct str *)at;
    case FIELD_INT:
        return arena_printf(arena, "%lld", (long long)*(const int64_t *)at);
    case FIELD_DOUBLE:
        return arena_printf(arena, "%.17g", *(const double *)at);
    case FIELD_BOOL:
        return *(const bool *)at ? STR("true") : STR("false");
    case FIELD_TIME:
        return arena_str(arena, (struct str){ time, clock_format(*(const int64_t *)at, time) });
    case FIELD_ENUM:
        return str_of(contract_enum_name(field->members, *(const int *)at));
    case FIELD_MONEY:
    case FIELD_OBJECT:
    case FIELD_JSON:
        break; /* the compiler refuses them as parameters */
    }
    return STR("");
}

static void target_query(struct target *out, const struct field *field, const void *at, bool *first)
{
    target_put(out, *first ? "?" : "&", 1);
    *first = false;
    target_escape(out, (struct str){ field->name, field->name_length });
    target_put(out, "=", 1);
    target_escape(out, value_text_of(out->arena, field, at));
}

static bool is_given(const struct field *field, const char *base)
{
    if (field->kind == FIELD_STR)
        return ((const struct str *)(base + field->offset))->ptr != NULL;
    return field->presence == UINT32_MAX || *(const bool *)(base + field->presence);
}

static void target_param(struct target *out, const struct field *field, const char *base,
                         bool *first)
{
    if (!(field->flags & FIELD_ARRAY)) {
        if (is_given(field, base))
            target_query(out, field, base + field->offset, first);
        return;
    }
    const char *elements = *(const char *const *)(base + field->offset);
    size_t n = *(const size_t *)(base + field->presence);
    for (size_t i = 0; elements && i < n; i++)
        target_query(out, field, elements + i * field_size(field), first);
}

static const struct param *find_param(const struct param *params, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (params[i].place == PARAM_PATH && str_is(name, params[i].field.name))
            return &params[i];
    return NULL;
}

struct str contract_target(struct arena *arena, const char *path, const struct param *params,
                           size_t n, const void *in)
{
    struct target out = { .arena = arena };
    const char *base = in;
    for (const char *at = path; *at;) {
        size_t plain = strcspn(at, "{");
        target_put(&out, at, plain);
        at += plain;
        if (*at != '{')
            break;
        size_t length = strcspn(at, "}");
        const struct param *param = find_param(params, n, (struct str){ at + 1, length - 1 });
        if (param)
            target_escape(&out, value_text_of(arena, &param->field, base + param->field.offset));
        at += length + (at[length] == '}');
    }
    bool first = true;
    for (size_t i = 0; i < n; i++)
        if (params[i].place == PARAM_QUERY)
            target_param(&out, &params[i].field, base, &first);
    return (struct str){ out.ptr, out.len };
}
