#include "platform/mail/smtp_dialogue.h"

#include "base/clock.h"

static void rest(struct smtp_connection *connection)
{
    connection->at_rest = true;
    connection->resetting = false;
    connection->deadline_us = clock_mono_us() + connection->relay->settings.idle_ms * US_PER_MS;
    if (connection->delivery)
        smtp_dialogue_mail(connection);
}

static void hello(struct smtp_connection *connection)
{
    smtp_connection_stage(connection, SMTP_HELLO);
    smtp_connection_say(connection, "EHLO " STR_FMT "\r\n",
                        STR_ARG(connection->relay->settings.name));
}

void smtp_dialogue_secure(struct smtp_connection *connection)
{
    if (connection->relay->settings.tls == SMTP_TLS_IMPLICIT)
        smtp_connection_stage(connection, SMTP_GREETING);
    else
        hello(connection);
}

/* The relay's words are the result. */
static void decide_on(struct smtp_connection *connection, enum smtp_outcome outcome)
{
    struct smtp_delivery *delivery = connection->delivery;
    struct smtp_result *result = &delivery->result;
    result->outcome = outcome;
    result->stage = connection->stage;
    result->code = connection->reply.code;
    smtp_reply_status(&connection->reply, result->status);
    smtp_reply_text(&connection->reply, result->text, sizeof result->text);
    delivery->decided = true;
}

/* Before MAIL: the connection is over, nothing was said of the message. */
static void refused(struct smtp_connection *connection)
{
    decide_on(connection, SMTP_OUTCOME_UNSENT);
    smtp_connection_cut(connection, "-");
}

static void take_greeting(struct smtp_connection *connection)
{
    if (connection->reply.code == 220)
        hello(connection);
    else
        refused(connection);
}

static void log_in(struct smtp_connection *connection)
{
    const struct smtp_relay *relay = connection->relay;
    struct str ways = { 0 }, way;
    bool plain = false, login = false;
    if (smtp_reply_offers(&connection->reply, "AUTH", &ways))
        while (str_split(&ways, ' ', &way)) {
            plain |= str_eq_nocase(way, STR("PLAIN"));
            login |= str_eq_nocase(way, STR("LOGIN"));
        }
    smtp_connection_stage(connection, SMTP_AUTH);
    connection->login_step = plain ? 2 : 0;
    if (plain)
        smtp_connection_say(connection, "AUTH PLAIN " STR_FMT "\r\n", STR_ARG(relay->plain));
    else if (login)
        smtp_connection_say(connection, "AUTH LOGIN\r\n");
    else
        smtp_connection_cut(connection, "the relay offers neither AUTH PLAIN nor AUTH LOGIN");
}

static void take_hello(struct smtp_connection *connection)
{
    const struct smtp_reply *reply = &connection->reply;
    enum smtp_tls tls = connection->relay->settings.tls;
    bool offered = smtp_reply_offers(reply, "STARTTLS", NULL);
    if (reply->code != 250) {
        refused(connection);
    } else if (!connection->tls && offered && tls != SMTP_TLS_OFF) {
        smtp_connection_stage(connection, SMTP_STARTTLS);
        smtp_connection_say(connection, "STARTTLS\r\n");
    } else if (!connection->tls && tls == SMTP_TLS_REQUIRED) {
        smtp_connection_cut(connection, "the relay offers no STARTTLS");
    } else {
        connection->pipelining = smtp_reply_offers(reply, "PIPELINING", NULL);
        connection->size = smtp_reply_offers(reply, "SIZE", NULL);
        if (connection->relay->settings.user.len)
            log_in(connection);
        else
            rest(connection);
    }
}

static void take_starttls(struct smtp_connection *connection)
{
    if (connection->reply.code == 220)
        smtp_connection_tls(connection);
    else
        refused(connection);
}

static void take_auth(struct smtp_connection *connection)
{
    const struct smtp_relay *relay = connection->relay;
    if (connection->reply.code == 235) {
        rest(connection);
    } else if (connection->reply.code == 334 && connection->login_step < 2) {
        struct str word = connection->login_step++ ? relay->login_password : relay->login_user;
        smtp_connection_say(connection, STR_FMT "\r\n", STR_ARG(word));
    } else {
        refused(connection);
    }
}

static void say_rcpt(struct smtp_connection *connection)
{
    smtp_connection_say(connection, "RCPT TO:<" STR_FMT ">\r\n",
                        STR_ARG(connection->delivery->message.to));
}

void smtp_dialogue_mail(struct smtp_connection *connection)
{
    struct smtp_delivery *delivery = connection->delivery;
    connection->at_rest = false;
    smtp_connection_stage(connection, SMTP_MAIL);
    delivery->at = 0;
    delivery->line_start = true;
    smtp_connection_say(connection, "MAIL FROM:<" STR_FMT ">", STR_ARG(delivery->message.from));
    if (connection->size)
        smtp_connection_say(connection, " SIZE=%zu", delivery->message.text.len);
    smtp_connection_say(connection, "\r\n");
    if (connection->pipelining) {
        say_rcpt(connection);
        smtp_connection_say(connection, "DATA\r\n");
    }
}

