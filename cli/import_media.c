/* A medium of content goes by its bytes, which are in a file of its own beside the lines: the same bytes have the same id. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "cli/import_kinds.h"
#include "content_types.h"

#define MEDIUM_MOST (16 * 1024 * 1024) /* more than that content never takes */

static void refuse(struct sending *one, struct str reason)
{
    one->state = SENDING_REFUSED;
    one->reason = reason;
}

/* In memory of its own, which ends with it. */
static struct str file_read(struct ctx *ctx, const char *path)
{
    struct stat there;
    struct str bytes = { NULL, 0 };
    FILE *file = fopen(path, "re");
    if (!file || fstat(fileno(file), &there) != 0)
        ctx_fail(ctx, ERR_INVALID, "its file %s: %s", path, strerror(errno));
    else if (there.st_size > MEDIUM_MOST)
        ctx_fail(ctx, ERR_INVALID, "its file has %lld bytes: a medium has at most %d",
                 (long long)there.st_size, MEDIUM_MOST);
    else {
        char *text = arena_alloc_raw(ctx->arena, (size_t)there.st_size + 1);
        size_t n = fread(text, 1, (size_t)there.st_size, file);
        text[n] = '\0';
        if (n == (size_t)there.st_size)
            bytes = (struct str){ text, n };
        else
            ctx_fail(ctx, ERR_INVALID, "its file %s cannot be read", path);
    }
    if (file)
        fclose(file);
    return bytes;
}

static bool is_there(struct ctx *ctx, struct import_target *target, struct str media_id)
{
    struct call call = { .peer = target->peer,
                         .method = "GET",
                         .path = arena_printf(ctx->arena, "/v1/media/" STR_FMT "/info",
                                              STR_ARG(client_escape(ctx->arena, media_id))),
                         .token = target->token,
                         .deadline_us = clock_mono_us() + IMPORT_CALL_US };
    client_call(ctx, &call, 1);
    ctx_clear(ctx);
    return call.status == 200;
}

/* The id that it has there says whether the bytes are those of the line. */
static void uploaded(struct ctx *ctx, struct sending *one, struct str media_id, struct str answer)
{
    struct str got = json_str(json_get(json_parse(ctx, answer), "media_id"));
    ctx_clear(ctx);
    if (str_eq(got, media_id))
        one->state = SENDING_DONE;
    else
        refuse(one, STR("its file has other bytes: they are not what the id is made of"));
}

static void upload(struct ctx *ctx, struct import_target *target, struct sending *one,
                   const struct media_line *line)
{
    struct arena *own CLEANUP(arena_freep) = arena_new(0);
    struct ctx scratch = { .arena = own };
    struct str name = line->name.ptr ? line->name : STR("");
    const char *path =
        arena_printf(own, "%s/" STR_FMT, target->media_folder, STR_ARG(line->media_id)).ptr;
    struct call call = { .peer = target->peer,
                         .method = "POST",
                         .path = arena_printf(own, "/v1/media%s" STR_FMT, name.len ? "?name=" : "",
                                              STR_ARG(client_escape(own, name))),
                         .content_type = "application/octet-stream",
                         .body = file_read(&scratch, path),
                         .token = target->token,
                         .deadline_us = clock_mono_us() + IMPORT_CALL_US,
                         .idempotent = true };
    if (!call.body.ptr) {
        refuse(one, arena_str(ctx->arena, scratch.error.detail));
        return;
    }
    client_call(&scratch, &call, 1);
    target->progress = call.status == 200;
    if (call.status == 200) {
        uploaded(ctx, one, line->media_id, call.answer);
        return;
    }
    call.answer = call.answer.ptr ? arena_str(ctx->arena, call.answer) : call.answer;
    call.error.detail = arena_str(ctx->arena, call.error.detail);
    sending_judge(ctx, target, one, &call);
}

void media_send(struct ctx *ctx, struct import_target *target, struct sending *one)
{
    struct media_line line;
    target->progress = true;
    if (!contract_decode(ctx, &media_line_type, json_parse(ctx, one->record->json), DECODE_STRICT,
                         &line)) {
        refuse(one, arena_str(ctx->arena, ctx->error.detail));
        ctx_clear(ctx);
    } else if (is_there(ctx, target, line.media_id)) {
        one->state = SENDING_DONE;
    } else {
        upload(ctx, target, one, &line);
    }
}
