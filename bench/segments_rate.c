/* Measures, for the benchmark `segments`: a service with N people in it (bench/people.h), asked for the size of a rule of
 * five predicates whose numbers change with each question, and told of events one by one while 20 segments of six are kept. The
 * same questions go to DuckDB, over a table of the same features. Prints one JSON object.
 *
 * segments_rate N [CORES]   N people; DuckDB's threads */
#include <duckdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "bench/people.h"
#include "platform/service/testing.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"
#include "personalization_events.h"

#define PER_COMMIT 10000
#define QUESTIONS 200
#define EVENTS 20000
#define SEGMENTS 20
#define ACTIVE 1000 /* people whom events are of */

static struct {
    struct test_service *test;
    duckdb_database database;
    duckdb_connection connection;
    uint32_t people;
    atomic_bool over; /* who asks beside the events ends */
} bench;

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "segments_rate: %s: %s\n", what, why ? why : "failed");
    exit(1);
}

static struct str id_of(struct arena *arena, uint32_t number)
{
    return arena_printf(arena, "%s_bench-%u", number % 4 ? "prf" : "vis", number);
}

/* ---- what is asked: the numbers of a question follow from its own ---- */

struct question {
    int orders, visits, viewed, total;
    const char *country;
};

static struct question question(int number)
{
    static const char *const countries[] = { "DE", "US", "FR", "GB" };
    return (struct question){ 1 + number % 3, number % 4, number % 3, 1000 * (number % 17),
                              countries[number % 4] };
}

static const char *rule_of(struct arena *arena, int number)
{
    struct question ask = question(number);
    return arena_printf(arena,
                        "{\"and\":[{\"did\":[\"orders\",%d,90]},"
                        "{\">\":[{\"var\":\"visits.count_30d\"},%d]},"
                        "{\"or\":[{\">\":[{\"times\":[\"events.Product Viewed\",7]},%d]},"
                        "{\">=\":[{\"var\":\"orders.total\"},%d]}]},"
                        "{\"!=\":[{\"var\":\"traits.country\"},\"%s\"]}]}",
                        ask.orders, ask.visits, ask.viewed, ask.total, ask.country)
        .ptr;
}

static const char *sql_of(struct arena *arena, int number)
{
    struct question ask = question(number);
    return arena_printf(
               arena,
               "SELECT count(*) FROM features WHERE orders_90d >= %d AND visits_30d > %d AND"
               " (viewed_7d > %d OR total >= %d) AND country <> '%s'",
               ask.orders, ask.visits, ask.viewed, ask.total, ask.country)
        .ptr;
}

/* ---- filling ---- */

static void append(duckdb_appender appender, const struct person *person)
{
    int32_t today = (int32_t)(clock_now_us() / US_PER_DAY);
    const struct history *viewed = person_event_find(person, STR("Product Viewed"));
    struct ctx ctx = { .arena = arena_new(0) };
    struct str country = json_str(json_get(json_parse(&ctx, person->traits), "country"));
    duckdb_append_uint32(appender, (uint32_t)history_within(&person->orders, today, 90));
    duckdb_append_uint32(appender, (uint32_t)history_within(&person->visits, today, 30));
    duckdb_append_uint32(appender, viewed ? (uint32_t)history_within(viewed, today, 7) : 0);
    duckdb_append_double(appender, (double)(person->spent - person->refunded));
    duckdb_append_varchar_length(appender, country.ptr, country.len);
    duckdb_appender_end_row(appender);
    arena_free(ctx.arena);
}

struct filling {
    duckdb_appender appender;
    uint32_t from, to;
};

static bool fill(struct ctx *ctx, struct people *people, void *argument)
{
    const struct filling *filling = argument;
    for (uint32_t i = filling->from; i < filling->to; i++) {
        struct str id = id_of(ctx->arena, i);
        struct person room, *person;
        if (!people_update(ctx, people, id, &room, &person) || !person)
            return false;
        person_make(ctx, i, person);
        append(filling->appender, person);
        if (!people_put(ctx, people, id, person))
            return false;
    }
    return true;
}

static void fill_all(void)
{
    struct ctx ctx = *test_ctx(bench.test);
    CLEANUP(model_done) struct model_use use = service_model(&ctx);
    struct filling filling = { 0 };
    duckdb_query(
        bench.connection,
        "CREATE TABLE features (orders_90d UINTEGER, visits_30d UINTEGER, viewed_7d UINTEGER,"
        " total DOUBLE, country VARCHAR)",
        NULL);
    if (duckdb_appender_create(bench.connection, NULL, "features", &filling.appender) !=
        DuckDBSuccess)
        fail("duckdb", duckdb_appender_error(filling.appender));
    for (uint32_t i = 0; i < bench.people; i += PER_COMMIT) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        ctx.arena = arena;
        filling.from = i;
        filling.to = MIN(i + PER_COMMIT, bench.people);
        if (!people_write(&ctx, use.model, fill, &filling))
            fail("filling", ctx.error.detail.ptr);
    }
    duckdb_appender_destroy(&filling.appender);
}

/* ---- asking ---- */

static int64_t ask_ours(struct arena *arena, int number)
{
    struct reply reply =
        test_call(bench.test, "POST", "/v1/segments/preview", "segments:read", NULL,
                  arena_printf(arena, "{\"rule\":%s}", rule_of(arena, number)).ptr);
    if (reply.status != 200)
        fail("preview", reply.body.ptr);
    return json_int(json_get(test_json(bench.test, reply), "size"));
}

