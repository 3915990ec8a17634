#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/crypto/crypto.h"
#include "platform/mail/smtp_connection.h"
#include "platform/tls/tls.h"

static const int default_seconds[] = {
#define X(name, text, seconds) [SMTP_##name] = seconds,
    SMTP_STAGES(X)
#undef X
};

static bool is_word(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    return text.len > 0 && text.len <= 255;
}

static bool check(struct ctx *ctx, const struct smtp_settings *settings)
{
    if (!is_word(settings->host))
        return ctx_fail(ctx, ERR_INVALID, "the relay's host is neither a name nor an address");
    if (!is_word(settings->name))
        return ctx_fail(ctx, ERR_INVALID, "the name for EHLO is neither a domain nor an address");
    if (settings->port < 1 || settings->port > 65535)
        return ctx_fail(ctx, ERR_INVALID, "%d is no port", settings->port);
    if (settings->user.len > 255 || settings->password.len > 255)
        return ctx_fail(ctx, ERR_INVALID, "the relay's user or password is longer than 255 bytes");
    if (memchr(settings->user.ptr ? settings->user.ptr : "", 0, settings->user.len) ||
        memchr(settings->password.ptr ? settings->password.ptr : "", 0, settings->password.len))
        return ctx_fail(ctx, ERR_INVALID, "the relay's user or password holds a NUL");
    return true;
}

static void copy_settings(struct smtp_relay *relay, const struct smtp_settings *from)
{
    struct smtp_settings *to = &relay->settings;
    *to = *from;
    to->host = arena_str(relay->arena, from->host);
    to->name = arena_str(relay->arena, from->name);
    to->user = arena_str(relay->arena, from->user);
    to->password = (struct str){ 0 };
    to->ca_file = from->ca_file.len ? arena_str(relay->arena, from->ca_file) : (struct str){ 0 };
    to->connections = from->connections > 0 ? from->connections : SMTP_CONNECTIONS;
    to->messages = from->messages > 0 ? from->messages : 1000;
    to->idle_ms = from->idle_ms > 0 ? from->idle_ms : 10000;
    for (int i = 0; i < N_SMTP_STAGES; i++)
        if (to->limits_ms[i] <= 0)
            to->limits_ms[i] = default_seconds[i] * 1000LL;
    relay->plain =
        crypto_base64(relay->arena, arena_printf(relay->arena, "%c" STR_FMT "%c" STR_FMT, 0,
                                                 STR_ARG(from->user), 0, STR_ARG(from->password)));
    relay->login_user = crypto_base64(relay->arena, from->user);
    relay->login_password = crypto_base64(relay->arena, from->password);
}

static bool look_up(struct ctx *ctx, struct smtp_relay *relay)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
    char port[8];
    snprintf(port, sizeof port, "%d", relay->settings.port);
    int error = getaddrinfo(relay->settings.host.ptr, port, &hints, &found);
    if (error)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the relay " STR_FMT ": %s",
                        STR_ARG(relay->settings.host), gai_strerror(error));
    for (struct addrinfo *info = found; info; info = info->ai_next) {
        if (relay->n_addresses == COUNT(relay->addresses))
            break;
        struct smtp_address *address = &relay->addresses[relay->n_addresses++];
        memcpy(&address->to, info->ai_addr, info->ai_addrlen);
        address->len = info->ai_addrlen;
    }
    freeaddrinfo(found);
    return true;
}

static bool is_loopback(const struct smtp_address *address)
{
    const struct sockaddr_in *v4 = (const void *)&address->to;
    const struct sockaddr_in6 *v6 = (const void *)&address->to;
    return address->to.ss_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == 127
                                            : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static bool may_log_in(struct ctx *ctx, const struct smtp_relay *relay)
{
    bool safe = relay->settings.tls >= SMTP_TLS_REQUIRED || !relay->settings.user.len;
    for (int i = 0; i < relay->n_addresses && !safe; i++)
        if (!is_loopback(&relay->addresses[i]))
            return ctx_fail(ctx, ERR_INVALID,
                            "the password for " STR_FMT " needs TLS with a certificate that holds",
                            STR_ARG(relay->settings.host));
    return true;
}

struct smtp_relay *smtp_relay_new(struct ctx *ctx, const struct smtp_settings *settings)
{
    if (!check(ctx, settings))
        return NULL;
    struct arena *arena = arena_new(0);
    struct smtp_relay *relay = ARENA_NEW(arena, struct smtp_relay);
    relay->arena = arena;
    copy_settings(relay, settings);
    if (!look_up(ctx, relay) || !may_log_in(ctx, relay))
        goto fail;
    if (settings->tls != SMTP_TLS_OFF) {
        bool verify = settings->tls != SMTP_TLS_OPPORTUNISTIC;
        relay->tls = tls_client_new(ctx, relay->settings.ca_file.ptr, verify);
        if (!relay->tls)
            goto fail;
    }
    return relay;
fail:
    smtp_relay_free(relay);
    return NULL;
}

void smtp_relay_free(struct smtp_relay *relay)
{
    if (!relay)
        return;
    tls_free(relay->tls);
    arena_free(relay->arena);
}
