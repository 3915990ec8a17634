#include "platform/client/peer.h"

#include <pthread.h>
#include <stdlib.h>
#include <strings.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/client/breaker.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"

#define LEARNED_US (30 * US_PER_S) /* names are resolved anew as often as this */
#define DURATIONS                                                                                  \
    32 /* instruments kept at hand; more different statuses than that are looked up each time */

struct duration {
    char method[12];
    int status;
    struct metric *metric;
};

struct peer {
    char *name, *url, *host, *prefix;
    struct address address; /* length 0: not known */
    int64_t learned_us;     /* when curl found it; 0: it is in the URL */
    bool plain;             /* http, and no user in the URL */
    int64_t budget_us;
    pthread_mutex_t mutex;
    struct breaker breaker;
    struct retry_budget retries;
    struct metric *state, *refused, *retried;
    struct duration durations[DURATIONS];
    size_t n_durations;
};

/* Host and port of "http://host:port/...". */
static char *host_of(const char *url)
{
    const char *begin = strstr(url, "://");
    begin = begin ? begin + 3 : url;
    return strndup(begin, strcspn(begin, "/"));
}

/* What of the URL is needed to go there without curl. */
static void place_read(struct peer *peer)
{
    const char *path = strstr(peer->url, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    peer->prefix = mem_strdup(path ? path : "");
    peer->plain = strncasecmp(peer->url, "http://", 7) == 0 && !strpbrk(peer->url, "@?# ");
    struct str host = str_of(peer->host);
    const char *colon = strrchr(peer->host, ':');
    int64_t port = 80;
    if (colon && !strchr(colon, ']')) {
        host.len = (size_t)(colon - peer->host);
        if (!str_to_int(str_of(colon + 1), &port))
            peer->plain = false;
    }
    if (peer->plain)
        address_parse(host, (int)port, &peer->address);
}

struct peer *peer_new(const struct peer_settings *settings)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    const char *labels = metric_label(arena, "peer", str_of(settings->name)).ptr;
    struct peer *peer = mem_alloc(sizeof(*peer));
    peer->name = mem_strdup(settings->name);
    peer->url = mem_strdup(settings->url);
    for (size_t end = strlen(peer->url); end > 0 && peer->url[end - 1] == '/'; end--)
        peer->url[end - 1] = '\0';
    peer->host = host_of(peer->url);
    place_read(peer);
    peer->budget_us = settings->budget_us;
    peer->breaker.open_most_us = settings->open_most_us;
    pthread_mutex_init(&peer->mutex, NULL);
    peer->state = metric_get(METRIC_GAUGE, "fanfare_client_breaker_state",
                             "0 closed, 1 open, 2 half open.", labels);
    peer->refused = metric_get(METRIC_COUNTER, "fanfare_client_refused_total",
                               "Calls that an open breaker kept back.", labels);
    peer->retried =
        metric_get(METRIC_COUNTER, "fanfare_client_retries_total", "Second attempts.", labels);
    return peer;
}

void peer_free(struct peer *peer)
{
    if (!peer)
        return;
    pthread_mutex_destroy(&peer->mutex);
    free(peer->name);
    free(peer->url);
    free(peer->host);
    free(peer->prefix);
    free(peer);
}

const char *peer_name(const struct peer *peer)
{
    return peer->name;
}

const char *peer_url(const struct peer *peer)
{
    return peer->url;
}

const char *peer_host(const struct peer *peer)
{
    return peer->host;
}

const char *peer_prefix(const struct peer *peer)
{
    return peer->prefix;
}

bool peer_address(struct peer *peer, struct address *out)
{
    pthread_mutex_lock(&peer->mutex);
    bool known = peer->plain && peer->address.length &&
                 (!peer->learned_us || clock_mono_us() - peer->learned_us < LEARNED_US);
    if (known)
        *out = peer->address;
    pthread_mutex_unlock(&peer->mutex);
    return known;
}

void peer_is_at(struct peer *peer, const struct address *address)
{
    pthread_mutex_lock(&peer->mutex);
    if (!peer->address.length || peer->learned_us) {
        peer->address = *address;
        peer->learned_us = clock_mono_us();
    }
    pthread_mutex_unlock(&peer->mutex);
}

