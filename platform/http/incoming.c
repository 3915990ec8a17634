/* One request on a socket, from libmicrohttpd's callbacks to the router and back. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/http/server.h"

#define MAGIC 0x1fa0c0de
#define ARENA_BYTES 8192 /* most requests need no second block */
#define MAX_SPARE 32     /* requests that are kept ready */
#define MAX_HEADERS 100
#define MAX_HEADER_BYTES (8 * 1024)
#define BODY_FIRST_BYTES 4096

enum progress {
    PROGRESS_HEADERS, /* the request line is there */
    PROGRESS_BODY,    /* headers were read */
    PROGRESS_HANDED,  /* with the router */
};

/* Who resumes: the loop suspends only what is not answered yet, and the answering thread wakes only what is suspended. */
enum waiting { WAITING_NOT, WAITING_SUSPENDED, WAITING_ANSWERED };

struct incoming {
    unsigned magic;
    enum progress progress;
    _Atomic int waiting;
    struct http_server *server;
    struct MHD_Connection *mhd;
    struct connection *connection;
    struct arena *arena;
    struct request request;
    struct request_header headers[MAX_HEADERS];
    char *body;
    size_t body_len, body_cap, body_limit;
    size_t body_expected; /* by Content-Length; 0: not known */
    struct MHD_Response *response; /* NULL: drop the connection */
    int status;
    struct incoming *next; /* spare */
};

static void request_answer(struct request *request, const struct reply *reply);

/* ---- a connection ---- */

void connection_notify(void *argument, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode what)
{
    struct http_server *server = argument;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = connection_add(&server->connections, info->connect_fd);
    } else if (*context) {
        connection_remove(&server->connections, *context);
        *context = NULL;
    }
}

/* ---- a request begins ---- */

static struct incoming *incoming_take(struct http_server *server)
{
    struct incoming *incoming = server->spare;
    if (!incoming) {
        incoming = mem_alloc(sizeof(*incoming));
        incoming->arena = arena_new(ARENA_BYTES);
        return incoming;
    }
    server->spare = incoming->next;
    server->n_spare--;
    return incoming;
}

static void incoming_give(struct http_server *server, struct incoming *incoming)
{
    incoming->magic = 0;
    if (server->n_spare >= MAX_SPARE) {
        arena_free(incoming->arena);
        free(incoming);
        return;
    }
    arena_clear(incoming->arena);
    incoming->next = server->spare;
    server->spare = incoming;
    server->n_spare++;
}

void incoming_free_spare(struct http_server *server)
{
    while (server->spare) {
        struct incoming *incoming = server->spare;
        server->spare = incoming->next;
        arena_free(incoming->arena);
        free(incoming);
    }
}

/* The request line was read; `target` is as sent, and changed after this. */
void *incoming_begin(void *argument, const char *target, struct MHD_Connection *mhd)
{
    struct http_server *server = argument;
    struct incoming *incoming = incoming_take(server);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    incoming->magic = MAGIC;
    incoming->progress = PROGRESS_HEADERS;
    atomic_store_explicit(&incoming->waiting, WAITING_NOT, memory_order_relaxed);
    incoming->server = server;
    incoming->mhd = mhd;
    incoming->connection = info->socket_context;
    incoming->body = NULL;
    incoming->body_len = incoming->body_cap = incoming->body_expected = 0;
    incoming->response = NULL;
    incoming->status = 0;
    incoming->request = (struct request){
        .arena = incoming->arena,
        .target = arena_str(incoming->arena, str_of(target ? target : "")),
        .headers = incoming->headers,
        .remote = str_of(incoming->connection->remote),
        .answer = request_answer,
        .owner = incoming,
    };
    atomic_fetch_add_explicit(&server->busy, 1, memory_order_relaxed);
    connection_move(&server->connections, incoming->connection, PHASE_HEADERS);
    return incoming;
}

