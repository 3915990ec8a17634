#include "services/email/relays.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/telemetry/log.h"

#define REST_FIRST_US (2 * US_PER_S)
#define REST_MOST_US (300 * US_PER_S)

/* ---- what a URL says ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static struct str decoded(struct arena *arena, struct str text)
{
    char *out = arena_cstr(arena, text);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool coded = text.ptr[i] == '%' && i + 2 < text.len + 0 && hex(text.ptr[i + 1]) >= 0 &&
                     hex(text.ptr[i + 2]) >= 0;
        out[n++] = coded ? (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2])) : text.ptr[i];
        i += coded ? 2 : 0;
    }
    out[n] = '\0';
    return (struct str){ out, n };
}

static bool parameter_number(struct ctx *ctx, struct str key, struct str value, int *out)
{
    int64_t number;
    if (!str_to_int(value, &number) || number < 1 || number > 100000)
        return ctx_fail(ctx, ERR_INVALID, STR_FMT " is a whole number from 1 to 100000",
                        STR_ARG(key));
    *out = (int)number;
    return true;
}

static bool parameter_tls(struct ctx *ctx, struct str value, struct relay *relay)
{
    static const struct {
        const char *name;
        enum smtp_tls tls;
    } kinds[] = { { "off", SMTP_TLS_OFF },
                  { "opportunistic", SMTP_TLS_OPPORTUNISTIC },
                  { "required", SMTP_TLS_REQUIRED } };
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (str_is(value, kinds[i].name)) {
            relay->settings.tls = kinds[i].tls;
            return true;
        }
    return ctx_fail(ctx, ERR_INVALID, "tls is off, opportunistic or required");
}

static bool parameter(struct ctx *ctx, struct arena *arena, struct str pair, struct relay *relay)
{
    struct str value = pair, key;
    if (!str_split(&value, '=', &key) || !value.ptr)
        return ctx_fail(ctx, ERR_INVALID, "a parameter has a value");
    if (str_is(key, "weight"))
        return parameter_number(ctx, key, value, &relay->weight);
    if (str_is(key, "connections"))
        return parameter_number(ctx, key, value, &relay->settings.connections);
    if (str_is(key, "messages"))
        return parameter_number(ctx, key, value, &relay->settings.messages);
    if (str_is(key, "tls") && relay->settings.tls != SMTP_TLS_IMPLICIT)
        return parameter_tls(ctx, value, relay);
    if (str_is(key, "ca")) {
        relay->settings.ca_file = decoded(arena, value);
        return true;
    }
    return ctx_fail(ctx, ERR_INVALID,
                    "there is no parameter " STR_FMT
                    "; there are weight, connections, messages, tls, ca",
                    STR_ARG(key));
}

static bool is_loopback(struct str host)
{
    return str_starts(host, STR("127.")) || str_is(host, "localhost") || str_is(host, "::1");
}

/* "host", "host:port", "[::1]:port" */
static bool host_of(struct ctx *ctx, struct arena *arena, struct str text, struct relay *relay)
{
    ptrdiff_t end = -1;
    bool bracketed = text.len && text.ptr[0] == '[';
    if (bracketed && (end = str_find_char(text, ']')) < 0)
        return ctx_fail(ctx, ERR_INVALID, "[ without ]");
    struct str host = bracketed ? (struct str){ text.ptr + 1, (size_t)end - 1 } : text, port = text;
    if (bracketed)
        port = (struct str){ text.ptr + end + 1, text.len - (size_t)end - 1 };
    ptrdiff_t colon = str_find_char(port, ':');
    if (!bracketed && colon >= 0)
        host.len = (size_t)colon;
    relay->settings.host = arena_str(arena, host);
    relay->settings.port = relay->settings.tls == SMTP_TLS_IMPLICIT ? 465 : 587;
    if (colon < 0)
        return true;
    int64_t number;
    if (!str_to_int((struct str){ port.ptr + colon + 1, port.len - (size_t)colon - 1 }, &number) ||
        number < 1 || number > 65535)
        return ctx_fail(ctx, ERR_INVALID, "its port is a number from 1 to 65535");
    relay->settings.port = (int)number;
    return true;
}

static void user_of(struct arena *arena, struct str *rest, struct relay *relay)
{
    size_t at = rest->len;
    while (at > 0 && rest->ptr[at - 1] != '@')
        at--;
    if (at == 0)
        return;
    struct str both = { rest->ptr, at - 1 }, user;
    str_split(&both, ':', &user);
    relay->settings.user = decoded(arena, user);
    relay->settings.password = both.ptr ? decoded(arena, both) : STR("");
    *rest = (struct str){ rest->ptr + at, rest->len - at };
}

static bool url_read(struct ctx *ctx, struct arena *arena, struct str url, struct relay *relay)
{
    bool implicit = str_starts(url, STR("smtps://")), plain = str_starts(url, STR("smtp://"));
    if (!implicit && !plain)
        return ctx_fail(ctx, ERR_INVALID, "a relay begins with smtp:// or smtps://");
    size_t head = implicit ? 8 : 7;
    struct str parameters = { url.ptr + head, url.len - head }, rest, pair;
    str_split(&parameters, '?', &rest);
    if (rest.len && rest.ptr[rest.len - 1] == '/')
        rest.len--;
    relay->weight = 1;
    relay->settings.tls = implicit ? SMTP_TLS_IMPLICIT : SMTP_TLS_REQUIRED;
    user_of(arena, &rest, relay);
    if (!host_of(ctx, arena, rest, relay))
        return false;
    if (plain && is_loopback(relay->settings.host))
        relay->settings.tls = SMTP_TLS_OPPORTUNISTIC;
    while (parameters.ptr && str_split(&parameters, '&', &pair))
        if (pair.len && !parameter(ctx, arena, pair, relay))
            return false;
    return true;
}

