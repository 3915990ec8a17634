#include "platform/mail/arf.h"

#include "platform/mail/bounce.h"

static struct str address_in(struct str value)
{
    struct str address = { 0 };
    ptrdiff_t at = str_find_char(value, '@');
    if (at <= 0 || !bounce_address_at(value, (size_t)at, &address))
        return (struct str){ 0 };
    return address;
}

static struct str small(struct arena *arena, struct str text)
{
    char *out = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + ('a' - 'A'));
    return (struct str){ out, text.len };
}

static void fields_read(struct arena *arena, const struct mime_part *part, struct complaint *out)
{
    struct mime_header *fields;
    struct str rest = mime_bytes(arena, part);
    size_t n = mime_headers(arena, &rest, &fields);
    out->type = small(arena, mime_find(fields, n, "feedback-type"));
    out->recipient = address_in(mime_find(fields, n, "original-rcpt-to"));
    out->return_path = address_in(mime_find(fields, n, "original-mail-from"));
}

/* What the fields leave out stands in the mail, or in its head, which is returned with them. */
static void mail_read(const struct mime_header *headers, size_t n, struct complaint *out)
{
    static const char *const recipients[] = { "x-hmxmroriginalrecipient", "to" };
    for (size_t i = 0; i < COUNT(recipients) && !out->recipient.ptr; i++)
        out->recipient = address_in(mime_find(headers, n, recipients[i]));
    if (!out->return_path.ptr)
        out->return_path = address_in(mime_find(headers, n, "return-path"));
}

static void returned_read(struct arena *arena, const struct mime_part *part, struct complaint *out)
{
    if (str_is(part->type, "message/rfc822") && part->n_parts) {
        mail_read(part->parts[0].headers, part->parts[0].n_headers, out);
    } else if (str_is(part->type, "text/rfc822-headers")) {
        struct mime_header *headers;
        struct str rest = mime_bytes(arena, part);
        size_t n = mime_headers(arena, &rest, &headers);
        mail_read(headers, n, out);
    }
}

bool arf_read(struct arena *arena, struct mime_part *mail, struct complaint *out)
{
    struct complaint found = { 0 };
    struct mime_walk walk;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk)) {
        if (!found.type.ptr && str_is(part->type, "message/feedback-report"))
            fields_read(arena, part, &found);
        else if (found.type.ptr)
            returned_read(arena, part, &found);
    }
    if (!found.type.len || str_is(found.type, "not-spam"))
        return false;
    found.message_id = bounce_original_id(arena, mail);
    if (!found.recipient.ptr && !found.return_path.ptr && !found.message_id.ptr)
        return false;
    *out = found;
    return true;
}
