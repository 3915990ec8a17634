/* How json.h's values lie in memory: each is a yyjson value. For the files of this folder. */
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

/* Shorter first, then byte order: an order for finding equal keys, not for showing them. */
static inline int key_order(struct str a, struct str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* An object's keys in key_order, in memory of the caller. */
void keys_sort(yyjson_val *object, yyjson_val **keys);
