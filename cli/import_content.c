/* Lines go to content many at a time, and each has an outcome of its own. */
#include "base/clock.h"
#include "cli/import_kinds.h"
#include "content_types.h"

/* Of 4 MB and 500 lines that content takes at once; its writer does nothing else meanwhile. */
#define BATCH_BYTES (1024 * 1024)
#define BATCH_LINES 200

/* As the contract's ImportLines are told apart. */
const struct schema_type *content_line_type(const struct json *line)
{
    static const struct {
        const char *member;
        const struct schema_type *type;
    } marks[] = {
        { "entry_id", &entry_line_type },
        { "media_id", &media_line_type },
        { "fallbacks", &locale_line_type },
        { "schema", &type_line_type },
    };
    for (size_t i = 0; i < COUNT(marks); i++)
        if (json_type(json_get(line, marks[i].member)) != JSON_ABSENT)
            return marks[i].type;
    return &entry_line_type;
}

/* The lines of as many of the first as go into one call; *taken says how many. */
static struct str batch_make(struct ctx *ctx, struct sending **open, size_t n, size_t *taken)
{
    size_t bytes = 0, most = MIN(n, BATCH_LINES);
    struct str *lines = ARENA_ARRAY(ctx->arena, struct str, most);
    for (*taken = 0; *taken < most; ++*taken) {
        struct str line = open[*taken]->record->json;
        if (*taken && bytes + line.len > BATCH_BYTES)
            break;
        lines[*taken] = line;
        bytes += line.len + 1;
    }
    char *text = arena_alloc(ctx->arena, bytes + 1), *at = text;
    for (size_t i = 0; i < *taken; i++) {
        at = mempcpy(at, lines[i].ptr, lines[i].len);
        *at++ = '\n';
    }
    return (struct str){ text, bytes };
}

static void outcome_take(struct ctx *ctx, struct import_target *target, struct sending *one,
                         const struct imported_line *line)
{
    target->waiting += line->detail.ptr && line->outcome != IMPORT_OUTCOME_REFUSED;
    one->state = line->detail.ptr ? SENDING_REFUSED : SENDING_DONE;
    one->reason =
        !line->detail.ptr   ? line->detail
        : line->pointer.ptr ? arena_printf(ctx->arena, STR_FMT ": " STR_FMT, STR_ARG(line->pointer),
                                           STR_ARG(line->detail))
        : line->outcome == IMPORT_OUTCOME_REFUSED
            ? line->detail
            : arena_printf(ctx->arena, "taken, and not shown: " STR_FMT, STR_ARG(line->detail));
}

static bool outcomes_take(struct ctx *ctx, struct import_target *target, struct str answer,
                          struct sending **batch, size_t n)
{
    struct import_result result;
    const struct json *json = json_parse(ctx, answer);
    if (!json || !contract_decode(ctx, &import_result_type, json, DECODE_TOLERANT, &result))
        return false;
    if (result.n_lines != n)
        return ctx_fail(ctx, ERR_BAD_GATEWAY, "content told %zu outcomes of %zu lines",
                        result.n_lines, n);
    for (size_t i = 0; i < n; i++)
        outcome_take(ctx, target, batch[i], &result.lines[i]);
    return true;
}

/* The first that is a medium; NULL: none is. */
static struct sending *medium_of(struct ctx *ctx, struct sending **open, size_t n)
{
    static const char mark[] = "\"media_id\""; /* spares most lines the parsing */
    for (size_t i = 0; i < n; i++)
        if (memmem(open[i]->record->json.ptr, open[i]->record->json.len, mark, strlen(mark)) &&
            content_line_type(json_parse(ctx, open[i]->record->json)) == &media_line_type)
            return open[i];
    return NULL;
}

static void lines_send(struct ctx *ctx, struct import_target *target, struct sending **open,
                       size_t n)
{
    size_t taken = 0;
    struct call call = { .peer = target->peer,
                         .method = "POST",
                         .path = STR("/v1/import"),
                         .content_type = "application/x-ndjson",
                         .body = batch_make(ctx, open, n, &taken),
                         .token = target->token,
                         .deadline_us = clock_mono_us() + IMPORT_CALL_US,
                         .idempotent = true };
    client_call(ctx, &call, 1);
    ctx_clear(ctx);
    target->progress = call.status == 200;
    if (call.status == 200)
        outcomes_take(ctx, target, call.answer, open, taken);
    else
        sending_judge(ctx, target, open[0], &call);
}

bool send_content(struct ctx *ctx, struct import_target *target, struct sending *sending, size_t n)
{
    struct sending **open = ARENA_ARRAY(ctx->arena, struct sending *, n);
    size_t n_open = sending_open(sending, n, open);
    struct sending *medium = medium_of(ctx, open, n_open);
    if (medium)
        media_send(ctx, target, medium);
    else if (n_open)
        lines_send(ctx, target, open, n_open);
    return !ctx_failed(ctx) && sending_open(sending, n, open) > 0;
}
