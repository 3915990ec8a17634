#include "services/broker/admin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "services/broker/address.h"
#include "services/broker/broker_private.h"
#include "services/broker/metrics.h"

#define VISITS_MOST 32
#define REQUEST_BYTES 4096
#define VISIT_US (10 * US_PER_S)

/* One request and its answer; the connection ends with it. */
struct visit {
    struct visit *next, **at;
    struct admin *admin;
    struct watch watch;
    struct timer timer;
    char request[REQUEST_BYTES];
    size_t n_request;
    struct arena *arena;
    struct str answer; /* ptr NULL while the request is read */
    size_t sent;
    bool over, waits; /* waits: for a compaction */
    struct compact_wait compaction;
};

struct admin {
    struct broker *broker;
    struct watch listener;
    uint16_t port;
    struct visit *visits;
    size_t n_visits;
    struct timer reaper; /* frees visits that are over, after the round that they ended in */
};

static void visit_free(struct visit *visit)
{
    struct loop *loop = visit->admin->broker->loop;
    timer_stop(loop, &visit->timer);
    compact_wait_drop(&visit->compaction);
    loop_unwatch(loop, &visit->watch);
    close(visit->watch.fd);
    *visit->at = visit->next;
    if (visit->next)
        visit->next->at = visit->at;
    visit->admin->n_visits--;
    arena_free(visit->arena);
    free(visit);
}

static void reap(struct timer *timer)
{
    struct admin *admin = CONTAINER_OF(timer, struct admin, reaper);
    for (struct visit *visit = admin->visits, *next; visit; visit = next) {
        next = visit->next;
        if (visit->over)
            visit_free(visit);
    }
}

static void visit_end(struct visit *visit)
{
    struct loop *loop = visit->admin->broker->loop;
    visit->over = true;
    compact_wait_drop(&visit->compaction);
    loop_rewatch(loop, &visit->watch, 0);
    timer_set(loop, &visit->admin->reaper, loop_now_us(loop));
}

static struct str status_json(const struct broker *broker, struct arena *arena, const char *status)
{
    return arena_printf(arena, "{\"status\":\"%s\",\"service\":\"broker\",\"cluster\":\"%s\"}",
                        status, broker->cluster_id);
}

static struct str live(const struct broker *broker, struct arena *arena)
{
    return status_json(broker, arena, "live");
}

/* The listener opens after the log: who gets an answer finds a broker that serves. */
static struct str ready(const struct broker *broker, struct arena *arena)
{
    return status_json(broker, arena, "ready");
}

