#include "platform/telemetry/trace.h"

#include <stdatomic.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "platform/telemetry/otlp.h"

#define MOST_SPANS 1000 /* of one trace in this process: a runaway loop must not fill the arena */
#define SLOW_US (500 * US_PER_MS)

struct attribute {
    struct attribute *next;
    const char *key;
    struct str text; /* ptr NULL: a number */
    int64_t number;
};

struct link {
    struct link *next;
    struct trace_context to;
};

/* What this process adds to one trace: kept in the arena until its root ends, when it is known whether the trace had
 * an error or was slow. */
struct local_trace {
    struct span *root, *ended;
    size_t n_spans;
    bool sampled, has_error;
    struct str id_text;
};

struct span {
    struct span *parent, *next_ended;
    struct local_trace *trace;
    struct arena *arena;
    struct trace_context context;
    uint8_t parent_id[8];
    bool has_parent;
    enum span_kind kind;
    struct str name, error_type;
    int64_t start_us, start_mono_ns, duration_ns;
    struct attribute *attributes;
    struct link *links;
};

static _Atomic int sample_per_mille = 10;
static _Atomic int64_t slow_us = SLOW_US;

/* ---- W3C trace context ---- */

static bool hex_bytes(const char *text, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < 2 * n; i++) {
        char c = text[i];
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value < 0)
            return false;
        out[i / 2] = (uint8_t)(i % 2 ? out[i / 2] | value : value << 4);
    }
    return true;
}

static bool is_zero(const uint8_t *bytes, size_t n)
{
    uint8_t any = 0;
    for (size_t i = 0; i < n; i++)
        any |= bytes[i];
    return any == 0;
}

bool trace_parse(struct str text, struct trace_context *out)
{
    struct trace_context context;
    uint8_t version;
    if (!text.ptr || text.len < 55 || !hex_bytes(text.ptr, 1, &version) || version == 0xFF)
        return false;
    if (version == 0 ? text.len != 55 : text.len > 55 && text.ptr[55] != '-')
        return false;
    if (text.ptr[2] != '-' || text.ptr[35] != '-' || text.ptr[52] != '-' ||
        !hex_bytes(text.ptr + 3, 16, context.trace_id) ||
        !hex_bytes(text.ptr + 36, 8, context.span_id) ||
        !hex_bytes(text.ptr + 53, 1, &context.flags))
        return false;
    if (is_zero(context.trace_id, 16) || is_zero(context.span_id, 8))
        return false;
    context.flags &= 1; /* the others are not ours to pass on */
    *out = context;
    return true;
}

static char *put_hex(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    return out;
}

void trace_format(const struct trace_context *context, char out[TRACEPARENT_BYTES])
{
    memcpy(out, "00-", 3);
    out = put_hex(out + 3, context->trace_id, 16);
    *out++ = '-';
    out = put_hex(out, context->span_id, 8);
    *out++ = '-';
    out = put_hex(out, &context->flags, 1);
    *out = '\0';
}

/* ---- ids ---- */

/* xoshiro256++ (public domain, Blackman and Vigna), one per thread: the system is asked for randomness once. */
static uint64_t random64(void)
{
    static __thread uint64_t state[4];
    while (is_zero((const uint8_t *)state, sizeof(state)))
        id_random(state, sizeof(state));
#define ROTATE(x, n) (((x) << (n)) | ((x) >> (64 - (n))))
    uint64_t result = ROTATE(state[0] + state[3], 23) + state[0], shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = ROTATE(state[3], 45);
#undef ROTATE
    return result ? result : 1; /* an id of zeros means "none" */
}

static void fill(uint8_t *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t value = random64();
        memcpy(out + i, &value, 8);
    }
}

/* By the last 7 bytes of the trace id, so that every process decides alike. */
static bool is_sampled(const uint8_t trace_id[16])
{
    uint64_t value = 0;
    for (int i = 9; i < 16; i++)
        value = value << 8 | trace_id[i];
    uint64_t per_mille = (uint64_t)atomic_load_explicit(&sample_per_mille, memory_order_relaxed);
    return value < ((1ull << 56) / 1000 + 1) * per_mille;
}