void peer_is_not_at(struct peer *peer, const struct address *address)
{
    pthread_mutex_lock(&peer->mutex);
    if (peer->learned_us && address_same(&peer->address, address))
        peer->address.length = 0;
    pthread_mutex_unlock(&peer->mutex);
}

int64_t peer_budget_us(const struct peer *peer)
{
    return peer->budget_us;
}

enum breaker_state peer_breaker(const struct peer *peer)
{
    struct peer *lockable = (struct peer *)peer;
    pthread_mutex_lock(&lockable->mutex);
    enum breaker_state state = peer->breaker.state;
    pthread_mutex_unlock(&lockable->mutex);
    return state;
}

/* With the lock held before, and not any more after. */
static void state_tell(struct peer *peer, enum breaker_state before)
{
    enum breaker_state now = peer->breaker.state;
    int64_t open_for_us = peer->breaker.open_for_us;
    pthread_mutex_unlock(&peer->mutex);
    if (now == before)
        return;
    metric_set(peer->state, now);
    if (now == BREAKER_OPEN)
        log_line(LOG_WARN, NULL, "breaker_opened", LOG_C("peer", peer->name),
                 LOG_I("open_ms", open_for_us / US_PER_MS));
    else if (now == BREAKER_CLOSED)
        log_line(LOG_INFO, NULL, "breaker_closed", LOG_C("peer", peer->name));
}

bool peer_allows(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    enum breaker_state before = peer->breaker.state;
    bool allowed = breaker_allows(&peer->breaker, clock_mono_us());
    state_tell(peer, before);
    if (!allowed)
        metric_add(peer->refused, 1);
    return allowed;
}

static double chance(void)
{
    uint32_t random;
    id_random(&random, sizeof(random));
    return random / 4294967296.0;
}

void peer_record(struct peer *peer, enum attempt_end end)
{
    double jitter = end == ATTEMPT_BAD ? chance() : 0;
    pthread_mutex_lock(&peer->mutex);
    enum breaker_state before = peer->breaker.state;
    if (end == ATTEMPT_NEITHER)
        breaker_forget(&peer->breaker);
    else
        breaker_record(&peer->breaker, clock_mono_us(), end == ATTEMPT_GOOD, jitter);
    state_tell(peer, before);
}

void peer_count_call(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    retry_budget_call(&peer->retries, clock_mono_us());
    pthread_mutex_unlock(&peer->mutex);
}

bool peer_may_retry(struct peer *peer)
{
    pthread_mutex_lock(&peer->mutex);
    bool may = retry_budget_take(&peer->retries, clock_mono_us());
    pthread_mutex_unlock(&peer->mutex);
    if (may)
        metric_add(peer->retried, 1);
    return may;
}

static struct metric *duration_make(struct peer *peer, struct ctx *ctx, const char *method,
                                    int status)
{
    struct str labels = arena_printf(
        ctx->arena, STR_FMT "," STR_FMT ",http_response_status_code=\"%d\"",
        STR_ARG(metric_label(ctx->arena, "peer", str_of(peer->name))),
        STR_ARG(metric_label(ctx->arena, "http_request_method", str_of(method))), status);
    return metric_get(METRIC_HISTOGRAM, "http_client_request_duration_seconds",
                      "How long calls to neighbours took; status 0: no answer.", labels.ptr);
}

static struct metric *duration_of(struct peer *peer, struct ctx *ctx, const char *method,
                                  int status)
{
    for (size_t i = 0; i < peer->n_durations; i++)
        if (peer->durations[i].status == status && strcmp(peer->durations[i].method, method) == 0)
            return peer->durations[i].metric;
    struct metric *metric = duration_make(peer, ctx, method, status);
    if (peer->n_durations < DURATIONS && strlen(method) < sizeof(peer->durations->method)) {
        struct duration *kept = &peer->durations[peer->n_durations++];
        strcpy(kept->method, method);
        kept->status = status;
        kept->metric = metric;
    }
    return metric;
}

void peer_observe(struct peer *peer, struct ctx *ctx, const char *method, int status,
                  int64_t took_us)
{
    pthread_mutex_lock(&peer->mutex);
    struct metric *metric = duration_of(peer, ctx, method, status);
    pthread_mutex_unlock(&peer->mutex);
    metric_observe_us(metric, took_us);
}
