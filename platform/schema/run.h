/* One validation under way. For the files of this folder. */
#pragma once

#include "platform/json/value.h"
#include "platform/schema/program.h"

/* Where in the instance: written out as a JSON Pointer only when something is wrong there. */
struct spot {
    const struct spot *up; /* NULL: the whole instance */
    struct str key;        /* ptr NULL: an element */
    size_t index;
};

/* The resources entered on the way here, for $dynamicRef. */
struct scope {
    const struct resource *resource;
    const struct scope *up;
};

struct run {
    struct ctx *ctx;
    const struct schema *schema;
    const struct scope *scope;
    unsigned depth, steps;
    int quiet;    /* above 0: only whether it fits matters */
    bool gave_up; /* too deep, or too many steps: nothing fits any more */
};

/* The members or elements of one value that some keyword has spoken of, for unevaluated*. */
struct seen {
    size_t n;
    uint64_t few, *bits;
};

static inline void seen_mark(struct seen *seen, size_t index)
{
    if (seen)
        seen->bits[index / 64] |= 1ull << index % 64;
}

/* One of enum type_bit; 1.0 is a whole number. */
static inline unsigned type_of(const struct json *value)
{
    static const uint8_t bits[] = {
        [YYJSON_TYPE_NULL] = TYPE_NULL, [YYJSON_TYPE_BOOL] = TYPE_BOOL,
        [YYJSON_TYPE_NUM] = TYPE_INTEGER, [YYJSON_TYPE_STR] = TYPE_STRING,
        [YYJSON_TYPE_ARR] = TYPE_ARRAY, [YYJSON_TYPE_OBJ] = TYPE_OBJECT,
    };
    yyjson_val *val = val_of(value);
    if (unsafe_yyjson_is_real(val) && !json_is_integral(value))
        return TYPE_NUMBER;
    return bits[unsafe_yyjson_get_type(val)];
}

void seen_init(struct run *run, struct seen *seen, const struct json *value);

/* Does the value fit the node? `seen`, unless NULL, gathers what was spoken of (of no use when it does not fit). */
bool visit(struct run *run, const struct node *node, const struct json *value,
           const struct spot *spot, struct seen *seen);

/* The same without an error. */
bool fits(struct run *run, const struct node *node, const struct json *value,
          const struct spot *spot, struct seen *seen);

bool visit_number(struct run *run, const struct number_rules *rules, const struct json *value,
                  const struct spot *spot);
bool visit_string(struct run *run, const struct string_rules *rules, const struct json *value,
                  const struct spot *spot);
bool visit_array(struct run *run, const struct array_rules *rules, const struct json *value,
                 const struct spot *spot, struct seen *seen);
bool visit_object(struct run *run, const struct object_rules *rules, const struct json *value,
                  const struct spot *spot, struct seen *seen);

/* False; notes the sentence unless it is quiet. */
bool refuse(struct run *run, const struct spot *spot, const char *format, ...) PRINTF_LIKE(3, 4);

/* False, for good. */
bool give_up(struct run *run);
