/* How json.h's values lie in memory (each is a yyjson value), and what is asked of them most, to be compiled in. For the
 * files of this folder, and of schema/, which visits every value of every event. */
#pragma once

#include <yyjson.h>

#include "platform/json/json.h"

static inline yyjson_val *val_of(const struct json *value)
{
    return (yyjson_val *)(uintptr_t)value;
}

static inline const struct json *json_of(yyjson_val *value)
{
    return (const struct json *)value;
}

static inline struct str text_of(yyjson_val *value)
{
    return (struct str){ unsafe_yyjson_get_str(value), unsafe_yyjson_get_len(value) };
}

static inline enum json_type value_type(const struct json *value)
{
    yyjson_val *val = val_of(value);
    if (!val)
        return JSON_ABSENT;
    switch (unsafe_yyjson_get_type(val)) {
    case YYJSON_TYPE_NULL:
        return JSON_NULL;
    case YYJSON_TYPE_BOOL:
        return JSON_BOOL;
    case YYJSON_TYPE_NUM:
        if (unsafe_yyjson_is_real(val) || (unsafe_yyjson_is_uint(val) && val->uni.u64 > INT64_MAX))
            return JSON_NUMBER;
        return JSON_INTEGER;
    case YYJSON_TYPE_STR:
        return JSON_STRING;
    case YYJSON_TYPE_ARR:
        return JSON_ARRAY;
    case YYJSON_TYPE_OBJ:
        return JSON_OBJECT;
    default:
        return JSON_ABSENT;
    }
}

static inline size_t value_size(const struct json *container)
{
    yyjson_val *val = val_of(container);
    return yyjson_is_ctn(val) ? unsafe_yyjson_get_len(val) : 0;
}

static inline struct json_iter value_iter(const struct json *container)
{
    size_t size = value_size(container);
    return (struct json_iter){
        .container = container,
        .at = size ? json_of(unsafe_yyjson_get_first(val_of(container))) : NULL,
        .index = SIZE_MAX,
        .left = size,
    };
}

static inline bool value_next(struct json_iter *it)
{
    if (!it->left)
        return false;
    yyjson_val *at = val_of(it->at);
    if (unsafe_yyjson_is_obj(val_of(it->container)))
        it->key = text_of(at++);
    it->value = json_of(at);
    it->at = json_of(unsafe_yyjson_get_next(at));
    it->index++;
    it->left--;
    return true;
}

static inline uint64_t bytes_4(const char *at)
{
    uint32_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

static inline uint64_t bytes_8(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof(bytes));
    return bytes;
}

/* Equal text; up to 16 bytes, as names are, without a call: the first and the last bytes, which may overlap. */
static inline bool same_text(struct str a, struct str b)
{
    size_t n = a.len;
    if (n != b.len)
        return false;
    if (n > 16)
        return memcmp(a.ptr, b.ptr, n) == 0;
    if (n >= 8)
        return ((bytes_8(a.ptr) ^ bytes_8(b.ptr)) |
                (bytes_8(a.ptr + n - 8) ^ bytes_8(b.ptr + n - 8))) == 0;
    if (n >= 4)
        return ((bytes_4(a.ptr) ^ bytes_4(b.ptr)) |
                (bytes_4(a.ptr + n - 4) ^ bytes_4(b.ptr + n - 4))) == 0;
    for (size_t i = 0; i < n; i++)
        if (a.ptr[i] != b.ptr[i])
            return false;
    return true;
}

/* Shorter first, then byte order: an order for finding equal keys, not for showing them. */
static inline int key_order(struct str a, struct str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* An object's keys in key_order, in memory of the caller. */
void keys_sort(yyjson_val *object, yyjson_val **keys);
