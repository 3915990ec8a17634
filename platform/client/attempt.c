#include "platform/client/attempt.h"

#include "base/clock.h"
#include "platform/client/peer.h"
#include "platform/telemetry/trace.h"

#define FIRST_BYTES 4096
#define IDLE_S                                                                                     \
    30L /* shorter than servers keep an idle connection, so that few requests meet one that is closing */

/* ---- the answer ---- */

static void text_reserve(struct attempt *attempt, size_t bytes)
{
    if (attempt->len + bytes + 1 <= attempt->cap)
        return;
    curl_off_t whole = -1;
    if (!attempt->cap)
        curl_easy_getinfo(attempt->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
    size_t cap = MAX(attempt->cap * 2, MAX(attempt->len + bytes + 1, (size_t)FIRST_BYTES));
    if (whole > 0 && whole <= CLIENT_ANSWER_MAX)
        cap = MAX((size_t)whole + 1, attempt->len + bytes + 1);
    char *text = arena_alloc_raw(attempt->ctx->arena, cap);
    if (attempt->len)
        memcpy(text, attempt->text, attempt->len);
    attempt->text = text;
    attempt->cap = cap;
}

static size_t on_body(char *data, size_t one, size_t bytes, void *argument)
{
    struct attempt *attempt = argument;
    if (bytes > CLIENT_ANSWER_MAX - attempt->len) {
        attempt->too_large = true;
        return 0; /* curl gives up and closes */
    }
    text_reserve(attempt, bytes);
    memcpy(attempt->text + attempt->len, data, bytes);
    attempt->len += bytes;
    attempt->text[attempt->len] = '\0';
    return bytes;
}

static bool header_is(struct str line, struct str name, struct str *value)
{
    if (line.len <= name.len || line.ptr[name.len] != ':' ||
        !str_eq_nocase((struct str){ line.ptr, name.len }, name))
        return false;
    *value = str_trim((struct str){ line.ptr + name.len + 1, line.len - name.len - 1 });
    return true;
}

static size_t on_header(char *data, size_t one, size_t bytes, void *argument)
{
    struct attempt *attempt = argument;
    struct str line = { data, bytes }, value;
    if (header_is(line, STR("Content-Type"), &value))
        attempt->type = arena_str(attempt->ctx->arena, value);
    else if (header_is(line, STR("ETag"), &value))
        attempt->etag = arena_str(attempt->ctx->arena, value);
    else if (header_is(line, STR("Retry-After"), &value))
        attempt->told_to_wait = true;
    return bytes;
}

/* ---- the request ---- */

static bool header_put(struct attempt *attempt, struct str line)
{
    struct curl_slist *longer = curl_slist_append(attempt->headers, line.ptr);
    if (longer)
        attempt->headers = longer;
    return longer != NULL;
}

static bool headers_make(struct attempt *attempt, int64_t deadline_us)
{
    struct arena *arena = attempt->ctx->arena;
    const struct call *call = attempt->call;
    struct trace_context trace;
    int64_t left_ms = MAX((deadline_us - clock_mono_us()) / US_PER_MS, 1);
    bool ok =
        header_put(attempt, STR("Expect:")) && /* no 100-continue: it costs a round trip */
        header_put(attempt, arena_printf(arena, "Fanfare-Deadline-Ms: %lld", (long long)left_ms));
    if (span_context(attempt->ctx, &trace)) {
        char text[TRACEPARENT_BYTES];
        trace_format(&trace, text);
        ok = ok && header_put(attempt, arena_printf(arena, "traceparent: %s", text));
    }
    if (call->token.ptr)
        ok = ok && header_put(attempt, arena_printf(arena, "Authorization: Bearer " STR_FMT,
                                                    STR_ARG(call->token)));
    struct str type = STR("Content-Type:"); /* nothing: curl would name a form */
    if (call->body.ptr)
        type = arena_printf(arena, "Content-Type: %s",
                            call->content_type ? call->content_type : "application/json");
    ok = ok && header_put(attempt, type);
    for (size_t i = 0; i < call->n_headers; i++)
        ok = ok && header_put(attempt, arena_printf(arena, STR_FMT ": " STR_FMT,
                                                    STR_ARG(call->headers[i].name),
                                                    STR_ARG(call->headers[i].value)));
    return ok;
}

static void method_set(CURL *easy, const struct call *call)
{
    bool get = strcmp(call->method, "GET") == 0, head = strcmp(call->method, "HEAD") == 0;
    if (head) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (!get || call->body.ptr) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr ? call->body.ptr : "");
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    }
}

static void manners_set(CURL *easy, const char *url)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY,
                     ""); /* whatever the environment says: neighbours are called directly */
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "fanfare");
    curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S);
    if (strstr(url, "://localhost")) /* services listen on 127.0.0.1; do not try ::1 first */
        curl_easy_setopt(easy, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
}

bool attempt_prepare(struct attempt *attempt, struct ctx *ctx, const struct call *call, CURL *easy,
                     int64_t deadline_us)
{
    *attempt =
        (struct attempt){ .ctx = ctx, .call = call, .easy = easy, .started_us = clock_mono_us() };
    struct str url =
        arena_printf(ctx->arena, "%s" STR_FMT, peer_url(call->peer), STR_ARG(call->path));
    if (!headers_make(attempt, deadline_us))
        return false;
    manners_set(easy, url.ptr);
    method_set(easy, call);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, attempt->headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, attempt);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, attempt);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, attempt);
    return curl_easy_setopt(easy, CURLOPT_URL, url.ptr) == CURLE_OK;
}

/* ---- what came of it ---- */

static enum error_code code_of_status(long status)
{
    return status < 500    ? ERR_NONE
           : status == 503 ? ERR_UNAVAILABLE
           : status == 504 ? ERR_TIMEOUT
                           : ERR_BAD_GATEWAY; /* its 500 is not ours */
}

static enum error_code code_of_curl(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OUT_OF_MEMORY:
        return ERR_UNAVAILABLE;
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_TIMEOUT;
    default:
        return ERR_BAD_GATEWAY;
    }
}

int attempt_result(struct attempt *attempt, CURLcode code, struct error *error)
{
    struct arena *arena = attempt->ctx->arena;
    const char *name = peer_name(attempt->call->peer);
    long status = 0;
    if (code == CURLE_OK)
        curl_easy_getinfo(attempt->easy, CURLINFO_RESPONSE_CODE, &status);
    *error =
        (struct error){ .code = code == CURLE_OK ? code_of_status(status) : code_of_curl(code) };
    if (attempt->too_large)
        error->detail =
            arena_printf(arena, "%s: the answer is larger than %d bytes", name, CLIENT_ANSWER_MAX);
    else if (code != CURLE_OK)
        error->detail = arena_printf(arena, "%s: %s", name, curl_easy_strerror(code));
    else if (error->code != ERR_NONE)
        error->detail = arena_printf(arena, "%s answered %ld", name, status);
    return (int)status;
}

void attempt_done(struct attempt *attempt)
{
    curl_slist_free_all(attempt->headers);
    attempt->headers = NULL;
}
