#include <stdlib.h>

#include "platform/json/value.h"

#define FEW_KEYS 16 /* up to here looking each key up is faster than sorting */

/* Exact: a long double has the 64 bits of any integer here, and all of a double's. */
static long double exact(yyjson_val *number)
{
    if (unsafe_yyjson_is_real(number))
        return number->uni.f64;
    return unsafe_yyjson_is_uint(number) ? (long double)number->uni.u64
                                         : (long double)number->uni.i64;
}
_Static_assert(__LDBL_MANT_DIG__ >= 64, "numbers are compared as long double");

int json_compare_numbers(const struct json *a, const struct json *b)
{
    if (unsafe_yyjson_is_real(val_of(a)) && unsafe_yyjson_is_real(val_of(b))) {
        double x = val_of(a)->uni.f64, y = val_of(b)->uni.f64;
        return (x > y) - (x < y);
    }
    if (value_type(a) == JSON_INTEGER && value_type(b) == JSON_INTEGER) {
        int64_t x = val_of(a)->uni.i64, y = val_of(b)->uni.i64;
        return (x > y) - (x < y);
    }
    long double left = exact(val_of(a)), right = exact(val_of(b));
    return (left > right) - (left < right);
}

static bool equal(yyjson_val *a, yyjson_val *b);

static bool arrays_equal(yyjson_val *a, yyjson_val *b)
{
    size_t n = unsafe_yyjson_get_len(a);
    yyjson_val *left = unsafe_yyjson_get_first(a), *right = unsafe_yyjson_get_first(b);
    for (; n; n--) {
        if (!equal(left, right))
            return false;
        left = unsafe_yyjson_get_next(left);
        right = unsafe_yyjson_get_next(right);
    }
    return true;
}

static bool members_equal_sorted(yyjson_val *a, yyjson_val *b)
{
    size_t n = unsafe_yyjson_get_len(a);
    yyjson_val **keys = mem_alloc(2 * n * sizeof(yyjson_val *));
    keys_sort(a, keys);
    keys_sort(b, keys + n);
    bool same = true;
    for (size_t i = 0; i < n && same; i++)
        same = str_eq(text_of(keys[i]), text_of(keys[n + i])) &&
               equal(keys[i] + 1, keys[n + i] + 1);
    free(keys);
    return same;
}

static bool members_equal_few(yyjson_val *a, yyjson_val *b)
{
    yyjson_val *key = unsafe_yyjson_get_first(a);
    for (size_t n = unsafe_yyjson_get_len(a); n; n--, key = unsafe_yyjson_get_next(key + 1)) {
        struct str name = text_of(key);
        yyjson_val *other = yyjson_obj_getn(b, name.ptr, name.len);
        if (!other || !equal(key + 1, other))
            return false;
    }
    return true;
}

static bool equal(yyjson_val *a, yyjson_val *b)
{
    if (unsafe_yyjson_get_type(a) != unsafe_yyjson_get_type(b))
        return false;
    switch (unsafe_yyjson_get_type(a)) {
    case YYJSON_TYPE_NULL:
        return true;
    case YYJSON_TYPE_BOOL:
        return unsafe_yyjson_get_bool(a) == unsafe_yyjson_get_bool(b);
    case YYJSON_TYPE_NUM:
        return json_compare_numbers(json_of(a), json_of(b)) == 0;
    case YYJSON_TYPE_STR:
        return same_text(text_of(a), text_of(b));
    default:
        break;
    }
    size_t n = unsafe_yyjson_get_len(a);
    if (n != unsafe_yyjson_get_len(b))
        return false;
    if (unsafe_yyjson_is_arr(a))
        return arrays_equal(a, b);
    return n <= FEW_KEYS ? members_equal_few(a, b) : members_equal_sorted(a, b);
}

bool json_equal(const struct json *a, const struct json *b)
{
    return a && b ? a == b || equal(val_of(a), val_of(b)) : a == b;
}

/* ---- order ---- */

static int order(yyjson_val *a, yyjson_val *b);

static int order_arrays(yyjson_val *a, yyjson_val *b)
{
    size_t n = unsafe_yyjson_get_len(a);
    yyjson_val *left = unsafe_yyjson_get_first(a), *right = unsafe_yyjson_get_first(b);
    for (; n; n--) {
        int found = order(left, right);
        if (found)
            return found;
        left = unsafe_yyjson_get_next(left);
        right = unsafe_yyjson_get_next(right);
    }
    return 0;
}

static int order_objects(yyjson_val *a, yyjson_val *b)
{
    size_t n = unsafe_yyjson_get_len(a);
    yyjson_val *few[2 * FEW_KEYS], **keys = few;
    int found = 0;
    if (n > FEW_KEYS)
        keys = mem_alloc(2 * n * sizeof(yyjson_val *));
    keys_sort(a, keys);
    keys_sort(b, keys + n);
    for (size_t i = 0; i < n && !found; i++) {
        found = key_order(text_of(keys[i]), text_of(keys[n + i]));
        if (!found)
            found = order(keys[i] + 1, keys[n + i] + 1);
    }
    if (keys != few)
        free(keys);
    return found;
}

static int order(yyjson_val *a, yyjson_val *b)
{
    yyjson_type left = unsafe_yyjson_get_type(a), right = unsafe_yyjson_get_type(b);
    if (left != right)
        return left < right ? -1 : 1;
    switch (left) {
    case YYJSON_TYPE_BOOL:
        return unsafe_yyjson_get_bool(a) - unsafe_yyjson_get_bool(b);
    case YYJSON_TYPE_NUM:
        return json_compare_numbers(json_of(a), json_of(b));
    case YYJSON_TYPE_STR:
        return key_order(text_of(a), text_of(b));
    case YYJSON_TYPE_ARR:
    case YYJSON_TYPE_OBJ:
        break;
    default:
        return 0;
    }
    size_t n = unsafe_yyjson_get_len(a), m = unsafe_yyjson_get_len(b);
    if (n != m)
        return n < m ? -1 : 1;
    return left == YYJSON_TYPE_ARR ? order_arrays(a, b) : order_objects(a, b);
}

int json_order(const struct json *a, const struct json *b)
{
    return a == b ? 0 : order(val_of(a), val_of(b));
}
