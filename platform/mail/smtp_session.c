#include "platform/mail/smtp_session.h"

#include <stdio.h>
#include <stdlib.h>

static void bytes_add(struct bytes *to, const char *from, size_t n)
{
    if (to->len + n > to->room) {
        to->room = MAX(to->room * 2, to->len + n);
        to->ptr = mem_realloc(to->ptr, to->room);
    }
    if (n)
        memcpy(to->ptr + to->len, from, n);
    to->len += n;
}

static void bytes_free(struct bytes *bytes)
{
    free(bytes->ptr);
    *bytes = (struct bytes){ 0 };
}

void smtp_session_say(struct smtp_session *session, const char *format, ...)
{
    char line[600];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line - 2, format, args);
    va_end(args);
    n = MIN(n, (int)sizeof line - 3);
    memcpy(line + n, "\r\n", 2);
    bytes_add(&session->out, line, (size_t)n + 2);
}

static void mistake(struct smtp_session *session, const char *reply)
{
    smtp_session_say(session, "%s", reply);
    if (++session->mistakes < SMTP_MOST_MISTAKES)
        return;
    smtp_session_say(session, "421 4.7.0 Too many mistakes");
    session->closing = true;
}

static void reset(struct smtp_session *session)
{
    free(session->sender);
    session->sender = NULL;
    for (size_t i = 0; i < session->n_recipients; i++)
        free(session->recipients[i]);
    session->n_recipients = 0;
    *session->held -= session->data.len;
    bytes_free(&session->data);
    session->in_data = session->too_large = session->no_room = false;
}

void smtp_session_open(struct smtp_session *session, const struct smtp_listener_settings *settings,
                       size_t *held, const char *client)
{
    *session = (struct smtp_session){ .settings = settings, .held = held };
    session->recipients = mem_alloc(settings->most_recipients * sizeof *session->recipients);
    snprintf(session->client, sizeof session->client, "%s", client);
    smtp_session_say(session, "220 %s ESMTP", settings->name);
}

void smtp_session_free(struct smtp_session *session)
{
    reset(session);
    free(session->recipients);
    bytes_free(&session->in);
    bytes_free(&session->out);
    session->recipients = NULL;
}

static void on_hello(struct smtp_session *session, struct str rest)
{
    if (!str_trim(rest).len) {
        mistake(session, "501 5.5.4 Who are you?");
        return;
    }
    reset(session);
    session->greeted = true;
    smtp_session_say(session, "250 %s", session->settings->name);
}

static void on_extended_hello(struct smtp_session *session, struct str rest)
{
    on_hello(session, rest);
    if (!session->greeted || !str_trim(rest).len)
        return;
    session->out.len -= strlen(session->settings->name) + 6; /* once more, with what it can */
    smtp_session_say(session, "250-%s", session->settings->name);
    smtp_session_say(session, "250-PIPELINING");
    smtp_session_say(session, "250-SIZE %zu", session->settings->most_bytes);
    smtp_session_say(session, "250-8BITMIME");
    smtp_session_say(session, "250 ENHANCEDSTATUSCODES");
}

/* "<path>" and what follows it; a source route ("@a,@b:") is dropped (RFC 5321 section 4.1.1.3). */
static bool path_read(struct str *rest, struct str *path)
{
    struct str text = str_trim(*rest);
    ptrdiff_t end = str_find_char(text, '>');
    if (!text.len || text.ptr[0] != '<' || end < 0)
        return false;
    *path = (struct str){ text.ptr + 1, (size_t)end - 1 };
    *rest = (struct str){ text.ptr + end + 1, text.len - (size_t)end - 1 };
    ptrdiff_t route = path->len && path->ptr[0] == '@' ? str_find_char(*path, ':') : -1;
    if (route >= 0)
        *path = (struct str){ path->ptr + route + 1, path->len - (size_t)route - 1 };
    for (size_t i = 0; i < path->len; i++)
        if ((unsigned char)path->ptr[i] <= ' ' || path->ptr[i] == '<' || path->ptr[i] == 127)
            return false;
    return path->len <= 320;
}

static bool keyword(struct str *rest, const char *word)
{
    struct str text = str_trim(*rest);
    size_t n = strlen(word);
    if (text.len < n || !str_eq_nocase((struct str){ text.ptr, n }, (struct str){ word, n }))
        return false;
    *rest = (struct str){ text.ptr + n, text.len - n };
    return true;
}

