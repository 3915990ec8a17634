#include "services/registry/catalog.h"

#include "base/clock.h"
#include "platform/service/service.h"
#include "services/registry/store_services.h"
#include "services/registry/subjects.h"

/* One contract that counts: of a service that runs, or that ran last. */
struct teller {
    struct str service, digest;
    struct service_contract contract;
    struct contract_told registered;
    int64_t told_us;
    struct str *running; /* versions of the program, each once */
    size_t n_running;
};

struct making {
    struct ctx *ctx;
    int64_t now_us, since_us; /* who has spoken since then runs */
    struct instance_row *instances;
    size_t n_instances;
    struct teller *tellers;
    size_t n_tellers;
    struct version_row *versions; /* all that are live, by subject */
    size_t n_versions;
};

/* ---- texts, each once ---- */

static void texts_add(struct str *texts, size_t *n, struct str text)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eq(texts[i], text))
            return;
    texts[(*n)++] = text;
}

/* ---- which contracts count ---- */

static bool runs(const struct making *m, const struct instance_row *instance)
{
    return instance->seen_us >= m->since_us;
}

/* Instances `from` to `to` are one service's. What ran last counts where nothing runs. */
static int64_t counts_since(const struct making *m, size_t from, size_t to)
{
    int64_t newest = 0;
    for (size_t i = from; i < to; i++)
        newest = MAX(newest, m->instances[i].seen_us);
    return MIN(newest, m->since_us);
}

static bool teller_read(struct making *m, const struct instance_row *instance, struct teller *out)
{
    struct ctx *ctx = m->ctx;
    struct contract_row row;
    if (!store_contract(ctx, instance->service, instance->digest, &row))
        return ctx_failed(ctx)
                   ? false
                   : ctx_fail(ctx, ERR_INTERNAL, "an instance names a contract that is not stored");
    *out = (struct teller){ .service = row.service, .digest = row.digest, .told_us = row.told_us };
    out->running = ARENA_ARRAY(ctx->arena, struct str, m->n_instances);
    return service_contract_read(ctx, json_parse(ctx, row.told), &out->contract) &&
           contract_told_read(ctx, json_parse(ctx, row.registered), &out->registered);
}

static bool teller_add(struct making *m, const struct instance_row *instance)
{
    struct teller *teller = NULL;
    for (size_t i = 0; i < m->n_tellers && !teller; i++)
        if (str_eq(m->tellers[i].service, instance->service) &&
            str_eq(m->tellers[i].digest, instance->digest))
            teller = &m->tellers[i];
    if (!teller) {
        teller = &m->tellers[m->n_tellers];
        if (!teller_read(m, instance, teller))
            return false;
        m->n_tellers++;
    }
    if (runs(m, instance))
        texts_add(teller->running, &teller->n_running, instance->version);
    return true;
}

/* The end of the run of instances that are of one service. */
static size_t service_end(const struct making *m, size_t from)
{
    size_t to = from;
    while (to < m->n_instances && str_eq(m->instances[to].service, m->instances[from].service))
        to++;
    return to;
}

static bool tellers_read(struct making *m)
{
    m->tellers = ARENA_ARRAY(m->ctx->arena, struct teller, m->n_instances + 1);
    for (size_t from = 0, to; from < m->n_instances; from = to) {
        to = service_end(m, from);
        int64_t since_us = counts_since(m, from, to);
        for (size_t i = from; i < to; i++)
            if (m->instances[i].seen_us >= since_us && !teller_add(m, &m->instances[i]))
                return false;
    }
    return true;
}

/* ---- services ---- */

