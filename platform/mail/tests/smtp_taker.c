#include "platform/mail/tests/smtp_taker.h"

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/mail/smtp_listener.h"

static struct arena *arena;
static struct smtp_listener *listener;
static int taken;
static struct str last;

static enum smtp_verdict take(void *context, const struct smtp_mail *mail)
{
    taken++;
    if (!last.ptr)
        last = arena_str(arena, mail->data);
    return str_eq(last, mail->data) ? SMTP_TAKEN : SMTP_REFUSED;
}

int taker_start(struct arena *for_it)
{
    struct ctx ctx = { .arena = for_it };
    struct smtp_listener_settings settings = { .host = "127.0.0.1",
                                               .name = "mx.here.example",
                                               .most_bytes = 1 << 20,
                                               .most_recipients = 2,
                                               .most_sessions = 5,
                                               .idle_us = 30 * US_PER_S,
                                               .take = take };
    arena = for_it;
    listener = smtp_listener_start(&ctx, &settings);
    REQUIRE(listener != NULL);
    return smtp_listener_port(listener);
}

int taker_stop(void)
{
    smtp_listener_stop(listener);
    return taken;
}

struct str taker_last(void)
{
    return last;
}
