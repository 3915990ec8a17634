#include "platform/json/json.h"

#include <math.h>
#include <stdlib.h>

#include "platform/json/value.h"

#define FEW_KEYS 16 /* up to here comparing all pairs is faster than sorting */

/* ---- reading ---- */

static void *from_arena(void *arena, size_t bytes)
{
    return arena_alloc_raw(arena, bytes);
}

static void *grow_in_arena(void *arena, void *old, size_t old_bytes, size_t bytes)
{
    void *memory = arena_alloc_raw(arena, bytes);
    return memcpy(memory, old, MIN(old_bytes, bytes));
}

static void leave_to_arena(void *arena, void *memory)
{
}

/* The first byte after the string whose opening quote is at `at`, or `end`. */
static const char *skip_string(const char *at, const char *end)
{
    for (at++; (at = memchr(at, '"', (size_t)(end - at))); at++) {
        const char *back = at;
        while (back[-1] == '\\')
            back--;
        if ((at - back) % 2 == 0)
            return at + 1;
    }
    return end;
}

typedef uint8_t bytes_16 __attribute__((vector_size(16)));

/* Has it no more opening brackets, in text too, than levels are allowed? Most documents are let through by this. */
static bool has_few_brackets(struct str text)
{
    size_t n = 0, at = 0;
    for (; text.len - at >= 16 && n <= JSON_DEPTH; at += 16) {
        bytes_16 bytes;
        memcpy(&bytes, text.ptr + at, 16);
        bytes = (bytes_16)((bytes | 0x20) == '{') & 1; /* '[' becomes '{' */
        uint64_t halves[2];
        memcpy(halves, &bytes, 16);
        n += (halves[0] + halves[1]) * 0x0101010101010101u >> 56;
    }
    for (; at < text.len; at++)
        n += (text.ptr[at] | 0x20) == '{';
    return n <= JSON_DEPTH;
}

/* Before parsing, so that a deep document costs no memory. Brackets need not match: the parser sees to that. */
static bool depth_fits(struct ctx *ctx, struct str text)
{
    if (has_few_brackets(text))
        return true;
    const char *at = text.ptr, *end = text.ptr + text.len;
    int depth = 0;
    while (at < end) {
        char c = *at | 0x20; /* '[' is now '{', ']' is now '}' */
        if (c == '{') {
            if (++depth > JSON_DEPTH)
                return ctx_fail(ctx, ERR_MALFORMED, "JSON is deeper than %d levels at byte %zu",
                                JSON_DEPTH, (size_t)(at - text.ptr));
        } else if (c == '}') {
            depth--;
        } else if (*at == '"') {
            at = skip_string(at, end);
            continue;
        }
        at++;
    }
    return true;
}

static int order_keys(const void *a, const void *b)
{
    yyjson_val *const *left = a, *const *right = b;
    int order = key_order(text_of(*left), text_of(*right));
    return order ? order : (*left > *right) - (*left < *right);
}

void keys_sort(yyjson_val *object, yyjson_val **keys)
{
    size_t n = unsafe_yyjson_get_len(object);
    yyjson_val *key = unsafe_yyjson_get_first(object);
    for (size_t i = 0; i < n; i++, key = unsafe_yyjson_get_next(key + 1))
        keys[i] = key;
    qsort(keys, n, sizeof(*keys), order_keys);
}

static bool same_key(yyjson_val *a, yyjson_val *b)
{
    return same_text(text_of(a), text_of(b));
}

static yyjson_val *duplicate_of_few(yyjson_val *first, size_t n)
{
    yyjson_val *keys[FEW_KEYS];
    yyjson_val *key = first;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < i; j++)
            if (same_key(keys[j], key))
                return key;
        keys[i] = key;
        key = unsafe_yyjson_get_next(key + 1);
    }
    return NULL;
}

/* Sorted, not hashed: no choice of keys makes it slow. */
static yyjson_val *duplicate_of_many(yyjson_val *object, size_t n)
{
    yyjson_val **keys = mem_alloc(n * sizeof(yyjson_val *)), *found = NULL;
    keys_sort(object, keys);
    for (size_t i = 1; i < n && !found; i++)
        if (same_key(keys[i - 1], keys[i]))
            found = keys[i];
    free(keys);
    return found;
}