/* ---- spans ---- */

static struct span *span_new(struct ctx *ctx, struct arena *arena, enum span_kind kind,
                             struct str name)
{
    struct span *span = ARENA_NEW(arena, struct span);
    span->arena = arena;
    span->kind = kind;
    span->name = arena_str(arena, name);
    span->parent = ctx->span;
    span->start_us = clock_now_us();
    span->start_mono_ns = clock_mono_ns();
    fill(span->context.span_id, 8);
    return ctx->span = span;
}

static void make_root(struct ctx *ctx, struct span *span)
{
    span->trace = ARENA_NEW(ctx->arena, struct local_trace);
    span->trace->root = span;
    span->trace->sampled = span->context.flags & 1;
}

static void set_parent(struct span *span, const struct trace_context *parent)
{
    memcpy(span->context.trace_id, parent->trace_id, 16);
    memcpy(span->parent_id, parent->span_id, 8);
    span->context.flags = parent->flags & 1;
    span->has_parent = true;
}

struct span *span_start_remote(struct ctx *ctx, enum span_kind kind, struct str name,
                               const struct trace_context *parent)
{
    struct span *span = span_new(ctx, ctx->arena, kind, name);
    if (parent && !is_zero(parent->trace_id, 16)) {
        set_parent(span, parent);
    } else {
        fill(span->context.trace_id, 16);
        span->context.flags = is_sampled(span->context.trace_id);
    }
    make_root(ctx, span);
    return span;
}

struct span *span_start_linked(struct ctx *ctx, enum span_kind kind, struct str name,
                               const struct trace_context *cause)
{
    struct span *span = span_start_remote(ctx, kind, name, NULL);
    if (is_zero(cause->trace_id, 16))
        return span;
    span->context.flags = cause->flags & 1;
    span->trace->sampled = span->context.flags;
    span_link(span, cause);
    return span;
}

struct span *span_start(struct ctx *ctx, enum span_kind kind, struct str name)
{
    if (!ctx->span)
        return span_start_remote(ctx, kind, name, NULL);
    struct span *parent = ctx->span;
    struct local_trace *trace = parent->trace;
    /* Its trace looks at it when the root ends; an arena of a part of the work may be gone by then. */
    bool is_kept = trace->n_spans < MOST_SPANS;
    struct span *span = span_new(ctx, is_kept ? trace->root->arena : ctx->arena, kind, name);
    set_parent(span, &parent->context);
    span->trace = trace;
    return span;
}

static struct attribute *attribute_new(struct span *span, const char *key)
{
    struct attribute *attribute = ARENA_NEW(span->arena, struct attribute);
    attribute->key = key;
    attribute->next = span->attributes;
    span->attributes = attribute;
    return attribute;
}

/* Nothing is noted that nobody will be told. */
static bool is_noted(const struct span *span)
{
    return span && otlp_is_on();
}

void span_link(struct span *span, const struct trace_context *other)
{
    if (!is_noted(span) || is_zero(other->trace_id, 16))
        return;
    struct link *link = ARENA_NEW(span->arena, struct link);
    *link = (struct link){ span->links, *other };
    span->links = link;
    /* What our own events lead to is kept when they were: edges stay whole. (A request from outside has no such say.) */
    if (span->kind == SPAN_CONSUMER && other->flags & 1 && span->trace->root == span) {
        span->context.flags |= 1;
        span->trace->sampled = true;
    }
}

void span_str(struct span *span, const char *key, struct str value)
{
    if (is_noted(span) && value.ptr)
        attribute_new(span, key)->text = arena_str(span->arena, value);
}

void span_int(struct span *span, const char *key, int64_t value)
{
    if (is_noted(span))
        attribute_new(span, key)->number = value;
}

void span_error(struct span *span, const char *error_type)
{
    if (!span)
        return;
    span->error_type = arena_str(span->arena, str_of(error_type));
    span->trace->has_error = true;
}

