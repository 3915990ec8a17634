#include "base/clock.h"
#include "cli/events_filter.h"
#include "platform/json/json.h"

static struct str time_text(struct ctx *ctx, int64_t us)
{
    char text[CLOCK_TEXT_BYTES];
    return arena_str(ctx->arena, (struct str){ text, clock_format(us, text) });
}

void events_print_line(const struct event *event, const struct record *record, struct str problem)
{
    char time[CLOCK_TEXT_BYTES];
    struct str when = { time, clock_format(event->time_us, time) };
    struct str what = problem.ptr ? problem : event->type.ptr ? event->type : STR("(tombstone)");
    printf(STR_FMT "  " STR_FMT "/%d@%lld  " STR_FMT "  " STR_FMT "  " STR_FMT "\n", STR_ARG(when),
           STR_ARG(record->topic), record->partition, (long long)record->offset, STR_ARG(what),
           STR_ARG(event->subject.ptr ? event->subject : event->key), STR_ARG(event->id));
}

static void print_member(const char *name, struct str text)
{
    if (text.ptr)
        printf("%-10s " STR_FMT "\n", name, STR_ARG(text));
}

void events_print_whole(struct ctx *ctx, const struct event *event, const struct record *record,
                        struct str problem)
{
    printf("%-10s " STR_FMT "/%d@%lld\n", "place", STR_ARG(record->topic), record->partition,
           (long long)record->offset);
    print_member("problem", problem);
    print_member("id", event->id);
    print_member("type", event->type);
    print_member("source", event->source);
    print_member("subject", event->subject);
    print_member("time", time_text(ctx, event->time_us));
    print_member("logged", time_text(ctx, record->time_us));
    print_member("key", event->key);
    print_member("trace", events_trace_id(ctx, event));
    for (size_t i = 0; i < record->n_headers; i++)
        if (!str_starts(record->headers[i].name, STR("ce_")))
            printf("%-10s " STR_FMT ": " STR_FMT "\n", "header", STR_ARG(record->headers[i].name),
                   STR_ARG(record->headers[i].value));
    if (record->value.ptr)
        printf("\n" STR_FMT "\n", STR_ARG(event->data.ptr ? event->data : record->value));
    else
        printf("\n(a tombstone: no value)\n");
}

static void put(struct json_out *out, const char *name, struct str text)
{
    if (!text.ptr)
        return;
    json_key(out, name);
    if (str_is_utf8(text))
        json_put_str(out, text);
    else
        json_put_str(out, STR("(not text)"));
}

/* The data as JSON where it is that, else as text. */
static void put_data(struct ctx *ctx, struct json_out *out, struct str data)
{
    if (!data.ptr)
        return;
    const struct json *document = json_parse(ctx, data);
    ctx_clear(ctx);
    if (!document) {
        put(out, "data_text", data);
        return;
    }
    json_key(out, "data");
    json_put(out, document);
}

static void put_number(struct json_out *out, const char *name, int64_t number)
{
    json_key(out, name);
    json_put_int(out, number);
}

void events_print_json(struct ctx *ctx, const struct event *event, const struct record *record,
                       struct str problem)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put(&out, "topic", record->topic);
    put_number(&out, "partition", record->partition);
    put_number(&out, "offset", record->offset);
    put(&out, "problem", problem);
    put(&out, "id", event->id);
    put(&out, "type", event->type);
    put(&out, "source", event->source);
    put(&out, "subject", event->subject);
    put(&out, "key", event->key);
    put(&out, "trace_id", events_trace_id(ctx, event));
    json_key(&out, "time");
    json_put_time(&out, event->time_us);
    json_key(&out, "logged_at");
    json_put_time(&out, record->time_us);
    put_data(ctx, &out, event->data.ptr ? event->data : record->value);
    json_object_end(&out);
    puts(json_out_str(&out).ptr);
}
