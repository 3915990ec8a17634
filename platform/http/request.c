/* What a request says in its headers and parameters. */
#include "base/clock.h"
#include "platform/http/exchange.h"

#define MAX_PAIRS 100                /* of the query */
#define DEADLINE_MAX_MS 3600000      /* a caller that waits longer waits for nothing */
#define DEADLINE_DEFAULT_US (30 * US_PER_S)

struct str request_header(const struct ctx *ctx, const char *name)
{
    const struct request *request = ctx->request;
    struct str wanted = str_of(name);
    for (size_t i = 0; request && i < request->n_headers; i++)
        if (str_eq_nocase(request->headers[i].name, wanted))
            return request->headers[i].value;
    return (struct str){ NULL, 0 };
}

void request_waited(struct ctx *ctx, int64_t waited_us)
{
    struct exchange *ex = CONTAINER_OF(ctx, struct exchange, ctx);
    ex->waited_us = waited_us;
}

/* ---- headers ---- */

/* A second traceparent starts the trace anew (W3C Trace Context, section 3.2); what else is repeated is refused. */
static void known_set(struct known_headers *known, struct str *slot, struct str value,
                      const char *name)
{
    if (!slot->ptr)
        *slot = value.ptr ? value : STR("");
    else if (slot == &known->traceparent)
        *slot = STR("");
    else
        known->repeated = name;
}

static void known_find(struct known_headers *known, struct str name, struct str value)
{
    static const struct {
        const char *name;
        uint8_t length;
        size_t offset;
    } table[] = {
        { "traceparent", 11, offsetof(struct known_headers, traceparent) },
        { "content-type", 12, offsetof(struct known_headers, content_type) },
        { "authorization", 13, offsetof(struct known_headers, authorization) },
        { "idempotency-key", 15, offsetof(struct known_headers, idempotency_key) },
        { "content-encoding", 16, offsetof(struct known_headers, content_encoding) },
        { "fanfare-deadline-ms", 19, offsetof(struct known_headers, deadline) },
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        if (table[i].length == name.len &&
            str_eq_nocase(name, (struct str){ table[i].name, table[i].length })) {
            known_set(known, (struct str *)((char *)known + table[i].offset), value, table[i].name);
            return;
        }
    }
}

void headers_read(struct exchange *ex)
{
    const struct request *request = ex->request;
    for (size_t i = 0; i < request->n_headers; i++)
        known_find(&ex->headers, request->headers[i].name, request->headers[i].value);
}

bool headers_check(struct exchange *ex)
{
    const char *repeated = ex->headers.repeated;
    return !repeated ||
           ctx_fail(&ex->ctx, ERR_MALFORMED, "The header %s was sent twice.", repeated);
}

bool deadline_read(struct exchange *ex)
{
    int64_t ms;
    struct ctx *ctx = &ex->ctx;
    if (ex->headers.deadline.ptr) {
        if (!str_to_int(str_trim(ex->headers.deadline), &ms) || ms < 0)
            return ctx_fail(ctx, ERR_MALFORMED,
                            "Fanfare-Deadline-Ms is not a number of milliseconds.");
        ctx->deadline_us = ex->flight.started_us + MIN(ms, DEADLINE_MAX_MS) * US_PER_MS;
        return ms > 0 || ctx_fail_openly(ctx, ERR_TIMEOUT,
                                         "The caller's time was used up before the request came.");
    }
    if (ex->endpoint->mercy != SHED_BULK) /* rebuilds and exports take what they take */
        ctx->deadline_us = ex->flight.started_us + DEADLINE_DEFAULT_US;
    return true;
}

/* ---- parameters ---- */

struct pair {
    struct str name, value;
    bool known;
};

static bool text_fit(struct ctx *ctx, struct str text, const char *what)
{
    if (!str_is_utf8(text) || memchr(text.ptr, '\0', text.len))
        return ctx_fail(ctx, ERR_MALFORMED, "The %s is not valid UTF-8 text.", what);
    return true;
}

