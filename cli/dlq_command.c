#include <stdlib.h>

#include "base/clock.h"
#include "cli/events_filter.h"
#include "cli/service_admin.h"
#include "platform/json/json.h"

/* `fanfare dlq`: events that a service has set aside. What is open stands in the service's own database and is asked of
 * it; the dead letters on the log add the trace of each. */

#define PORTION 25 /* places that are sent at once */

enum { OPTION_STATE = N_EVENTS_OPTIONS, OPTION_ALL, N_DLQ_OPTIONS };
#define DLQ_OPTIONS                                                                                \
    EVENTS_OPTIONS, { "--state" },                                                                 \
    {                                                                                              \
        "--all", .flag = true                                                                      \
    }

struct dlq {
    struct service_admin *admin;
    const struct option_value *options;
    struct events_filter filter;
    const char *state;
    struct str service;
    struct open_event *open;
    size_t n, cap;
};

/* One that is set aside, as its service tells. */
struct open_event {
    const struct json *row;
    struct str trace, event_trace; /* of its handling, and of the event; ptr NULL: not known */
};

static void add(struct dlq *dlq, const struct json *row)
{
    if (dlq->n == dlq->cap) {
        dlq->cap = dlq->cap ? 2 * dlq->cap : 256;
        dlq->open = mem_realloc(dlq->open, dlq->cap * sizeof *dlq->open);
    }
    dlq->open[dlq->n++] = (struct open_event){ .row = row };
}

static bool load(struct ctx *ctx, struct dlq *dlq)
{
    struct str next = { 0 };
    do {
        struct str path = next.ptr ? arena_printf(ctx->arena, "/dlq?after=" STR_FMT, STR_ARG(next))
                                   : STR("/dlq");
        const struct json *page =
            service_admin_ask(ctx, dlq->admin, "GET", path, (struct str){ 0 });
        if (!page)
            return false;
        for (struct json_iter it = json_iter(json_get(page, "items")); json_next(&it);)
            add(dlq, it.value);
        next = json_str(json_get(page, "next"));
    } while (next.ptr);
    return true;
}

/* ---- the traces, from the dead letters ---- */

static int by_place(const void *a, const void *b)
{
    static const char *const names[] = { "consumer", "topic" }, *const numbers[] = { "partition",
                                                                                     "offset" };
    const struct json *x = ((const struct open_event *)a)->row,
                      *y = ((const struct open_event *)b)->row;
    for (size_t i = 0; i < COUNT(names); i++) {
        int order = str_cmp(json_str(json_get(x, names[i])), json_str(json_get(y, names[i])));
        if (order)
            return order;
    }
    for (size_t i = 0; i < COUNT(numbers); i++) {
        int64_t p = json_int(json_get(x, numbers[i])), q = json_int(json_get(y, numbers[i]));
        if (p != q)
            return p < q ? -1 : 1;
    }
    return 0;
}

struct letters {
    struct dlq *dlq;
    struct ctx *outer;
};

static bool take_letter(struct ctx *ctx, const struct record *record, void *argument)
{
    struct letters *letters = argument;
    const struct json *letter = record->value.ptr ? json_parse(ctx, record->value) : NULL;
    if (!letter)
        return true;
    struct open_event wanted = { .row = letter };
    struct open_event *found = letters->dlq->n ? bsearch(&wanted, letters->dlq->open,
                                                         letters->dlq->n, sizeof wanted, by_place)
                                               : NULL;
    struct str trace = json_str(json_get(letter, "trace_id"));
    struct str event_trace = json_str(json_get(letter, "event_trace_id"));
    if (found && trace.len)
        found->trace = arena_str(letters->outer->arena, trace);
    if (found && event_trace.len)
        found->event_trace = arena_str(letters->outer->arena, event_trace);
    return true;
}

static bool load_traces(struct ctx *ctx, struct dlq *dlq)
{
    struct letters letters = { dlq, ctx };
    struct str topic =
        arena_printf(ctx->arena, "fanfare." STR_FMT ".dead-letters", STR_ARG(dlq->service));
    struct log_query query = { .topics = &topic, .n_topics = 1, .partition = -1 };
    if (dlq->n == 0)
        return true;
    qsort(dlq->open, dlq->n, sizeof *dlq->open, by_place);
    const char *url = events_log_url(ctx, dlq->options);
    struct log_reader *reader = url ? log_reader_open(ctx, url) : NULL;
    bool done = reader && log_read(ctx, reader, &query, take_letter, &letters);
    log_reader_free(reader);
    if (!done && ctx->error.code == ERR_NOT_FOUND) { /* no letter was ever sent */
        ctx_clear(ctx);
        return true;
    }
    return done;
}

