#include "services/reporting/csv.h"

static struct str text_of(struct arena *arena, const struct json *value)
{
    struct str text = STR("");
    switch (json_type(value)) {
    case JSON_ABSENT:
    case JSON_NULL:
        return text;
    case JSON_STRING:
        return json_str(value);
    case JSON_ARRAY:
        for (struct json_iter it = json_iter(value); json_next(&it);)
            text = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(text), it.index ? " " : "",
                                STR_ARG(text_of(arena, it.value)));
        return text;
    default:
        return json_text(arena, value);
    }
}

static struct str cell_of(struct arena *arena, const struct json *value)
{
    struct str text = text_of(arena, value);
    bool formula = json_type(value) == JSON_STRING && text.len && strchr("=+-@\t\r", text.ptr[0]);
    bool quoted = formula;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        quoted = quoted || strchr(",\"\r\n", text.ptr[i]);
    if (!quoted)
        return text;
    char *out = arena_alloc_raw(arena, 2 * text.len + 4);
    out[n++] = '"';
    if (formula)
        out[n++] = '\'';
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            out[n++] = '"';
        out[n++] = text.ptr[i];
    }
    out[n++] = '"';
    return (struct str){ out, n };
}

struct csv_text {
    struct arena *arena;
    char *ptr;
    size_t len, cap;
};

static void put(struct csv_text *out, struct str text)
{
    if (out->len + text.len > out->cap) {
        size_t cap = 2 * (out->len + text.len) + 1024;
        char *grown = arena_alloc_raw(out->arena, cap);
        if (out->len)
            memcpy(grown, out->ptr, out->len);
        out->ptr = grown;
        out->cap = cap;
    }
    if (text.len)
        memcpy(out->ptr + out->len, text.ptr, text.len);
    out->len += text.len;
}

struct str csv_of(struct arena *arena, const struct json *rows, const struct csv_column *columns,
                  size_t n)
{
    struct csv_text out = { .arena = arena };
    for (size_t i = 0; i < n; i++) {
        put(&out, i ? STR(",") : STR(""));
        put(&out, str_of(columns[i].name));
    }
    put(&out, STR("\r\n"));
    for (struct json_iter it = json_iter(rows); json_next(&it);) {
        for (size_t i = 0; i < n; i++) {
            put(&out, i ? STR(",") : STR(""));
            put(&out, cell_of(arena, json_pointer(it.value, str_of(columns[i].pointer))));
        }
        put(&out, STR("\r\n"));
    }
    return (struct str){ out.ptr, out.len };
}
