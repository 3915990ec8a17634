/* The body: its media type, its encoding, and what the contract says of it. */
#include <zlib.h>

#include "platform/http/exchange.h"

static size_t body_limit(const struct exchange *ex)
{
    size_t own = ex->ctx.operation->max_body_bytes;
    return own ? own : ex->router->settings.max_body_bytes;
}

/* "application/json" of "Application/JSON; charset=utf-8". */
static struct str media_type(struct str header)
{
    struct str type;
    return str_split(&header, ';', &type) ? str_trim(type) : header;
}

/* RFC 9110 section 8.3.1: is `type` the one that the contract names, where "image/" followed by a star is any image? */
static bool media_type_is(struct str type, const char *named)
{
    struct str wanted = str_of(named);
    if (str_is(wanted, "*/*"))
        return true;
    if (str_ends(wanted, STR("/*"))) {
        wanted.len--;
        return type.len > wanted.len && str_eq_nocase((struct str){ type.ptr, wanted.len }, wanted);
    }
    return str_eq_nocase(type, wanted);
}

static bool media_type_check(struct exchange *ex)
{
    const char *const *named = ex->ctx.operation->body_types;
    struct str type = media_type(ex->headers.content_type);
    struct str list = STR("");
    for (size_t i = 0; named && named[i]; i++) {
        if (type.len && media_type_is(type, named[i]))
            return true;
        list =
            arena_printf(ex->ctx.arena, STR_FMT "%s%s", STR_ARG(list), i ? " or " : "", named[i]);
    }
    if (!named || !named[0])
        return true;
    return ctx_fail(&ex->ctx, ERR_UNSUPPORTED_MEDIA_TYPE, "The body must be sent as " STR_FMT ".",
                    STR_ARG(list));
}

struct inflated {
    z_stream stream;
    char *ptr;
    size_t len, cap, limit;
};

static void inflated_grow(struct arena *arena, struct inflated *out)
{
    size_t cap = MIN(out->cap * 2, out->limit + 1);
    char *ptr = arena_alloc_raw(arena, cap + 1);
    memcpy(ptr, out->ptr, out->len);
    out->ptr = ptr;
    out->cap = cap;
}

/* One gzip member; what comes after it, or a missing end, is refused. Stops at the limit, so a bomb costs no more. */
static bool inflate_all(struct ctx *ctx, struct inflated *out, struct str from)
{
    int status = Z_OK;
    while (status == Z_OK) {
        if (out->len > out->limit)
            return ctx_fail(ctx, ERR_TOO_LARGE, "The body is larger than %zu bytes.", out->limit);
        if (out->len == out->cap)
            inflated_grow(ctx->arena, out);
        out->stream.next_out = (Bytef *)out->ptr + out->len;
        out->stream.avail_out = (uInt)(out->cap - out->len);
        status = inflate(&out->stream, Z_NO_FLUSH);
        out->len = out->cap - out->stream.avail_out;
    }
    if (out->len > out->limit)
        return ctx_fail(ctx, ERR_TOO_LARGE, "The body is larger than %zu bytes.", out->limit);
    if (status != Z_STREAM_END || out->stream.avail_in)
        return ctx_fail(ctx, ERR_MALFORMED, "The body is not well-formed gzip.");
    out->ptr[out->len] = '\0';
    return true;
}

static bool body_gunzip(struct exchange *ex, struct str from, struct str *text)
{
    struct inflated out = { .cap = MAX(from.len * 4, 256), .limit = body_limit(ex) };
    out.cap = MIN(out.cap, out.limit + 1);
    out.ptr = arena_alloc_raw(ex->ctx.arena, out.cap + 1);
    out.stream.next_in = (Bytef *)from.ptr;
    out.stream.avail_in = (uInt)from.len;
    if (inflateInit2(&out.stream, 15 + 16) != Z_OK) /* 16: gzip's frame */
        return ctx_fail_openly(&ex->ctx, ERR_UNAVAILABLE,
                               "There is no memory for a compressed body.");
    bool ok = inflate_all(&ex->ctx, &out, from);
    inflateEnd(&out.stream);
    *text = (struct str){ out.ptr, out.len };
    return ok;
}

bool body_text(struct exchange *ex, struct str *text)
{
    struct str body = ex->request->body, encoding = str_trim(ex->headers.content_encoding);
    *text = body.len ? body : (struct str){ NULL, 0 };
    if (body.len > body_limit(ex))
        return ctx_fail(&ex->ctx, ERR_TOO_LARGE, "The body is larger than %zu bytes.",
                        body_limit(ex));
    if (!body.len || !encoding.len || str_eq_nocase(encoding, STR("identity")))
        return true;
    if (str_eq_nocase(encoding, STR("gzip")) || str_eq_nocase(encoding, STR("x-gzip")))
        return body_gunzip(ex, body, text);
    return ctx_fail(&ex->ctx, ERR_UNSUPPORTED_MEDIA_TYPE,
                    "The only content encoding that is understood is gzip.");
}

bool body_read(struct exchange *ex)
{
    struct str text;
    if (!ex->endpoint->takes_body)
        return true; /* one that nobody asked for means nothing (RFC 9110 section 9.3.1) */
    if (ex->request->body.len && !media_type_check(ex))
        return false;
    if (body_text(ex, &text) && contract_body(&ex->ctx, ex->ctx.operation, text, ex->in))
        return true;
    /* Other protocols' clients know one status for whatever they should not have sent, unless the protocol has words of its
     * own for it. */
    if (ex->ctx.operation->foreign && !ex->router->settings.refusal &&
        ex->ctx.error.code == ERR_INVALID)
        ex->ctx.error.code = ERR_MALFORMED;
    return false;
}