void smtp_dialogue_quit(struct smtp_connection *connection)
{
    smtp_connection_say(connection, "QUIT\r\n");
    smtp_connection_flush(connection);
    if (!connection->closed)
        smtp_connection_cut(connection, "-");
}

/* The delivery's outcome is told, the connection is free for the next. */
static void finish(struct smtp_connection *connection, enum smtp_outcome outcome, bool reset)
{
    smtp_connection_end(connection, outcome);
    connection->messages++;
    if (connection->messages >= connection->relay->settings.messages) {
        smtp_dialogue_quit(connection);
    } else if (reset) {
        smtp_connection_stage(connection, SMTP_MAIL);
        connection->resetting = true;
        smtp_connection_say(connection, "RSET\r\n");
    } else {
        rest(connection);
    }
}

/* A no at MAIL, RCPT or DATA; the first counts. False: what was said is no answer at all, and the connection is over. */
static bool decide(struct smtp_connection *connection)
{
    int class = connection->reply.code / 100;
    if (class != 4 && class != 5) {
        smtp_connection_cut(connection, "the relay's answer makes no sense: %d",
                            connection->reply.code);
        return false;
    }
    if (!connection->delivery->decided)
        decide_on(connection, class == 5 ? SMTP_OUTCOME_REFUSED : SMTP_OUTCOME_DEFERRED);
    return true;
}

/* MAIL, RCPT, DATA: with pipelining, all of them are answered, whatever became of the one before. */
static void take_envelope(struct smtp_connection *connection)
{
    struct smtp_delivery *delivery = connection->delivery;
    bool is_data = connection->stage == SMTP_DATA;
    bool yes = is_data ? connection->reply.code == 354 : connection->reply.code / 100 == 2;
    if (!yes && !decide(connection))
        return;
    if (!yes && (is_data || !connection->pipelining)) {
        finish(connection, delivery->result.outcome, true);
    } else if (!is_data) {
        smtp_connection_stage(connection, connection->stage + 1);
        if (!connection->pipelining && connection->stage == SMTP_RCPT)
            say_rcpt(connection);
        else if (!connection->pipelining)
            smtp_connection_say(connection, "DATA\r\n");
    } else if (delivery->decided) {
        smtp_connection_stage(connection, SMTP_DOT);
        smtp_connection_say(connection, ".\r\n");
    } else {
        smtp_connection_stage(connection, SMTP_BODY);
    }
}

static void take_dot(struct smtp_connection *connection)
{
    static const enum smtp_outcome outcomes[] = {
        [2] = SMTP_OUTCOME_ACCEPTED, [4] = SMTP_OUTCOME_DEFERRED, [5] = SMTP_OUTCOME_REFUSED
    };
    struct smtp_delivery *delivery = connection->delivery;
    int class = connection->reply.code / 100;
    if (delivery->decided) {
        finish(connection, delivery->result.outcome, true);
    } else if (class == 3) {
        smtp_connection_cut(connection, "the relay's answer makes no sense: %d",
                            connection->reply.code);
    } else {
        decide_on(connection, outcomes[class]);
        finish(connection, outcomes[class], false);
    }
}

/* In the middle of the message nothing should be said: a no is one for now. */
static void take_interruption(struct smtp_connection *connection)
{
    if (connection->reply.code >= 400)
        decide_on(connection, SMTP_OUTCOME_DEFERRED);
    smtp_connection_cut(connection, "the relay spoke before the end");
}

/* The service is going away (RFC 5321 section 3.8): the connection is over, whatever it was said to. */
static void take_421(struct smtp_connection *connection)
{
    struct smtp_delivery *delivery = connection->delivery;
    if (!delivery || connection->resetting ||
        (connection->stage == SMTP_MAIL && connection->messages && !delivery->restarted)) {
        smtp_connection_lost(connection, "421");
    } else if (connection->stage < SMTP_MAIL) {
        refused(connection);
    } else {
        decide(connection);
        smtp_connection_cut(connection, "-");
    }
}

static void take_reset(struct smtp_connection *connection)
{
    if (connection->reply.code / 100 == 2)
        rest(connection);
    else
        smtp_connection_lost(connection, "the relay does not know RSET");
}

static void (*const takers[])(struct smtp_connection *) = {
    [SMTP_GREETING] = take_greeting,  [SMTP_HELLO] = take_hello,
    [SMTP_STARTTLS] = take_starttls,  [SMTP_AUTH] = take_auth,
    [SMTP_MAIL] = take_envelope,      [SMTP_RCPT] = take_envelope,
    [SMTP_DATA] = take_envelope,      [SMTP_BODY] = take_interruption,
    [SMTP_READY] = take_interruption, [SMTP_DOT] = take_dot,
};

void smtp_dialogue_take(struct smtp_connection *connection)
{
    struct smtp_reply *reply = &connection->reply;
    if (reply->state == SMTP_REPLY_NONSENSE)
        smtp_connection_cut(connection, "what the relay said is no SMTP reply");
    else if (reply->code == 421)
        take_421(connection);
    else if (connection->resetting)
        take_reset(connection);
    else
        takers[connection->stage](connection);
    memset(reply, 0, offsetof(struct smtp_reply, line));
}
