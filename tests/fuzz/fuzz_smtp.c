/* What an SMTP client sends, at once and in pieces: the same replies, the same mails, and nothing held at the end. */
#include "platform/mail/smtp_session.h"
#include "tests/fuzz/fuzz.h"

static struct str mails;

static bool knows(void *context, struct str recipient)
{
    MUST(recipient.len && str_find_char(recipient, '\n') < 0);
    return recipient.ptr[0] != 'x';
}

static enum smtp_verdict take(void *context, const struct smtp_mail *mail)
{
    MUST(mail->n_recipients && mail->n_recipients <= 3 && mail->data.len <= 500);
    mails = arena_printf(context, STR_FMT "<" STR_FMT ">" STR_FMT, STR_ARG(mails),
                         STR_ARG(mail->sender), STR_ARG(mail->data));
    return mail->data.len % 3;
}

static struct str talk(struct arena *arena, const uint8_t *data, size_t size, size_t step)
{
    const struct smtp_listener_settings settings = { .name = "mx",
                                                     .most_bytes = 500,
                                                     .most_recipients = 3,
                                                     .knows = knows,
                                                     .take = take,
                                                     .context = arena };
    struct smtp_session session;
    size_t held = 0;
    mails = STR("");
    smtp_session_open(&session, &settings, &held, "127.0.0.1");
    for (size_t i = 0; i < size; i += step)
        smtp_session_feed(&session, (const char *)data + i, MIN(step, size - i));
    struct str said =
        arena_printf(arena, STR_FMT, STR_ARG(((struct str){ session.out.ptr, session.out.len })));
    smtp_session_free(&session);
    MUST(held == 0);
    return said;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    if (!size)
        return 0;
    struct str whole = talk(arena, data, size, size), mails_whole = mails;
    struct str pieces = talk(arena, data, size, data[0] % 7 + 1);
    MUST(str_eq(whole, pieces) && str_eq(mails_whole, mails));
    return 0;
}
