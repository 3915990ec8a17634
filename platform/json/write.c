#include <math.h>

#include "base/clock.h"
#include "platform/json/value.h"

#define FIRST_BYTES 256

void json_out_init(struct json_out *out, struct arena *arena)
{
    *out = (struct json_out){ arena, arena_alloc_raw(arena, FIRST_BYTES), 0, FIRST_BYTES, false };
}

/* Room for `bytes` more and the NUL. */
static __attribute__((noinline)) void grow(struct json_out *out, size_t bytes)
{
    size_t cap = MAX(out->cap * 2, out->len + bytes + 1);
    char *ptr = arena_alloc_raw(out->arena, cap);
    memcpy(ptr, out->ptr, out->len);
    out->ptr = ptr;
    out->cap = cap;
}

static inline char *room(struct json_out *out, size_t bytes)
{
    if (__builtin_expect(out->cap - out->len <= bytes, 0))
        grow(out, bytes);
    return out->ptr + out->len;
}

static void append(struct json_out *out, const char *text, size_t len)
{
    memcpy(room(out, len), text, len);
    out->len += len;
}

static inline void append_one(struct json_out *out, char c)
{
    *room(out, 1) = c;
    out->len++;
}

/* A value begins: the comma before it, and one wanted before the next. */
static inline void begin(struct json_out *out)
{
    if (out->comma)
        append_one(out, ',');
    out->comma = true;
}

static void put_token(struct json_out *out, const char *text, size_t len)
{
    begin(out);
    append(out, text, len);
}

struct str json_out_str(struct json_out *out)
{
    *room(out, 0) = '\0';
    return (struct str){ out->ptr, out->len };
}

void json_object(struct json_out *out)
{
    begin(out);
    append_one(out, '{');
    out->comma = false;
}

void json_object_end(struct json_out *out)
{
    append_one(out, '}');
    out->comma = true;
}

void json_array(struct json_out *out)
{
    begin(out);
    append_one(out, '[');
    out->comma = false;
}

void json_array_end(struct json_out *out)
{
    append_one(out, ']');
    out->comma = true;
}

