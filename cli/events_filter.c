#include "cli/events_filter.h"

#include "base/clock.h"
#include "cli/stack.h"
#include "platform/telemetry/trace.h"

/* "10m": so long ago. */
static bool read_ago(struct str text, int64_t *us)
{
    static const struct {
        char unit;
        int64_t us;
    } units[] = {
        { 's', US_PER_S }, { 'm', 60 * US_PER_S }, { 'h', 3600 * US_PER_S }, { 'd', US_PER_DAY }
    };
    int64_t n;
    if (text.len < 2 || !str_to_int((struct str){ text.ptr, text.len - 1 }, &n) || n < 0 ||
        n > 100000)
        return false;
    for (size_t i = 0; i < COUNT(units); i++)
        if (text.ptr[text.len - 1] == units[i].unit) {
            *us = clock_now_us() - n * units[i].us;
            return true;
        }
    return false;
}

static bool read_time(struct ctx *ctx, const struct option_value *option, int64_t *us)
{
    struct str text = str_of(option->value);
    if (!option->value || clock_parse(text, true, us) || read_ago(text, us))
        return true;
    return ctx_fail(ctx, ERR_INVALID,
                    "%s is a time such as 2026-01-31T12:00:00Z, a date, or 10m, 2h, 3d ago",
                    option->name);
}

static void read_topics(struct ctx *ctx, const char *text, struct log_query *query)
{
    struct str rest = str_of(text), part;
    struct str *topics = ARENA_ARRAY(ctx->arena, struct str, rest.len + 1);
    while (text && str_split(&rest, ',', &part))
        if (part.len)
            topics[query->n_topics++] = part;
    query->topics = query->n_topics ? topics : NULL;
}

bool events_filter_read(struct ctx *ctx, const struct option_value *options,
                        struct events_filter *filter)
{
    *filter = (struct events_filter){ .type = str_of(options[OPTION_TYPE].value),
                                      .subject = str_of(options[OPTION_SUBJECT].value),
                                      .trace = str_of(options[OPTION_TRACE].value),
                                      .query.partition = -1 };
    read_topics(ctx, options[OPTION_TOPIC].value, &filter->query);
    if (options[OPTION_LIMIT].value &&
        (!str_to_int(str_of(options[OPTION_LIMIT].value), &filter->limit) || filter->limit < 1))
        return ctx_fail(ctx, ERR_INVALID, "--limit is a number from 1");
    return read_time(ctx, &options[OPTION_SINCE], &filter->query.from_us) &&
           read_time(ctx, &options[OPTION_UNTIL], &filter->query.until_us);
}

struct str events_trace_id(struct ctx *ctx, const struct event *event)
{
    static const struct trace_context none;
    char text[TRACEPARENT_BYTES];
    if (memcmp(event->trace.trace_id, none.trace_id, sizeof none.trace_id) == 0)
        return (struct str){ 0 };
    trace_format(&event->trace, text);
    return arena_str(ctx->arena, (struct str){ text + 3, 32 });
}

bool events_is_like(struct str text, struct str pattern)
{
    if (!pattern.ptr)
        return true;
    if (str_ends(pattern, STR("*")))
        return str_starts(text, (struct str){ pattern.ptr, pattern.len - 1 });
    return str_eq(text, pattern);
}

bool events_filter_passes(struct ctx *ctx, const struct events_filter *filter,
                          const struct record *record, struct event *event, struct str *problem)
{
    *problem = (struct str){ 0 };
    if (!event_decode(ctx, record, event)) {
        *problem = ctx->error.detail;
        ctx_clear(ctx);
    }
    return events_is_like(event->type, filter->type) &&
           events_is_like(event->subject, filter->subject) &&
           (!filter->id.ptr || str_eq(event->id, filter->id)) &&
           (!filter->trace.ptr || str_eq_nocase(events_trace_id(ctx, event), filter->trace));
}

const char *events_log_url(struct ctx *ctx, const struct option_value *options)
{
    struct stack_run run;
    if (options[OPTION_LOG].value)
        return options[OPTION_LOG].value;
    struct str data = stack_data(ctx, options[OPTION_DATA].value, false);
    if (!data.ptr || !stack_run_read(ctx, data, &run))
        return NULL;
    for (size_t i = 0; i < run.n; i++)
        if (str_is(run.services[i].name, "broker"))
            return arena_printf(ctx->arena, "kafka://127.0.0.1:%d", run.services[i].port).ptr;
    ctx_fail(ctx, ERR_NOT_FOUND, "the stack has no broker of its own; --log says where the log is");
    return NULL;
}

bool events_read_place(struct ctx *ctx, const char *text, struct record *place)
{
    char *copy = arena_cstr(ctx->arena, str_of(text)), *slash = strchr(copy, '/');
    int64_t partition;
    if (!slash)
        return false;
    char *end = strpbrk(slash + 1, "/@");
    if (!end)
        return false;
    *slash = *end = '\0';
    place->topic = str_of(copy);
    if (!str_to_int(str_of(slash + 1), &partition) ||
        !str_to_int(str_of(end + 1), &place->offset) || partition < 0 || partition > INT32_MAX ||
        place->offset < 0)
        return false;
    place->partition = (int)partition;
    return true;
}
