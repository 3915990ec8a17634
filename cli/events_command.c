#include <stdlib.h>

#include "cli/events_filter.h"
#include "cli/events_rebuild.h"
#include "cli/events_replay.h"
#include "platform/json/json.h"

/* `fanfare events`: what is on the log. */

struct show {
    struct events_filter filter;
    bool json, whole, follow;
    int64_t shown;
};

static bool show_one(struct ctx *ctx, const struct record *record, void *argument)
{
    struct show *show = argument;
    struct event event;
    struct str problem;
    if (!events_filter_passes(ctx, &show->filter, record, &event, &problem))
        return true;
    if (show->json)
        events_print_json(ctx, &event, record, problem);
    else if (show->whole)
        events_print_whole(ctx, &event, record, problem);
    else
        events_print_line(&event, record, problem);
    if (show->follow)
        fflush(stdout);
    show->shown++;
    return !show->filter.limit || show->shown < show->filter.limit;
}

static bool read_log(struct ctx *ctx, const struct option_value *options,
                     const struct log_query *query, log_each *each, void *argument)
{
    const char *url = events_log_url(ctx, options);
    struct log_reader *reader = url ? log_reader_open(ctx, url) : NULL;
    bool done = reader && log_read(ctx, reader, query, each, argument);
    log_reader_free(reader);
    return done;
}

/* ---- tail ---- */

static int run_tail(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { EVENTS_OPTIONS, { "--no-follow", .flag = true } };
    struct show show = { 0 };
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest) ||
        !events_filter_read(ctx, options, &show.filter))
        return command_failed(ctx);
    show.json = options[OPTION_JSON].value != NULL;
    show.follow = !options[N_EVENTS_OPTIONS].value;
    show.filter.query.follow = show.follow;
    if (show.follow && !options[OPTION_SINCE].value)
        show.filter.query.from_us = INT64_MAX;
    return read_log(ctx, options, &show.filter.query, show_one, &show) ? 0 : command_failed(ctx);
}

/* ---- show ---- */

static bool show_place(struct ctx *ctx, const struct option_value *options,
                       const struct record *place, struct show *show)
{
    struct record record;
    const char *url = events_log_url(ctx, options);
    struct log_reader *reader = url ? log_reader_open(ctx, url) : NULL;
    bool read = reader && log_read_at(ctx, reader, place->topic, place->partition, &place->offset,
                                      1, &record);
    log_reader_free(reader);
    if (!read)
        return false;
    if (record.offset < 0)
        return ctx_fail(ctx, ERR_NOT_FOUND, "the log holds nothing at that place (any more)");
    show_one(ctx, &record, show);
    return true;
}

static int run_show(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { EVENTS_OPTIONS };
    struct show show = { .whole = true };
    const char *what;
    struct record place = { 0 };
    size_t n;
    if (!options_read(ctx, argc, argv, options, COUNT(options), &what, 1, &n) ||
        !events_filter_read(ctx, options, &show.filter))
        return command_failed(ctx);
    if (n != 1) {
        ctx_fail(ctx, ERR_INVALID, "say which event: its id, or topic/partition@offset");
        return command_failed(ctx);
    }
    show.json = options[OPTION_JSON].value != NULL;
    if (events_read_place(ctx, what, &place))
        return show_place(ctx, options, &place, &show) ? 0 : command_failed(ctx);
    show.filter.id = str_of(what);
    if (!read_log(ctx, options, &show.filter.query, show_one, &show))
        return command_failed(ctx);
    if (show.shown)
        return 0;
    ctx_fail(ctx, ERR_NOT_FOUND, "the log holds no event with the id %s", what);
    return command_failed(ctx);
}

/* ---- count ---- */

struct tally {
    struct str topic, type;
    int64_t n;
};

struct count {
    struct events_filter filter;
    struct arena *arena;
    struct tally *tallies;
    size_t n, cap;
};

static struct tally *tally_of(struct count *count, struct str topic, struct str type)
{
    for (size_t i = 0; i < count->n; i++)
        if (str_eq(count->tallies[i].topic, topic) && str_eq(count->tallies[i].type, type))
            return &count->tallies[i];
    if (count->n == count->cap) {
        count->cap = count->cap ? 2 * count->cap : 64;
        count->tallies = mem_realloc(count->tallies, count->cap * sizeof *count->tallies);
    }
    count->tallies[count->n] =
        (struct tally){ arena_str(count->arena, topic), arena_str(count->arena, type), 0 };
    return &count->tallies[count->n++];
}

