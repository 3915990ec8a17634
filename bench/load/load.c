#include "bench/load/load.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/str.h"

#define WARM_UP_US                                                                                 \
    US_PER_S /* what is due before is counted, its latency is not: connections, first fetches */

static int64_t began_us,
    ended_us; /* of the producers: the first record made, the last one answered */
static _Atomic int64_t n_acked, n_came;
static _Atomic bool all_acked;
static uint32_t *latencies_us;
static int64_t n_latencies, latencies_size;

static void usage(void)
{
    fprintf(
        stderr,
        "PORT TOPIC [--records N] [--milliseconds N] [--bytes N] [--producers N] [--partitions N]"
        " [--rate BYTES] [--ahead N] [--batch N]\n");
    exit(2);
}

static int64_t number(const char *text)
{
    int64_t value;
    if (!text || !str_to_int(str_of(text), &value) || value < 0)
        usage();
    return value;
}

struct load load_options(int argc, char **argv)
{
    struct load load = { .bytes = 100, .producers = 1, .partitions = 6 };
    const struct {
        const char *name;
        int64_t *value;
    } options[] = {
        { "--records", &load.records },       { "--milliseconds", &load.milliseconds },
        { "--bytes", &load.bytes },           { "--producers", &load.producers },
        { "--partitions", &load.partitions }, { "--rate", &load.rate },
        { "--ahead", &load.ahead },           { "--batch", &load.batch },
    };
    if (argc < 3)
        usage();
    load.port = number(argv[1]);
    load.topic = argv[2];
    for (int i = 3; i < argc; i += 2) {
        size_t j = 0;
        while (j < COUNT(options) && strcmp(argv[i], options[j].name) != 0)
            j++;
        if (j == COUNT(options))
            usage();
        *options[j].value = number(argv[i + 1]);
    }
    if (!load.producers || !load.partitions || load.bytes < LOAD_STAMP_BYTES)
        usage();
    return load;
}

bool load_goes_on(const struct load *load, int64_t n)
{
    return (!load->records || n < load->records / load->producers) &&
           (!load->milliseconds || clock_mono_us() - began_us < load->milliseconds * US_PER_MS);
}

struct producer {
    const struct load *load;
    void (*produce)(const struct load *load, int64_t i);
    int64_t i;
    pthread_t thread;
};

static void *producer_run(void *argument)
{
    struct producer *producer = argument;
    producer->produce(producer->load, producer->i);
    return NULL;
}

void load_run(const struct load *load, void (*produce)(const struct load *load, int64_t i))
{
    struct producer *producers = calloc((size_t)load->producers, sizeof(*producers));
    began_us = clock_mono_us();
    for (int64_t i = 0; i < load->producers; i++) {
        producers[i] = (struct producer){ .load = load, .produce = produce, .i = i };
        if (pthread_create(&producers[i].thread, NULL, producer_run, &producers[i]))
            abort();
    }
    for (int64_t i = 0; i < load->producers; i++)
        pthread_join(producers[i].thread, NULL);
    ended_us = clock_mono_us();
    all_acked = true;
    free(producers);
}

static int64_t due_at_us(const struct load *load, int64_t i)
{
    return began_us + i * load->bytes * load->producers * US_PER_S / load->rate;
}

int64_t load_due_us(const struct load *load, int64_t i)
{
    return load->rate ? MAX(due_at_us(load, i) - clock_mono_us(), 0) : 0;
}

void load_acked(int64_t n)
{
    n_acked += n;
}

void load_stamp(const struct load *load, int64_t i, void *value)
{
    int64_t due_us = load->rate ? due_at_us(load, i) : 0;
    memcpy(value, &due_us, sizeof(due_us));
}

void load_came(const struct load *load, const char *value, size_t n)
{
    int64_t due_us;
    if (n != (size_t)load->bytes) {
        fprintf(stderr, "%s: %zu bytes came as record %" PRId64 "\n", load->topic, n, n_came);
        exit(1);
    }
    memcpy(&due_us, value, sizeof(due_us));
    if (due_us - began_us >= WARM_UP_US)
        load_took(clock_mono_us() - due_us);
    n_came++;
}

void load_took(int64_t us)
{
    if (n_latencies == latencies_size) {
        latencies_size = latencies_size ? latencies_size * 2 : 4096;
        latencies_us = realloc(latencies_us, (size_t)latencies_size * sizeof(*latencies_us));
    }
    latencies_us[n_latencies++] = (uint32_t)MIN(us, UINT32_MAX);
}

bool load_came_whole(void)
{
    return all_acked && n_came >= n_acked;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report_latencies(void)
{
    static const struct {
        const char *name;
        int64_t per_mille;
    } shares[] = { { "p50", 500 }, { "p99", 990 }, { "p999", 999 }, { "max", 1000 } };
    qsort(latencies_us, (size_t)n_latencies, sizeof(*latencies_us), by_size);
    for (size_t i = 0; i < COUNT(shares); i++)
        printf(", \"%s_ms\": %.3f", shares[i].name,
               latencies_us[MIN(n_latencies * shares[i].per_mille / 1000, n_latencies - 1)] / 1e3);
}

int load_report(const struct load *load)
{
    struct rusage own;
    if (n_came > n_acked) {
        fprintf(stderr, "%s: %" PRId64 " records came, %" PRId64 " were sent\n", load->topic,
                n_came, n_acked);
        return 1;
    }
    getrusage(RUSAGE_SELF, &own);
    int64_t cpu_us = (own.ru_utime.tv_sec + own.ru_stime.tv_sec) * US_PER_S + own.ru_utime.tv_usec +
                     own.ru_stime.tv_usec;
    printf("{\"records\": %" PRId64 ", \"seconds\": %.6f, \"cpu_s\": %.6f", n_acked,
           (double)(ended_us - began_us) / US_PER_S, (double)cpu_us / US_PER_S);
    if (n_latencies)
        report_latencies();
    printf("}\n");
    free(latencies_us);
    return 0;
}