static void service_make(struct making *m, size_t from, size_t to, struct known_service *out)
{
    struct arena *arena = m->ctx->arena;
    struct instance *instances = ARENA_ARRAY(arena, struct instance, to - from);
    size_t publishes = 0, reads = 0, calls = 0;
    *out = (struct known_service){ .service = m->instances[from].service,
                                   .instances = instances,
                                   .n_instances = to - from };
    for (size_t i = from; i < to; i++)
        instances[i - from] = (struct instance){ .instance = m->instances[i].instance,
                                                 .version = m->instances[i].version,
                                                 .contract = m->instances[i].digest,
                                                 .started_at = m->instances[i].started_us,
                                                 .seen_at = m->instances[i].seen_us,
                                                 .running = runs(m, &m->instances[i]) };
    for (size_t i = 0; i < m->n_tellers; i++) {
        publishes += m->tellers[i].contract.n_publishes;
        reads += m->tellers[i].contract.n_reads;
        calls += m->tellers[i].contract.n_calls;
    }
    struct str *published = ARENA_ARRAY(arena, struct str, publishes + 1),
               *read = ARENA_ARRAY(arena, struct str, reads + 1),
               *called = ARENA_ARRAY(arena, struct str, calls + 1);
    for (size_t i = 0; i < m->n_tellers; i++) {
        const struct service_contract *contract = &m->tellers[i].contract;
        if (!str_eq(m->tellers[i].service, out->service))
            continue;
        for (size_t j = 0; j < contract->n_publishes; j++)
            texts_add(published, &out->n_publishes, contract->publishes[j].type);
        for (size_t j = 0; j < contract->n_reads; j++)
            texts_add(read, &out->n_reads, contract->reads[j].type);
        for (size_t j = 0; j < contract->n_calls; j++)
            texts_add(called, &out->n_calls, contract->calls[j]);
    }
    out->publishes = published;
    out->reads = read;
    out->calls = called;
}

static void services_make(struct making *m, struct catalog *out)
{
    struct known_service *services =
        ARENA_ARRAY(m->ctx->arena, struct known_service, m->n_instances + 1);
    for (size_t from = 0, to; from < m->n_instances; from = to) {
        to = service_end(m, from);
        service_make(m, from, to, &services[out->n_services++]);
    }
    out->services = services;
}

/* ---- events ---- */

static void readers_make(struct making *m, struct catalog_event *event)
{
    size_t most = 0;
    for (size_t i = 0; i < m->n_tellers; i++)
        most += m->tellers[i].contract.n_reads;
    struct catalog_reader *readers = ARENA_ARRAY(m->ctx->arena, struct catalog_reader, most + 1);
    for (size_t i = 0; i < m->n_tellers; i++) {
        const struct teller *teller = &m->tellers[i];
        for (size_t j = 0; j < teller->contract.n_reads; j++) {
            const struct read_event *read = &teller->contract.reads[j];
            if (!str_eq(read->type, event->type))
                continue;
            readers[event->n_readers++] = (struct catalog_reader){ .service = teller->service,
                                                                   .consumer = read->consumer,
                                                                   .sharing = read->sharing,
                                                                   .members = read->members,
                                                                   .n_members = read->n_members,
                                                                   .running = teller->running,
                                                                   .n_running = teller->n_running };
        }
    }
    event->readers = readers;
}

static void versions_make(const struct making *m, struct str subject,
                          const struct catalog_version **out, size_t *n)
{
    struct catalog_version *versions =
        ARENA_ARRAY(m->ctx->arena, struct catalog_version, m->n_versions + 1);
    for (size_t i = 0; i < m->n_versions; i++)
        if (str_eq(m->versions[i].subject, subject))
            versions[(*n)++] = (struct catalog_version){ m->versions[i].version,
                                                         m->versions[i].schema_id,
                                                         m->versions[i].registered_us };
    *out = versions;
}

static bool level_make(struct making *m, struct str subject, struct str *out)
{
    const struct level_rule *rule = subject_rule(m->ctx, subject);
    *out = rule ? str_of(rule->name) : (struct str){ NULL, 0 };
    return rule != NULL;
}

static void event_describe(struct making *m, const struct teller *teller,
                           const struct published_event *from, struct catalog_event *out)
{
    const struct json *schema = from->schema;
    struct str *personal;
    *out = (struct catalog_event){ .type = from->type,
                                   .title = json_str(json_get(schema, "title")),
                                   .description = json_str(json_get(schema, "description")),
                                   .owner = teller->service,
                                   .topic = from->topic,
                                   .subject = from->subject,
                                   .key = from->key,
                                   .keeping = from->keeping,
                                   .has_days = from->has_days,
                                   .days = from->days,
                                   .partitions = from->partitions,
                                   .erasable = from->erasable,
                                   .command = from->command,
                                   .example = json_at(json_get(schema, "examples"), 0) };
    personal_members(m->ctx, schema, &personal, &out->n_personal);
    out->personal = personal;
    for (size_t i = 0; i < teller->registered.n_events; i++)
        if (str_eq(teller->registered.events[i].type, from->type)) {
            out->refused = teller->registered.events[i].refused;
            out->n_refused = teller->registered.events[i].n_refused;
        }
}

