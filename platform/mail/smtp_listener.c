#include "platform/mail/smtp_listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/mail/smtp_session.h"

#define MOST_UNSENT 65536 /* a client that does not read what it is told is not read either */

struct client {
    int fd;
    int64_t until_us;
    struct smtp_session session;
};

struct smtp_listener {
    struct smtp_listener_settings settings;
    int fd, port;
    int wake; /* an eventfd: stop */
    pthread_t thread;
    size_t held;
    struct client **clients;
    size_t n;
};

static bool socket_address(const char *host, int port, struct sockaddr_storage *out,
                           socklen_t *bytes)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *bytes = sizeof *v4;
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *bytes = sizeof *v6;
    return inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

static int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &bytes) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

static void client_drop(struct smtp_listener *listener, size_t i)
{
    struct client *client = listener->clients[i];
    smtp_session_free(&client->session);
    close(client->fd);
    free(client);
    listener->clients[i] = listener->clients[--listener->n];
}

/* False: it is gone, or all is said. */
static bool client_write(struct client *client)
{
    struct bytes *out = &client->session.out;
    while (out->len) {
        ssize_t n = send(client->fd, out->ptr, out->len, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        memmove(out->ptr, out->ptr + n, out->len - (size_t)n);
        out->len -= (size_t)n;
    }
    return !client->session.closing;
}

static bool client_read(struct client *client)
{
    char bytes[16384];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    client->until_us = clock_mono_us() + client->session.settings->idle_us;
    smtp_session_feed(&client->session, bytes, (size_t)n);
    return true;
}

static void client_text(const struct sockaddr_storage *address, char out[64])
{
    const void *bytes = address->ss_family == AF_INET
                            ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                            : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    if (!inet_ntop(address->ss_family, bytes, out, 64))
        snprintf(out, 64, "?");
}

static void clients_accept(struct smtp_listener *listener)
{
    while (listener->n < listener->settings.most_sessions) {
        struct sockaddr_storage address;
        socklen_t bytes = sizeof address;
        char text[64];
        int fd = accept4(listener->fd, (struct sockaddr *)&address, &bytes,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            poll(NULL, 0, 100); /* no more descriptors or memory: it is asked again, not at once */
        if (fd < 0)
            return;
        struct client *client = mem_alloc(sizeof *client);
        client->fd = fd;
        client->until_us = clock_mono_us() + listener->settings.idle_us;
        client_text(&address, text);
        smtp_session_open(&client->session, &listener->settings, &listener->held, text);
        listener->clients[listener->n++] = client;
        client_write(client);
    }
}

static int wait_ms(const struct smtp_listener *listener)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < listener->n; i++)
        first = MIN(first, listener->clients[i]->until_us);
    if (first == INT64_MAX)
        return -1;
    return (int)MAX((first - clock_mono_us()) / US_PER_MS + 1, 0);
}

static void clients_serve(struct smtp_listener *listener, const struct pollfd *polled)
{
    int64_t now = clock_mono_us();
    for (size_t i = listener->n; i-- > 0;) {
        struct client *client = listener->clients[i];
        bool late = client->until_us <= now;
        bool stays = !late &&
                     (!(polled[i].revents & (POLLIN | POLLHUP | POLLERR)) || client_read(client));
        if (late && !client->session.closing)
            smtp_session_say(&client->session, "421 4.4.2 Nothing was said for too long");
        if (!client_write(client) || !stays)
            client_drop(listener, i);
    }
}

static void *listener_run(void *argument)
{
    struct smtp_listener *listener = argument;
    struct pollfd *polled = mem_alloc((listener->settings.most_sessions + 2) * sizeof *polled);
    for (;;) {
        size_t n = listener->n;
        for (size_t i = 0; i < n; i++) {
            size_t unsent = listener->clients[i]->session.out.len;
            polled[i] = (struct pollfd){ .fd = listener->clients[i]->fd };
            polled[i].events =
                (short)((unsent < MOST_UNSENT ? POLLIN : 0) | (unsent ? POLLOUT : 0));
        }
        bool full = n == listener->settings.most_sessions;
        polled[n] = (struct pollfd){ .fd = full ? -1 : listener->fd, .events = POLLIN };
        polled[n + 1] = (struct pollfd){ .fd = listener->wake, .events = POLLIN };
        if (poll(polled, n + 2, wait_ms(listener)) < 0 && errno != EINTR)
            abort(); /* only what is wrong here makes it fail */
        if (polled[n + 1].revents)
            break;
        clients_serve(listener, polled);
        if (polled[n].revents)
            clients_accept(listener);
    }
    free(polled);
    return NULL;
}

static bool listener_bind(struct ctx *ctx, struct smtp_listener *listener)
{
    struct sockaddr_storage address;
    socklen_t bytes;
    const char *host = listener->settings.host;
    if (!socket_address(host, listener->settings.port, &address, &bytes))
        return ctx_fail(ctx, ERR_INVALID, "%s is not an IP address to listen on", host);
    listener->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    if (listener->fd < 0 ||
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(listener->fd, (struct sockaddr *)&address, bytes) != 0 ||
        listen(listener->fd, 128) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "cannot listen for mail on %s port %d: %s", host,
                        listener->settings.port, strerror(errno));
    listener->port = port_of(listener->fd);
    return true;
}

static void listener_free(struct smtp_listener *listener)
{
    while (listener->n)
        client_drop(listener, listener->n - 1);
    if (listener->fd >= 0)
        close(listener->fd);
    if (listener->wake >= 0)
        close(listener->wake);
    free(listener->clients);
    free(listener);
}

struct smtp_listener *smtp_listener_start(struct ctx *ctx,
                                          const struct smtp_listener_settings *settings)
{
    struct smtp_listener *listener = mem_alloc(sizeof *listener);
    listener->settings = *settings;
    listener->fd = -1;
    listener->clients = mem_alloc(settings->most_sessions * sizeof *listener->clients);
    listener->wake = eventfd(0, EFD_CLOEXEC);
    int failed;
    if (listener->wake < 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "cannot make an eventfd: %s", strerror(errno));
        goto fail;
    }
    if (!listener_bind(ctx, listener))
        goto fail;
    failed = pthread_create(&listener->thread, NULL, listener_run, listener);
    if (failed) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "cannot start the mail listener: %s", strerror(failed));
        goto fail;
    }
    return listener;
fail:
    listener_free(listener);
    return NULL;
}

int smtp_listener_port(const struct smtp_listener *listener)
{
    return listener->port;
}

void smtp_listener_stop(struct smtp_listener *listener)
{
    if (!listener)
        return;
    uint64_t one = 1;
    if (write(listener->wake, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd takes a first 1 always */
    pthread_join(listener->thread, NULL);
    listener_free(listener);
}