/* ---- opening ---- */

static void limits_set(struct relay *relay, const struct relay_limits *limits)
{
    struct smtp_settings *settings = &relay->settings;
    settings->name = limits->name;
    for (int stage = SMTP_GREETING; stage < SMTP_DOT; stage++)
        if (stage != SMTP_READY)
            settings->limits_ms[stage] = limits->command_us / US_PER_MS;
    settings->limits_ms[SMTP_CONNECT] = settings->limits_ms[SMTP_TLS] = limits->connect_us /
                                                                        US_PER_MS;
    settings->limits_ms[SMTP_DOT] = limits->answer_us / US_PER_MS;
}

/* False with INVALID alone: a host that is not there may come. */
static bool look_up(struct ctx *ctx, struct relay *relay)
{
    relay->smtp = smtp_relay_new(ctx, &relay->settings);
    if (relay->smtp || ctx->error.code == ERR_INVALID)
        return relay->smtp;
    relay_failed(relay, ctx->error.detail.ptr);
    ctx_clear(ctx);
    return true;
}

static bool relay_open(struct ctx *ctx, struct relays *relays, struct str url,
                       const struct relay_limits *limits)
{
    if (relays->n == RELAYS_MOST)
        return ctx_fail(ctx, ERR_INVALID, "there are %d relays at most", RELAYS_MOST);
    struct relay *relay = &relays->relays[relays->n];
    if (!url_read(ctx, relays->arena, url, relay))
        return false;
    limits_set(relay, limits);
    struct str name = arena_printf(relays->arena, STR_FMT ":%d", STR_ARG(relay->settings.host),
                                   relay->settings.port);
    relay->name = (char *)name.ptr;
    relay->resting = metric_get(METRIC_GAUGE, "email_relay_resting",
                                "1 while the relay is given a rest after a failure.",
                                metric_label(relays->arena, "relay", name).ptr);
    relays->n++;
    return look_up(ctx, relay);
}

bool relays_open(struct ctx *ctx, struct relays *relays, struct str urls,
                 const struct relay_limits *limits)
{
    *relays = (struct relays){ .arena = arena_new(0) };
    while (urls.len > 0) {
        size_t n = 0;
        while (n < urls.len && urls.ptr[n] != ' ' && urls.ptr[n] != ',')
            n++;
        if (n && !relay_open(ctx, relays, (struct str){ urls.ptr, n }, limits))
            return ctx_fail(ctx, ERR_INVALID, "relay %zu", relays->n + !relays->n);
        n += n < urls.len;
        urls = (struct str){ urls.ptr + n, urls.len - n };
    }
    return true;
}

void relays_close(struct relays *relays)
{
    for (size_t i = 0; i < relays->n; i++)
        smtp_relay_free(relays->relays[i].smtp);
    arena_free(relays->arena);
}

/* ---- which one ---- */

static bool is_up(const struct relay *relay)
{
    return relay->rest_until_us <= clock_mono_us();
}

static bool has_room(struct relay *relay, const struct smtp *smtp, int reserve)
{
    if (!is_up(relay))
        return false;
    if (!relay->smtp) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct ctx ctx = { .arena = arena };
        if (!look_up(&ctx, relay))
            relay_failed(relay, ctx.error.detail.ptr);
    }
    if (relay->settings.connections == 1)
        reserve = 0;
    return relay->smtp && smtp_room(smtp, relay->smtp) > reserve;
}

/* Smooth weighted round robin: each gets its weight in credit, who has most goes and pays all that was given. */
struct relay *relays_pick(struct relays *relays, const struct smtp *smtp, int reserve)
{
    struct relay *best = NULL;
    int given = 0;
    for (size_t i = 0; i < relays->n; i++) {
        struct relay *relay = &relays->relays[i];
        if (!has_room(relay, smtp, reserve))
            continue;
        given += relay->weight;
        relay->credit += relay->weight;
        if (!best || relay->credit > best->credit)
            best = relay;
    }
    if (best)
        best->credit -= given;
    return best;
}

bool relays_any(const struct relays *relays)
{
    for (size_t i = 0; i < relays->n; i++)
        if (is_up(&relays->relays[i]))
            return true;
    return false;
}

struct relay *relays_of(struct relays *relays, const struct smtp_relay *smtp)
{
    for (size_t i = 0; i < relays->n; i++)
        if (relays->relays[i].smtp == smtp)
            return &relays->relays[i];
    return NULL;
}

int relays_connections(const struct relays *relays)
{
    int n = 0;
    for (size_t i = 0; i < relays->n; i++)
        n += relays->relays[i].settings.connections ? relays->relays[i].settings.connections
                                                    : SMTP_CONNECTIONS;
    return n;
}

void relay_failed(struct relay *relay, const char *why)
{
    if (!is_up(relay)) /* it is known: others of its connections end too */
        return;
    int64_t rest_us = MIN(REST_FIRST_US << MIN(relay->failures, 10), REST_MOST_US);
    relay->failures++;
    relay->rest_until_us = clock_mono_us() + rest_us;
    metric_set(relay->resting, 1);
    log_line(LOG_WARN, NULL, "relay_rests", LOG_C("relay", relay->name), LOG_C("reason", why),
             LOG_I("rest_s", rest_us / US_PER_S));
}

void relay_worked(struct relay *relay)
{
    relay->failures = 0;
    relay->rest_until_us = 0;
    metric_set(relay->resting, 0);
}
