#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/mail/smtp.h"
#include "platform/mail/tests/evil_relay.h"
#include "platform/mail/tests/smtp_taker.h"
#include "platform/tls/tls.h"

static struct arena *arena;

static struct smtp_relay *relay_at(int port, enum smtp_tls tls, const char *ca)
{
    struct ctx ctx = { .arena = arena };
    struct smtp_settings settings = { .host = STR("127.0.0.1"),
                                      .port = port,
                                      .tls = tls,
                                      .ca_file = str_of(ca),
                                      .name = STR("sender.example"),
                                      .connections = 2 };
    for (int i = 0; i < N_SMTP_STAGES; i++)
        settings.limits_ms[i] = 10000;
    settings.limits_ms[SMTP_DATA] = settings.limits_ms[SMTP_DOT] = 400;
    struct smtp_relay *relay = smtp_relay_new(&ctx, &settings);
    REQUIRE(relay != NULL);
    return relay;
}

/* One message, to its outcome. */
static struct smtp_result deliver(struct smtp *smtp, struct smtp_relay *relay, const char *text)
{
    struct smtp_message message = { STR("a@b.example"), STR("ann@here.example"), str_of(text),
                                    &message };
    struct smtp_result result = { 0 };
    struct smtp_delivery *delivery;
    void *owner;
    smtp_offer(smtp, relay, &message);
    for (int64_t end_us = clock_mono_us() + 30 * US_PER_S; clock_mono_us() < end_us;) {
        smtp_wait(smtp, 1000);
        if (smtp_next_done(smtp, &result)) {
            CHECK(result.owner == &message && result.relay == relay);
            return result;
        }
        while (smtp_next_ready(smtp, &delivery, &owner)) {
            CHECK(owner == &message);
            smtp_finish(smtp, delivery);
        }
    }
    REQUIRE(!"an outcome");
    return result;
}

#define HI { NULL, "220 hi\r\n" }, { "\r\n", "250 x\r\n" }
#define TO_DATA HI, { "\r\n", "250 ok\r\n" }, { "\r\n", "250 ok\r\n" }
#define TO_BODY TO_DATA, { "DATA\r\n", "354 go\r\n" }
#define PIPED { NULL, "220 hi\r\n" }, { "\r\n", "250-x\r\n250-SIZE 100\r\n250 PIPELINING\r\n" }