static bool count_one(struct ctx *ctx, const struct record *record, void *argument)
{
    struct count *count = argument;
    struct event event;
    struct str problem;
    if (!events_filter_passes(ctx, &count->filter, record, &event, &problem))
        return true;
    struct str type = problem.ptr      ? STR("(no CloudEvent)")
                      : event.type.ptr ? event.type
                                       : STR("(tombstone)");
    tally_of(count, record->topic, type)->n++;
    return true;
}

static int by_place(const void *a, const void *b)
{
    const struct tally *x = a, *y = b;
    int order = str_cmp(x->topic, y->topic);
    return order ? order : str_cmp(x->type, y->type);
}

static void print_tally(struct ctx *ctx, const struct tally *tally)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "topic");
    json_put_str(&out, tally->topic);
    json_key(&out, "type");
    json_put_str(&out, tally->type);
    json_key(&out, "events");
    json_put_int(&out, tally->n);
    json_object_end(&out);
    puts(json_out_str(&out).ptr);
}

static void print_count(struct ctx *ctx, struct count *count, bool json)
{
    int64_t sum = 0;
    if (count->n)
        qsort(count->tallies, count->n, sizeof *count->tallies, by_place);
    for (size_t i = 0; i < count->n; i++) {
        const struct tally *one = &count->tallies[i];
        sum += one->n;
        if (json)
            print_tally(ctx, one);
        else
            printf("%10lld  " STR_FMT "  " STR_FMT "\n", (long long)one->n, STR_ARG(one->topic),
                   STR_ARG(one->type));
    }
    if (!json)
        printf("%10lld  in all\n", (long long)sum);
}

static int run_count(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { EVENTS_OPTIONS };
    struct count count = { .arena = ctx->arena };
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest) ||
        !events_filter_read(ctx, options, &count.filter))
        return command_failed(ctx);
    bool read = read_log(ctx, options, &count.filter.query, count_one, &count);
    if (read)
        print_count(ctx, &count, options[OPTION_JSON].value != NULL);
    free(count.tallies);
    return read ? 0 : command_failed(ctx);
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(struct ctx *ctx, int argc, char **argv);
} verbs[] = {
    { "tail", run_tail },        { "show", run_show },          { "count", run_count },
    { "replay", events_replay }, { "rebuild", events_rebuild },
};

static int run_events(struct ctx *ctx, int argc, char **argv)
{
    for (size_t i = 0; i < COUNT(verbs) && argc > 1; i++)
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(ctx, argc - 1, argv + 1);
    ctx_fail(ctx, ERR_INVALID,
             "say what to do with the events: tail, show, count, replay or rebuild");
    command_failed(ctx);
    return 2;
}

const struct command command_events = {
    .name = "events",
    .arguments = "tail|show EVENT|count|replay SERVICE|rebuild SERVICE [OPTION]...",
    .help =
        "The event log: follow it, show an event, count, hand events over once more, make a read model again",
    .details =
        "  tail           events as they come, until it is stopped; from --since on where that is given\n"
        "  show EVENT     one event: its id, or topic/partition@offset\n"
        "  count          how many there are, by topic and type\n"
        "  replay SERVICE the chosen events once more to one service's reactions; --topic is needed\n"
        "  rebuild SERVICE its read model made again from the log, while the service goes on with the one\n"
        "                 that it has, and then goes over; nothing is published and nothing sent again\n\n"
        "  --no-follow    of tail: end with what there is now\n"
        "  --force        of replay: also those that it has handled (else they are dropped by their\n"
        "                 ids), and those that are older than ids are remembered (7 days)\n"
        "  --detach       of rebuild: do not wait for its end\n"
        "  --partial      of rebuild: also where the log does not reach back any more, or events are\n"
        "                 rejected now: the new read model lacks them\n"
        "  --cancel       of rebuild: give it up\n"
        "  --status       of rebuild: only how far it is, or how the last one ended, as JSON\n\n" EVENTS_OPTIONS_HELP
        "\nIt reads beside the services and moves nobody's position.\n",
    .run = run_events,
};
