/* Logs: one JSON line each on standard error: time, level, service, event, trace_id, then fields. Never personal data:
 * fields whose key is on the deny-list (email, name, phone, address, token, authorization, ...) are written "[hidden]".
 * Log once, at the edge (router, consumer, worker, main); libraries return errors. */
#pragma once

#include "base/ctx.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_DOUBLE, LOG_FIELD_BOOL } kind;
    struct str str;
    int64_t integer;
    double number;
};

#define LOG_S(key, value) ((struct log_field){ (key), LOG_FIELD_STR, .str = (value) })
#define LOG_C(key, text) ((struct log_field){ (key), LOG_FIELD_STR, .str = str_of(text) })
#define LOG_I(key, value) ((struct log_field){ (key), LOG_FIELD_INT, .integer = (int64_t)(value) })
#define LOG_D(key, value) ((struct log_field){ (key), LOG_FIELD_DOUBLE, .number = (value) })
#define LOG_B(key, value) ((struct log_field){ (key), LOG_FIELD_BOOL, .integer = (value) })

/* log_line(LOG_INFO, ctx, "order_stored", LOG_S("order_id", id), LOG_I("lines", n)); ctx may be NULL. */
#define log_line(level, ctx, event, ...)                                                           \
    log_write((level), (ctx), (event), (const struct log_field[]){ { 0 }, ##__VA_ARGS__ },         \
              sizeof((const struct log_field[]){ { 0 }, ##__VA_ARGS__ }) / sizeof(struct log_field))

/* fields[0] is a filler and skipped. One write(2) a line. */
void log_write(enum log_level level, const struct ctx *ctx, const char *event,
               const struct log_field *fields, size_t n);

void log_setup(const char *service, enum log_level least);
bool log_level_parse(struct str text, enum log_level *out);
