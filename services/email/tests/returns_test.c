/* What comes back by mail: bounces, soft ones in a row, complaints, what is none and what is forged; on each engine, and by
 * SMTP. */
#include "services/email/returns.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "platform/mail/verp.h"
#include "services/email/tests/room.h"

#define DOMAIN "bounces.example.com"

static struct str path_back(struct test_service *test, struct str message_id)
{
    const struct email *email = email_of(test_ctx(test));
    struct str secret = { (const char *)email->secret, sizeof(email->secret) };
    return verp_address(test_ctx(test)->arena, secret, message_id, STR(DOMAIN));
}

static struct str report(struct test_service *test, const char *action, const char *status,
                         const char *said)
{
    return arena_printf(
        test_ctx(test)->arena,
        "From: postmaster@mx.example.net\r\nSubject: Undelivered\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nIt could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example.net\r\n\r\n"
        "Final-Recipient: rfc822; somebody@elsewhere.example\r\n"
        "Action: %s\r\nStatus: %s\r\nDiagnostic-Code: smtp; %s\r\n\r\n--b--\r\n",
        action, status, said);
}

static struct str complaint(struct test_service *test, struct str return_path)
{
    return arena_printf(
        test_ctx(test)->arena,
        "From: fbl@provider.example\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        "--b\r\n\r\nSomebody calls it spam.\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        "Feedback-Type: abuse\r\nUser-Agent: Provider/1\r\nVersion: 1\r\n"
        "Original-Mail-From: <" STR_FMT ">\r\n\r\n--b--\r\n",
        STR_ARG(return_path));
}

static void comes_back(struct test_service *test, struct str recipient, struct str data)
{
    struct smtp_mail mail = { .client = STR("192.0.2.1"),
                              .sender = STR(""),
                              .recipients = &recipient,
                              .n_recipients = 1,
                              .data = data };
    CHECK(returns_knows(test_ctx(test), recipient));
    CHECK_INT(returns_take(test_ctx(test), &mail), SMTP_TAKEN);
}

static bool service_may_be_sent(struct test_service *test, const char *person)
{
    const char *path = arena_printf(test_ctx(test)->arena, "/v1/contacts/%s", person).ptr;
    struct reply reply = test_call(test, "GET", path, "messages:read", NULL, NULL);
    return json_bool(json_get(test_json(test, reply), "service"));
}

static void test_addresses(struct test_service *test)
{
    struct str id = sent(test, "prf_ann", "addresses"), path = path_back(test, id);
    struct arena *arena = test_ctx(test)->arena;
    struct str other = arena_str(arena, path);
    *(char *)&other.ptr[10] ^= 1;
    CHECK(returns_knows(test_ctx(test), path));
    CHECK(!returns_knows(test_ctx(test), other));
    CHECK(!returns_knows(test_ctx(test), STR("ann@" DOMAIN)));
    CHECK(!returns_knows(test_ctx(test), STR("complaints@example.com")));
    CHECK(returns_knows(test_ctx(test), STR("Complaints@" DOMAIN)));
    struct str elsewhere = arena_printf(arena, "%.*sx", STR_ARG(path));
    CHECK(!returns_knows(test_ctx(test), elsewhere));
}

static void test_hard(struct test_service *test)
{
    struct str id = sent(test, "prf_ann", "hard");
    for (int i = 0; i < 2; i++) /* a report taken twice is one */
        comes_back(test, path_back(test, id),
                   report(test, "failed", "5.1.1", "550 5.1.1 no such user"));
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), 1);
    const struct json *told = test_published_data(test, &EMAIL_MESSAGE_BOUNCED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(told, "bounce")), "hard");
    CHECK_STR(json_str(json_get(told, "status")), "5.1.1");
    CHECK_STR(json_str(json_get(told, "campaign_id")), "cmp_a");
    CHECK_INT(COUNT_OF(SUPPRESSION_ADDED), 1);
    told = test_published_data(test, &EMAIL_SUPPRESSION_ADDED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(told, "reason")), "bounced");
    CHECK_STR(json_str(json_get(told, "person_id")), "prf_ann");
    CHECK(!service_may_be_sent(test, "prf_ann"));
}

static void test_soft(struct test_service *test)
{
    for (int i = 1; i <= 3; i++) {
        struct str key = arena_printf(test_ctx(test)->arena, "soft%d", i),
                   id = sent(test, "prf_bob", key.ptr);
        for (int twice = 0; twice < 2; twice++)
            comes_back(test, path_back(test, id),
                       report(test, "failed", "4.2.2", "452 4.2.2 mailbox full"));
        comes_back(test, path_back(test, id), report(test, "delayed", "4.4.1", "no answer"));
        CHECK_INT(service_may_be_sent(test, "prf_bob"), i < 3);
    }
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), 4);
}

/* After a month the first one again; who is not wanted is not gone. */
static void test_not_in_a_row(struct test_service *test)
{
    static const char *const days[] = { "2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z",
                                        "2026-05-01T00:00:00Z", "2026-05-02T00:00:00Z" };
    for (size_t i = 0; i < COUNT(days); i++) {
        struct str key = arena_printf(test_ctx(test)->arena, "apart%zu", i);
        hold_clock(days[i]);
        comes_back(test, path_back(test, sent(test, "prf_cat", key.ptr)),
                   report(test, "failed", "4.2.2", "452 4.2.2 mailbox full"));
    }
    comes_back(test, path_back(test, sent(test, "prf_cat", "blocked")),
               report(test, "failed", "5.7.1", "550 5.7.1 message refused by policy"));
    CHECK(may_be_sent(test, "prf_cat"));
}

