#include "platform/mail/bounce.h"

#define MOST_REASON 300

void bounce_add(struct arena *arena, struct bounce *bounce, struct bounce_recipient recipient)
{
    if (bounce->n == BOUNCE_MOST_RECIPIENTS)
        return;
    for (size_t i = 0; i < bounce->n; i++)
        if (str_eq_nocase(bounce->recipients[i].address, recipient.address))
            return;
    if (!bounce->recipients)
        bounce->recipients = ARENA_ARRAY(arena, struct bounce_recipient, BOUNCE_MOST_RECIPIENTS);
    recipient.address = arena_str(arena, recipient.address);
    if (recipient.reason.len > MOST_REASON)
        recipient.reason =
            mime_utf8(arena, STR("utf-8"), (struct str){ recipient.reason.ptr, MOST_REASON - 2 });
    bounce->recipients[bounce->n++] = recipient;
}

static bool is_local(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+/=?^_`{|}~.-", c));
}

static bool is_domain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-';
}

static bool has_empty_label(struct str text)
{
    struct str rest = text, label;
    while (str_split(&rest, '.', &label))
        if (label.len == 0)
            return true;
    return text.len == 0;
}

bool bounce_address_at(struct str text, size_t at, struct str *out)
{
    size_t from = at, to = at + 1;
    while (from > 0 && at - from < 80 && is_local(text.ptr[from - 1]))
        from--;
    while (to < text.len && to - at < 256 && is_domain(text.ptr[to]))
        to++;
    while (to > at + 1 && (text.ptr[to - 1] == '.' || text.ptr[to - 1] == '-'))
        to--;
    while (from < at && (text.ptr[from] == '\'' || text.ptr[from] == '`'))
        from++;
    struct str local = { text.ptr + from, at - from }, domain = { text.ptr + at + 1, to - at - 1 };
    if (local.len > 5 && str_eq_nocase((struct str){ local.ptr, 5 }, STR("SMTP=")))
        local = (struct str){ local.ptr + 5, local.len - 5 }; /* of X.400 */
    if (local.len > 64 || has_empty_label(local) || has_empty_label(domain) ||
        str_find_char(domain, '.') < 0)
        return false;
    *out = (struct str){ local.ptr, local.len + 1 + domain.len };
    return true;
}

/* "rfc822; somebody@example.com" (RFC 3464 section 2.3.2) */
static bool typed_address(struct str value, struct str *out)
{
    ptrdiff_t at = str_find_char(value, '@');
    return at > 0 && bounce_address_at(value, (size_t)at, out);
}

/* A comment or more may stand behind: "failed (Bad destination mailbox address)". */
static struct str first_word(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if (value.ptr[i] == ' ' || value.ptr[i] == '(' || value.ptr[i] == '\t' ||
            value.ptr[i] == ';')
            return (struct str){ value.ptr, i };
    return value;
}

static bool is_delay(struct str action, struct str status)
{
    return str_eq_nocase(action, STR("delayed")) ||
           (!action.len && status.len && status.ptr[0] == '4');
}

static void recipient_read(struct arena *arena, const struct mime_header *fields, size_t n,
                           struct bounce *out)
{
    struct str action = first_word(mime_find(fields, n, "action"));
    struct str status = first_word(mime_find(fields, n, "status"));
    struct str diagnostic = mime_find(fields, n, "diagnostic-code");
    struct bounce_recipient recipient = { 0 };
    if (!typed_address(mime_find(fields, n, "original-recipient"), &recipient.address) &&
        !typed_address(mime_find(fields, n, "final-recipient"), &recipient.address))
        return;
    if (action.len && !is_delay(action, status) &&
        !str_eq_nocase((struct str){ action.ptr, MIN(action.len, 4) }, STR("fail")))
        return; /* delivered, relayed, expanded */
    if (!diagnostic.len)
        diagnostic = mime_find(fields, n, "status"); /* some put it there */
    recipient.reason = mime_utf8(arena, STR("utf-8"), diagnostic);
    struct str better = bounce_status_in(recipient.reason);
    bool vague = !status.len || str_ends(status, STR(".0.0"));
    recipient.status = vague && better.len ? better : status;
    recipient.kind = is_delay(action, status) ? BOUNCE_DELAYED
                                              : bounce_kind_of(recipient.status, recipient.reason);
    bounce_add(arena, out, recipient);
}

