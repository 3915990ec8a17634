/* What a relay says, of any bytes, at once and byte by byte: the same reply, within its bounds, its text printable. */
#include "platform/mail/smtp_reply.h"
#include "tests/fuzz/fuzz.h"

static void check_reply(const struct smtp_reply *reply)
{
    char status[12], text[60];
    MUST(reply->text_len <= sizeof reply->text && reply->line_len <= sizeof reply->line);
    MUST(reply->state != SMTP_REPLY_WHOLE || (reply->code >= 200 && reply->code <= 599));
    smtp_reply_status(reply, status);
    MUST(strlen(status) < sizeof status && (!status[0] || status[0] - '0' == reply->code / 100));
    smtp_reply_text(reply, text, sizeof text);
    for (const char *c = text; *c; c++)
        MUST(*c >= ' ' && *c <= '~');
    smtp_reply_offers(reply, "SIZE", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    for (size_t at = 0; at < size;) {
        struct smtp_reply once = { 0 }, slow = { 0 };
        size_t n = smtp_reply_feed(&once, bytes + at, size - at), taken = 0;
        while (at + taken < size && smtp_reply_feed(&slow, bytes + at + taken, 1))
            taken++;
        MUST(n > 0 && n == taken && memcmp(&once, &slow, sizeof once) == 0);
        check_reply(&once);
        at += n;
    }
    return 0;
}