static int64_t ask_duckdb(struct arena *arena, int number)
{
    duckdb_result result;
    if (duckdb_query(bench.connection, sql_of(arena, number), &result) != DuckDBSuccess)
        fail("duckdb", duckdb_result_error(&result));
    int64_t size = duckdb_value_int64(&result, 0, 0);
    duckdb_destroy_result(&result);
    return size;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t cpu_us(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * US_PER_S + used.tv_nsec / 1000;
}

static void print_times(const char *name, int64_t *times_us, size_t n, int64_t used_us)
{
    qsort(times_us, n, sizeof *times_us, by_time);
    printf(",\"%s\":{\"n\":%zu,\"cpu_us\":%lld,\"p50_us\":%lld,\"p99_us\":%lld,\"worst_us\":%lld}",
           name, n, (long long)(used_us / (int64_t)n), (long long)times_us[n / 2],
           (long long)times_us[n * 99 / 100], (long long)times_us[n - 1]);
}

static void ask_all(const char *name, int64_t (*ask)(struct arena *arena, int number),
                    int64_t *sizes)
{
    int64_t times_us[QUESTIONS], used_us = cpu_us();
    for (int i = 0; i < QUESTIONS; i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        int64_t begun = clock_mono_us();
        sizes[i] = ask(arena, i);
        times_us[i] = clock_mono_us() - begun;
    }
    print_times(name, times_us, QUESTIONS, cpu_us() - used_us);
}

/* ---- events ---- */

static void save_segments(void)
{
    struct arena *arena = test_ctx(bench.test)->arena;
    for (int i = 0; i < SEGMENTS; i++) {
        struct reply reply = test_call(
            bench.test, "PUT", arena_printf(arena, "/v1/segments/seg_%d", i).ptr, "segments:write",
            NULL,
            arena_printf(arena,
                         "{\"name\":\"n\",\"rule\":{\"and\":[{\"did\":[\"visits\",%d,7]},%s]}}",
                         5 + i, rule_of(arena, 7 * i))
                .ptr);
        if (reply.status != 200)
            fail("saving a segment", reply.body.ptr);
    }
    test_work(bench.test, "definitions");
}

/* From the event to the membership that decisions read: the whole of the consumer's transaction. They are of some people
 * again and again, who come to be in one segment after the other. */
static void tell_events(const char *name)
{
    int64_t *times_us = mem_alloc(EVENTS * sizeof *times_us), used_us = cpu_us();
    char now[CLOCK_TEXT_BYTES];
    clock_format(clock_now_us(), now);
    for (uint32_t i = 0; i < EVENTS; i++) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct str data = arena_printf(
            arena,
            "{\"view_id\":\"viw_1\",\"person_id\":\"" STR_FMT
            "\",\"slug\":\"home\",\"viewed_at\":\"%s\"}",
            STR_ARG(id_of(arena, (uint32_t)rand() % ACTIVE * (bench.people / ACTIVE))), now);
        int64_t begun = clock_mono_us();
        if (test_event(bench.test, &GATEWAY_PAGE_VIEWED_V1_TYPE, NULL, data.ptr) != DONE)
            fail("an event", NULL);
        times_us[i] = clock_mono_us() - begun;
    }
    print_times(name, times_us, EVENTS, cpu_us() - used_us);
    free(times_us);
}

static int64_t resident_mb(const char *what)
{
    char line[200];
    int64_t kb = 0;
    FILE *file = fopen("/proc/self/status", "re");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, what, strlen(what)) == 0)
            kb = strtoll(line + strlen(what) + 1, NULL, 10);
    if (file)
        fclose(file);
    return kb / 1024;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "segments_rate N [CORES]\n");
        return 2;
    }
    static int64_t ours[QUESTIONS], theirs[QUESTIONS];
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    bench.people = (uint32_t)strtoul(argv[1], NULL, 10);
    bench.test = test_open(&personalization_service, NULL, NULL);
    if (duckdb_open(NULL, &bench.database) != DuckDBSuccess ||
        duckdb_connect(bench.database, &bench.connection) != DuckDBSuccess)
        fail("duckdb", "cannot be opened");
    duckdb_query(bench.connection,
                 arena_printf(arena, "SET threads = %s", argc > 2 ? argv[2] : "1").ptr, NULL);
    int64_t begun = clock_mono_us();
    fill_all();
    printf("{\"people\":%u,\"fill_s\":%.1f", bench.people, (double)(clock_mono_us() - begun) / 1e6);
    begun = clock_mono_us();
    int64_t before_mb = resident_mb("RssAnon:");
    ask_ours(arena, 0);
    printf(",\"columns_s\":%.2f,\"columns_mb\":%lld", (double)(clock_mono_us() - begun) / 1e6,
           (long long)(resident_mb("RssAnon:") - before_mb));
    ask_all("count", ask_ours, ours);
    ask_all("duckdb", ask_duckdb, theirs);
    for (int i = 0; i < QUESTIONS; i++)
        if (ours[i] != theirs[i])
            fail("a size differs from DuckDB's", rule_of(arena, i));
    begun = clock_mono_us();
    save_segments();
    while (test_work(bench.test, "segments"))
        continue;
    printf(",\"segments\":%d,\"caught_up_s\":%.1f", SEGMENTS,
           (double)(clock_mono_us() - begun) / 1e6);
    tell_events("event");
    while (test_work(bench.test, "segments"))
        continue;
    size_t told = test_published(bench.test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE);
    printf(",\"told\":%zu", told);
    printf("}\n");
    duckdb_disconnect(&bench.connection);
    duckdb_close(&bench.database);
    test_close(bench.test);
    return 0;
}
