/* Where a peer is, once that is known without asking anybody. */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "base/str.h"

struct address {
    struct sockaddr_storage at;
    socklen_t length; /* 0: none */
};

/* "127.0.0.1", "::1" (with or without brackets), "localhost" (which is 127.0.0.1: services listen there). */
bool address_parse(struct str host, int port, struct address *out);
bool address_same(const struct address *a, const struct address *b);