/* The contract that was told last describes the event, where several versions of its owner run. */
static bool catalog_event_make(struct making *m, struct str type, struct catalog_event *out)
{
    const struct teller *newest = NULL;
    const struct published_event *best = NULL;
    struct str *running = ARENA_ARRAY(m->ctx->arena, struct str, m->n_instances + 1);
    size_t n = 0;
    for (size_t i = 0; i < m->n_tellers; i++) {
        const struct teller *teller = &m->tellers[i];
        for (size_t j = 0; j < teller->contract.n_publishes; j++) {
            if (!str_eq(teller->contract.publishes[j].type, type))
                continue;
            for (size_t k = 0; k < teller->n_running; k++)
                texts_add(running, &n, teller->running[k]);
            if (!newest || teller->told_us > newest->told_us) {
                newest = teller;
                best = &teller->contract.publishes[j];
            }
        }
    }
    event_describe(m, newest, best, out);
    out->running = running;
    out->n_running = n;
    readers_make(m, out);
    versions_make(m, type, &out->versions, &out->n_versions);
    return level_make(m, type, &out->level);
}

static bool catalog_events_make(struct making *m, struct catalog *out)
{
    size_t most = 0, n = 0;
    for (size_t i = 0; i < m->n_tellers; i++)
        most += m->tellers[i].contract.n_publishes;
    struct str *types = ARENA_ARRAY(m->ctx->arena, struct str, most + 1);
    for (size_t i = 0; i < m->n_tellers; i++)
        for (size_t j = 0; j < m->tellers[i].contract.n_publishes; j++)
            texts_add(types, &n, m->tellers[i].contract.publishes[j].type);
    struct catalog_event *events = ARENA_ARRAY(m->ctx->arena, struct catalog_event, n + 1);
    for (out->n_events = 0; out->n_events < n; out->n_events++)
        if (!catalog_event_make(m, types[out->n_events], &events[out->n_events]))
            return false;
    out->events = events;
    return true;
}

/* ---- subjects that are no event of the stack ---- */

static bool is_event(const struct catalog *catalog, struct str subject)
{
    for (size_t i = 0; i < catalog->n_events; i++)
        if (str_eq(catalog->events[i].type, subject))
            return true;
    return false;
}

static bool subjects_make(struct making *m, struct catalog *out)
{
    struct catalog_subject *subjects =
        ARENA_ARRAY(m->ctx->arena, struct catalog_subject, m->n_versions + 1);
    for (size_t i = 0; i < m->n_versions; i++) {
        struct str name = m->versions[i].subject;
        if ((i && str_eq(m->versions[i - 1].subject, name)) || is_event(out, name))
            continue;
        struct catalog_subject *subject = &subjects[out->n_subjects++];
        *subject = (struct catalog_subject){ .subject = name };
        versions_make(m, name, &subject->versions, &subject->n_versions);
        if (!level_make(m, name, &subject->level))
            return false;
    }
    out->subjects = subjects;
    return true;
}

bool catalog_make(struct ctx *ctx, struct catalog *out)
{
    struct making m = { .ctx = ctx, .now_us = clock_now_us() };
    m.since_us = m.now_us - setting_int(ctx, "running_within");
    *out = (struct catalog){ .made_at = m.now_us };
    if (!store_instances(ctx, &m.instances, &m.n_instances) ||
        !store_versions(ctx, (struct str){ NULL, 0 }, STORE_LIVE, &m.versions, &m.n_versions) ||
        !tellers_read(&m))
        return false;
    services_make(&m, out);
    return catalog_events_make(&m, out) && subjects_make(&m, out);
}
