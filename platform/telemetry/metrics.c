#include "platform/telemetry/metrics.h"

#include "base/hash.h"
#include "platform/telemetry/registry.h"

#define TABLE_SIZE 512
#define MOST_PER_FAMILY 2000 /* an unbounded label value must not fill the memory */

const int64_t metric_bounds_us[METRIC_BUCKETS] = {
#define X(seconds) (int64_t)((seconds) * 1e6 + 0.5),
    METRIC_SECONDS(X)
#undef X
};

pthread_mutex_t metric_lock = PTHREAD_MUTEX_INITIALIZER;
struct metric_family *metric_families;
static struct metric_family *last_family;
static struct metric *table[TABLE_SIZE];

static struct metric **slot_of(const char *name, const char *labels)
{
    uint64_t hash = hash_fnv1a(name, strlen(name)) * 31 + hash_fnv1a(labels, strlen(labels));
    return &table[hash % TABLE_SIZE];
}

static struct metric *find(const char *name, const char *labels)
{
    for (struct metric *metric = *slot_of(name, labels); metric; metric = metric->next_in_table)
        if (strcmp(metric->labels, labels) == 0 && strcmp(metric->family->name, name) == 0)
            return metric;
    return NULL;
}

static struct metric_family *family_of(enum metric_kind kind, const char *name, const char *help)
{
    for (struct metric_family *family = metric_families; family; family = family->next)
        if (strcmp(family->name, name) == 0)
            return family;
    struct metric_family *family = mem_alloc(sizeof(*family));
    family->name = mem_strdup(name);
    family->help = mem_strdup(help);
    family->kind = kind;
    if (last_family)
        last_family->next = family;
    else
        metric_families = family;
    return last_family = family;
}

static struct metric *add(struct metric_family *family, const char *labels)
{
    struct metric *metric = mem_alloc(sizeof(*metric));
    metric->family = family;
    metric->labels = mem_strdup(labels);
    if (family->kind == METRIC_HISTOGRAM)
        metric->buckets = mem_alloc(sizeof(*metric->buckets) * (METRIC_BUCKETS + 1));
    if (family->last)
        family->last->next_in_family = metric;
    else
        family->metrics = metric;
    family->last = metric;
    family->n_metrics++;
    struct metric **slot = slot_of(family->name, labels);
    metric->next_in_table = *slot;
    return *slot = metric;
}

static struct metric *get_locked(enum metric_kind kind, const char *name, const char *help,
                                 const char *labels)
{
    struct metric *metric = find(name, labels);
    if (metric)
        return metric;
    struct metric_family *family = family_of(kind, name, help);
    if (family->n_metrics >= MOST_PER_FAMILY) {
        labels = "overflow=\"true\"";
        metric = find(name, labels);
    }
    return metric ? metric : add(family, labels);
}

struct metric *metric_get(enum metric_kind kind, const char *name, const char *help,
                          const char *labels)
{
    pthread_mutex_lock(&metric_lock);
    struct metric *metric = get_locked(kind, name, help, labels ? labels : "");
    pthread_mutex_unlock(&metric_lock);
    return metric;
}

static void add_callback(enum metric_kind kind, bool micros, const char *name, const char *help,
                         const char *labels, int64_t (*value)(void *), void *argument)
{
    pthread_mutex_lock(&metric_lock);
    struct metric *metric = get_locked(kind, name, help, labels ? labels : "");
    metric->family->micros = micros;
    metric->callback = value;
    metric->argument = argument;
    pthread_mutex_unlock(&metric_lock);
}

void metric_callback(const char *name, const char *help, const char *labels,
                     int64_t (*value)(void *), void *argument)
{
    add_callback(METRIC_GAUGE, false, name, help, labels, value, argument);
}

void metric_callback_seconds(const char *name, const char *help, const char *labels,
                             int64_t (*micros)(void *), void *argument)
{
    add_callback(METRIC_COUNTER, true, name, help, labels, micros, argument);
}

struct str metric_label(struct arena *arena, const char *key, struct str value)
{
    size_t key_bytes = strlen(key);
    char *text = arena_alloc_raw(arena, key_bytes + value.len * 2 + 4);
    char *out = text + key_bytes;
    memcpy(text, key, key_bytes);
    *out++ = '=';
    *out++ = '"';
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '"' || c == '\\' || c == '\n')
            *out++ = '\\';
        *out++ = c == '\n' ? 'n' : c;
    }
    *out++ = '"';
    *out = '\0';
    return (struct str){ text, (size_t)(out - text) };
}

void metric_add(struct metric *metric, int64_t n)
{
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void metric_set(struct metric *metric, int64_t value)
{
    atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void metric_observe_us(struct metric *metric, int64_t micros)
{
    size_t low = 0, high = METRIC_BUCKETS;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (metric_bounds_us[middle] < micros)
            low = middle + 1;
        else
            high = middle;
    }
    atomic_fetch_add_explicit(&metric->buckets[low], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->value, micros, memory_order_relaxed);
}

int64_t metric_value(const struct metric *metric)
{
    if (metric->callback)
        return metric->callback(metric->argument);
    if (metric->family->kind != METRIC_HISTOGRAM)
        return atomic_load_explicit(&metric->value, memory_order_relaxed);
    int64_t count = 0;
    for (size_t i = 0; i <= METRIC_BUCKETS; i++)
        count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
    return count;
}
