#include "platform/mail/tests/evil_relay.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tests/check.h"

static ssize_t hear_some(struct tls_conn *tls, int fd, char *out, size_t n)
{
    return tls ? tls_read(tls, out, n) : recv(fd, out, n, 0);
}

static bool hear_until(struct tls_conn *tls, int fd, char *heard, size_t *len, const char *end)
{
    struct str wanted = str_of(end);
    size_t from = *len;
    for (;;) {
        struct str new = { heard + from, *len - from };
        if (end && str_ends(new, wanted))
            return true;
        ssize_t n = *len + 1 < sizeof((struct relay *)0)->heard[0]
                        ? hear_some(tls, fd, heard + *len, 1)
                        : 0;
        if (n <= 0)
            return false;
        *len += (size_t)n;
    }
}

static void play(struct relay *relay, int fd, const struct step *step, char *heard)
{
    struct tls_conn *tls = NULL;
    size_t len = 0;
    for (; step->say; step++) {
        if (step->until && !hear_until(tls, fd, heard, &len, step->until))
            break;
        if (strcmp(step->say, HANG) == 0)
            hear_until(tls, fd, heard, &len, NULL);
        else if (strcmp(step->say, "TLS") == 0)
            tls = tls_accept(relay->tls, fd);
        else if (strcmp(step->say, "ENDLESS") == 0)
            while (send(fd, "250-more\r\n", 10, MSG_NOSIGNAL) > 0)
                ;
        else if (tls)
            tls_write(tls, step->say, strlen(step->say));
        else
            send(fd, step->say, strlen(step->say), MSG_NOSIGNAL);
    }
    tls_conn_free(tls);
    close(fd);
}

static void *serve(void *argument)
{
    struct relay *relay = argument;
    for (; relay->n < MOST_SCRIPTS && relay->scripts[relay->n]; relay->n++) {
        int fd = accept(relay->fd, NULL, NULL);
        if (fd < 0)
            break;
        play(relay, fd, relay->scripts[relay->n], relay->heard[MIN(relay->n, 1)]);
    }
    return NULL;
}

void relay_start(struct relay *relay)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    relay->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(relay->fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(relay->fd, 9) == 0);
    getsockname(relay->fd, (struct sockaddr *)&at, &n);
    relay->port = ntohs(at.sin_port);
    REQUIRE(pthread_create(&relay->thread, NULL, serve, relay) == 0);
}

void relay_stop(struct relay *relay)
{
    shutdown(relay->fd, SHUT_RDWR);
    pthread_join(relay->thread, NULL);
    close(relay->fd);
}