static const struct evil {
    const char *name;
    struct step steps[12];
    enum smtp_outcome outcome;
    enum smtp_stage stage;
    int code;
    const char *status, *heard; /* heard: the end of it, if given */
} evils[] = {
    { "taken",
      { TO_BODY, { "\r\n.\r\n", "250 2.0.0 fine\r\n" }, { NULL, HANG } },
      SMTP_OUTCOME_ACCEPTED,
      SMTP_DOT,
      250,
      "2.0.0",
      "DATA\r\nhello\r\n.\r\n" },
    { "refused at the door",
      { { NULL, "554 5.7.1 no\r\n" } },
      SMTP_OUTCOME_UNSENT,
      SMTP_GREETING,
      554,
      "5.7.1",
      NULL },
    { "421 at the door",
      { { NULL, "421 later\r\n" } },
      SMTP_OUTCOME_UNSENT,
      SMTP_GREETING,
      421,
      "",
      NULL },
    { "nonsense at the door",
      { { NULL, "SSH-2.0-x\r\n" } },
      SMTP_OUTCOME_UNSENT,
      SMTP_GREETING,
      0,
      "",
      NULL },
    { "closed at the door", { { NULL, "22" } }, SMTP_OUTCOME_UNSENT, SMTP_GREETING, 0, "", NULL },
    { "endless lines",
      { { NULL, "220 hi\r\n" }, { "\r\n", "ENDLESS" } },
      SMTP_OUTCOME_UNSENT,
      SMTP_HELLO,
      0,
      "",
      NULL },
    { "lines of two minds",
      { { NULL, "220 hi\r\n" }, { "\r\n", "250-a\r\n251 b\r\n" } },
      SMTP_OUTCOME_UNSENT,
      SMTP_HELLO,
      0,
      "",
      NULL },
    { "451 to MAIL",
      { HI, { "\r\n", "451 4.7.1 grey\r\n" }, { "RSET\r\n", HANG } },
      SMTP_OUTCOME_DEFERRED,
      SMTP_MAIL,
      451,
      "4.7.1",
      NULL },
    { "452 to RCPT",
      { HI,
        { "\r\n", "250 ok\r\n" },
        { "\r\n", "452-4.2.2 full\r\n452 4.2.2 up\r\n" },
        { "RSET\r\n", HANG } },
      SMTP_OUTCOME_DEFERRED,
      SMTP_RCPT,
      452,
      "4.2.2",
      NULL },
    { "550 to RCPT",
      { HI, { "\r\n", "250 ok\r\n" }, { "\r\n", "550 5.1.1 who\r\n" }, { "RSET\r\n", HANG } },
      SMTP_OUTCOME_REFUSED,
      SMTP_RCPT,
      550,
      "5.1.1",
      NULL },
    { "421 to RCPT",
      { HI, { "\r\n", "250 ok\r\n" }, { "\r\n", "421 4.3.2 down\r\n" } },
      SMTP_OUTCOME_DEFERRED,
      SMTP_RCPT,
      421,
      "4.3.2",
      NULL },
    { "550 to RCPT, piped",
      { PIPED, { "DATA\r\n", "250 ok\r\n550 5.1.1 who\r\n503 none\r\n" }, { "RSET\r\n", HANG } },
      SMTP_OUTCOME_REFUSED,
      SMTP_RCPT,
      550,
      "5.1.1",
      "RSET\r\n" },
    { "550 to RCPT, and yet 354",
      { PIPED,
        { "DATA\r\n", "250 ok\r\n550 5.1.1 who\r\n354 go\r\n" },
        { "\r\n", "554 none\r\n" },
        { "\r\n", HANG } },
      SMTP_OUTCOME_REFUSED,
      SMTP_RCPT,
      550,
      "5.1.1",
      "DATA\r\n.\r\nRSET\r\n" },
    { "250 to DATA",
      { TO_DATA, { "DATA\r\n", "250 ok\r\n" }, { NULL, HANG } },
      SMTP_OUTCOME_UNSENT,
      SMTP_DATA,
      0,
      "",
      "DATA\r\n" },
    { "hangs at DATA",
      { TO_DATA, { "DATA\r\n", HANG } },
      SMTP_OUTCOME_UNSENT,
      SMTP_DATA,
      0,
      "",
      "DATA\r\n" },
    { "closes at DATA",
      { TO_DATA, { "DATA\r\n", "354" } },
      SMTP_OUTCOME_UNSENT,
      SMTP_DATA,
      0,
      "",
      "DATA\r\n" },
    { "answers before",
      { TO_DATA, { "DATA\r\n", "354 go\r\n250 got it\r\n" }, { NULL, HANG } },
      SMTP_OUTCOME_UNSENT,
      SMTP_BODY,
      0,
      "",
      "DATA\r\n" },
    { "hangs at the dot",
      { TO_BODY, { "\r\n.\r\n", HANG } },
      SMTP_OUTCOME_DOUBT,
      SMTP_DOT,
      0,
      "",
      NULL },
    { "closes at the dot",
      { TO_BODY, { "\r\n.\r\n", "25" } },
      SMTP_OUTCOME_DOUBT,
      SMTP_DOT,
      0,
      "",
      NULL },
    { "nonsense at the dot",
      { TO_BODY, { "\r\n.\r\n", "ok then\r\n" } },
      SMTP_OUTCOME_DOUBT,
      SMTP_DOT,
      0,
      "",
      NULL },
    { "354 at the dot",
      { TO_BODY, { "\r\n.\r\n", "354 more\r\n" } },
      SMTP_OUTCOME_DOUBT,
      SMTP_DOT,
      0,
      "",
      NULL },
    { "451 at the dot",
      { TO_BODY, { "\r\n.\r\n", "451 4.3.0 disk\r\n" } },
      SMTP_OUTCOME_DEFERRED,
      SMTP_DOT,
      451,
      "4.3.0",
      NULL },
    { "552 at the dot",
      { TO_BODY, { "\r\n.\r\n", "552 5.2.2 full\r\n" } },
      SMTP_OUTCOME_REFUSED,
      SMTP_DOT,
      552,
      "5.2.2",
      NULL },
};

static void check_evil(const struct evil *evil)
{
    CLEANUP(arena_freep) struct arena *own = arena_new(0);
    struct relay *server = ARENA_NEW(own, struct relay);
    server->scripts[0] = evil->steps;
    relay_start(server);
    struct smtp_relay *relay = relay_at(server->port, SMTP_TLS_OFF, NULL);
    struct smtp *smtp = smtp_new();
    struct smtp_result result = deliver(smtp, relay, "hello");
    if (!CHECK_INT(result.outcome, evil->outcome) | !CHECK_INT(result.stage, evil->stage) |
        !CHECK_INT(result.code, evil->code) | !CHECK_STR(str_of(result.status), evil->status) |
        !CHECK(result.text[0]))
        fprintf(stderr, "... %s: %s\n", evil->name, result.text);
    smtp_wait(smtp, evil->heard ? 50 : 0);
    smtp_free(smtp);
    smtp_relay_free(relay);
    relay_stop(server);
    if (evil->heard && !CHECK(str_ends(str_of(server->heard[0]), str_of(evil->heard))))
        fprintf(stderr, "... %s heard %s\n", evil->name, server->heard[0]);
}

