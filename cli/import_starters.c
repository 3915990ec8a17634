#include "cli/import_starters.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/service_api.h"
#include "cli/stack.h"
#include "platform/json/json.h"

#define MOST_STARTERS 64
#define LINE_BYTES (256 * 1024)
#define CALL_US (30 * US_PER_S)
#define SUBJECT "import"

struct starter {
    struct str line, entry_id, slug;
    const char *kept; /* why it is left alone; NULL: it is new */
};

struct starters {
    struct starter list[MOST_STARTERS];
    size_t n;
    struct peer *peer;
    struct str token;
};

/* ---- the file ---- */

static bool starter_read(struct ctx *ctx, const char *line, struct starter *out)
{
    out->line = arena_str(ctx->arena, str_trim(str_of(line)));
    const struct json *entry = json_parse(ctx, out->line);
    out->entry_id = json_str(json_get(entry, "entry_id"));
    out->slug = json_str(json_get(entry, "slug"));
    return (out->entry_id.ptr && out->slug.ptr) ||
           ctx_fail(ctx, ERR_INVALID, "a starter template has no entry_id or slug");
}

static bool file_read(struct ctx *ctx, struct starters *starters)
{
    struct str path = stack_file(ctx, "email", "starters.jsonl");
    FILE *file = path.ptr ? fopen(path.ptr, "re") : NULL;
    if (!file)
        return path.ptr ? ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be read: %s", path.ptr,
                                   strerror(errno))
                        : false;
    char *line = arena_alloc(ctx->arena, LINE_BYTES);
    bool ok = true;
    while (ok && starters->n < MOST_STARTERS && fgets(line, LINE_BYTES, file))
        ok = starter_read(ctx, line, &starters->list[starters->n++]);
    fclose(file);
    return ok;
}

/* ---- what is there ---- */

static bool answered(struct ctx *ctx, const struct call *call, int also)
{
    if (call->status == 200 || call->status == also)
        return true;
    struct str why = json_str(json_get(json_parse(ctx, call->answer), "detail"));
    ctx_clear(ctx);
    return ctx_fail(ctx, ERR_UNAVAILABLE, "content does not answer: " STR_FMT,
                    STR_ARG(why.ptr ? why : call->error.detail));
}

static bool has_slug(struct ctx *ctx, struct str answer, struct str slug)
{
    for (struct json_iter it = json_iter(json_get(json_parse(ctx, answer), "items"));
         json_next(&it);)
        if (str_eq(json_str(json_get(it.value, "slug")), slug))
            return true;
    return false;
}

/* Two questions for each, all at once: is there its entry, or another one that has its slug? */
static bool kept_look(struct ctx *ctx, struct starters *starters)
{
    struct call *calls = ARENA_ARRAY(ctx->arena, struct call, 2 * starters->n);
    for (size_t i = 0; i < 2 * starters->n; i++) {
        const struct starter *starter = &starters->list[i / 2];
        calls[i] = (struct call){ .peer = starters->peer,
                                  .method = "GET",
                                  .token = starters->token,
                                  .deadline_us = clock_mono_us() + CALL_US };
        calls[i].path =
            i % 2 == 0
                ? arena_printf(ctx->arena, "/v1/entries/" STR_FMT, STR_ARG(starter->entry_id))
                : arena_printf(ctx->arena,
                               "/v1/entries?kind=email_template&sort=slug&slug_prefix=" STR_FMT,
                               STR_ARG(client_escape(ctx->arena, starter->slug)));
    }
    client_call(ctx, calls, 2 * starters->n);
    for (size_t i = 0; i < 2 * starters->n; i++) {
        struct starter *starter = &starters->list[i / 2];
        if (!answered(ctx, &calls[i], i % 2 == 0 ? 404 : 200))
            return false;
        if (i % 2 == 0 && calls[i].status == 200)
            starter->kept = "it is there, and stays as it is";
        else if (i % 2 == 1 && !starter->kept && has_slug(ctx, calls[i].answer, starter->slug))
            starter->kept = "another template has its slug, and stays";
    }
    return !ctx_failed(ctx);
}

/* ---- the new ones ---- */

static struct str lines_of_new(struct ctx *ctx, const struct starters *starters)
{
    size_t bytes = 0;
    for (size_t i = 0; i < starters->n; i++)
        bytes += starters->list[i].kept ? 0 : starters->list[i].line.len + 1;
    char *text = arena_alloc(ctx->arena, bytes + 1), *at = text;
    for (size_t i = 0; i < starters->n; i++) {
        if (starters->list[i].kept)
            continue;
        at = mempcpy(at, starters->list[i].line.ptr, starters->list[i].line.len);
        *at++ = '\n';
    }
    return (struct str){ text, bytes };
}

/* The outcome of each new one; how many were not taken whole. */
static int outcomes_show(struct ctx *ctx, const struct starters *starters, struct str answer)
{
    struct json_iter it = json_iter(json_get(json_parse(ctx, answer), "lines"));
    int wrong = 0;
    for (size_t i = 0; i < starters->n; i++) {
        const struct starter *starter = &starters->list[i];
        struct str why = str_of(starter->kept ? starter->kept : "published");
        if (!starter->kept) {
            struct str detail = json_next(&it) ? json_str(json_get(it.value, "detail"))
                                               : STR("content said nothing of it");
            wrong += detail.ptr != NULL;
            why = detail.ptr ? detail : why;
        }
        printf("%-20.*s " STR_FMT "\n", (int)starter->slug.len, starter->slug.ptr, STR_ARG(why));
    }
    return wrong;
}

static int new_send(struct ctx *ctx, const struct starters *starters)
{
    struct call call = { .peer = starters->peer,
                         .method = "POST",
                         .path = STR("/v1/import"),
                         .content_type = "application/x-ndjson",
                         .body = lines_of_new(ctx, starters),
                         .token = starters->token,
                         .deadline_us = clock_mono_us() + CALL_US };
    if (call.body.len) {
        client_call(ctx, &call, 1);
        if (!answered(ctx, &call, 200))
            return command_failed(ctx);
    }
    return outcomes_show(ctx, starters, call.answer) ? 3 : 0;
}

int import_starters(struct ctx *ctx, const char *data, const char *url)
{
    struct starters *starters = ARENA_NEW(ctx->arena, struct starters);
    struct str folder = stack_data(ctx, data, false);
    *starters = (struct starters){ 0 };
    bool ready =
        folder.ptr && file_read(ctx, starters) &&
        (starters->peer = service_api(ctx, folder, "content", url)) &&
        (starters->token = service_api_token(ctx, folder, SUBJECT, "content:read content:write"))
            .ptr &&
        kept_look(ctx, starters);
    int status = ready ? new_send(ctx, starters) : command_failed(ctx);
    peer_free(starters->peer);
    return status;
}
