#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/mail/smtp_listener.h"
#include "platform/mail/smtp_session.h"

static struct arena *arena;
static struct str taken, taken_from, taken_to;
static size_t takes;

static bool knows(void *context, struct str recipient)
{
    return str_ends(recipient, STR("@here.example"));
}

static enum smtp_verdict take(void *context, const struct smtp_mail *mail)
{
    takes++;
    taken = arena_str(arena, mail->data);
    taken_from = arena_str(arena, mail->sender);
    taken_to = STR("");
    for (size_t i = 0; i < mail->n_recipients; i++)
        taken_to = arena_printf(arena, STR_FMT "|" STR_FMT, STR_ARG(taken_to),
                                STR_ARG(mail->recipients[i]));
    return str_starts(mail->data, STR("later")) ? SMTP_LATER
           : str_starts(mail->data, STR("no"))  ? SMTP_REFUSED
                                                : SMTP_TAKEN;
}

static const struct smtp_listener_settings settings = {
    .host = "127.0.0.1",
    .name = "mx.here.example",
    .most_bytes = 2000,
    .most_recipients = 2,
    .most_sessions = 3,
    .idle_us = 300 * US_PER_MS,
    .knows = knows,
    .take = take,
};

/* What a session says to this, sent at once and again byte by byte. */
static struct str talk(const char *said)
{
    struct smtp_session session;
    struct str replies = { 0 };
    size_t held = 0;
    for (int way = 0; way < 2; way++) {
        takes = 0;
        smtp_session_open(&session, &settings, &held, "127.0.0.1");
        session.out.len = 0;
        size_t n = strlen(said), step = way ? 1 : n;
        for (size_t i = 0; i < n; i += step)
            smtp_session_feed(&session, said + i, step);
        struct str now = arena_str(
            arena, (struct str){ session.out.ptr ? session.out.ptr : "", session.out.len });
        CHECK(way == 0 || str_eq(now, replies));
        replies = now;
        smtp_session_free(&session);
        CHECK_INT(held, 0);
    }
    return replies;
}

#define HELLO "EHLO x\r\n"
#define HELLO_REPLY                                                                                \
    "250-mx.here.example\r\n250-PIPELINING\r\n250-SIZE 2000\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
#define TO_ANN HELLO "MAIL FROM:<> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<ann@here.example>\r\n"
#define TO_ANN_REPLY HELLO_REPLY "250 2.1.0 OK\r\n250 2.1.5 OK\r\n"

static const struct {
    const char *said, *replies;
} talks[] = {
    { "HELO x\r\nNOOP\r\nVRFY a\r\nRSET\r\nQUIT\r\nNOOP\r\n",
      "250 mx.here.example\r\n250 2.0.0 OK\r\n252 2.1.5 Try it\r\n250 2.0.0 OK\r\n221 2.0.0 Bye\r\n" },
    { "ehlo\r\nMAIL FROM:<a@b>\r\n", "501 5.5.4 Who are you?\r\n503 5.5.1 Say EHLO first\r\n" },
    { "WHAT\r\n", "500 5.5.2 That command is not known here\r\n" },
    { "HELO x\r\nRCPT TO:<a@b>\r\nDATA\r\nMAIL FROM:a@b\r\n",
      "250 mx.here.example\r\n503 5.5.1 MAIL first\r\n503 5.5.1 MAIL first\r\n"
      "501 5.1.7 MAIL FROM:<address> is wanted\r\n" },
    { "HELO x\r\nMAIL FROM:<a@b> SIZE=2001\r\nMAIL FROM:<a@b> SIZE=x\r\nMAIL FROM:<a@b> AUTH=<>\r\n",
      "250 mx.here.example\r\n552 5.3.4 It is larger than 2000 bytes\r\n"
      "555 5.5.4 That parameter is not known here\r\n555 5.5.4 That parameter is not known here\r\n" },
    { "HELO x\r\nMAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\nRCPT TO:<x@there>\r\nRCPT TO:<>\r\nDATA\r\n",
      "250 mx.here.example\r\n250 2.1.0 OK\r\n503 5.5.1 There is a sender already\r\n"
      "550 5.1.1 Nobody of that name is here\r\n501 5.1.3 RCPT TO:<address> is wanted\r\n"
      "554 5.5.1 No valid recipients\r\n" },
    { TO_ANN
      "RCPT TO:<@a,@b:bob@here.example>\r\nRCPT TO:<cy@here.example>\r\nDATA\r\nx\r\n.\r\nDATA\r\n",
      TO_ANN_REPLY
      "250 2.1.5 OK\r\n452 4.5.3 Too many recipients\r\n354 Go ahead\r\n250 2.0.0 Taken\r\n"
      "503 5.5.1 MAIL first\r\n" },
    { TO_ANN "DATA\r\nlater\r\n.\r\n",
      TO_ANN_REPLY "354 Go ahead\r\n451 4.3.0 Not now, try again\r\n" },
    { TO_ANN "DATA\r\nno\r\n.\r\n",
      TO_ANN_REPLY "354 Go ahead\r\n554 5.6.0 Nothing here can use that\r\n" },
};

static void check_mail(void)
{
    CHECK_STR(talk(TO_ANN "DATA\r\nA: b\r\n\r\n..dot\r\nx\xff\r\n.\r\nQUIT\r\n"),
              TO_ANN_REPLY "354 Go ahead\r\n250 2.0.0 Taken\r\n221 2.0.0 Bye\r\n");
    CHECK_STR(taken, "A: b\r\n\r\n.dot\r\nx\xff\r\n");
    CHECK_STR(taken_from, "");
    CHECK_STR(taken_to, "|ann@here.example");
}