/* ---- which of them ---- */

static bool has_topic(const struct log_query *query, struct str topic)
{
    for (size_t i = 0; i < query->n_topics; i++)
        if (str_eq(topic, query->topics[i]))
            return true;
    return !query->topics;
}

static bool passes(const struct dlq *dlq, const struct open_event *one)
{
    const struct events_filter *filter = &dlq->filter;
    int64_t at = 0;
    clock_parse(json_str(json_get(one->row, "parked_at")), false, &at);
    return events_is_like(json_str(json_get(one->row, "type")), filter->type) &&
           events_is_like(json_str(json_get(one->row, "key")), filter->subject) &&
           has_topic(&filter->query, json_str(json_get(one->row, "topic"))) &&
           (!filter->trace.ptr || str_eq_nocase(one->trace, filter->trace) ||
            str_eq_nocase(one->event_trace, filter->trace)) &&
           at >= filter->query.from_us &&
           (!filter->query.until_us || at < filter->query.until_us) &&
           (!dlq->state || str_is(json_str(json_get(one->row, "state")), dlq->state));
}

/* Leaves those that were asked for. */
static void select_open(struct dlq *dlq)
{
    size_t kept = 0;
    for (size_t i = 0; i < dlq->n; i++)
        if (passes(dlq, &dlq->open[i]) && (!dlq->filter.limit || (int64_t)kept < dlq->filter.limit))
            dlq->open[kept++] = dlq->open[i];
    dlq->n = kept;
}

static bool open_dlq(struct ctx *ctx, const struct option_value *options, const char *service,
                     struct dlq *dlq)
{
    *dlq = (struct dlq){ .options = options,
                         .service = str_of(service),
                         .state = options[OPTION_STATE].value };
    if (!service)
        return ctx_fail(ctx, ERR_INVALID, "say which service's");
    dlq->admin = service_admin_open(ctx, options[OPTION_DATA].value, service, "dlq");
    if (!dlq->admin || !events_filter_read(ctx, options, &dlq->filter) || !load(ctx, dlq) ||
        !load_traces(ctx, dlq))
        return false;
    return true;
}

static void close_dlq(struct dlq *dlq)
{
    service_admin_free(dlq->admin);
    free(dlq->open);
}

/* ---- list ---- */

static void put_trace(struct json_out *out, const char *name, struct str trace)
{
    if (!trace.ptr)
        return;
    json_key(out, name);
    json_put_str(out, trace);
}

static void print_open(struct ctx *ctx, const struct open_event *one, bool json)
{
    const struct json *row = one->row;
    if (!json) {
        printf("%-6.*s  " STR_FMT "/%lld@%lld  " STR_FMT "  " STR_FMT "  " STR_FMT ": " STR_FMT
               "  trace " STR_FMT "\n",
               STR_ARG(json_str(json_get(row, "state"))), STR_ARG(json_str(json_get(row, "topic"))),
               (long long)json_int(json_get(row, "partition")),
               (long long)json_int(json_get(row, "offset")),
               STR_ARG(json_str(json_get(row, "type"))), STR_ARG(json_str(json_get(row, "key"))),
               STR_ARG(json_str(json_get(row, "code"))), STR_ARG(json_str(json_get(row, "detail"))),
               STR_ARG(one->trace.ptr ? one->trace : STR("-")));
        return;
    }
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    for (struct json_iter it = json_iter(row); json_next(&it);) {
        json_key_n(&out, it.key);
        json_put(&out, it.value);
    }
    put_trace(&out, "trace_id", one->trace);
    put_trace(&out, "event_trace_id", one->event_trace);
    json_object_end(&out);
    puts(json_out_str(&out).ptr);
}

static int run_list(struct ctx *ctx, const struct option_value *options, const char **rest,
                    size_t n)
{
    struct dlq dlq;
    bool opened = n == 1 || ctx_fail(ctx, ERR_INVALID, "say which service's");
    opened = opened && open_dlq(ctx, options, rest[0], &dlq);
    if (!opened)
        return command_failed(ctx);
    select_open(&dlq);
    for (size_t i = 0; i < dlq.n; i++)
        print_open(ctx, &dlq.open[i], options[OPTION_JSON].value != NULL);
    if (!options[OPTION_JSON].value)
        printf("%zu set aside\n", dlq.n);
    close_dlq(&dlq);
    return 0;
}