void incoming_completed(void *argument, struct MHD_Connection *mhd, void **context,
                        enum MHD_RequestTerminationCode why)
{
    struct http_server *server = argument;
    struct incoming *incoming = *context;
    if (!incoming || incoming->magic != MAGIC)
        return;
    *context = NULL;
    connection_move(&server->connections, incoming->connection, PHASE_IDLE);
    if (incoming->response)
        MHD_destroy_response(incoming->response);
    incoming_give(server, incoming);
    atomic_fetch_sub_explicit(&server->busy, 1, memory_order_release);
}

/* ---- is it sound? ---- */

static void refuse(struct request *request, enum error_code code, const char *sentence)
{
    if (request->refused == ERR_NONE) {
        request->refused = code;
        request->refusal = sentence;
    }
}

static enum MHD_Result header_add(void *argument, enum MHD_ValueKind kind, const char *name,
                                  size_t name_length, const char *value, size_t value_length)
{
    struct incoming *incoming = argument;
    if (incoming->request.n_headers == MAX_HEADERS) {
        refuse(&incoming->request, ERR_HEADERS_TOO_LARGE, "There are too many headers.");
        return MHD_NO;
    }
    incoming->headers[incoming->request.n_headers++] =
        (struct request_header){ { name, name_length }, { value ? value : "", value_length } };
    return MHD_YES;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(struct str text)
{
    static const bool fits[256] = {
        ['!'] = true,         ['#' ... '\''] = true, ['*'] = true,         ['+'] = true,
        ['-'] = true,         ['.'] = true,          ['0' ... '9'] = true, ['A' ... 'Z'] = true,
        ['^' ... 'z'] = true, ['|'] = true,          ['~'] = true
    };
    bool all = text.len > 0;
    for (size_t i = 0; i < text.len; i++)
        all &= fits[(unsigned char)text.ptr[i]];
    return all;
}

typedef int8_t bytes_16 __attribute__((vector_size(16)));

/* 16 characters of ASCII, none of them a control character? Tokens are long, and are mostly made of those. */
static inline bool is_printed_16(const char *at)
{
    bytes_16 bytes;
    uint64_t halves[2];
    memcpy(&bytes, at, 16);
    bytes = (bytes_16)((bytes < ' ') | (bytes == 0x7f));
    memcpy(halves, &bytes, 16);
    return (halves[0] | halves[1]) == 0;
}

static bool is_header_value(struct str text)
{
    bool all = true;
    size_t i = 0;
    while (text.len - i >= 16 && is_printed_16(text.ptr + i))
        i += 16;
    for (; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        all &= (c >= ' ' && c != 0x7f) || c == '\t';
    }
    return all;
}

static bool is_target(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return false;
    return text.len > 0;
}

struct framing {
    int hosts, lengths, encodings;
    bool chunked, length_known;
    int64_t length;
};

static void framing_note(struct framing *framing, const struct request_header *header)
{
    if (str_eq_nocase(header->name, STR("Host"))) {
        framing->hosts++;
    } else if (str_eq_nocase(header->name, STR("Content-Length"))) {
        framing->lengths++;
        framing->length_known = str_to_int(header->value, &framing->length) && framing->length >= 0;
    } else if (str_eq_nocase(header->name, STR("Transfer-Encoding"))) {
        framing->encodings++;
        framing->chunked = str_eq_nocase(header->value, STR("chunked"));
    }
}

/* What two readers could take for different requests is refused (RFC 9112 sections 3.2 and 6.3). */
static void request_check(struct incoming *incoming, struct framing *framing, const char *version)
{
    struct request *request = &incoming->request;
    bool well_formed = is_token(request->method) && is_target(request->target);
    for (size_t i = 0; i < request->n_headers; i++) {
        well_formed &= is_token(request->headers[i].name) &&
                       is_header_value(request->headers[i].value);
        framing_note(framing, &request->headers[i]);
    }
    if (!well_formed)
        refuse(request, ERR_MALFORMED, "The request line or a header is malformed.");
    if (framing->hosts > 1 || (framing->hosts == 0 && strcmp(version, "HTTP/1.1") == 0))
        refuse(request, ERR_MALFORMED, "There must be one Host header.");
    if (framing->lengths + framing->encodings > 1 || (framing->encodings && !framing->chunked) ||
        (framing->lengths && !framing->length_known))
        refuse(request, ERR_MALFORMED, "How long the body is cannot be told.");
}

static void size_check(struct incoming *incoming, const struct framing *framing)
{
    struct request *request = &incoming->request;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(incoming->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (info && info->header_size > MAX_HEADER_BYTES)
        refuse(request, ERR_HEADERS_TOO_LARGE, "The headers are larger than 8 KB.");
    if (!framing->lengths && !framing->encodings)
        return;
    struct router *router = incoming->server->settings.router;
    incoming->body_limit = router ? router_body_limit(router, request->method, request->target)
                                  : 64 * 1024;
    if (framing->lengths && framing->length > (int64_t)incoming->body_limit)
        refuse(request, ERR_TOO_LARGE, "The body is larger than is taken here.");
    else if (framing->lengths)
        incoming->body_expected = (size_t)framing->length;
}

/* ---- the answer ---- */

/* libmicrohttpd closes what it is given, and so does the arena: each has its own. */
static struct MHD_Response *file_response(const struct reply_file *file)
{
    int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
    struct MHD_Response *response =
        fd < 0 ? NULL : MHD_create_response_from_fd_at_offset64(file->bytes, fd, file->offset);
    if (!response && fd >= 0)
        close(fd);
    return response;
}

static struct MHD_Response *response_of(const struct incoming *incoming, const struct reply *reply)
{
    struct MHD_Response *response =
        reply->file ? file_response(reply->file)
                    : MHD_create_response_from_buffer(reply->body.len, (void *)reply->body.ptr,
                                                      MHD_RESPMEM_PERSISTENT);
    if (!response)
        return NULL;
    if (reply->content_type)
        MHD_add_response_header(response, "Content-Type", reply->content_type);
    for (const struct reply_header *header = reply->headers; header; header = header->next)
        MHD_add_response_header(response, header->name, header->value.ptr ? header->value.ptr : "");
    if (atomic_load_explicit(&incoming->server->draining, memory_order_relaxed))
        MHD_add_response_header(response, "Connection", "close");
    return response;
}

static void request_answer(struct request *request, const struct reply *reply)
{
    struct incoming *incoming = request->owner;
    incoming->response = reply ? response_of(incoming, reply) : NULL;
    incoming->status = reply ? reply->status : 0;
    int was = WAITING_NOT;
    if (atomic_compare_exchange_strong(&incoming->waiting, &was, WAITING_ANSWERED))
        return;
    struct http_server *server =
        incoming->server; /* the request may be gone as soon as it is resumed */
    struct MHD_Connection *mhd = incoming->mhd;
    atomic_fetch_add(&server->waking, 1);
    atomic_store(&incoming->waiting, WAITING_ANSWERED);
    MHD_resume_connection(mhd);
    atomic_fetch_sub(&server->waking, 1);
}

static enum MHD_Result reply_queue(struct incoming *incoming)
{
    if (!incoming->response ||
        !connection_move(&incoming->server->connections, incoming->connection, PHASE_REPLY))
        return MHD_NO;
    return MHD_queue_response(incoming->mhd, (unsigned)incoming->status, incoming->response);
}

static void hand_over(struct incoming *incoming)
{
    const struct http_settings *settings = &incoming->server->settings;
    struct request *request = &incoming->request;
    request->body = (struct str){ incoming->body, incoming->body_len };
    incoming->progress = PROGRESS_HANDED;
    if (request->refused == ERR_NONE && settings->extra &&
        settings->extra(request, settings->argument))
        return;
    if (settings->router) {
        router_handle(settings->router, request);
        return;
    }
    struct reply none = { .status = request->refused ? error_status(request->refused) : 404,
                          .body = STR("") };
    request_answer(request, &none);
}

/* All of it is there: the first time to the router, the next time (resumed) back to the peer. */
static enum MHD_Result final_call(struct incoming *incoming)
{
    if (incoming->progress != PROGRESS_HANDED) {
        if (!connection_move(&incoming->server->connections, incoming->connection, PHASE_WORK))
            return MHD_NO;
        hand_over(incoming);
    }
    if (atomic_load(&incoming->waiting) == WAITING_ANSWERED)
        return reply_queue(incoming);
    MHD_suspend_connection(incoming->mhd);
    int was = WAITING_NOT;
    if (!atomic_compare_exchange_strong(&incoming->waiting, &was, WAITING_SUSPENDED))
        MHD_resume_connection(incoming->mhd); /* answered in between */
    return MHD_YES;
}

/* ---- headers and body ---- */

static enum MHD_Result first_call(struct incoming *incoming, const char *method,
                                  const char *version)
{
    struct request *request = &incoming->request;
    struct framing framing = { 0 };
    request->method = str_of(method);
    MHD_get_connection_values_n(incoming->mhd, MHD_HEADER_KIND, header_add, incoming);
    request_check(incoming, &framing, version);
    size_check(incoming, &framing);
    incoming->progress = PROGRESS_BODY;
    if (request->refused != ERR_NONE) {
        hand_over(incoming); /* answered at once: the router only makes the problem */
        return reply_queue(incoming);
    }
    if (framing.lengths || framing.encodings)
        return connection_move(&incoming->server->connections, incoming->connection, PHASE_BODY)
                   ? MHD_YES
                   : MHD_NO;
    return MHD_YES;
}

/* libmicrohttpd takes no reply while a body is coming in: this one is written past it, and the connection ends. */
static void body_too_large(struct incoming *incoming)
{
    struct arena *arena = incoming->arena;
    struct ctx ctx = { .arena = arena };
    ctx_fail(&ctx, ERR_TOO_LARGE, "The body is larger than %zu bytes.", incoming->body_limit);
    struct str problem = problem_json(&ctx, &ctx.error, NULL);
    struct str answer = arena_printf(
        arena,
        "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n"
        "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n" STR_FMT,
        problem.len, STR_ARG(problem));
    connection_cut(&incoming->server->connections, incoming->connection, answer.ptr, answer.len);
}

static void body_append(struct incoming *incoming, const char *data, size_t bytes)
{
    size_t wanted = incoming->body_len + bytes + 1;
    if (wanted > incoming->body_cap) {
        size_t cap = MAX(incoming->body_cap * 2, MAX(wanted, (size_t)BODY_FIRST_BYTES));
        if (incoming
                ->body_expected) /* within its limit; memory that is never written to costs nothing */
            cap = MAX(incoming->body_expected + 1, wanted);
        char *body = arena_alloc_raw(incoming->arena, cap);
        if (incoming->body_len)
            memcpy(body, incoming->body, incoming->body_len);
        incoming->body = body;
        incoming->body_cap = cap;
    }
    memcpy(incoming->body + incoming->body_len, data, bytes);
    incoming->body_len += bytes;
    incoming->body[incoming->body_len] = '\0';
}

static enum MHD_Result body_call(struct incoming *incoming, const char *data, size_t *bytes)
{
    size_t n = *bytes;
    *bytes = 0; /* taken, or thrown away */
    if (atomic_load(&incoming->connection->phase) == PHASE_CUT)
        return MHD_YES;
    if (n > incoming->body_limit - incoming->body_len)
        body_too_large(incoming);
    else
        body_append(incoming, data, n);
    return MHD_YES;
}

enum MHD_Result incoming_handle(void *argument, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *bytes, void **context)
{
    struct incoming *incoming = *context;
    if (!incoming || incoming->magic != MAGIC)
        return MHD_NO;
    if (incoming->progress == PROGRESS_HEADERS)
        return first_call(incoming, method, version);
    if (*bytes)
        return body_call(incoming, data, bytes);
    return final_call(incoming);
}