/* A connection that the relay has given up since is replaced, once. */
static void check_stale(void)
{
    static const struct step once[] = {
        TO_BODY, { "\r\n.\r\n", "250 ok\r\n" }, { "\r\n", "421 idle\r\n" }, { 0 }
    };
    static const struct step ends[] = { HI, { "\r\n", "" }, { 0 } };
    CLEANUP(arena_freep) struct arena *own = arena_new(0);
    for (int broken = 0; broken < 2; broken++) {
        struct relay *server = ARENA_NEW(own, struct relay);
        server->scripts[0] = once;
        server->scripts[1] = broken ? ends : once;
        relay_start(server);
        struct smtp_relay *relay = relay_at(server->port, SMTP_TLS_OFF, NULL);
        struct smtp *smtp = smtp_new();
        CHECK_INT(deliver(smtp, relay, "one").outcome, SMTP_OUTCOME_ACCEPTED);
        CHECK_INT(deliver(smtp, relay, "two").outcome,
                  broken ? SMTP_OUTCOME_UNSENT : SMTP_OUTCOME_ACCEPTED);
        smtp_free(smtp);
        smtp_relay_free(relay);
        relay_stop(server);
        CHECK(broken || strstr(server->heard[1], "two\r\n.\r\n"));
    }
}

/* While the owner notes its doubt, the relay goes, or speaks: the dot is not written. */
static void check_before_dot(void)
{
    static const struct step goes[] = { TO_BODY, { "hello\r\n", "" }, { 0 } };
    static const struct step speaks[] = {
        TO_BODY, { "hello\r\n", "451 4.3.0 no\r\n" }, { NULL, HANG }, { 0 }
    };
    static const struct step waits[] = { TO_BODY, { NULL, HANG }, { 0 } };
    static const struct step *const scripts[] = { goes, speaks, waits };
    static const enum smtp_outcome outcomes[] = { SMTP_OUTCOME_UNSENT, SMTP_OUTCOME_DEFERRED,
                                                  SMTP_OUTCOME_UNSENT };
    CLEANUP(arena_freep) struct arena *own = arena_new(0);
    for (size_t i = 0; i < COUNT(scripts); i++) {
        struct relay *server = ARENA_NEW(own, struct relay);
        server->scripts[0] = scripts[i];
        relay_start(server);
        struct smtp_relay *relay = relay_at(server->port, SMTP_TLS_OFF, NULL);
        struct smtp *smtp = smtp_new();
        struct smtp_message message = { STR(""), STR("ann@here.example"), STR("hello"), NULL };
        struct smtp_delivery *delivery = NULL;
        struct smtp_result result = { 0 };
        void *owner;
        smtp_offer(smtp, relay, &message);
        CHECK_INT(smtp_room(smtp, relay), 1);
        smtp_wait(smtp, 10000);
        REQUIRE(smtp_next_ready(smtp, &delivery, &owner));
        usleep(100000);
        if (scripts[i] == waits)
            smtp_withdraw(smtp, delivery);
        else
            smtp_finish(smtp, delivery);
        REQUIRE(smtp_next_done(smtp, &result));
        CHECK_INT(result.outcome, outcomes[i]);
        CHECK_INT(result.stage, SMTP_READY);
        CHECK_INT(smtp_room(smtp, relay), 2);
        smtp_free(smtp);
        smtp_relay_free(relay);
        relay_stop(server);
        CHECK(str_ends(str_of(server->heard[0]), STR("DATA\r\nhello\r\n")));
    }
}

/* A key and a certificate of its own for 127.0.0.1, in files that are gone at the end. */
static void make_certificate(const char *cert_file, const char *key_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_NAME *name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"relay", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(cert, san, -1);
    REQUIRE(X509_sign(cert, key, EVP_sha256()) > 0);
    FILE *out = fopen(cert_file, "w");
    REQUIRE(out && PEM_write_X509(out, cert) == 1 && fclose(out) == 0);
    out = fopen(key_file, "w");
    REQUIRE(out && PEM_write_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) == 1 &&
            fclose(out) == 0);
    X509_EXTENSION_free(san);
    X509_free(cert);
    EVP_PKEY_free(key);
}