bool span_context(const struct ctx *ctx, struct trace_context *out)
{
    if (!ctx->span)
        return false;
    *out = ctx->span->context;
    return true;
}

struct str trace_id_text(struct ctx *ctx)
{
    if (!ctx->span)
        return STR("");
    struct local_trace *trace = ctx->span->trace;
    if (!trace->id_text.ptr)
        trace->id_text = crypto_hex(trace->root->arena, ctx->span->context.trace_id, 16);
    return trace->id_text;
}

/* ---- export ---- */

static void put_id(struct json_out *out, const char *key, const uint8_t *bytes, size_t n)
{
    char text[33];
    *put_hex(text, bytes, n) = '\0';
    json_key(out, key);
    json_put_str(out, str_of(text));
}

static void put_attributes(struct json_out *out, const struct span *span)
{
    json_key(out, "attributes");
    json_array(out);
    for (const struct attribute *a = span->attributes; a; a = a->next) {
        if (a->text.ptr)
            otlp_put_str(out, str_of(a->key), a->text);
        else
            otlp_put_int(out, str_of(a->key), a->number);
    }
    if (span->error_type.ptr)
        otlp_put_str(out, STR("error.type"), span->error_type);
    json_array_end(out);
}

static void put_links(struct json_out *out, const struct span *span)
{
    json_key(out, "links");
    json_array(out);
    for (const struct link *link = span->links; link; link = link->next) {
        json_object(out);
        put_id(out, "traceId", link->to.trace_id, 16);
        put_id(out, "spanId", link->to.span_id, 8);
        json_object_end(out);
    }
    json_array_end(out);
}

static void put_span(struct json_out *out, const struct span *span)
{
    json_object(out);
    put_id(out, "traceId", span->context.trace_id, 16);
    put_id(out, "spanId", span->context.span_id, 8);
    if (span->has_parent)
        put_id(out, "parentSpanId", span->parent_id, 8);
    json_key(out, "name");
    json_put_str(out, span->name);
    json_key(out, "kind");
    json_put_int(out, span->kind);
    json_key(out, "startTimeUnixNano");
    otlp_put_int64(out, span->start_us * 1000);
    json_key(out, "endTimeUnixNano");
    otlp_put_int64(out, span->start_us * 1000 + span->duration_ns);
    put_attributes(out, span);
    if (span->links)
        put_links(out, span);
    if (span->error_type.ptr) {
        json_key(out, "status");
        json_put_raw(out, STR("{\"code\":2}"));
    }
    json_object_end(out);
}

static void export_trace(const struct local_trace *trace, struct arena *arena)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_array(&out);
    size_t n = 0;
    for (const struct span *span = trace->ended; span; span = span->next_ended, n++)
        put_span(&out, span);
    json_array_end(&out);
    struct str list = json_out_str(&out);
    otlp_push((struct str){ list.ptr + 1, list.len - 2 }, n);
}

static bool is_slow(const struct span *span)
{
    int64_t limit_us = atomic_load_explicit(&slow_us, memory_order_relaxed);
    return limit_us > 0 && span->duration_ns / 1000 > limit_us;
}

void span_end(struct ctx *ctx, struct span *span)
{
    if (!span)
        return;
    struct local_trace *trace = span->trace;
    span->duration_ns = clock_mono_ns() - span->start_mono_ns;
    ctx->span = span->parent;
    if (trace->n_spans++ < MOST_SPANS || span == trace->root) {
        span->next_ended = trace->ended;
        trace->ended = span;
    }
    if (span == trace->root && otlp_is_on() &&
        (trace->sampled || trace->has_error || is_slow(span)))
        export_trace(trace, span->arena);
}

void trace_setup(const struct trace_settings *settings)
{
    atomic_store(&sample_per_mille, settings->sample_per_mille);
    atomic_store(&slow_us, settings->slow_us);
    otlp_start(settings);
}

void trace_stop(void)
{
    otlp_stop();
}