/* The size that MAIL announces; 0 without one, -1 for a parameter that is none of ours. */
static int64_t size_read(struct str rest)
{
    struct str one;
    int64_t size = 0;
    while (str_split(&rest, ' ', &one)) {
        if (!one.len || str_eq_nocase(one, STR("BODY=8BITMIME")) ||
            str_eq_nocase(one, STR("BODY=7BIT")))
            continue;
        if (!keyword(&one, "SIZE=") || !str_to_int(one, &size) || size < 0)
            return -1;
    }
    return size;
}

static void on_mail(struct smtp_session *session, struct str rest)
{
    struct str path;
    if (!session->greeted || session->sender) {
        mistake(session, session->sender ? "503 5.5.1 There is a sender already"
                                         : "503 5.5.1 Say EHLO first");
        return;
    }
    if (!keyword(&rest, "FROM:") || !path_read(&rest, &path)) {
        mistake(session, "501 5.1.7 MAIL FROM:<address> is wanted");
        return;
    }
    int64_t size = size_read(rest);
    if (size < 0) {
        mistake(session, "555 5.5.4 That parameter is not known here");
    } else if ((uint64_t)size > session->settings->most_bytes) {
        smtp_session_say(session, "552 5.3.4 It is larger than %zu bytes",
                         session->settings->most_bytes);
    } else {
        session->sender = mem_alloc(path.len + 1);
        memcpy(session->sender, path.ptr, path.len);
        smtp_session_say(session, "250 2.1.0 OK");
    }
}

static void on_recipient(struct smtp_session *session, struct str rest)
{
    const struct smtp_listener_settings *settings = session->settings;
    struct str path;
    if (!session->sender) {
        mistake(session, "503 5.5.1 MAIL first");
    } else if (!keyword(&rest, "TO:") || !path_read(&rest, &path) || !path.len ||
               str_trim(rest).len) {
        mistake(session, "501 5.1.3 RCPT TO:<address> is wanted");
    } else if (session->n_recipients == settings->most_recipients) {
        smtp_session_say(session, "452 4.5.3 Too many recipients");
    } else if (settings->knows && !settings->knows(settings->context, path)) {
        mistake(session, "550 5.1.1 Nobody of that name is here");
    } else {
        char *copy = mem_alloc(path.len + 1);
        memcpy(copy, path.ptr, path.len);
        session->recipients[session->n_recipients++] = copy;
        smtp_session_say(session, "250 2.1.5 OK");
    }
}

static void on_data(struct smtp_session *session, struct str rest)
{
    if (!session->n_recipients) {
        mistake(session,
                session->sender ? "554 5.5.1 No valid recipients" : "503 5.5.1 MAIL first");
        return;
    }
    session->in_data = true;
    smtp_session_say(session, "354 Go ahead");
}

static void on_reset(struct smtp_session *session, struct str rest)
{
    reset(session);
    smtp_session_say(session, "250 2.0.0 OK");
}

static void on_nothing(struct smtp_session *session, struct str rest)
{
    smtp_session_say(session, "250 2.0.0 OK");
}

static void on_verify(struct smtp_session *session, struct str rest)
{
    smtp_session_say(session, "252 2.1.5 Try it");
}

static void on_quit(struct smtp_session *session, struct str rest)
{
    smtp_session_say(session, "221 2.0.0 Bye");
    session->closing = true;
}

static const struct {
    struct str verb;
    void (*run)(struct smtp_session *session, struct str rest);
} commands[] = {
    { STR_INIT("EHLO"), on_extended_hello }, { STR_INIT("HELO"), on_hello },
    { STR_INIT("MAIL"), on_mail },           { STR_INIT("RCPT"), on_recipient },
    { STR_INIT("DATA"), on_data },           { STR_INIT("RSET"), on_reset },
    { STR_INIT("NOOP"), on_nothing },        { STR_INIT("VRFY"), on_verify },
    { STR_INIT("QUIT"), on_quit },
};

static void command(struct smtp_session *session, struct str line)
{
    ptrdiff_t end = str_find_char(line, ' ');
    struct str verb = { line.ptr, end < 0 ? line.len : (size_t)end };
    struct str rest = { line.ptr + verb.len, line.len - verb.len };
    for (size_t i = 0; i < COUNT(commands); i++)
        if (str_eq_nocase(verb, commands[i].verb)) {
            commands[i].run(session, rest);
            return;
        }
    mistake(session, "500 5.5.2 That command is not known here");
}

