/* The server on libmicrohttpd: one thread with epoll; requests that wait for another thread are suspended. */
#include "platform/http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define MAX_CONNECTIONS 1000
#define IDLE_TIMEOUT_S 75
#define HEADER_TIMEOUT_MS 10000
#define BODY_TIMEOUT_MS 20000
#define FREE_WAIT_US (5 * US_PER_S)
#define BACKLOG 511
/* libmicrohttpd clears all of a connection's memory after each request (32 KB of it cost a tenth of the whole request), so
 * it is no larger than the largest headers (8 KB) and what goes with them. */
#define CONNECTION_BYTES (12 * 1024)

/* ---- the listening socket ---- */

static bool address_parse(const char *bind_to, int port, struct sockaddr_storage *out,
                          socklen_t *length)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, bind_to, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        *length = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, bind_to, &v6->sin6_addr) != 1)
        return false;
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    *length = sizeof(*v6);
    return true;
}

static bool listen_fail(struct ctx *ctx, const struct http_settings *settings)
{
    if (errno == EADDRINUSE)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "port %d is in use on %s", settings->port,
                        settings->bind);
    if (errno == EACCES)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "port %d on %s is not allowed to this user",
                        settings->port, settings->bind);
    if (errno == EADDRNOTAVAIL)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s is not an address of this machine",
                        settings->bind);
    return ctx_fail(ctx, ERR_UNAVAILABLE, "cannot listen on %s port %d: %s", settings->bind,
                    settings->port, strerror(errno));
}

static int listen_open(struct ctx *ctx, const struct http_settings *settings)
{
    struct sockaddr_storage address;
    socklen_t length;
    if (!address_parse(settings->bind, settings->port, &address, &length)) {
        ctx_fail(ctx, ERR_INVALID, "%s is not an IP address to listen on", settings->bind);
        return -1;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        bind(fd, (struct sockaddr *)&address, length) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    listen_fail(ctx, settings);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int port_of(int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* ---- starting ---- */

static void settings_complete(struct http_settings *settings)
{
    settings->max_connections = settings->max_connections ? settings->max_connections
                                                          : MAX_CONNECTIONS;
    settings->idle_timeout_s = settings->idle_timeout_s ? settings->idle_timeout_s : IDLE_TIMEOUT_S;
    settings->header_timeout_ms = settings->header_timeout_ms ? settings->header_timeout_ms
                                                              : HEADER_TIMEOUT_MS;
    settings->body_timeout_ms = settings->body_timeout_ms ? settings->body_timeout_ms
                                                          : BODY_TIMEOUT_MS;
}

/* Targets are decoded by the router, which must see them as they were sent. */
static size_t unescape_nothing(void *argument, struct MHD_Connection *connection, char *text)
{
    return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct http_server *server, int fd)
{
    /* libmicrohttpd's own timeout is off: it costs more than connections.c and stops no sender that trickles. */
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                            incoming_handle, server, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)server->settings.max_connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
                            MHD_OPTION_NOTIFY_CONNECTION, connection_notify, server,
                            MHD_OPTION_NOTIFY_COMPLETED, incoming_completed, server,
                            MHD_OPTION_URI_LOG_CALLBACK, incoming_begin, server,
                            MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_END);
}

struct http_server *http_server_start(struct ctx *ctx, const struct http_settings *settings)
{
    struct http_server *server = mem_alloc(sizeof(*server));
    server->settings = *settings;
    settings_complete(&server->settings);
    const struct http_settings *s = &server->settings;
    int fd = listen_open(ctx, s);
    if (fd < 0)
        goto fail;
    server->port = port_of(fd);
    if (!connections_start(&server->connections, s->idle_timeout_s * US_PER_S,
                           s->header_timeout_ms * US_PER_MS, s->body_timeout_ms * US_PER_MS)) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "cannot start a thread");
        goto fail_fd;
    }
    server->daemon = daemon_start(server, fd);
    if (server->daemon)
        return server;
    ctx_fail(ctx, ERR_UNAVAILABLE, "cannot start the HTTP server on port %d", server->port);
    connections_stop(&server->connections);
fail_fd:
    close(fd);
fail:
    free(server);
    return NULL;
}

int http_server_port(const struct http_server *server)
{
    return server->port;
}

/* ---- ending ---- */

static bool wait_until_free(struct http_server *server, int64_t limit_us)
{
    int64_t until_us = clock_mono_us() + limit_us;
    while (atomic_load(&server->busy) > 0 || atomic_load(&server->waking) > 0) {
        if (clock_mono_us() >= until_us)
            return false;
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
    return true;
}

void http_server_drain(struct http_server *server, int64_t limit_us)
{
    if (atomic_exchange(&server->draining, true))
        return;
    server->listening = MHD_quiesce_daemon(server->daemon);
    if (server->listening >= 0)
        shutdown(server->listening,
                 SHUT_RDWR); /* not closed yet: the loop may be about to use it */
    wait_until_free(server, limit_us);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    http_server_drain(server, 0);
    /* libmicrohttpd ends the process when it is stopped with connections suspended. */
    if (!wait_until_free(server, FREE_WAIT_US))
        return;
    MHD_stop_daemon(server->daemon);
    if (server->listening >= 0)
        close(server->listening);
    connections_stop(&server->connections);
    incoming_free_spare(server);
    free(server);
}
