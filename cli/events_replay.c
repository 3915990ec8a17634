#include "cli/events_replay.h"

#include <stdlib.h>

#include "cli/events_filter.h"
#include "cli/service_admin.h"
#include "platform/json/json.h"

/* `fanfare events replay`: the chosen events of the log are handed to one service once more, in the order of each
 * partition. The service reads them itself; only their places are sent. */

#define PORTION 500

struct place {
    const char *topic; /* one of the query's */
    int partition;
    int64_t offset;
};

struct chosen {
    struct events_filter filter;
    struct place *places;
    size_t n, cap;
};

static const char *topic_of(const struct chosen *chosen, struct str topic)
{
    for (size_t i = 0; i < chosen->filter.query.n_topics; i++)
        if (str_eq(topic, chosen->filter.query.topics[i]))
            return chosen->filter.query.topics[i].ptr;
    return NULL;
}

static bool choose_one(struct ctx *ctx, const struct record *record, void *argument)
{
    struct chosen *chosen = argument;
    struct event event;
    struct str problem;
    if (!events_filter_passes(ctx, &chosen->filter, record, &event, &problem))
        return true;
    if (chosen->n == chosen->cap) {
        chosen->cap = chosen->cap ? 2 * chosen->cap : 1024;
        chosen->places = mem_realloc(chosen->places, chosen->cap * sizeof *chosen->places);
    }
    chosen->places[chosen->n++] =
        (struct place){ topic_of(chosen, record->topic), record->partition, record->offset };
    return !chosen->filter.limit || (int64_t)chosen->n < chosen->filter.limit;
}

static int by_place(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    if (order || x->partition != y->partition)
        return order ? order : x->partition < y->partition ? -1 : 1;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

static struct str body_of(struct ctx *ctx, const struct place *places, size_t n, bool force)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "topic");
    json_put_str(&out, str_of(places->topic));
    json_key(&out, "partition");
    json_put_int(&out, places->partition);
    json_key(&out, "force");
    json_put_bool(&out, force);
    json_key(&out, "offsets");
    json_array(&out);
    for (size_t i = 0; i < n; i++)
        json_put_int(&out, places[i].offset);
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

static const char *const results[] = { "done",    "duplicate", "rejected", "parked",
                                       "skipped", "ahead",     "gone" };

static bool send_all(struct ctx *ctx, struct service_admin *admin, const struct chosen *chosen,
                     bool force, int64_t *sums)
{
    size_t n;
    for (size_t at = 0; at < chosen->n; at += n) {
        const struct place *first = &chosen->places[at];
        for (n = 1; n < PORTION && at + n < chosen->n && first[n].topic == first->topic &&
                    first[n].partition == first->partition;
             n++)
            ;
        const struct json *answer = service_admin_ask(ctx, admin, "POST", STR("/events/replay"),
                                                      body_of(ctx, first, n, force));
        if (!answer)
            return false;
        for (size_t i = 0; i < COUNT(results); i++)
            sums[i] += json_int(json_get(answer, results[i]));
    }
    return true;
}

static bool choose(struct ctx *ctx, const struct option_value *options, struct chosen *chosen)
{
    const char *url = events_log_url(ctx, options);
    struct log_reader *reader = url ? log_reader_open(ctx, url) : NULL;
    bool read = reader && log_read(ctx, reader, &chosen->filter.query, choose_one, chosen);
    log_reader_free(reader);
    if (read && chosen->n)
        qsort(chosen->places, chosen->n, sizeof *chosen->places, by_place);
    return read;
}

/* The topics' names are slices of an option: made texts of their own. */
static void own_names(struct ctx *ctx, struct log_query *query)
{
    struct str *names = ARENA_ARRAY(ctx->arena, struct str, query->n_topics + 1);
    for (size_t i = 0; i < query->n_topics; i++)
        names[i] = arena_str(ctx->arena, query->topics[i]);
    query->topics = names;
}

int events_replay(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { EVENTS_OPTIONS, { "--force", .flag = true } };
    struct chosen chosen = { 0 };
    int64_t sums[COUNT(results)] = { 0 };
    const char *service;
    size_t n;
    if (!options_read(ctx, argc, argv, options, COUNT(options), &service, 1, &n) ||
        !events_filter_read(ctx, options, &chosen.filter))
        return command_failed(ctx);
    if (n != 1 || !chosen.filter.query.topics) {
        ctx_fail(ctx, ERR_INVALID, "say to which service, and by --topic what");
        return command_failed(ctx);
    }
    own_names(ctx, &chosen.filter.query);
    struct service_admin *admin =
        service_admin_open(ctx, options[OPTION_DATA].value, service, "dlq");
    bool done = admin && choose(ctx, options, &chosen) &&
                send_all(ctx, admin, &chosen, options[N_EVENTS_OPTIONS].value != NULL, sums);
    service_admin_free(admin);
    free(chosen.places);
    for (size_t i = 0; i < COUNT(results) && admin; i++)
        if (i < 2 || sums[i])
            printf("%s%lld %s", i ? ", " : "", (long long)sums[i], results[i]);
    if (admin)
        putchar('\n');
    return done ? 0 : command_failed(ctx);
}
