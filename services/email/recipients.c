#include "services/email/recipients.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/http/http.h"
#include "services/email/messages.h"
#include "email_contract.h"

static struct message_short short_of(const struct message_row *row)
{
    return (struct message_short){
        .message_id = row->message_id,
        .state = row->state,
        .person_id = row->person_id,
        .campaign_id = row->campaign_id,
        .launch_id = message_launch(row),
        .step = row->step,
        .variant = row->variant,
        .reason = row->status,
        .created_at = row->created_us,
        .due_at = row->due_us,
        .has_ended_at = row->ended_us,
        .ended_at = row->ended_us,
    };
}

/* ---- CSV ---- */

static bool wants_csv(struct ctx *ctx)
{
    struct str list = request_header(ctx, "Accept"), part;
    while (list.len && str_split(&list, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("text/csv")) || str_starts(part, STR("application/json")))
            return str_starts(part, STR("text/csv"));
    }
    return false;
}

/* Ids and states may come from elsewhere: quotes are doubled, and what a spreadsheet would take for a formula gets an
 * apostrophe in front. */
static void cell(FILE *out, struct str text, const char *behind)
{
    bool formula = text.len && strchr("=+-@\t\r", text.ptr[0]);
    fputs(formula ? "\"'" : "\"", out);
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            fputc('"', out);
        fputc(text.ptr[i], out);
    }
    fprintf(out, "\"%s", behind);
}

static void moment(FILE *out, int64_t us, const char *behind)
{
    char text[CLOCK_TEXT_BYTES] = "";
    if (us)
        clock_format(us, text);
    fprintf(out, "%s%s", text, behind);
}

static struct str csv_of(struct ctx *ctx, const struct message_row *rows, size_t n)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort(); /* memory is out */
    fputs("message_id,person_id,state,launch_id,step,variant,reason,created_at,due_at,ended_at\r\n",
          out);
    for (size_t i = 0; i < n; i++) {
        cell(out, rows[i].message_id, ",");
        cell(out, rows[i].person_id, ",");
        cell(out, rows[i].state, ",");
        cell(out, message_launch(&rows[i]), ",");
        cell(out, rows[i].step, ",");
        cell(out, rows[i].variant, ",");
        cell(out, rows[i].status, ",");
        moment(out, rows[i].created_us, ",");
        moment(out, rows[i].due_us, ",");
        moment(out, rows[i].ended_us, "\r\n");
    }
    fclose(out);
    struct str csv = arena_str(ctx->arena, (struct str){ text, len });
    free(text);
    return csv;
}

static struct str query(struct ctx *ctx, const char *name, struct str value)
{
    static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    struct str out = value.ptr ? arena_printf(ctx->arena, "&%s=", name) : STR("");
    for (size_t i = 0; i < value.len; i++)
        out = arena_printf(ctx->arena, strchr(safe, value.ptr[i]) ? STR_FMT "%c" : STR_FMT "%%%02X",
                           STR_ARG(out), (unsigned char)value.ptr[i]);
    return out;
}

static struct str link_of(struct ctx *ctx, const struct message_filter *filter, size_t limit,
                          struct str next, const char *path)
{
    return arena_printf(
        ctx->arena, "<%s?limit=%zu" STR_FMT STR_FMT STR_FMT STR_FMT ">; rel=\"next\"", path, limit,
        STR_ARG(query(ctx, "launch_id", filter->launch_id)),
        STR_ARG(query(ctx, "variant", filter->variant)),
        STR_ARG(query(ctx, "state", filter->state)), STR_ARG(query(ctx, "cursor", next)));
}

/* ---- the answer ---- */

static struct reply as_json(struct ctx *ctx, const struct message_row *rows, size_t n,
                            struct str next)
{
    struct message_short *items = ARENA_ARRAY(ctx->arena, struct message_short, n + 1);
    struct message_list list = { .items = items, .n_items = n, .next_cursor = next };
    for (size_t i = 0; i < n; i++)
        items[i] = short_of(&rows[i]);
    return reply_ok(ctx, message_list_encode(ctx, &list));
}

struct reply recipients_answer(struct ctx *ctx, const struct message_filter *filter,
                               struct str cursor, size_t limit, const char *csv_path)
{
    size_t n;
    struct message_filter after = *filter;
    struct str next = { NULL, 0 };
    struct message_row *rows = ARENA_ARRAY(ctx->arena, struct message_row, limit + 1);
    if ((cursor.ptr && !sql_cursor_parse(ctx, cursor, &after.after, 1)) ||
        !store_messages(ctx, &after, limit + 1, rows, &n))
        return reply_error(ctx);
    if (n > limit)
        next = sql_cursor(ctx->arena, &rows[limit - 1].message_id, 1);
    n = MIN(n, limit);
    if (!csv_path || !wants_csv(ctx))
        return as_json(ctx, rows, n, next);
    struct reply reply = reply_text(ctx, 200, "text/csv; charset=utf-8", csv_of(ctx, rows, n));
    reply_add(ctx, &reply, "Vary", STR("Accept"));
    if (next.ptr)
        reply_add(ctx, &reply, "Link", link_of(ctx, filter, limit, next, csv_path));
    return reply;
}
