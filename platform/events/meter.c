#include "platform/events/events_internal.h"

static const char *const fate_names[N_FATES] = {
    [FATE_DONE] = "done",         [FATE_SKIPPED] = "skipped", [FATE_DUPLICATE] = "duplicate",
    [FATE_REJECTED] = "rejected", [FATE_PARKED] = "parked",   [FATE_RETRY] = "retry",
};

/* The instruments of one consumer: of each type and of each topic that it reacts to, by fate. */
struct meter {
    const struct consumer *consumer;
    size_t n; /* as many as reactions */
    struct metric *(*processed)[N_FATES];
    struct metric *(*consumed)[N_FATES];
};

static struct metric *instrument(const struct consumer *consumer, const struct event_type *type,
                                 enum fate fate, bool processed)
{
    struct arena *arena = arena_new(0);
    struct str topic = metric_label(arena, "messaging_destination_name", str_of(type->topic));
    struct str group = metric_label(arena, "messaging_consumer_group_name", consumer->name);
    struct str what = metric_label(arena, "event_type", str_of(type->type));
    struct str outcome = metric_label(arena, "outcome", str_of(fate_names[fate]));
    struct str labels = arena_printf(arena, STR_FMT "," STR_FMT "%s" STR_FMT "," STR_FMT,
                                     STR_ARG(topic), STR_ARG(group), processed ? "," : "",
                                     STR_ARG(processed ? what : STR("")), STR_ARG(outcome));
    struct metric *metric =
        processed ? metric_get(METRIC_HISTOGRAM, "messaging_process_duration_seconds",
                               "Time that the reactions to an event took.", labels.ptr)
                  : metric_get(METRIC_COUNTER, "messaging_client_consumed_messages_total",
                               "Events read from the log, by what became of them.", labels.ptr);
    arena_free(arena);
    return metric;
}

struct meter *meter_new(const struct consumer *consumer)
{
    struct meter *meter = mem_alloc(sizeof *meter);
    meter->consumer = consumer;
    meter->n = consumer->settings.n_reactions;
    meter->processed = mem_alloc(meter->n * sizeof *meter->processed);
    meter->consumed = mem_alloc(meter->n * sizeof *meter->consumed);
    return meter;
}

void meter_free(struct meter *meter)
{
    if (!meter)
        return;
    free(meter->processed);
    free(meter->consumed);
    free(meter);
}

void meter_processed(struct meter *meter, struct str type, enum fate fate, int64_t us)
{
    for (size_t i = 0; i < meter->n; i++) {
        const struct event_type *mine = meter->consumer->settings.reactions[i].event;
        if (!str_is(type, mine->type))
            continue;
        if (!meter->processed[i][fate])
            meter->processed[i][fate] = instrument(meter->consumer, mine, fate, true);
        metric_observe_us(meter->processed[i][fate], us);
        return;
    }
}

void meter_consumed(struct meter *meter, struct str topic, enum fate fate)
{
    for (size_t i = 0; i < meter->n; i++) {
        const struct event_type *mine = meter->consumer->settings.reactions[i].event;
        if (!str_is(topic, mine->topic))
            continue;
        if (!meter->consumed[i][fate])
            meter->consumed[i][fate] = instrument(meter->consumer, mine, fate, false);
        metric_add(meter->consumed[i][fate], 1);
        return;
    }
}

struct metric *meter_lag(const struct consumer *consumer, const char *topic, int partition)
{
    struct arena *arena = arena_new(0);
    struct str destination = metric_label(arena, "messaging_destination_name", str_of(topic));
    struct str group = metric_label(arena, "messaging_consumer_group_name", consumer->name);
    struct str labels =
        arena_printf(arena, STR_FMT "," STR_FMT ",messaging_destination_partition_id=\"%d\"",
                     STR_ARG(destination), STR_ARG(group), partition);
    struct metric *metric =
        metric_get(METRIC_GAUGE, "messaging_consumer_lag",
                   "Events of a partition that are not behind the position yet.", labels.ptr);
    arena_free(arena);
    return metric;
}

void meter_sent(struct str topic, int64_t n)
{
    struct arena *arena = arena_new(0);
    struct str label = metric_label(arena, "messaging_destination_name", topic);
    metric_add(metric_get(METRIC_COUNTER, "messaging_client_sent_messages_total",
                          "Events that the log has acknowledged.", label.ptr),
               n);
    arena_free(arena);
}
