#include "services/broker/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 512

static bool address_of(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *n)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *n = sizeof(*v4);
        return true;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *n = sizeof(*v6);
        return true;
    }
    return false;
}

bool address_is_loopback(const char *text)
{
    struct sockaddr_storage address;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)&address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&address;
    socklen_t n;
    if (!address_of(text, 0, &address, &n))
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

int address_listen(struct ctx *ctx, const char *bind_to, uint16_t *port)
{
    struct sockaddr_storage address;
    socklen_t n;
    int on = 1;
    if (!address_of(bind_to, *port, &address, &n)) {
        ctx_fail(ctx, ERR_INVALID, "\"%s\" is not an IPv4 or IPv6 address to listen on", bind_to);
        return -1;
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(fd, (struct sockaddr *)&address, n) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &n)) {
        if (errno == EADDRINUSE)
            ctx_fail(ctx, ERR_UNAVAILABLE, "port %u is in use on %s", *port, bind_to);
        else
            ctx_fail(ctx, ERR_UNAVAILABLE, "listening on %s:%u: %s", bind_to, *port,
                     strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    char host[64];
    int32_t number;
    address_text(&address, host, &number);
    *port = (uint16_t)number;
    return fd;
}

void address_text(const struct sockaddr_storage *address, char host[64], int32_t *port)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
    host[0] = '\0';
    if (address->ss_family == AF_INET)
        inet_ntop(AF_INET, &v4->sin_addr, host, 64);
    else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, host, 64);
    else
        inet_ntop(AF_INET6, &v6->sin6_addr, host, 64);
    *port = ntohs(address->ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
}
