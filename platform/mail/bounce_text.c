#include "platform/mail/bounce.h"

#define MOST_TEXT 65536 /* what a report says stands at its start */
#define NEAR_BYTES 300 /* an address further behind its phrase is another's */
#define REASON_BYTES 300

/* A blank of these fits any white space. */

/* Where the mail that came back begins. */
static const char *const cuts[] = {
    "original message follows",
    "original message as received",
    "--- original message",
    "original message attached",
    "lines of your original message",
    "mensaje original",
    "below this line is a copy",
    "below the next line is a copy",
    "this is a copy of",
    "here is a copy of",
    "included is a copy of",
    "below is a copy of",
    "attachment is a copy",
    "a copy of the original message",
    "header of the original message",
    "returned mail follows",
    "returned message ---",
    "-- returned mail",
    "message header follows",
    "message headers follow",
    "message text follows",
    "unsent message below",
    "forwarded message ---",
    "header of the source mail",
    "the header and top",
    "old message:",
    "your message reads",
    "summary of the undelivered message",
    "transcript of session",
    "transcript of the session",
    "session transcript",
    "\nreceived: from ",
    "\nreturn-path:",
};

/* It is only late. */
static const char *const delays[] = {
    "delivery attempts will continue",
    "has not yet been delivered",
    "this is just a warning",
    "this is a warning",
    "has been delayed",
    "still awaiting delivery",
    "has been postponed",
    "will continue to try",
    "will be retried",
};

/* What stands before those who did not get it. */
static const char *const befores[] = {
    "the following recipient",
    "the following address",
    "the following user",
    "following addresses failed",
    "failed addresses follow",
    "failed recipient",
    "unable to deliver message to",
    "unable to deliver your message to",
    "unable to deliver the following message",
    "wasn't able to deliver the following message",
    "could not be delivered to:",
    "message could not be delivered to",
    "was not delivered to:",
    "could not be reached:",
    "the following message, addressed to",
    "addressed to email address",
    "your message was addressed,",
    "message has not yet been delivered is:",
    "email to this address",
    "has reached our local address",
    "originally addressed to",
    "intended recipient:",
    "undeliverable address:",
    "invalid final delivery userid:",
    "mailbox is full:",
    "quota violation for",
    "local mailbox",
    "error-for:",
    "undeliverable to",
    "attempts:",
    "unknown user:",
    "list of recipients:",
};

/* What stands behind one who did not get it. */
static const char *const behinds[] = { "- no such user here", "was automatically rejected",
                                       "has not yet been delivered because" };

/* What a line may begin with before its address. */
static const struct str decorations[] = {
    STR_INIT("failed recipient:"),
    STR_INIT("recipient:"),
    STR_INIT("(expanded from:"),
    STR_INIT("[smtp:"),
    STR_INIT("<"),
    STR_INIT(">"),
    STR_INIT("\""),
    STR_INIT("'"),
    STR_INIT("*"),
    STR_INIT("-"),
    STR_INIT(" "),
};

struct reader {
    struct arena *arena;
    struct str text; /* white space is one blank, or one line feed where there was any */
    bool delayed;
    struct bounce *out;
};

static bool is_white(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct str flatten(struct arena *arena, struct str text)
{
    char *out = arena_alloc_raw(arena, text.len + 2);
    size_t n = 0;
    out[n++] = '\n';
    for (size_t i = 0; i < text.len; i++) {
        bool white = is_white(text.ptr[i]);
        if (white && is_white(out[n - 1]))
            out[n - 1] = text.ptr[i] == '\n' ? '\n' : out[n - 1];
        else
            out[n++] = !white ? text.ptr[i] : text.ptr[i] == '\n' ? '\n' : ' ';
    }
    out[n] = '\0';
    return (struct str){ out, n };
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool fits(struct str text, size_t at, const char *phrase)
{
    size_t i = 0;
    for (; phrase[i] && at + i < text.len; i++) {
        char c = small(text.ptr[at + i]);
        if (c != phrase[i] && !(phrase[i] == ' ' && c == '\n'))
            return false;
    }
    return phrase[i] == '\0';
}

/* Index of the phrase at or behind `from`; text.len without it. */
static size_t find(struct str text, size_t from, const char *phrase)
{
    for (; from < text.len; from++)
        if (fits(text, from, phrase))
            return from;
    return text.len;
}

static struct str cut(struct str text)
{
    for (size_t i = 0; i < COUNT(cuts); i++)
        text.len = MIN(text.len, find(text, 0, cuts[i]));
    return text;
}

static bool has_any(struct str text, const char *const *phrases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (find(text, 0, phrases[i]) < text.len)
            return true;
    return false;
}

/* What is said behind the address up to the next line that begins with another's. */
static struct str reason_at(struct reader *reader, size_t at)
{
    struct str rest = { reader->text.ptr + at, MIN(REASON_BYTES, reader->text.len - at) };
    char *reason = arena_cstr(reader->arena, rest);
    size_t from = 0, n = rest.len;
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && reason[i] == '\n' && reason[i + 1] == '<')
            n = i;
        if (reason[i] == '\n')
            reason[i] = ' ';
    }
    while (from < n && strchr(">:;,.\"')] ", reason[from]))
        from++;
    return mime_utf8(reader->arena, STR("utf-8"), (struct str){ reason + from, n - from });
}

static void add(struct reader *reader, struct str address)
{
    if (str_eq_nocase((struct str){ address.ptr, MIN(address.len, 11) }, STR("postmaster@")))
        return; /* whom to ask */
    size_t end = (size_t)(address.ptr + address.len - reader->text.ptr);
    struct bounce_recipient recipient = { .address = address, .reason = reason_at(reader, end) };
    recipient.status = bounce_status_in(recipient.reason);
    struct str words = recipient.reason.len ? recipient.reason : reader->text;
    recipient.kind = reader->delayed ? BOUNCE_DELAYED : bounce_kind_of(recipient.status, words);
    bounce_add(reader->arena, reader->out, recipient);
}