static void report_read(struct arena *arena, const struct mime_part *part, struct bounce *out)
{
    struct str rest = mime_bytes(arena, part);
    for (int most = 0; rest.len && most < BOUNCE_MOST_RECIPIENTS * 4; most++) {
        struct mime_header *fields;
        size_t n = mime_headers(arena, &rest, &fields);
        if (n)
            recipient_read(arena, fields, n, out);
        else if (rest.len) /* a line that is no field */
            str_split(&rest, '\n', &(struct str){ 0 });
    }
}

static struct str id_of(struct str value)
{
    ptrdiff_t from = str_find_char(value, '<'), to = str_find_char(value, '>');
    if (from < 0 || to < from + 3)
        return (struct str){ 0 };
    return (struct str){ value.ptr + from, (size_t)(to - from) + 1 };
}

/* Of headers that stand in a text, as many reports return them. */
static struct str id_in_text(struct arena *arena, struct str text)
{
    struct str line, id;
    while (str_split(&text, '\n', &line)) {
        line = str_trim(line);
        while (line.len && (line.ptr[0] == '>' || line.ptr[0] == ' '))
            line = (struct str){ line.ptr + 1, line.len - 1 };
        if (line.len > 11 && str_eq_nocase((struct str){ line.ptr, 11 }, STR("Message-ID:")) &&
            (id = id_of(line)).ptr)
            return arena_str(arena, id);
    }
    return (struct str){ 0 };
}

struct str bounce_original_id(struct arena *arena, struct mime_part *mail)
{
    static const char *const own[] = { "x-original-message-id", "in-reply-to", "references" };
    struct mime_walk walk;
    struct str id = { 0 };
    for (struct mime_part *part = mime_first(&walk, mail); part && !id.ptr;
         part = mime_next(&walk)) {
        if (str_is(part->type, "message/rfc822") && part->n_parts)
            id = id_of(mime_header(&part->parts[0], "message-id"));
        else if (str_starts(part->type, STR("text/")))
            id = id_in_text(arena, mime_bytes(arena, part));
    }
    for (size_t i = 0; i < COUNT(own) && !id.ptr; i++)
        id = id_of(mime_header(mail, own[i]));
    return id;
}

/* What Exim and others put into the head of their reports. */
static void failed_read(struct arena *arena, const struct mime_part *mail, struct bounce *out)
{
    struct str value = mime_header(mail, "x-failed-recipients"), one, address;
    while (str_split(&value, ',', &one))
        if (typed_address(one, &address))
            bounce_add(arena, out,
                       (struct bounce_recipient){ .address = address, .kind = BOUNCE_HARD });
}

/* The text says more than the head: why, and that it is only late. */
static void failed_explain(struct arena *arena, struct mime_part *mail, struct bounce *bounce)
{
    struct bounce told = { 0 };
    bounce_read_text(arena, mail, &told);
    for (size_t i = 0; i < bounce->n; i++)
        for (size_t t = 0; t < told.n; t++)
            if (str_eq_nocase(bounce->recipients[i].address, told.recipients[t].address))
                bounce->recipients[i] = told.recipients[t];
}

/* The reports up to the mail that came back; `inside`: in it too, for a report may itself be forwarded. */
static void reports_read(struct arena *arena, struct mime_part *mail, bool inside,
                         struct bounce *out)
{
    struct mime_walk walk;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk)) {
        if (str_is(part->type, "message/rfc822") && part != mail && !inside)
            return;
        if (str_is(part->type, "message/delivery-status") ||
            str_is(part->type, "message/global-delivery-status"))
            report_read(arena, part, out);
    }
}

bool bounce_read(struct arena *arena, struct mime_part *mail, struct bounce *out)
{
    *out = (struct bounce){ 0 };
    reports_read(arena, mail, false, out);
    if (!out->n) {
        failed_read(arena, mail, out);
        if (out->n)
            failed_explain(arena, mail, out);
        else
            bounce_read_text(arena, mail, out);
    }
    if (!out->n)
        reports_read(arena, mail, true, out);
    if (!out->n)
        return false;
    out->message_id = bounce_original_id(arena, mail);
    return true;
}
