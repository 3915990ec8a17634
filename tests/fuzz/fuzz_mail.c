/* A mail of any bytes: its parts, headers and texts, what it tells of bounces and complaints; text that is given out is
 * UTF-8. */
#include "platform/mail/arf.h"
#include "platform/mail/bounce.h"
#include "platform/mail/mime_parse.h"
#include "tests/fuzz/fuzz.h"

static void check_part(struct arena *arena, const struct mime_part *part)
{
    MUST(part->n_headers <= MIME_MOST_HEADERS && part->content.ptr);
    for (size_t i = 0; i < part->n_headers; i++) {
        struct str value = part->headers[i].value;
        MUST(part->headers[i].name.len && str_find_char(value, '\n') < 0);
        MUST(str_is_utf8(mime_words(arena, value)));
        mime_parameter(arena, value, "charset");
    }
    struct str text = mime_text(arena, part);
    MUST(str_is_utf8(text) && str_is_utf8(mime_html_text(arena, text)));
}

static void check_reports(struct arena *arena, struct mime_part *mail)
{
    struct bounce bounce;
    struct complaint complaint;
    MUST(bounce_read(arena, mail, &bounce) == (bounce.n > 0));
    MUST(bounce.n <= BOUNCE_MOST_RECIPIENTS);
    for (size_t i = 0; i < bounce.n; i++) {
        struct bounce_recipient *recipient = &bounce.recipients[i];
        MUST(str_find_char(recipient->address, '@') > 0 && recipient->reason.len <= 1000);
        MUST(str_is_utf8(recipient->address) && str_is_utf8(recipient->reason));
        MUST(bounce_kind_name(recipient->kind));
    }
    if (arf_read(arena, mail, &complaint))
        MUST(complaint.recipient.ptr || complaint.return_path.ptr || complaint.message_id.ptr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct mime_part *mail = mime_parse(arena, (struct str){ (const char *)data, size });
    struct mime_walk walk;
    size_t parts = 0;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk)) {
        check_part(arena, part);
        parts++;
    }
    MUST(parts <= MIME_MOST_PARTS);
    check_reports(arena, mail);
    return 0;
}