#define STARTTLS                                                                                   \
    { NULL, "220 hi\r\n" }, { "\r\n", "250-x\r\n250 STARTTLS\r\n" }, { "\r\n", "220 go\r\n" },     \
    {                                                                                              \
        NULL, "TLS"                                                                                \
    }
#define REST                                                                                       \
    { "\r\n", "250 x\r\n" }, { "\r\n", "250 ok\r\n" }, { "\r\n", "250 ok\r\n" },                   \
        { "\r\n", "354 go\r\n" }, { "\r\n.\r\n", "250 ok\r\n" }, { NULL, HANG },                   \
    {                                                                                              \
        0                                                                                          \
    }

static void check_tls(void)
{
    static const struct step start[] = { STARTTLS, REST };
    static const struct step at_once[] = { { NULL, "TLS" }, { NULL, "220 hi\r\n" }, REST };
    static const struct step inject[] = { { NULL, "220 hi\r\n" },
                                          { "\r\n", "250-x\r\n250 STARTTLS\r\n" },
                                          { "\r\n", "220 go\r\n250 x\r\n" },
                                          { NULL, HANG },
                                          { 0 } };
    static const struct step none[] = { HI, { NULL, HANG }, { 0 } };
    static const struct {
        const struct step *steps;
        enum smtp_tls tls;
        bool trusted;
        enum smtp_outcome outcome;
        enum smtp_stage stage;
    } cases[] = {
        { start, SMTP_TLS_OPPORTUNISTIC, false, SMTP_OUTCOME_ACCEPTED, SMTP_DOT },
        { start, SMTP_TLS_REQUIRED, false, SMTP_OUTCOME_UNSENT, SMTP_TLS },
        { start, SMTP_TLS_REQUIRED, true, SMTP_OUTCOME_ACCEPTED, SMTP_DOT },
        { at_once, SMTP_TLS_IMPLICIT, false, SMTP_OUTCOME_UNSENT, SMTP_TLS },
        { at_once, SMTP_TLS_IMPLICIT, true, SMTP_OUTCOME_ACCEPTED, SMTP_DOT },
        { inject, SMTP_TLS_REQUIRED, true, SMTP_OUTCOME_UNSENT, SMTP_TLS },
        { none, SMTP_TLS_REQUIRED, true, SMTP_OUTCOME_UNSENT, SMTP_HELLO },
    };
    char folder[] = "/tmp/smtp_test.XXXXXX";
    REQUIRE(mkdtemp(folder));
    const char *cert = arena_printf(arena, "%s/cert", folder).ptr;
    const char *key = arena_printf(arena, "%s/key", folder).ptr;
    make_certificate(cert, key);
    struct ctx ctx = { .arena = arena };
    struct tls *tls = tls_new(&ctx, &(struct tls_files){ cert, key, NULL });
    REQUIRE(tls != NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(arena_freep) struct arena *own = arena_new(0);
        struct relay *server = ARENA_NEW(own, struct relay);
        server->tls = tls;
        server->scripts[0] = cases[i].steps;
        relay_start(server);
        struct smtp_relay *relay =
            relay_at(server->port, cases[i].tls, cases[i].trusted ? cert : NULL);
        struct smtp *smtp = smtp_new();
        struct smtp_result result = deliver(smtp, relay, "secret");
        CHECK_INT(result.outcome, cases[i].outcome);
        if (!CHECK_INT(result.stage, cases[i].stage))
            fprintf(stderr, "... %zu: %s\n", i, result.text);
        CHECK(result.tls == (cases[i].steps != none));
        smtp_free(smtp);
        smtp_relay_free(relay);
        relay_stop(server);
    }
    tls_free(tls);
    unlink(cert);
    unlink(key);
    rmdir(folder);
}