/* The values of a document lie one after another, so no recursion is needed. */
static bool keys_are_unique(struct ctx *ctx, yyjson_doc *doc)
{
    yyjson_val *at = yyjson_doc_get_root(doc), *end = at + yyjson_doc_get_val_count(doc);
    for (; at < end; at++) {
        if (!unsafe_yyjson_is_obj(at))
            continue;
        size_t n = unsafe_yyjson_get_len(at);
        yyjson_val *again = n <= FEW_KEYS ? duplicate_of_few(at + 1, n) : duplicate_of_many(at, n);
        if (again)
            return ctx_fail(ctx, ERR_MALFORMED,
                            "JSON has the key \"" STR_FMT "\" twice at byte %zu",
                            (int)MIN(again->tag >> YYJSON_TAG_BIT, 100), again->uni.str,
                            (size_t)(again->uni.str - doc->str_pool - 1));
    }
    return true;
}

const struct json *json_parse(struct ctx *ctx, struct str text)
{
    if (text.len == 0) {
        ctx_fail(ctx, ERR_MALFORMED, "JSON is expected, but there is nothing");
        return NULL;
    }
    if (!depth_fits(ctx, text))
        return NULL;
    yyjson_alc memory = { from_arena, grow_in_arena, leave_to_arena, ctx->arena };
    yyjson_read_err error;
    yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text.ptr, text.len, YYJSON_READ_NOFLAG,
                                       &memory, &error);
    if (!doc) {
        ctx_fail(ctx, ERR_MALFORMED, "JSON is malformed at byte %zu: %s", error.pos, error.msg);
        return NULL;
    }
    return keys_are_unique(ctx, doc) ? json_of(yyjson_doc_get_root(doc)) : NULL;
}

/* ---- looking ---- */

enum json_type json_type(const struct json *value)
{
    return value_type(value);
}

bool json_is_integral(const struct json *value)
{
    yyjson_val *val = val_of(value);
    if (yyjson_is_real(val))
        return floor(val->uni.f64) == val->uni.f64;
    return yyjson_is_num(val);
}

bool json_bool(const struct json *value)
{
    return yyjson_is_true(val_of(value));
}

static int64_t cut(double number)
{
    if (number >= 0x1p63)
        return INT64_MAX;
    return number < -0x1p63 ? INT64_MIN : (int64_t)number;
}

int64_t json_int(const struct json *value)
{
    yyjson_val *val = val_of(value);
    if (yyjson_is_real(val))
        return cut(val->uni.f64);
    if (yyjson_is_uint(val))
        return val->uni.u64 > INT64_MAX ? INT64_MAX : val->uni.i64;
    return yyjson_is_sint(val) ? val->uni.i64 : 0;
}

double json_double(const struct json *value)
{
    return yyjson_get_num(val_of(value));
}

struct str json_str(const struct json *value)
{
    yyjson_val *val = val_of(value);
    return yyjson_is_str(val) ? text_of(val) : (struct str){ NULL, 0 };
}

const struct json *json_get(const struct json *object, const char *key)
{
    return json_of(yyjson_obj_get(val_of(object), key));
}

const struct json *json_get_n(const struct json *object, struct str key)
{
    return json_of(yyjson_obj_getn(val_of(object), key.ptr, key.len));
}

const struct json *json_at(const struct json *array, size_t index)
{
    return json_of(yyjson_arr_get(val_of(array), index));
}

const struct json *json_pointer(const struct json *value, struct str pointer)
{
    return pointer.len ? json_of(yyjson_ptr_getn(val_of(value), pointer.ptr, pointer.len)) : value;
}

size_t json_size(const struct json *container)
{
    return value_size(container);
}

struct json_iter json_iter(const struct json *container)
{
    return value_iter(container);
}

bool json_next(struct json_iter *it)
{
    return value_next(it);
}

const struct json *json_iter_key(const struct json_iter *it)
{
    return json_of(val_of(it->value) - 1); /* a key lies before its value */
}
