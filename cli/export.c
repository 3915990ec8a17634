#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/export_media.h"
#include "cli/progress.h"
#include "cli/service_api.h"
#include "cli/stack.h"
#include "platform/json/json.h"

#define CALL_US (30 * US_PER_S)
#define TOKEN_EVERY_US (300 * US_PER_S) /* tokens live ten minutes */

enum { DATA, URL, KIND, N_OPTIONS };

struct export
{
    struct str data, token;
    int64_t token_us;
    struct peer *peer;
    const char *kind; /* NULL: a whole export */
    FILE *file;
    int64_t lines;
    struct media_export media;
};

static bool token_renew(struct ctx *ctx, struct export *export)
{
    int64_t now_us = clock_mono_us();
    if (export->token.ptr && now_us - export->token_us < TOKEN_EVERY_US)
        return true;
    export->token = service_api_token(ctx, export->data, "export", "content:read");
    export->token_us = now_us;
    return export->token.ptr != NULL;
}

/* One page into the file; *cursor is where the next begins, ptr NULL after the last. */
static bool page_take(struct ctx *ctx, struct export *export, struct str *cursor)
{
    struct call call = {
        .peer = export->peer,
        .method = "GET",
        .path = arena_printf(
            ctx->arena, "/v1/export?%s%s%s" STR_FMT,
            export->kind ? "kind=" : "whole=", export->kind ? export->kind : "true",
            cursor->len ? "&cursor=" : "", STR_ARG(client_escape(ctx->arena, *cursor))),
        .token = export->token,
        .deadline_us = clock_mono_us() + CALL_US,
    };
    client_call(ctx, &call, 1);
    if (call.status != 200) {
        struct str detail = json_str(json_get(json_parse(ctx, call.answer), "detail"));
        ctx_clear(ctx);
        return ctx_fail(ctx, ERR_UNAVAILABLE, "content does not tell: " STR_FMT,
                        STR_ARG(detail.ptr ? detail : call.error.detail));
    }
    for (size_t i = 0; i < call.answer.len; i++)
        export->lines += call.answer.ptr[i] == '\n';
    *cursor = call.next_cursor;
    if (!export->kind && !media_export(ctx, &export->media, call.answer))
        return false;
    return fwrite(call.answer.ptr, 1, call.answer.len, export->file) == call.answer.len ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "the file cannot be written: %s", strerror(errno));
}

/* How many there are is not known beforehand: the bar is full at the end. */
static bool pages(struct ctx *ctx, struct export *export)
{
    struct arena *scratch CLEANUP(arena_freep) = arena_new(0);
    struct progress progress = progress_begin("content", 0);
    struct str cursor = STR("");
    bool ok = true;
    while (ok && cursor.ptr) {
        struct ctx own = { .arena = scratch };
        struct str next = cursor;
        ok = token_renew(ctx, export);
        if (ok && !page_take(&own, export, &next))
            ok = ctx_fail(ctx, own.error.code, STR_FMT, STR_ARG(own.error.detail));
        cursor = next.ptr ? arena_str(ctx->arena, next) : next;
        arena_clear(scratch);
        progress_show(&progress, export->lines, 0, cursor.ptr ? 0 : 1, !cursor.ptr || !ok);
    }
    return ok;
}

/* Whole or not at all: until it is, it has another name. */
static bool export_run(struct ctx *ctx, struct export *export, const char *path)
{
    struct str next = arena_printf(ctx->arena, "%s.next", path);
    export->file = fopen(next.ptr, "we");
    if (!export->file)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", next.ptr,
                        strerror(errno));
    bool ok = pages(ctx, export);
    ok = (fflush(export->file) == 0 && fsync(fileno(export->file)) == 0) && ok;
    ok = fclose(export->file) == 0 && ok && rename(next.ptr, path) == 0;
    if (ok)
        return true;
    unlink(next.ptr);
    return ctx_failed(ctx)
               ? false
               : ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
}

static int run_export(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[N_OPTIONS] = {
        [DATA] = { "--data" }, [URL] = { "--url" }, [KIND] = { "--kind" }
    };
    const char *rest[2];
    size_t n_rest;
    struct export export = { 0 };
    if (!options_read(ctx, argc, argv, options, N_OPTIONS, rest, 2, &n_rest))
        return command_failed(ctx);
    if (n_rest != 2 || strcmp(rest[0], "content") != 0) {
        ctx_fail(ctx, ERR_INVALID, "what is exported is content, and then comes a file");
        return command_failed(ctx);
    }
    export.kind = options[KIND].value;
    export.data = stack_data(ctx, options[DATA].value, false);
    export.media.folder = arena_printf(ctx->arena, "%s.media", rest[1]).ptr;
    if (export.data.ptr)
        export.peer = service_api(ctx, export.data, "content", options[URL].value);
    export.media.peer = export.peer;
    bool ok = export.peer && export_run(ctx, &export, rest[1]);
    peer_free(export.peer);
    return ok ? 0 : command_failed(ctx);
}

const struct command command_export = {
    .name = "export",
    .arguments = "content FILE [OPTION]...",
    .help = "Take all there is out of content, as lines of JSON",
    .details =
        "FILE is what `fanfare import content` takes: content types, locales, media, and of each entry its draft, what is\n"
        "shown of it and where it was shown before. The bytes of media are in FILE.media/, each by its id. FILE is there\n"
        "whole or not at all; done again, only media that are not in the folder yet are asked for.\n\n"
        "  --data DIR   the stack's folder: where it runs and its keys\n"
        "  --url URL    content, where it is not the stack's own\n"
        "  --kind KIND  only the entries that are page, snippet, email_template or item\n",
    .run = run_export,
};
