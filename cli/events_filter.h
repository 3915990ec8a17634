/* What `fanfare events` and `fanfare dlq` share: the log and its address, filters, and how events are shown. */
#pragma once

#include <stdio.h>

#include "cli/command.h"
#include "platform/events/reader.h"

/* The options of both, to be put into the table of a command, in this order. */
#define EVENTS_OPTIONS                                                                             \
    { "--data" }, { "--log" }, { "--topic" }, { "--type" }, { "--subject" }, { "--trace" },        \
        { "--since" }, { "--until" }, { "--limit" },                                               \
    {                                                                                              \
        "--json", .flag = true                                                                     \
    }
enum {
    OPTION_DATA,
    OPTION_LOG,
    OPTION_TOPIC,
    OPTION_TYPE,
    OPTION_SUBJECT,
    OPTION_TRACE,
    OPTION_SINCE,
    OPTION_UNTIL,
    OPTION_LIMIT,
    OPTION_JSON,
    N_EVENTS_OPTIONS
};
#define EVENTS_OPTIONS_HELP                                                                            \
    "  --type T       only events of this type (a * at the end stands for any rest)\n"                 \
    "  --subject S    only events about this\n"                                                        \
    "  --trace ID     only events of this trace (32 hexadecimal digits)\n"                             \
    "  --since TIME   only from then on, as the log took them: RFC 3339, a date, or 10m, 2h, 3d ago\n" \
    "  --until TIME   only before then\n"                                                              \
    "  --topic A,B    only of these topics (default: all)\n"                                           \
    "  --limit N      no more than so many\n"                                                          \
    "  --json         one JSON object for each, for programs\n"                                        \
    "  --data DIR     the stack's folder: its log is asked\n"                                          \
    "  --log URL      another log: kafka://host:port, or kafkas://host:port?ca=FILE\n"

struct events_filter {
    struct str type, subject, id; /* ptr NULL: any */
    struct str trace;
    struct log_query query;
    int64_t limit; /* 0: none */
};

bool events_filter_read(struct ctx *ctx, const struct option_value *options,
                        struct events_filter *filter);

/* Is the text as asked for? ptr NULL: anything; a * at the end of the pattern: any rest. */
bool events_is_like(struct str text, struct str pattern);

/* Decodes the record; does it pass? What is no CloudEvent passes where nothing of an event is asked for. `problem`: why
 * it is none, or ptr NULL. */
bool events_filter_passes(struct ctx *ctx, const struct events_filter *filter,
                          const struct record *record, struct event *event, struct str *problem);

/* "topic/partition@offset" or "topic/partition/offset" into topic, partition and offset of `place`. */
bool events_read_place(struct ctx *ctx, const char *text, struct record *place);

/* The log's address: --log, or that of the stack that runs on the data folder. NULL with a sentence. */
const char *events_log_url(struct ctx *ctx, const struct option_value *options);

struct str events_trace_id(struct ctx *ctx, const struct event *event); /* ptr NULL: none */

void events_print_line(const struct event *event, const struct record *record, struct str problem);
void events_print_whole(struct ctx *ctx, const struct event *event, const struct record *record,
                        struct str problem);
void events_print_json(struct ctx *ctx, const struct event *event, const struct record *record,
                       struct str problem);