static const struct {
    const char *path, *type;
    struct str (*body)(const struct broker *broker, struct arena *arena);
} pages[] = {
    { "/health/live", "application/json", live },
    { "/health/ready", "application/json", ready },
    { "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_text },
};

static struct str answer_of(struct arena *arena, const char *status, const char *type,
                            struct str body, bool has_body)
{
    return arena_printf(
        arena,
        "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n" STR_FMT,
        status, type, body.len, has_body ? (int)body.len : 0, body.ptr);
}

static struct str problem(struct arena *arena, const char *status, const char *detail)
{
    struct str body = arena_printf(
        arena, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%.3s,\"detail\":\"%s\"}",
        status + 4, status, detail);
    return answer_of(arena, status, "application/problem+json", body, true);
}

static void visit_send(struct visit *visit);

static struct str compacted_json(const struct compact_wait *wait, struct arena *arena)
{
    struct str text = { NULL, 0 };
    for (int32_t i = 0; i < wait->n; i++)
        text =
            arena_printf(arena, STR_FMT "%s%" PRId64, STR_ARG(text), i ? "," : "", wait->until[i]);
    return arena_printf(arena, "{\"topic\":\"" STR_FMT "\",\"compacted_to\":[" STR_FMT "]}",
                        STR_ARG(wait->topic), STR_ARG(text));
}

static void compacted(struct compact_wait *wait, const char *why)
{
    struct visit *visit = CONTAINER_OF(wait, struct visit, compaction);
    visit->answer = why ? problem(visit->arena, "503 Service Unavailable", why)
                        : answer_of(visit->arena, "200 OK", "application/json",
                                    compacted_json(wait, visit->arena), true);
    visit->waits = false;
    visit_send(visit);
}

/* The answer comes when it is done, however long that takes. */
static void compact(struct visit *visit, struct str query)
{
    struct broker *broker = visit->admin->broker;
    struct str name = query;
    bool named = str_starts(query, STR("topic="));
    if (named)
        name = (struct str){ query.ptr + 6, query.len - 6 };
    struct topic *topic = named ? topic_get(broker->topics, name) : NULL;
    if (!named) {
        visit->answer = problem(visit->arena, "400 Bad Request", "which one? ?topic=NAME");
    } else if (!topic) {
        visit->answer = problem(visit->arena, "404 Not Found", "there is no such topic");
    } else if (!(topic->config.values[TOPIC_CLEANUP_POLICY] & CLEANUP_COMPACT)) {
        visit->answer =
            problem(visit->arena, "409 Conflict", "the topic is not one that is compacted");
    } else {
        visit->waits = true;
        timer_stop(broker->loop, &visit->timer);
        loop_rewatch(broker->loop, &visit->watch, EPOLLRDHUP);
        visit->compaction.done = compacted;
        compactor_ask(broker->compactor, topic, &visit->compaction);
    }
}

static void visit_answer(struct visit *visit)
{
    struct str rest = { visit->request, visit->n_request }, method, target, path;
    visit->arena = arena_new(0);
    if (!str_split(&rest, ' ', &method) || !str_split(&rest, ' ', &target) ||
        !str_split(&target, '?', &path)) {
        visit->answer = problem(visit->arena, "400 Bad Request", "this is not HTTP");
        return;
    }
    bool head = str_is(method, "HEAD"), post = str_is(method, "POST");
    if (str_is(path, "/compact") && post) {
        compact(visit, target);
        return;
    }
    visit->answer = str_is(path, "/compact")
                        ? problem(visit->arena, "405 Method Not Allowed", "POST is")
                        : problem(visit->arena, "404 Not Found", "there is nothing here");
    for (size_t i = 0; i < COUNT(pages); i++) {
        if (!str_is(path, pages[i].path))
            continue;
        if (head || str_is(method, "GET"))
            visit->answer = answer_of(visit->arena, "200 OK", pages[i].type,
                                      pages[i].body(visit->admin->broker, visit->arena), !head);
        else
            visit->answer = problem(visit->arena, "405 Method Not Allowed", "GET and HEAD are");
    }
}

static void visit_send(struct visit *visit)
{
    ssize_t n = send(visit->watch.fd, visit->answer.ptr + visit->sent,
                     visit->answer.len - visit->sent, MSG_NOSIGNAL);
    if (n > 0)
        visit->sent += (size_t)n;
    if (visit->sent == visit->answer.len || (n < 0 && errno != EAGAIN))
        visit_end(visit);
    else
        loop_rewatch(visit->admin->broker->loop, &visit->watch, EPOLLOUT);
}

static void visit_read(struct visit *visit)
{
    ssize_t n = recv(visit->watch.fd, visit->request + visit->n_request,
                     REQUEST_BYTES - visit->n_request, 0);
    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            visit_end(visit);
        return;
    }
    visit->n_request += (size_t)n;
    if (memmem(visit->request, visit->n_request, "\r\n\r\n", 4))
        visit_answer(visit);
    else if (visit->n_request == REQUEST_BYTES) {
        visit->arena = arena_new(0);
        visit->answer = problem(visit->arena, "431 Request Header Fields Too Large",
                                "a request has at most 4096 bytes");
    }
    if (visit->answer.ptr)
        visit_send(visit);
}

static void visit_ready(struct watch *watch, uint32_t epoll_events)
{
    struct visit *visit = CONTAINER_OF(watch, struct visit, watch);
    if (visit->over)
        return;
    if (visit->answer.ptr)
        visit_send(visit);
    else if (epoll_events & EPOLLIN && !visit->waits)
        visit_read(visit);
    else
        visit_end(visit);
}

static void visit_is_due(struct timer *timer)
{
    visit_end(CONTAINER_OF(timer, struct visit, timer));
}

static void visit_open(struct admin *admin, int fd)
{
    struct loop *loop = admin->broker->loop;
    struct visit *visit = mem_alloc(sizeof(*visit));
    visit->admin = admin;
    visit->watch = (struct watch){ .fd = fd, .ready = visit_ready };
    visit->timer.fire = visit_is_due;
    visit->next = admin->visits;
    visit->at = &admin->visits;
    if (visit->next)
        visit->next->at = &visit->next;
    admin->visits = visit;
    admin->n_visits++;
    timer_set(loop, &visit->timer, loop_now_us(loop) + VISIT_US);
    if (!loop_watch(loop, &visit->watch, EPOLLIN))
        visit_end(visit);
}

static void accept_one(struct watch *watch, uint32_t epoll_events)
{
    struct admin *admin = CONTAINER_OF(watch, struct admin, listener);
    int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && admin->n_visits >= VISITS_MOST)
        close(fd);
    else if (fd >= 0)
        visit_open(admin, fd);
}

struct admin *admin_open(struct ctx *ctx, struct broker *broker, const char *bind, uint16_t port)
{
    struct admin *admin = mem_alloc(sizeof(*admin));
    admin->broker = broker;
    admin->port = port;
    admin->reaper.fire = reap;
    admin->listener.ready = accept_one;
    admin->listener.fd = address_listen(ctx, bind, &admin->port);
    if (admin->listener.fd >= 0 && loop_watch(broker->loop, &admin->listener, EPOLLIN))
        return admin;
    admin_free(admin);
    return NULL;
}

uint16_t admin_port(const struct admin *admin)
{
    return admin->port;
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    while (admin->visits)
        visit_free(admin->visits);
    timer_stop(admin->broker->loop, &admin->reaper);
    if (admin->listener.fd >= 0) {
        loop_unwatch(admin->broker->loop, &admin->listener);
        close(admin->listener.fd);
    }
    free(admin);
}
