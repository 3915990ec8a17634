#include "cli/export_media.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "content_types.h"

#define PART_BYTES (4 * 1024 * 1024)
#define CALL_US (30 * US_PER_S)

static bool part_take(struct ctx *ctx, const struct media_export *export, struct str media_id,
                      int64_t first, FILE *file, int64_t *taken)
{
    struct header range = { STR("Range"),
                            arena_printf(ctx->arena, "bytes=%lld-%lld", (long long)first,
                                         (long long)(first + PART_BYTES - 1)) };
    struct call call = { .peer = export->peer,
                         .method = "GET",
                         .path = arena_printf(ctx->arena, "/v1/media/" STR_FMT,
                                              STR_ARG(client_escape(ctx->arena, media_id))),
                         .headers = &range,
                         .n_headers = 1,
                         .deadline_us = clock_mono_us() + CALL_US };
    client_call(ctx, &call, 1);
    *taken = (int64_t)call.answer.len;
    if (call.status != 206 || !*taken)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "content does not give " STR_FMT ": %d " STR_FMT,
                        STR_ARG(media_id), call.status, STR_ARG(call.error.detail));
    return fwrite(call.answer.ptr, 1, call.answer.len, file) == call.answer.len ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "the file cannot be written: %s", strerror(errno));
}

static bool parts_take(struct ctx *ctx, const struct media_export *export,
                       const struct media_line *line, FILE *file)
{
    struct arena *own CLEANUP(arena_freep) = arena_new(0);
    int64_t taken = 0;
    for (int64_t at = 0; at < line->bytes; at += taken) {
        struct ctx scratch = { .arena = own };
        if (!part_take(&scratch, export, line->media_id, at, file, &taken))
            return ctx_fail(ctx, scratch.error.code, STR_FMT, STR_ARG(scratch.error.detail));
        arena_clear(own);
    }
    return true;
}

static bool is_whole(const char *path, int64_t bytes)
{
    struct stat there;
    return stat(path, &there) == 0 && there.st_size == bytes;
}

/* Under another name until it is whole. */
static bool medium_take(struct ctx *ctx, struct media_export *export, const struct media_line *line)
{
    struct str path =
        arena_printf(ctx->arena, "%s/" STR_FMT, export->folder, STR_ARG(line->media_id));
    struct str next = arena_printf(ctx->arena, STR_FMT ".next", STR_ARG(path));
    if (mkdir(export->folder, 0700) != 0 && errno != EEXIST)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be made: %s", export->folder,
                        strerror(errno));
    export->files++;
    if (is_whole(path.ptr, line->bytes))
        return true;
    FILE *file = fopen(next.ptr, "we");
    if (!file)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", next.ptr,
                        strerror(errno));
    bool ok = parts_take(ctx, export, line, file);
    ok = fflush(file) == 0 && fsync(fileno(file)) == 0 && ok;
    ok = fclose(file) == 0 && ok && rename(next.ptr, path.ptr) == 0;
    if (ok)
        return true;
    unlink(next.ptr);
    return ctx_failed(ctx) ? false
                           : ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr,
                                      strerror(errno));
}

bool media_export(struct ctx *ctx, struct media_export *export, struct str lines)
{
    struct str text;
    struct media_line line;
    while (str_split(&lines, '\n', &text)) {
        if (!str_starts(text, STR("{\"media_id\":")))
            continue;
        const struct json *json = json_parse(ctx, text);
        if (!json || !contract_decode(ctx, &media_line_type, json, DECODE_TOLERANT, &line) ||
            !medium_take(ctx, export, &line))
            return false;
    }
    return true;
}
