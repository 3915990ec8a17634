#include "platform/telemetry/log.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/telemetry/trace.h"

#define LINE_BYTES 1024

static char log_service[64] = "fanfare";
static atomic_int log_least = LOG_INFO;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"
};

/* Words that a key may not hold between its underscores... */
static const char *const denied_words[] = {
    "email",     "mail",      "name",   "phone",         "address",   "street",   "birthday",
    "birthdate", "token",     "secret", "authorization", "cookie",    "password", "traits",
    "ip",        "recipient", "gender", "surname",       "firstname", "lastname",
};

/* ... unless it ends like this: it then counts or points at the thing and does not show it. */
static const char *const harmless_ends[] = { "_id", "_count", "_ms", "_us", "_bytes", "_hash" };

static bool is_denied_word(struct str word)
{
    for (size_t i = 0; i < COUNT(denied_words); i++)
        if (str_eq_nocase(word, str_of(denied_words[i])))
            return true;
    return false;
}

static bool is_denied(const char *key)
{
    struct str rest = str_of(key), word;
    for (size_t i = 0; i < COUNT(harmless_ends); i++)
        if (str_ends(rest, str_of(harmless_ends[i])))
            return false;
    while (str_split(&rest, '_', &word))
        if (is_denied_word(word))
            return true;
    return false;
}

/* A log line stays one JSON document whatever bytes a peer sent. */
static struct str readable(struct arena *arena, struct str text)
{
    if (!text.ptr || str_is_utf8(text))
        return text;
    char *copy = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)copy[i] >= 0x80)
            copy[i] = '?';
    return (struct str){ copy, text.len };
}

static void put_value(struct json_out *out, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_STR:
        json_put_str(out, readable(out->arena, field->str));
        break;
    case LOG_FIELD_INT:
        json_put_int(out, field->integer);
        break;
    case LOG_FIELD_DOUBLE:
        json_put_double(out, field->number);
        break;
    case LOG_FIELD_BOOL:
        json_put_bool(out, field->integer != 0);
        break;
    }
}

static void put_member(struct json_out *out, const char *key, const char *text)
{
    json_key(out, key);
    json_put_str(out, str_of(text));
}

static void put_line(struct json_out *out, enum log_level level, const struct ctx *ctx,
                     const char *event, const struct log_field *fields, size_t n)
{
    struct trace_context context;
    json_object(out);
    json_key(out, "time");
    json_put_time(out, clock_now_us());
    put_member(out, "level", level_names[level]);
    put_member(out, "service", log_service);
    put_member(out, "event", event);
    if (ctx && span_context(ctx, &context)) {
        json_key(out, "trace_id");
        json_put_str(out, crypto_hex(out->arena, context.trace_id, sizeof(context.trace_id)));
    }
    for (size_t i = 1; i < n; i++) {
        json_key(out, fields[i].key);
        if (is_denied(fields[i].key))
            json_put_str(out, STR("[hidden]"));
        else
            put_value(out, &fields[i]);
    }
    json_object_end(out);
}

void log_write(enum log_level level, const struct ctx *ctx, const char *event,
               const struct log_field *fields, size_t n)
{
    if ((int)level < atomic_load_explicit(&log_least, memory_order_relaxed))
        return;
    CLEANUP(arena_freep) struct arena *arena = arena_new(LINE_BYTES);
    struct json_out out;
    json_out_init(&out, arena);
    put_line(&out, level, ctx, event, fields, n);
    struct str text = json_out_str(&out);
    char *line = arena_alloc_raw(arena, text.len + 1);
    memcpy(line, text.ptr, text.len);
    line[text.len] = '\n';
    /* Nobody can be told when standard error is gone. */
    ssize_t written UNUSED = write(STDERR_FILENO, line, text.len + 1);
}

void log_setup(const char *service, enum log_level least)
{
    size_t bytes = MIN(strlen(service), sizeof(log_service) - 1);
    memcpy(log_service, service, bytes);
    log_service[bytes] = '\0';
    atomic_store(&log_least, least);
}

bool log_level_parse(struct str text, enum log_level *out)
{
    for (size_t i = 0; i < COUNT(level_names); i++) {
        if (str_is(text, level_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}