/* Only CRLF "." CRLF ends a mail: a second one that others would see inside it is text. */
static void check_smuggling(void)
{
    CHECK_STR(talk(TO_ANN "DATA\r\na\n.\nMAIL FROM:<evil@x>\r\n.\n\r\n\n.\r\nb\r\r\n.\r\nQUIT\r\n"),
              TO_ANN_REPLY "354 Go ahead\r\n250 2.0.0 Taken\r\n221 2.0.0 Bye\r\n");
    CHECK_INT(takes, 1);
}

static void check_limits(void)
{
    struct str text = STR(TO_ANN "DATA\r\n");
    for (int i = 0; i < 300; i++)
        text = arena_printf(arena, STR_FMT "12345678\r\n", STR_ARG(text));
    text = arena_printf(arena, STR_FMT ".\r\nNOOP\r\n", STR_ARG(text));
    CHECK_STR(talk(text.ptr), TO_ANN_REPLY
              "354 Go ahead\r\n552 5.3.4 It is larger than 2000 bytes\r\n250 2.0.0 OK\r\n");
    CHECK_INT(takes, 0);
    char *line = arena_alloc(arena, SMTP_MOST_TEXT_LINE + 1000);
    memset(line, 'x', SMTP_MOST_TEXT_LINE + 999);
    CHECK_STR(talk(arena_printf(arena, TO_ANN "DATA\r\n%s", line).ptr),
              TO_ANN_REPLY "354 Go ahead\r\n500 5.5.2 The line is too long\r\n");
    line[SMTP_MOST_LINE + 10] = '\0';
    CHECK_STR(talk(line), "500 5.5.2 The line is too long\r\n");
    text = STR("");
    for (int i = 0; i < 30; i++)
        text = arena_printf(arena, STR_FMT "X\r\n", STR_ARG(text));
    CHECK(str_ends(talk(text.ptr), STR("known here\r\n421 4.7.0 Too many mistakes\r\n")));
}

/* All mails under way together have a bound too; who ends gives back what it held. */
static void check_room(void)
{
    struct smtp_session sessions[6];
    size_t held = 0;
    char line[1002];
    memset(line, 'x', 1000);
    memcpy(line + 1000, "\r\n", 2);
    for (int i = 0; i < 6; i++) {
        smtp_session_open(&sessions[i], &settings, &held, "127.0.0.1");
        smtp_session_feed(&sessions[i], TO_ANN "DATA\r\n", strlen(TO_ANN "DATA\r\n"));
        smtp_session_feed(&sessions[i], line, sizeof line);
        smtp_session_feed(&sessions[i], line, 900);
        smtp_session_feed(&sessions[i], "\r\n", 2);
        CHECK(held <= 4 * settings.most_bytes);
    }
    sessions[5].out.len = 0;
    smtp_session_feed(&sessions[5], ".\r\n", 3);
    CHECK_STR(((struct str){ sessions[5].out.ptr, sessions[5].out.len }),
              "452 4.3.1 Too much mail at once, try again\r\n");
    for (int i = 0; i < 6; i++)
        smtp_session_free(&sessions[i]);
    CHECK_INT(held, 0);
}

static int dial(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

/* All that is said until the other side closes. */
static struct str hear(int fd)
{
    char *text = arena_alloc(arena, 4096);
    size_t n = 0;
    for (ssize_t got; n < 4095 && (got = recv(fd, text + n, 4095 - n, 0)) > 0;)
        n += (size_t)got;
    close(fd);
    return (struct str){ text, n };
}

static void check_sockets(void)
{
    struct ctx ctx = { .arena = arena };
    struct smtp_listener *listener = smtp_listener_start(&ctx, &settings);
    CHECK(listener != NULL);
    struct smtp_listener_settings twice = settings;
    twice.port = smtp_listener_port(listener);
    CHECK(!smtp_listener_start(&ctx, &twice) && ctx.error.code == ERR_UNAVAILABLE);
    ctx_clear(&ctx);
    twice.host = "localhost";
    CHECK(!smtp_listener_start(&ctx, &twice) && ctx.error.code == ERR_INVALID);
    int quiet = dial(twice.port), fd = dial(twice.port);
    const char all[] = TO_ANN "DATA\r\nhello\r\n.\r\nQUIT\r\n";
    CHECK(send(fd, all, sizeof all - 1, 0) == (ssize_t)(sizeof all - 1));
    CHECK_STR(hear(fd), "220 mx.here.example ESMTP\r\n" TO_ANN_REPLY
                        "354 Go ahead\r\n250 2.0.0 Taken\r\n221 2.0.0 Bye\r\n");
    CHECK_STR(hear(quiet),
              "220 mx.here.example ESMTP\r\n421 4.4.2 Nothing was said for too long\r\n");
    int many[6]; /* those for whom there is no room wait until another has gone */
    for (int i = 0; i < 6; i++)
        many[i] = dial(twice.port);
    for (int i = 0; i < 6; i++)
        CHECK(str_starts(hear(many[i]), STR("220 ")));
    int last = dial(twice.port);
    CHECK(send(last, "HELO x\r\nMAIL", 12, 0) == 12);
    smtp_listener_stop(listener);
    hear(last);
    smtp_listener_stop(NULL);
}

int main(void)
{
    arena = arena_new(0);
    for (size_t i = 0; i < COUNT(talks); i++)
        CHECK_STR(talk(talks[i].said), talks[i].replies);
    check_mail();
    check_smuggling();
    check_limits();
    check_room();
    check_sockets();
    arena_free(arena);
    return check_end();
}
