#pragma once

#include <pthread.h>

#include "platform/tls/tls.h"

/* A relay of few words: each step waits for what ends in `until` (none: at once), then says `say`. The end of the steps is
 * the end of the connection, but HANG waits for the other side. "TLS" goes on encrypted. */
struct step {
    const char *until, *say;
};

#define HANG "HANG"
#define MOST_SCRIPTS 3

struct relay {
    int fd, port, n;
    struct tls *tls;
    const struct step *scripts[MOST_SCRIPTS]; /* of one connection after the other */
    char heard[2][1 << 17]; /* on the first, on the second */
    pthread_t thread;
};

void relay_start(struct relay *relay); /* on the loopback, in a thread */
void relay_stop(struct relay *relay);