static void test_complaint(struct test_service *test)
{
    struct str id = sent(test, "prf_cat", "spam"), path = path_back(test, id),
               forged = arena_printf(test_ctx(test)->arena,
                                     "b-" STR_FMT "-0123456789abcdef@" DOMAIN, STR_ARG(id));
    comes_back(test, STR("complaints@" DOMAIN), complaint(test, forged));
    comes_back(test, STR("complaints@" DOMAIN), complaint(test, STR("ann@example.com")));
    CHECK(may_be_sent(test, "prf_cat"));
    for (int i = 0; i < 2; i++)
        comes_back(test, STR("complaints@" DOMAIN), complaint(test, path));
    CHECK_INT(COUNT_OF(MESSAGE_COMPLAINED), 1);
    CHECK(!may_be_sent(test, "prf_cat"));
    CHECK(service_may_be_sent(test, "prf_cat"));
}

static void test_no_reports(struct test_service *test)
{
    struct str id = sent(test, "prf_dan", "away"), path = path_back(test, id);
    size_t before = COUNT_OF(MESSAGE_BOUNCED);
    comes_back(
        test, path,
        STR("From: dan@example.com\r\nAuto-Submitted: auto-replied\r\nSubject: Away\r\n\r\nBack on Monday\r\n"));
    comes_back(test, path, STR(""));
    comes_back(test, STR("complaints@" DOMAIN),
               report(test, "failed", "5.1.1", "550 no such user"));
    comes_back(test, path_back(test, STR("msg_nobody")),
               report(test, "failed", "5.1.1", "550 no such user"));
    HEAR(
        CRM_PROFILE_ERASED,
        "{\"profile_id\":\"prf_dan\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-03-01T09:40:01Z\"}");
    comes_back(test, path, report(test, "failed", "5.1.1", "550 no such user"));
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), before);
}

static void test_room(const char *url)
{
    const char *settings[] = { "return_domain=" DOMAIN, "soft_bounces=3", NULL };
    struct test_service *test = test_open(&email_service, url, settings);
    static const char *const people[] = { "prf_ann", "prf_bob", "prf_cat", "prf_dan" };
    hold_clock("2026-03-01T09:00:00Z");
    publish(test, "email_template", "news", "\"subject\":\"News\",\"html\":\"<p>Hello</p>\"");
    for (size_t i = 0; i < COUNT(people); i++)
        person(test, people[i], "");
    test_addresses(test);
    test_hard(test);
    test_soft(test);
    test_not_in_a_row(test);
    test_complaint(test);
    test_no_reports(test);
    clock_hold_us(0);
    test_close(test);
}

/* ---- by SMTP ---- */

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(address);
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(bind(probe, (struct sockaddr *)&address, bytes) == 0);
    REQUIRE(getsockname(probe, (struct sockaddr *)&address, &bytes) == 0);
    close(probe);
    return ntohs(address.sin_port);
}

/* What the server said last to all of this; it is hung up on after QUIT. */
static struct str talk(struct arena *arena, int port, struct str said)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                   .sin_port = htons((uint16_t)port) };
    struct timeval patience = { .tv_sec = 10 };
    char *answers = arena_alloc(arena, 4096);
    size_t n = 0;
    int client = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    REQUIRE(connect(client, (struct sockaddr *)&address, sizeof(address)) == 0);
    REQUIRE(send(client, said.ptr, said.len, MSG_NOSIGNAL) == (ssize_t)said.len);
    for (ssize_t got; n < 4095 && (got = recv(client, answers + n, 4095 - n, 0)) > 0;)
        n += (size_t)got;
    close(client);
    return (struct str){ answers, n };
}

static void test_smtp(void)
{
    int port = free_port();
    char setting[40];
    snprintf(setting, sizeof(setting), "return_port=%d", port);
    const char *settings[] = { "return_domain=" DOMAIN, setting, NULL };
    struct test_service *test = test_open(&email_service, NULL, settings);
    struct arena *arena = test_ctx(test)->arena;
    publish(test, "email_template", "news", "\"subject\":\"News\",\"html\":\"<p>Hello</p>\"");
    person(test, "prf_ann", "");
    struct str path = path_back(test, sent(test, "prf_ann", "smtp"));
    struct str said = talk(
        arena, port,
        arena_printf(arena,
                     "EHLO mx.example.net\r\nMAIL FROM:<>\r\nRCPT TO:<ann@" DOMAIN ">\r\n"
                     "RCPT TO:<" STR_FMT ">\r\nDATA\r\n" STR_FMT "\r\n.\r\nQUIT\r\n",
                     STR_ARG(path), STR_ARG(report(test, "failed", "5.1.1", "550 no such user"))));
    CHECK(strstr(arena_cstr(arena, said), "550 5.1.1"));
    CHECK(strstr(arena_cstr(arena, said), "250 2.0.0"));
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), 1); /* it is stored when it is answered */
    CHECK(!may_be_sent(test, "prf_ann"));
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    test_smtp();
    return check_end();
}