/* The first address in text[from, to). */
static bool first_between(struct str text, size_t from, size_t to, struct str *out)
{
    for (; from < to; from++)
        if (text.ptr[from] == '@' && bounce_address_at(text, from, out))
            return true;
    return false;
}

/* The address that the line at `at` begins with. */
static bool leads_line(struct str text, size_t at, struct str *out)
{
    for (size_t i = 0; i < COUNT(decorations); i++) {
        struct str decoration = decorations[i];
        if (at + decoration.len <= text.len &&
            str_eq_nocase((struct str){ text.ptr + at, decoration.len }, decoration)) {
            at += decoration.len;
            i = (size_t)-1;
        }
    }
    size_t end = at;
    while (end < text.len && text.ptr[end] != '@' && !is_white(text.ptr[end]))
        end++;
    return end < text.len && text.ptr[end] == '@' && bounce_address_at(text, end, out) &&
           out->ptr >= text.ptr + at;
}

static void read_list(struct reader *reader, size_t from)
{
    struct str text = reader->text, address;
    for (size_t i = from; i < text.len; i++)
        if (text.ptr[i] == '\n' && leads_line(text, i + 1, &address))
            add(reader, address);
}

static void read_befores(struct reader *reader)
{
    struct str text = reader->text, address;
    size_t list = text.len;
    for (size_t i = 0; i < COUNT(befores); i++)
        for (size_t at = 0; (at = find(text, at, befores[i])) < text.len;) {
            at += strlen(befores[i]);
            if (!first_between(text, at, MIN(at + NEAR_BYTES, text.len), &address))
                continue;
            add(reader, address);
            list = MIN(list, at);
        }
    read_list(reader, list);
}

static void read_behinds(struct reader *reader)
{
    struct str text = reader->text, address, last = { 0 };
    for (size_t i = 0; i < COUNT(behinds); i++) {
        size_t at = find(text, 0, behinds[i]);
        if (at == text.len)
            continue;
        for (size_t from = at > NEAR_BYTES ? at - NEAR_BYTES : 0; from < at; from++)
            if (text.ptr[from] == '@' && bounce_address_at(text, from, &address))
                last = address;
        if (last.ptr)
            add(reader, last);
    }
}

/* "<somebody@example.com>: why" at the start of a line, in any language: qmail, Postfix and who took after them. */
static void read_marked(struct reader *reader)
{
    struct str text = reader->text, address;
    for (size_t i = 0; i + 2 < text.len; i++) {
        if (text.ptr[i] != '\n' || text.ptr[i + 1] != '<' || !leads_line(text, i + 1, &address))
            continue;
        const char *end = address.ptr + address.len;
        struct str after = { end, (size_t)(text.ptr + text.len - end) };
        if (address.ptr == text.ptr + i + 2 &&
            (str_starts(after, STR(">:")) || str_starts(after, STR("> (expanded from"))))
            add(reader, address);
    }
}

/* AOL names its people without their domain. */
static void read_local(struct reader *reader, struct str from)
{
    size_t at = find(reader->text, 0, "because they are not accepting mail from");
    ptrdiff_t sign = str_find_char(from, '@');
    struct str rest = { reader->text.ptr + at, reader->text.len - at }, line, sender, address;
    if (at == reader->text.len || sign < 0 || !bounce_address_at(from, (size_t)sign, &sender))
        return;
    int domain_bytes = (int)(sender.ptr + sender.len - (from.ptr + sign + 1));
    str_split(&rest, '\n', &line);
    while (str_split(&rest, '\n', &line)) {
        struct str whole = arena_printf(reader->arena, STR_FMT "@%.*s", STR_ARG(str_trim(line)),
                                        domain_bytes, from.ptr + sign + 1);
        if (bounce_address_at(whole, str_trim(line).len, &address) && address.len == whole.len)
            bounce_add(reader->arena, reader->out,
                       (struct bounce_recipient){ .address = address, .kind = BOUNCE_BLOCKED });
    }
}

static bool from_daemon(const struct mime_part *mail)
{
    static const char *const names[] = { "mailer-daemon", "postmaster", "mail delivery",
                                         "mail administrator" };
    struct str from = mime_header(mail, "from");
    return !from.len || has_any(from, names, COUNT(names)) ||
           str_is(mime_header(mail, "return-path"), "<>");
}

/* The first text for people. */
static struct str text_of(struct arena *arena, struct mime_part *mail)
{
    struct mime_walk walk;
    for (struct mime_part *part = mime_first(&walk, mail); part; part = mime_next(&walk)) {
        if (str_is(part->type, "text/plain"))
            return mime_text(arena, part);
        if (str_is(part->type, "text/html"))
            return mime_html_text(arena, mime_text(arena, part));
        if (str_is(part->type, "message/rfc822"))
            break;
    }
    return STR("");
}

void bounce_read_text(struct arena *arena, struct mime_part *mail, struct bounce *out)
{
    struct str text = text_of(arena, mail);
    text.len = MIN(text.len, MOST_TEXT);
    struct reader reader = { .arena = arena, .text = cut(flatten(arena, text)), .out = out };
    reader.delayed = has_any(reader.text, delays, COUNT(delays));
    read_local(&reader, mime_header(mail, "from"));
    if (!out->n && from_daemon(mail))
        read_marked(&reader);
    if (!out->n)
        read_befores(&reader);
    if (!out->n)
        read_behinds(&reader);
}