/* ---- places ---- */

static bool is_place(const struct json *row, const struct record *place)
{
    return str_eq(json_str(json_get(row, "topic")), place->topic) &&
           json_int(json_get(row, "partition")) == place->partition &&
           json_int(json_get(row, "offset")) == place->offset;
}

/* By topic/partition@offset or the event's id. */
static bool select_named(struct ctx *ctx, struct dlq *dlq, const char *what)
{
    struct record place;
    bool by_position = events_read_place(ctx, what, &place);
    size_t kept = 0;
    for (size_t i = 0; i < dlq->n; i++) {
        const struct json *row = dlq->open[i].row;
        if (by_position ? is_place(row, &place) : str_is(json_str(json_get(row, "id")), what))
            dlq->open[kept++] = dlq->open[i];
    }
    dlq->n = kept;
    return kept || ctx_fail(ctx, ERR_NOT_FOUND, STR_FMT " has not set %s aside",
                            STR_ARG(dlq->service), what);
}

/* ---- show ---- */

static bool show_one(struct ctx *ctx, struct dlq *dlq, struct log_reader *reader,
                     const struct open_event *one)
{
    struct record record;
    struct event event;
    int64_t offset = json_int(json_get(one->row, "offset"));
    print_open(ctx, one, dlq->options[OPTION_JSON].value != NULL);
    if (!log_read_at(ctx, reader, json_str(json_get(one->row, "topic")),
                     (int)json_int(json_get(one->row, "partition")), &offset, 1, &record))
        return false;
    if (record.offset < 0)
        return ctx_fail(ctx, ERR_GONE, "the log does not hold the event any more");
    struct str problem = { 0 };
    if (!event_decode(ctx, &record, &event)) {
        problem = ctx->error.detail;
        ctx_clear(ctx);
    }
    if (dlq->options[OPTION_JSON].value)
        events_print_json(ctx, &event, &record, problem);
    else
        events_print_whole(ctx, &event, &record, problem);
    return true;
}

static int run_show(struct ctx *ctx, const struct option_value *options, const char **rest,
                    size_t n)
{
    struct dlq dlq;
    if (n != 2)
        ctx_fail(ctx, ERR_INVALID,
                 "say which service's, and which: an id or topic/partition@offset");
    if (ctx_failed(ctx) || !open_dlq(ctx, options, rest[0], &dlq) ||
        !select_named(ctx, &dlq, rest[1]))
        return command_failed(ctx);
    const char *url = events_log_url(ctx, options);
    struct log_reader *reader = url ? log_reader_open(ctx, url) : NULL;
    bool shown = reader != NULL;
    for (size_t i = 0; i < dlq.n && shown; i++)
        shown = show_one(ctx, &dlq, reader, &dlq.open[i]);
    log_reader_free(reader);
    close_dlq(&dlq);
    return shown ? 0 : command_failed(ctx);
}

/* ---- redrive and drop ---- */

