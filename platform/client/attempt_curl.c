/* Attempts by curl: https, and peers whose name has to be resolved. */
#include "platform/client/attempt.h"
#include "platform/client/peer.h"

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
        attempt->curl->easy_getinfo(attempt->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &whole);
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
    else if (header_is(line, STR("Location"), &value))
        attempt->location = arena_str(attempt->ctx->arena, value);
    else if (header_is(line, STR("Fanfare-Next-Cursor"), &value))
        attempt->next_cursor = arena_str(attempt->ctx->arena, value);
    else if (header_is(line, STR("Retry-After"), &value))
        attempt->told_to_wait = true;
    return bytes;
}

/* ---- the request ---- */

static bool header_put(void *argument, const char *name, struct str value)
{
    struct attempt *attempt = argument;
    struct str line = value.len
                          ? arena_printf(attempt->ctx->arena, "%s: " STR_FMT, name, STR_ARG(value))
                          : arena_printf(attempt->ctx->arena, "%s:", name); /* curl: leave it out */
    struct curl_slist *longer = attempt->curl->slist_append(attempt->headers, line.ptr);
    if (longer)
        attempt->headers = longer;
    return longer != NULL;
}

static bool headers_make(struct attempt *attempt, int64_t deadline_us)
{
    struct str none = { NULL, 0 };
    if (!header_put(attempt, "Expect", none)) /* no 100-continue: it costs a round trip */
        return false;
    if (!attempt->call->body.ptr && !header_put(attempt, "Content-Type", none))
        return false; /* curl would name a form */
    return attempt_headers(attempt, deadline_us, header_put, attempt);
}

static void method_set(const struct curl_functions *curl, CURL *easy, const struct call *call)
{
    bool get = strcmp(call->method, "GET") == 0, head = strcmp(call->method, "HEAD") == 0;
    if (head) {
        curl->easy_setopt(easy, CURLOPT_NOBODY, 1L);
    } else if (!get || call->body.ptr) {
        curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
        curl->easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.ptr ? call->body.ptr : "");
        curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
    }
}

static void manners_set(const struct curl_functions *curl, CURL *easy, const char *url)
{
    curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl->easy_setopt(easy, CURLOPT_PROXY,
                      ""); /* whatever the environment says: neighbours are called directly */
    curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl->easy_setopt(easy, CURLOPT_USERAGENT, "fanfare");
    curl->easy_setopt(easy, CURLOPT_MAXAGE_CONN, IDLE_S);
    if (strstr(url, "://localhost")) /* services listen on 127.0.0.1; do not try ::1 first */
        curl->easy_setopt(easy, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V4);
}

bool attempt_curl_start(struct attempt *attempt, struct lane *lane, int64_t deadline_us)
{
    const struct call *call = attempt->call;
    const char *why = "curl gives no handle";
    const struct curl_functions *curl = attempt->curl = curl_load(&why);
    CURL *easy = attempt->easy = curl ? lane_take(lane) : NULL;
    struct str url =
        arena_printf(attempt->ctx->arena, "%s" STR_FMT, peer_url(call->peer), STR_ARG(call->path));
    if (!easy)
        return ctx_fail(attempt->ctx, ERR_UNAVAILABLE, "%s", why);
    if (!headers_make(attempt, deadline_us))
        return false;
    manners_set(curl, easy, url.ptr);
    method_set(curl, easy, call);
    curl->easy_setopt(easy, CURLOPT_HTTPHEADER, attempt->headers);
    curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl->easy_setopt(easy, CURLOPT_WRITEDATA, attempt);
    curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl->easy_setopt(easy, CURLOPT_HEADERDATA, attempt);
    curl->easy_setopt(easy, CURLOPT_PRIVATE, attempt);
    return curl->easy_setopt(easy, CURLOPT_URL, url.ptr) == CURLE_OK &&
           curl->multi_add_handle(lane_multi(lane), easy) == CURLM_OK;
}

/* ---- what came of it ---- */

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

/* Where curl found the peer: the next calls go there by themselves. */
static void address_learn(struct attempt *attempt)
{
    char *ip = NULL;
    long port = 0;
    struct address address;
    attempt->curl->easy_getinfo(attempt->easy, CURLINFO_PRIMARY_IP, &ip);
    attempt->curl->easy_getinfo(attempt->easy, CURLINFO_PRIMARY_PORT, &port);
    if (ip && address_parse(str_of(ip), (int)port, &address))
        peer_is_at(attempt->call->peer, &address);
}

void attempt_curl_ended(struct attempt *attempt, CURLcode code)
{
    long status = 0;
    if (code != CURLE_OK) {
        attempt_no_answer(attempt, code_of_curl(code), attempt->curl->easy_strerror(code));
        return;
    }
    attempt->curl->easy_getinfo(attempt->easy, CURLINFO_RESPONSE_CODE, &status);
    address_learn(attempt);
    attempt->body = attempt->len ? (struct str){ attempt->text, attempt->len } : STR("");
    attempt_answered(attempt, (int)status);
}

/* Taken out of the multi handle before it is finished, a transfer's connection is closed. */
void attempt_curl_done(struct attempt *attempt, struct lane *lane)
{
    if (!attempt->easy)
        return;
    attempt->curl->multi_remove_handle(lane_multi(lane), attempt->easy);
    lane_give(lane, attempt->easy);
    attempt->curl->slist_free_all(attempt->headers);
    attempt->headers = NULL;
    attempt->easy = NULL;
}