static enum smtp_verdict take(struct smtp_session *session)
{
    struct str *recipients = mem_alloc(session->n_recipients * sizeof *recipients);
    for (size_t i = 0; i < session->n_recipients; i++)
        recipients[i] = str_of(session->recipients[i]);
    struct smtp_mail mail = { .client = str_of(session->client),
                              .sender = str_of(session->sender),
                              .recipients = recipients,
                              .n_recipients = session->n_recipients,
                              .data = { session->data.ptr ? session->data.ptr : "",
                                        session->data.len } };
    enum smtp_verdict verdict = session->settings->take(session->settings->context, &mail);
    free(recipients);
    return verdict;
}

static void data_end(struct smtp_session *session)
{
    static const char *const replies[] = { [SMTP_TAKEN] = "250 2.0.0 Taken",
                                           [SMTP_LATER] = "451 4.3.0 Not now, try again",
                                           [SMTP_REFUSED] = "554 5.6.0 Nothing here can use that" };
    if (session->too_large)
        smtp_session_say(session, "552 5.3.4 It is larger than %zu bytes",
                         session->settings->most_bytes);
    else if (session->no_room)
        smtp_session_say(session, "452 4.3.1 Too much mail at once, try again");
    else
        smtp_session_say(session, "%s", replies[take(session)]);
    reset(session);
}

static void data_add(struct smtp_session *session, struct str line)
{
    size_t most = session->settings->most_bytes;
    session->too_large |= session->data.len + line.len > most;
    session->no_room |= *session->held + line.len > 4 * most;
    if (session->too_large || session->no_room) {
        *session->held -= session->data.len;
        bytes_free(&session->data);
        return;
    }
    bytes_add(&session->data, line.ptr, line.len);
    *session->held += line.len;
}

/* Only CRLF ends a line of a mail, and only CRLF "." CRLF a mail: what others take for an end is text here, so that no
 * second mail hides in one. */
static bool data_line(struct smtp_session *session, struct str *rest)
{
    /* What was looked through before has no end in it: who sends byte by byte costs no more than others. */
    size_t seen = MIN(session->searched, rest->len);
    const char *end = memmem(rest->ptr + seen, rest->len - seen, "\r\n", 2);
    session->searched = end ? 0 : rest->len - (rest->ptr[rest->len - 1] == '\r');
    if (!end)
        return false;
    struct str line = { rest->ptr, (size_t)(end + 2 - rest->ptr) };
    *rest = (struct str){ line.ptr + line.len, rest->len - line.len };
    if (str_eq(line, STR(".\r\n"))) {
        data_end(session);
        return true;
    }
    if (line.ptr[0] == '.')
        line = (struct str){ line.ptr + 1, line.len - 1 };
    data_add(session, line);
    return true;
}

static bool command_line(struct smtp_session *session, struct str *rest)
{
    struct str line;
    ptrdiff_t end = str_find_char(*rest, '\n');
    if (end > SMTP_MOST_LINE || (end < 0 && rest->len > SMTP_MOST_LINE)) {
        smtp_session_say(session, "500 5.5.2 The line is too long");
        session->closing = true;
        return false;
    }
    if (end < 0)
        return false;
    line = (struct str){ rest->ptr, (size_t)end };
    *rest = (struct str){ rest->ptr + end + 1, rest->len - (size_t)end - 1 };
    command(session, str_trim(line));
    return true;
}

void smtp_session_feed(struct smtp_session *session, const char *bytes, size_t n)
{
    bytes_add(&session->in, bytes, n);
    struct str rest = { session->in.ptr, session->in.len };
    while (rest.len && !session->closing &&
           (session->in_data ? data_line(session, &rest) : command_line(session, &rest)))
        ;
    if (session->in_data && rest.len > SMTP_MOST_TEXT_LINE) {
        smtp_session_say(session, "500 5.5.2 The line is too long");
        session->closing = true;
    }
    if (session->closing)
        rest.len = 0;
    if (rest.len)
        memmove(session->in.ptr, rest.ptr, rest.len);
    session->in.len = rest.len;
}
