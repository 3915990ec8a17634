/* JSON: values read into an arena, and a writer. Stands on yyjson (not seen by callers). */
#pragma once

#include "base/ctx.h"

#define JSON_DEPTH 64 /* deeper documents are refused (semantics.md: limits) */

/* One value, immutable; alive as long as the arena that it was read into. NULL is "absent" to every function below. */
struct json;

enum json_type {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_INTEGER, /* fits int64_t, written without fraction or exponent */
    JSON_NUMBER,  /* any other number: double */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* Reads one document (RFC 8259). NULL with ERR_MALFORMED and the byte offset in the sentence for: bad syntax, bad
 * UTF-8, a duplicate key (named), more than JSON_DEPTH levels, trailing bytes. Depth is checked before parsing. */
const struct json *json_parse(struct ctx *ctx, struct str text);

/* Reads one YAML document by the YAML 1.2 core schema as JSON: plain null, true, false and numbers mean what they say
 * (0x and 0o too), everything else is text; keys are text as written; nothing but comments is null. NULL with
 * ERR_MALFORMED and "line L:C" for bad syntax, anchors, aliases, tags, a duplicate key (named), .inf and .nan. */
const struct json *json_parse_yaml(struct ctx *ctx, struct str text);

enum json_type json_type(const struct json *value);
bool json_is_integral(
    const struct json *value); /* an INTEGER, or a NUMBER without fraction (1.0) */

/* The value, or a neutral one (false, 0, absent text) when it is of another type. */
bool json_bool(const struct json *value);
int64_t json_int(const struct json *value); /* NUMBERs are cut; out of range gives INT64_MIN/MAX */
double json_double(const struct json *value); /* INTEGER or NUMBER */
struct str json_str(const struct json *value);

/* Members and elements; NULL when absent. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_get_n(const struct json *object, struct str key);
const struct json *json_at(const struct json *array,
                           size_t index); /* constant time only in order */
const struct json *json_pointer(const struct json *value,
                                struct str pointer); /* RFC 6901; NULL when absent */
size_t json_size(const struct json *container);

/* for (struct json_iter it = json_iter(v); json_next(&it);) use it.key (objects), it.value, it.index */
struct json_iter {
    const struct json *container, *value, *at;
    struct str key;
    size_t index, left;
};
struct json_iter json_iter(const struct json *container);
bool json_next(struct json_iter *it);

/* The key that json_next() gave last, as a value (STRING). */
const struct json *json_iter_key(const struct json_iter *it);

/* Equal as JSON Schema means it: numbers by value, objects without order. */
bool json_equal(const struct json *a, const struct json *b);

/* A total order in which what is equal is 0: for sorting, not for showing. */
int json_order(const struct json *a, const struct json *b);

/* -1, 0 or 1; exact, whatever mix of integers and doubles. Both must be numbers. */
int json_compare_numbers(const struct json *a, const struct json *b);

/* ---- writing ---- */

/* Appends to memory of an arena. Commas and colons are put in by itself. Nothing can fail. */
struct json_out {
    struct arena *arena;
    char *ptr;
    size_t len, cap;
    bool comma;
};

void json_out_init(struct json_out *out, struct arena *arena);
struct str json_out_str(struct json_out *out); /* ends in NUL; alive as long as the arena */

void json_object(struct json_out *out);
void json_object_end(struct json_out *out);
void json_array(struct json_out *out);
void json_array_end(struct json_out *out);
void json_key(struct json_out *out, const char *key);
void json_key_n(struct json_out *out, struct str key);
void json_key_raw(struct json_out *out, struct str quoted); /* with quotes and colon: "\"a\":" */
void json_put_str(struct json_out *out,
                  struct str text); /* ptr NULL writes null; bad UTF-8 becomes U+FFFD */
void json_put_int(struct json_out *out, int64_t value);
void json_put_double(struct json_out *out,
                     double value); /* shortest that reads back the same; not finite: null */
void json_put_bool(struct json_out *out, bool value);
void json_put_null(struct json_out *out);
void json_put_time(struct json_out *out, int64_t us); /* RFC 3339 */
void json_put(struct json_out *out, const struct json *value);
void json_put_raw(struct json_out *out, struct str json); /* text that is JSON already */

/* The text of a value (compact). */
struct str json_text(struct arena *arena, const struct json *value);
