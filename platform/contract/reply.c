/* Replies of handlers, and problems (RFC 9457). */
#include <ctype.h>
#include <unistd.h>

#include "platform/contract/contract.h"
#include "platform/telemetry/trace.h"

#define JSON_TYPE "application/json"
#define PROBLEM_TYPE "application/problem+json"
#define PROBLEM_URN "urn:fanfare:problem:"

struct reply reply_ok(struct ctx *ctx, struct str body)
{
    int status = ctx->operation ? ctx->operation->success : 200;
    return (struct reply){ .status = status, .body = body, .content_type = JSON_TYPE };
}

struct reply reply_empty(struct ctx *ctx)
{
    return (struct reply){ .status = 204 };
}

struct reply reply_not_modified(struct ctx *ctx, struct str etag)
{
    struct reply reply = { .status = 304 };
    reply_add(ctx, &reply, "ETag", etag);
    return reply;
}

struct reply reply_text(struct ctx *ctx, int status, const char *content_type, struct str body)
{
    return (struct reply){ .status = status, .body = body, .content_type = content_type };
}

static void file_end(void *argument)
{
    const struct reply_file *file = argument;
    close(file->fd);
}

struct reply reply_file(struct ctx *ctx, int status, const char *content_type, int fd,
                        uint64_t offset, uint64_t bytes)
{
    struct reply_file *file = ARENA_NEW(ctx->arena, struct reply_file);
    *file = (struct reply_file){ fd, offset, bytes };
    arena_at_end(ctx->arena, file_end, file);
    return (struct reply){ .status = status, .content_type = content_type, .file = file };
}

void reply_add(struct ctx *ctx, struct reply *reply, const char *name, struct str value)
{
    struct reply_header *header = ARENA_NEW(ctx->arena, struct reply_header);
    *header = (struct reply_header){ name, value, NULL };
    struct reply_header **last = &reply->headers;
    while (*last)
        last = &(*last)->next;
    *last = header;
}

struct reply reply_error(struct ctx *ctx)
{
    struct error error = ctx->error;
    if (error.code == ERR_NONE) /* a handler that failed without saying why */
        error.code = ERR_INTERNAL;
    return (struct reply){
        .status = error_status(error.code),
        .body = problem_json(ctx, &error, NULL),
        .content_type = PROBLEM_TYPE,
    };
}

/* "not-found" */
static struct str problem_name(struct arena *arena, enum error_code code)
{
    struct str text = str_of(error_name(code));
    char *name = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        name[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
    return (struct str){ name, text.len };
}

static struct str problem_type(struct arena *arena, enum error_code code)
{
    return arena_printf(arena, PROBLEM_URN STR_FMT, STR_ARG(problem_name(arena, code)));
}

static void put_member(struct json_out *out, const char *key, struct str value)
{
    if (value.len == 0)
        return;
    json_key(out, key);
    json_put_str(out, value);
}

/* "/lines/0" is a JSON Pointer into the body; "query/limit" a parameter. */
static void put_errors(struct json_out *out, const struct error *error)
{
    json_key(out, "errors");
    json_array(out);
    json_object(out);
    struct str rest = error->pointer, place;
    if (rest.len == 0 || rest.ptr[0] == '/') {
        json_key(out, "pointer");
        json_put_str(out, error->pointer);
    } else if (str_split(&rest, '/', &place)) {
        put_member(out, "in", place);
        put_member(out, "name", rest);
    }
    json_key(out, "detail");
    json_put_str(out, error->detail);
    json_object_end(out);
    json_array_end(out);
}

/* What broke inside is for the log, not for the caller: it may name files, hosts or statements. */
static struct str safe_detail(const struct error *error)
{
    if (error_status(error->code) < 500 || error->open)
        return error->detail;
    return error->code == ERR_INTERNAL
               ? STR("Something went wrong here; the trace says what.")
               : STR("It cannot be done at the moment; the trace says why.");
}

/* Clients of the Segment API look for these two in whatever is not a success, and some stop when they are missing. */
static void put_collect_error(struct json_out *out, const struct ctx *ctx,
                              const struct error *error)
{
    if (!ctx->operation || ctx->operation->auth != AUTH_WRITE_KEY)
        return;
    put_member(out, "code", problem_name(ctx->arena, error->code));
    struct str detail = safe_detail(error);
    put_member(out, "message", detail.len ? detail : str_of(error_title(error->code)));
}

struct str problem_json(struct ctx *ctx, const struct error *error, const char *instance)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put_member(&out, "type", problem_type(ctx->arena, error->code));
    put_member(&out, "title", str_of(error_title(error->code)));
    json_key(&out, "status");
    json_put_int(&out, error_status(error->code));
    put_member(&out, "detail", safe_detail(error));
    put_member(&out, "instance", str_of(instance));
    put_member(&out, "trace_id", trace_id_text(ctx));
    if (error->pointer.ptr && error_status(error->code) < 500)
        put_errors(&out, error);
    put_collect_error(&out, ctx, error);
    json_object_end(&out);
    return json_out_str(&out);
}