static bool text_decode(struct ctx *ctx, struct str sent, bool query, struct str *out)
{
    const char *what = query ? "query" : "path";
    if (!percent_decode(ctx->arena, sent, query, out))
        return ctx_fail(ctx, ERR_MALFORMED, "The %s has a broken percent escape.", what);
    if (!out->len)
        *out = STR("");
    return text_fit(ctx, *out, what);
}

static bool query_parse(struct ctx *ctx, struct str query, struct pair *pairs, size_t *n)
{
    struct str part, name;
    *n = 0;
    while (str_split(&query, '&', &part)) {
        if (!part.len)
            continue;
        if (*n == MAX_PAIRS)
            return ctx_fail(ctx, ERR_MALFORMED, "The query has more than %d parameters.",
                            MAX_PAIRS);
        struct pair *pair = &pairs[(*n)++];
        *pair = (struct pair){ 0 };
        str_split(&part, '=', &name);
        if (!text_decode(ctx, name, true, &pair->name) ||
            !text_decode(ctx, part, true, &pair->value))
            return false;
    }
    return true;
}

static bool path_param(struct exchange *ex, const struct param *param, int index)
{
    struct str value;
    if (index < 0 || (size_t)index >= ex->match.n_params)
        return ctx_fail(&ex->ctx, ERR_INTERNAL, "parameter %s is not in the path",
                        param->field.name);
    return text_decode(&ex->ctx, ex->match.params[index], false, &value) &&
           contract_param(&ex->ctx, param, &value, 1, ex->in);
}

static bool query_param(struct exchange *ex, const struct param *param, struct pair *pairs,
                        size_t n_pairs)
{
    struct str values[MAX_PAIRS];
    size_t n = 0;
    for (size_t i = 0; i < n_pairs; i++) {
        if (!str_eq(pairs[i].name, (struct str){ param->field.name, param->field.name_length }))
            continue;
        pairs[i].known = true;
        values[n++] = pairs[i].value;
    }
    return contract_param(&ex->ctx, param, values, n, ex->in);
}

static bool header_param(struct exchange *ex, const struct param *param)
{
    struct str values[MAX_PAIRS];
    size_t n = 0;
    for (size_t i = 0; i < ex->request->n_headers && n < MAX_PAIRS; i++) {
        const struct request_header *header = &ex->request->headers[i];
        if (!str_eq_nocase(header->name,
                           (struct str){ param->field.name, param->field.name_length }))
            continue;
        if (!text_fit(&ex->ctx, header->value, "header"))
            return false;
        values[n++] = header->value;
    }
    return contract_param(&ex->ctx, param, values, n, ex->in);
}

/* Another protocol's clients send parameters that its contract does not list. */
static bool query_known(struct exchange *ex, const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n && !ex->ctx.operation->foreign; i++)
        if (!pairs[i].known)
            return ctx_fail_at(
                &ex->ctx, ERR_INVALID,
                arena_printf(ex->ctx.arena, "query/" STR_FMT, STR_ARG(pairs[i].name)),
                "There is no such parameter.");
    return true;
}

bool params_read(struct exchange *ex)
{
    const struct operation *operation = ex->ctx.operation;
    struct pair pairs[MAX_PAIRS];
    size_t n_pairs = 0;
    if (ex->query.len && !query_parse(&ex->ctx, ex->query, pairs, &n_pairs))
        return false;
    for (size_t i = 0; i < operation->n_params; i++) {
        const struct param *param = &operation->params[i];
        bool ok = param->place == PARAM_PATH ? path_param(ex, param, ex->endpoint->path_indexes[i])
                  : param->place == PARAM_QUERY ? query_param(ex, param, pairs, n_pairs)
                                                : header_param(ex, param);
        if (!ok)
            return false;
    }
    return query_known(ex, pairs, n_pairs);
}