static void append_escape(struct json_out *out, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\' };
    if (shorts[c]) {
        append(out, (char[]){ '\\', shorts[c] }, 2);
    } else {
        append(out, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
    }
}

static size_t well_formed_bytes(const char *at, size_t left)
{
    for (size_t n = 2; n <= MIN(left, 4); n++)
        if (str_is_utf8((struct str){ at, n }))
            return n;
    return 0;
}

/* Text that is not UTF-8 would make the whole document unreadable: what is bad becomes U+FFFD. */
static size_t append_other(struct json_out *out, const char *at, size_t left)
{
    size_t n = well_formed_bytes(at, left);
    if (n)
        append(out, at, n);
    else
        append(out, "\xEF\xBF\xBD", 3);
    return n ? n : 1;
}

typedef int8_t bytes_16 __attribute__((vector_size(16)));

/* Copies 16 bytes if they are ASCII without escapes. As signed numbers, those over 0x7F are below the space too. */
static inline bool copy_plain_16(char *to, const char *from)
{
    bytes_16 bytes, odd;
    uint64_t halves[2];
    memcpy(&bytes, from, 16);
    odd = (bytes_16)((bytes < 0x20) | (bytes == '"') | (bytes == '\\'));
    memcpy(halves, &odd, 16);
    if (halves[0] | halves[1])
        return false;
    memcpy(to, &bytes, 16);
    return true;
}

static inline bool is_plain(char c)
{
    return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

/* Copies what is ASCII without escapes, most texts as a whole; gives how many bytes that were. */
static inline size_t copy_plain(char *to, struct str text)
{
    size_t at = 0;
    while (text.len - at >= 16 && copy_plain_16(to + at, text.ptr + at))
        at += 16;
    for (; at < text.len && is_plain(text.ptr[at]); at++)
        to[at] = text.ptr[at];
    return at;
}

/* Where the next byte is that cannot be copied as it is. */
static size_t plain_until(struct str text, size_t at, bool utf8)
{
    while (at < text.len && (is_plain(text.ptr[at]) || (utf8 && text.ptr[at] & 0x80)))
        at++;
    return at;
}

static void append_rest(struct json_out *out, struct str text, size_t at)
{
    bool utf8 = str_is_utf8(text);
    while (at < text.len) {
        size_t from = at;
        at = plain_until(text, at, utf8);
        append(out, text.ptr + from, at - from);
        if (at == text.len)
            break;
        if ((unsigned char)text.ptr[at] >= 0x80)
            at += append_other(out, text.ptr + at, text.len - at);
        else
            append_escape(out, (unsigned char)text.ptr[at++]);
    }
}

static void append_string(struct json_out *out, struct str text)
{
    char *to = room(out, text.len + 2);
    *to++ = '"';
    size_t n = copy_plain(to, text);
    out->len += 1 + n;
    if (n < text.len)
        append_rest(out, text, n);
    append_one(out, '"');
}

void json_key_raw(struct json_out *out, struct str quoted)
{
    begin(out);
    append(out, quoted.ptr, quoted.len);
    out->comma = false;
}

void json_key_n(struct json_out *out, struct str key)
{
    begin(out);
    append_string(out, key);
    append_one(out, ':');
    out->comma = false;
}

void json_key(struct json_out *out, const char *key)
{
    json_key_n(out, str_of(key));
}

void json_put_str(struct json_out *out, struct str text)
{
    if (!text.ptr) {
        json_put_null(out);
        return;
    }
    begin(out);
    append_string(out, text);
}

/* Numbers as yyjson writes them: integers whole, doubles in the fewest digits that read back the same. */
static void put_number(struct json_out *out, const yyjson_val *number, bool keep_point)
{
    char buffer[256], *text;
    yyjson_alc memory;
    size_t len = 0;
    yyjson_alc_pool_init(&memory, buffer, sizeof(buffer));
    text = yyjson_val_write_opts(number, YYJSON_WRITE_INF_AND_NAN_AS_NULL, &memory, &len, NULL);
    if (!keep_point && len > 2 && memcmp(text + len - 2, ".0", 2) == 0)
        len -= 2;
    put_token(out, text, len);
}

void json_put_int(struct json_out *out, int64_t value)
{
    char room[24];
    struct str digits = str_of_int(value, room);
    put_token(out, digits.ptr, digits.len);
}

void json_put_double(struct json_out *out, double value)
{
    yyjson_val number = { YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL, { .f64 = value } };
    put_number(out, &number,
               value == 0 && signbit(value)); /* "-0" would be read as the integer 0 */
}

void json_put_bool(struct json_out *out, bool value)
{
    put_token(out, value ? "true" : "false", value ? 4 : 5);
}

void json_put_null(struct json_out *out)
{
    put_token(out, "null", 4);
}

void json_put_time(struct json_out *out, int64_t us)
{
    char text[CLOCK_TEXT_BYTES];
    json_put_str(out, (struct str){ text, clock_format(us, text) });
}

void json_put(struct json_out *out, const struct json *value)
{
    switch (json_type(value)) {
    case JSON_BOOL:
        json_put_bool(out, json_bool(value));
        break;
    case JSON_INTEGER:
        json_put_int(out, json_int(value));
        break;
    case JSON_NUMBER:
        put_number(out, val_of(value), true);
        break;
    case JSON_STRING:
        json_put_str(out, json_str(value));
        break;
    case JSON_ARRAY:
        json_array(out);
        for (struct json_iter it = json_iter(value); json_next(&it);)
            json_put(out, it.value);
        json_array_end(out);
        break;
    case JSON_OBJECT:
        json_object(out);
        for (struct json_iter it = json_iter(value); json_next(&it);) {
            json_key_n(out, it.key);
            json_put(out, it.value);
        }
        json_object_end(out);
        break;
    default:
        json_put_null(out);
    }
}

void json_put_raw(struct json_out *out, struct str json)
{
    put_token(out, json.ptr, json.len);
}

struct str json_text(struct arena *arena, const struct json *value)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_put(&out, value);
    return json_out_str(&out);
}
