/* Internet addresses as text, and sockets that listen on them. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "base/ctx.h"

/* A socket that listens on an IPv4 or IPv6 address, not blocking; *port says which port (0:
 * any). -1 with a sentence. */
int address_listen(struct ctx *ctx, const char *bind_to, uint16_t *port);

/* Only this machine reaches it. False for what is no address. */
bool address_is_loopback(const char *text);

/* "127.0.0.1", "::1"; IPv4 in IPv6 as IPv4. */
void address_text(const struct sockaddr_storage *address, char host[64], int32_t *port);