static void check_login(void)
{
    static const struct step plain[] = { { NULL, "220 hi\r\n" },
                                         { "\r\n", "250-x\r\n250 AUTH LOGIN PLAIN\r\n" },
                                         { "AUTH PLAIN AG1lAHB3\r\n", "235 ok\r\n" },
                                         { "\r\n", "550 no\r\n" },
                                         { 0 } };
    static const struct step login[] = { { NULL, "220 hi\r\n" },
                                         { "\r\n", "250-x\r\n250 AUTH LOGIN\r\n" },
                                         { "AUTH LOGIN\r\n", "334 x\r\n" },
                                         { "bWU=\r\n", "334 x\r\n" },
                                         { "cHc=\r\n", "535 5.7.8 no\r\n" },
                                         { 0 } };
    for (int i = 0; i < 2; i++) {
        CLEANUP(arena_freep) struct arena *own = arena_new(0);
        struct relay *server = ARENA_NEW(own, struct relay);
        server->scripts[0] = i ? login : plain;
        relay_start(server);
        struct ctx ctx = { .arena = own };
        struct smtp_settings settings = { .host = STR("127.0.0.1"),
                                          .port = server->port,
                                          .name = STR("x"),
                                          .user = STR("me"),
                                          .password = STR("pw") };
        struct smtp_relay *relay = smtp_relay_new(&ctx, &settings);
        struct smtp *smtp = smtp_new();
        struct smtp_result result = deliver(smtp, relay, "hello");
        CHECK_INT(result.stage, i ? SMTP_AUTH : SMTP_MAIL);
        CHECK_INT(result.code, i ? 535 : 550);
        CHECK_INT(result.outcome, i ? SMTP_OUTCOME_UNSENT : SMTP_OUTCOME_REFUSED);
        smtp_free(smtp);
        smtp_relay_free(relay);
        relay_stop(server);
    }
}

static void check_settings(void)
{
    static const struct smtp_settings wrong[] = {
        { .host = STR_INIT("a b"), .port = 25, .name = STR_INIT("x") },
        { .host = STR_INIT("127.0.0.1"), .port = 65536, .name = STR_INIT("x") },
        { .host = STR_INIT("127.0.0.1"), .port = 25, .name = STR_INIT("x\r\nRSET") },
        { .host = STR_INIT("192.0.2.1"),
          .port = 25,
          .name = STR_INIT("x"),
          .user = STR_INIT("me"),
          .tls = SMTP_TLS_OPPORTUNISTIC },
        { .host = STR_INIT("127.0.0.1"),
          .port = 25,
          .name = STR_INIT("x"),
          .tls = SMTP_TLS_REQUIRED,
          .ca_file = STR_INIT("/nowhere") },
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct ctx ctx = { .arena = arena };
        CHECK(!smtp_relay_new(&ctx, &wrong[i]) && ctx.error.code == ERR_INVALID);
    }
}

/* Many through the listener at once, several on each connection; what arrives is what was sent. */
static void check_many(void)
{
    enum { N = 60, BYTES = 50000 };
    int port = taker_start(arena);
    struct smtp_relay *relay = relay_at(port, SMTP_TLS_OFF, NULL);
    struct smtp *smtp = smtp_new();
    char *text = arena_alloc(arena, BYTES + 1);
    for (int i = 0; i < BYTES; i++)
        text[i] = i % 7 == 6 ? '\n' : i % 7 == 5 ? '\r' : '.';
    text[BYTES - 1] = 'x';
    int offered = 0, accepted = 0;
    int64_t end_us = clock_mono_us() + 60 * US_PER_S;
    while (accepted < N && clock_mono_us() < end_us) {
        struct smtp_delivery *delivery;
        struct smtp_result result;
        void *owner;
        while (offered < N && smtp_room(smtp, relay)) {
            struct smtp_message message = { STR("a@b.example"), STR("ann@here.example"),
                                            str_of(text), NULL };
            smtp_offer(smtp, relay, &message);
            offered++;
        }
        smtp_wait(smtp, 1000);
        while (smtp_next_done(smtp, &result))
            accepted += CHECK_INT(result.outcome, SMTP_OUTCOME_ACCEPTED);
        while (smtp_next_ready(smtp, &delivery, &owner))
            smtp_finish(smtp, delivery);
    }
    CHECK_INT(accepted, N);
    struct smtp_message bad = { STR("a@b"), STR("x@y>\r\nRCPT TO:<z@y"), STR("hello"), NULL };
    struct smtp_result result = { 0 };
    smtp_offer(smtp, relay, &bad);
    CHECK(smtp_next_done(smtp, &result) && result.outcome == SMTP_OUTCOME_REFUSED && !result.code);
    smtp_wake(smtp);
    int64_t start_us = clock_mono_us();
    smtp_wait(smtp, 20000);
    CHECK(clock_mono_us() - start_us < 10 * US_PER_S);
    smtp_free(smtp);
    smtp_relay_free(relay);
    CHECK_INT(taker_stop(), N);
    CHECK_STR(taker_last(), arena_printf(arena, "%s\r\n", text).ptr);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    arena = arena_new(0);
    for (size_t i = 0; i < COUNT(evils); i++)
        check_evil(&evils[i]);
    check_stale();
    check_before_dot();
    check_tls();
    check_login();
    check_settings();
    check_many();
    arena_free(arena);
    return check_end();
}