static struct str places_body(struct ctx *ctx, const struct open_event *open, size_t n)
{
    static const char *const members[] = { "consumer", "topic", "partition", "offset" };
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "places");
    json_array(&out);
    for (size_t i = 0; i < n; i++) {
        json_object(&out);
        for (size_t k = 0; k < COUNT(members); k++) {
            json_key(&out, members[k]);
            json_put(&out, json_get(open[i].row, members[k]));
        }
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

struct sums {
    int64_t done, dropped, rejected, failures;
};

static void take_answer(const struct json *answer, struct sums *sums)
{
    sums->done += json_int(json_get(answer, "done"));
    sums->dropped += json_int(json_get(answer, "dropped"));
    sums->rejected += json_int(json_get(answer, "rejected"));
    for (struct json_iter it = json_iter(json_get(answer, "failures")); json_next(&it);) {
        sums->failures++;
        fprintf(stderr, STR_FMT "/%lld@%lld: " STR_FMT ": " STR_FMT "\n",
                STR_ARG(json_str(json_get(it.value, "topic"))),
                (long long)json_int(json_get(it.value, "partition")),
                (long long)json_int(json_get(it.value, "offset")),
                STR_ARG(json_str(json_get(it.value, "code"))),
                STR_ARG(json_str(json_get(it.value, "detail"))));
    }
}

static bool send_places(struct ctx *ctx, struct dlq *dlq, const char *path, struct sums *sums)
{
    for (size_t i = 0; i < dlq->n; i += PORTION) {
        const struct json *answer =
            service_admin_ask(ctx, dlq->admin, "POST", str_of(path),
                              places_body(ctx, &dlq->open[i], MIN(PORTION, dlq->n - i)));
        if (!answer)
            return false;
        take_answer(answer, sums);
    }
    return true;
}

/* Those behind go with the first of their key. */
static void leave_first(struct dlq *dlq)
{
    size_t kept = 0;
    for (size_t i = 0; i < dlq->n; i++)
        if (json_bool(json_get(dlq->open[i].row, "first")))
            dlq->open[kept++] = dlq->open[i];
    dlq->n = kept;
}

static bool has_filter(const struct dlq *dlq)
{
    const struct events_filter *filter = &dlq->filter;
    return filter->type.ptr || filter->subject.ptr || filter->trace.ptr || filter->query.topics ||
           filter->query.from_us || filter->query.until_us || filter->limit ||
           dlq->options[OPTION_ALL].value;
}

static bool choose(struct ctx *ctx, struct dlq *dlq, const char **rest, size_t n)
{
    if (n == 2)
        return select_named(ctx, dlq, rest[1]);
    if (!has_filter(dlq))
        return ctx_fail(
            ctx, ERR_INVALID,
            "say which: an id, topic/partition@offset, a filter such as --type, or --all");
    select_open(dlq);
    return true;
}

static int run_drive(struct ctx *ctx, const struct option_value *options, const char **rest,
                     size_t n, const char *path, bool first_only)
{
    struct dlq dlq;
    struct sums sums = { 0 };
    if (n == 0)
        ctx_fail(ctx, ERR_INVALID, "say which service's");
    if (ctx_failed(ctx) || !open_dlq(ctx, options, rest[0], &dlq) || !choose(ctx, &dlq, rest, n))
        return command_failed(ctx);
    if (first_only && n == 1)
        leave_first(&dlq);
    bool sent = send_places(ctx, &dlq, path, &sums);
    close_dlq(&dlq);
    printf("%lld handled, %lld dropped, %lld rejected again\n", (long long)sums.done,
           (long long)sums.dropped, (long long)sums.rejected);
    if (!sent)
        return command_failed(ctx);
    return sums.failures ? 1 : 0;
}

static int run_redrive(struct ctx *ctx, const struct option_value *options, const char **rest,
                       size_t n)
{
    return run_drive(ctx, options, rest, n, "/dlq/redrive", true);
}

static int run_drop(struct ctx *ctx, const struct option_value *options, const char **rest,
                    size_t n)
{
    return run_drive(ctx, options, rest, n, "/dlq/drop", false);
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(struct ctx *ctx, const struct option_value *options, const char **rest, size_t n);
} verbs[] = {
    { "list", run_list }, { "show", run_show }, { "redrive", run_redrive }, { "drop", run_drop }
};

static int run_dlq(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { DLQ_OPTIONS };
    const char *rest[2];
    size_t n;
    for (size_t i = 0; i < COUNT(verbs) && argc > 1; i++) {
        if (strcmp(argv[1], verbs[i].name) != 0)
            continue;
        if (!options_read(ctx, argc - 1, argv + 1, options, COUNT(options), rest, 2, &n))
            return command_failed(ctx);
        return verbs[i].run(ctx, options, rest, n);
    }
    ctx_fail(ctx, ERR_INVALID,
             "say what to do with what was set aside: list, show, redrive or drop");
    command_failed(ctx);
    return 2;
}

const struct command command_dlq = {
    .name = "dlq",
    .arguments = "list|show|redrive|drop SERVICE [EVENT] [OPTION]...",
    .help = "Events that a service has set aside: see them, hand them over again, give them up",
    .details =
        "  list SERVICE            dead letters, and what waits behind them (the same key)\n"
        "  show SERVICE EVENT      one of them whole, as it is on the log\n"
        "  redrive SERVICE EVENT   handled again, and then what waits behind it, in order, until one is\n"
        "                          rejected; with --all or a filter instead of EVENT: all of those\n"
        "  drop SERVICE EVENT      given up; what waits behind it is handled, up to the next dead letter\n\n"
        "  EVENT          its id, or topic/partition@offset\n"
        "  --all          all of the service's\n"
        "  --state S      of list: only `dead` or `behind`\n" EVENTS_OPTIONS_HELP
        "\n--subject is the key here, and times are those at which an event was set aside.\n"
        "The exit status is 1 when anything was rejected again.\n",
    .run = run_dlq,
};
