#include "platform/http/connections.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/arena.h"
#include "base/clock.h"

#define LINGER_US (2 * US_PER_S)     /* for a peer to read why it was cut */
#define READ_LEAST_BYTES (64 * 1024) /* in one idle time, or a reader is none */

#define TIMEOUT_BODY                                                                               \
    "{\"type\":\"urn:fanfare:problem:timeout\",\"title\":\"It took too long\",\"status\":408,"     \
    "\"detail\":\"The request did not arrive in time.\"}"

static const char timeout_answer[] = "HTTP/1.1 408 Request Timeout\r\n"
                                     "Connection: close\r\n"
                                     "Content-Type: application/problem+json\r\n"
                                     "Content-Length: 125\r\n\r\n" TIMEOUT_BODY;
_Static_assert(sizeof(TIMEOUT_BODY) - 1 == 125, "the length is written out above");

/* To a tick of the kernel (4 ms), for a tenth of the price: it is read for every phase of every request. */
static int64_t coarse_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static void send_once(int fd, const char *answer, size_t bytes)
{
    if (send(fd, answer, bytes, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return; /* the peer is gone, or reads nothing: nothing to be done for it */
}

/* Has it read on since its time was last up? A large answer may take longer than one turn, to somebody who reads it. */
static bool reads_on(struct connection *connection)
{
    struct tcp_info info;
    socklen_t length = sizeof(info);
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
        length < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
        return false;
    bool more = info.tcpi_bytes_acked >= connection->acked + READ_LEAST_BYTES;
    connection->acked = info.tcpi_bytes_acked;
    return more;
}

/* The thread's turn for one connection: when to look at it again. */
static int64_t connection_check(struct connections *all, struct connection *connection,
                                int64_t now_us)
{
    int phase = atomic_load(&connection->phase);
    int64_t until_us = atomic_load(&connection->until_us);
    if (phase == PHASE_WORK)
        return INT64_MAX;
    if (until_us > now_us)
        return until_us;
    if (phase == PHASE_REPLY && reads_on(connection) &&
        atomic_compare_exchange_strong(&connection->until_us, &until_us, now_us + all->idle_us))
        return now_us + all->idle_us;
    if (phase != PHASE_CUT &&
        !atomic_compare_exchange_strong(&connection->phase, &phase, PHASE_CUT))
        return now_us; /* it moved on just now */
    if (phase == PHASE_FRESH || phase == PHASE_HEADERS || phase == PHASE_BODY)
        send_once(connection->fd, timeout_answer, sizeof(timeout_answer) - 1);
    shutdown(connection->fd, SHUT_RDWR); /* libmicrohttpd reads the end, and closes */
    atomic_store(&connection->until_us, INT64_MAX);
    return INT64_MAX;
}

static void *connections_thread(void *argument)
{
    struct connections *all = argument;
    pthread_mutex_lock(&all->mutex);
    while (all->running) {
        int64_t now_us = coarse_now_us(), wake_us = INT64_MAX;
        for (struct connection *connection = all->first; connection; connection = connection->next)
            wake_us = MIN(wake_us, connection_check(all, connection, now_us));
        atomic_store(&all->wakes_us, wake_us);
        if (wake_us > INT64_MAX / 2) {
            pthread_cond_wait(&all->changed, &all->mutex);
            continue;
        }
        wake_us += 5 * US_PER_MS; /* the coarse clock may be one tick behind: no turn for nothing */
        struct timespec until = { wake_us / US_PER_S, wake_us % US_PER_S * 1000 };
        pthread_cond_timedwait(&all->changed, &all->mutex, &until);
    }
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

bool connections_start(struct connections *all, int64_t idle_us, int64_t header_us, int64_t body_us)
{
    *all = (struct connections){
        .idle_us = idle_us, .fresh_us = header_us, .body_us = body_us, .wakes_us = INT64_MAX
    };
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&all->mutex, NULL);
    pthread_cond_init(&all->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    all->running = true;
    if (pthread_create(&all->thread, NULL, connections_thread, all) != 0)
        return false;
    pthread_setname_np(all->thread, "http-timeouts");
    return true;
}

void connections_stop(struct connections *all)
{
    pthread_mutex_lock(&all->mutex);
    all->running = false;
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->mutex);
    pthread_join(all->thread, NULL);
    pthread_cond_destroy(&all->changed);
    pthread_mutex_destroy(&all->mutex);
}

static int64_t phase_limit_us(const struct connections *all, enum phase phase)
{
    switch (phase) {
    case PHASE_FRESH:
    case PHASE_HEADERS:
        return all->fresh_us;
    case PHASE_IDLE:
    case PHASE_REPLY:
        return all->idle_us;
    case PHASE_BODY:
        return all->body_us;
    case PHASE_CUT:
        return LINGER_US;
    case PHASE_WORK:
        break;
    }
    return INT64_MAX / 2;
}

/* The thread sleeps until the earliest end that it knows: it must hear of an earlier one. */
static void wake_for(struct connections *all, int64_t until_us)
{
    if (until_us >= atomic_load_explicit(&all->wakes_us, memory_order_relaxed))
        return;
    pthread_mutex_lock(&all->mutex);
    pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->mutex);
}

static void remote_text(int fd, char *text, size_t bytes)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    text[0] = '\0';
    if (getpeername(fd, (struct sockaddr *)&address, &length) != 0)
        return;
    const void *host = address.ss_family == AF_INET6
                           ? (void *)&((struct sockaddr_in6 *)&address)->sin6_addr
                           : (void *)&((struct sockaddr_in *)&address)->sin_addr;
    inet_ntop(address.ss_family, host, text, (socklen_t)bytes);
}

struct connection *connection_add(struct connections *all, int fd)
{
    struct connection *connection = mem_alloc(sizeof(*connection));
    connection->fd = fd;
    remote_text(fd, connection->remote, sizeof(connection->remote));
    int64_t until_us = coarse_now_us() + all->fresh_us;
    atomic_store(&connection->until_us, until_us);
    pthread_mutex_lock(&all->mutex);
    connection->next = all->first;
    if (all->first)
        all->first->prev = connection;
    all->first = connection;
    if (until_us < all->wakes_us)
        pthread_cond_signal(&all->changed);
    pthread_mutex_unlock(&all->mutex);
    return connection;
}

void connection_remove(struct connections *all, struct connection *connection)
{
    pthread_mutex_lock(&all->mutex);
    if (connection->prev)
        connection->prev->next = connection->next;
    else
        all->first = connection->next;
    if (connection->next)
        connection->next->prev = connection->prev;
    pthread_mutex_unlock(&all->mutex);
    free(connection);
}

bool connection_move(struct connections *all, struct connection *connection, enum phase phase)
{
    int was = atomic_load_explicit(&connection->phase, memory_order_relaxed);
    if (was == PHASE_CUT)
        return false;
    if (phase == PHASE_WORK)
        return atomic_compare_exchange_strong(&connection->phase, &was, phase);
    /* The new time first: the thread must not find the new phase with the old time. */
    int64_t until_us = coarse_now_us() + phase_limit_us(all, phase);
    atomic_store_explicit(&connection->until_us, until_us, memory_order_release);
    if (!atomic_compare_exchange_strong(&connection->phase, &was, phase))
        return false;
    wake_for(all, until_us);
    return true;
}

void connection_cut(struct connections *all, struct connection *connection, const char *answer,
                    size_t bytes)
{
    if (!connection_move(all, connection, PHASE_CUT))
        return;
    send_once(connection->fd, answer, bytes);
    shutdown(connection->fd, SHUT_WR);
}
