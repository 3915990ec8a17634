#include "base/tests/check.h"
#include "platform/mail/arf.h"
#include "platform/mail/bounce.h"
#include "platform/mail/verp.h"

static struct arena *arena;

static const struct {
    const char *status, *reason, *kind;
} kinds[] = {
    { "5.1.1", "", "hard" },
    { "5.1.1", "mailbox is full", "soft" },
    { "5.0.0", "550 User unknown", "hard" },
    { "5.2.2", "over", "soft" },
    { "5.7.1", "Unable to relay", "blocked" },
    { "5.7.1", "no such user here", "hard" },
    { "5.4.4", "", "hard" },
    { "4.4.7", "", "soft" },
    { "4.7.0", "", "blocked" },
    { "550", "", "hard" },
    { "552", "", "hard" },
    { "", "something", "soft" },
    { "", "likely unsolicited mail", "blocked" },
    { "5.9.9", "", "hard" },
    { NULL, NULL, "soft" },
};

static const struct {
    const char *text, *status;
} statuses[] = {
    { "smtp; 550 5.1.1 no", "5.1.1" },
    { "smtp; 550-5.7.26 no", "5.7.26" },
    { "said: 421 later", "421" },
    { "from 192.5.1.1 said", NULL },
    { "4.4.4", "4.4.4" },
    { "4.4.4.", "4.4.4" },
    { "5.1.1.1", NULL },
    { "1550", NULL },
    { "5.", NULL },
    { "599 ", NULL },
    { "55", NULL },
};

static struct bounce read_bounce(const char *text)
{
    struct bounce bounce;
    if (!bounce_read(arena, mime_parse(arena, str_of(text)), &bounce))
        CHECK_INT(bounce.n, 0);
    return bounce;
}

static const char report[] =
    "From: postmaster@mx.example.net\r\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
    "--b\r\n\r\nThe following recipients are none: other@example.com\r\n"
    "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
    "Reporting-MTA: dns; mx.example.net\r\n\r\n"
    "Original-Recipient: rfc822;ann@example.com\r\n"
    "Final-Recipient: rfc822;a@inner.example.com\r\n"
    "Action: failed\r\nStatus: 5.0.0\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n\r\n"
    "Final-Recipient: rfc822; bob@example.com\r\n"
    "Action: DELAYED\r\nStatus: 4.4.1 (no answer)\r\n \r\n"
    "a line that is no field\r\n"
    "Final-Recipient: rfc822; cy@example.com\r\nAction: delivered\r\n\r\n"
    "Final-Recipient: x400; /S=dan/\r\nAction: failed\r\n\r\n"
    "Final-Recipient: rfc822; ANN@example.com\r\nAction: failed\r\n"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Message-ID: <m1@example.org>\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    "--c\r\nContent-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; never@example.com\r\n"
    "--b--\r\n";

static void check_report(void)
{
    struct bounce bounce = read_bounce(report);
    CHECK_INT(bounce.n, 2);
    CHECK_STR(bounce.recipients[0].address, "ann@example.com");
    CHECK_STR(bounce.recipients[0].status, "5.1.1");
    CHECK_STR(bounce.recipients[0].reason, "smtp; 550 5.1.1 no such user");
    CHECK_INT(bounce.recipients[0].kind, BOUNCE_HARD);
    CHECK_STR(bounce.recipients[1].address, "bob@example.com");
    CHECK_STR(bounce.recipients[1].status, "4.4.1");
    CHECK_INT(bounce.recipients[1].kind, BOUNCE_DELAYED);
    CHECK_STR(bounce.message_id, "<m1@example.org>");
}

static void check_others(void)
{
    struct bounce bounce = read_bounce("X-Failed-Recipients: a@example.com, b@example.com\n\n"
                                       "  a@example.com\n    mailbox full\n");
    CHECK_INT(bounce.n, 2);
    bounce = read_bounce(
        "From: MAILER-DAEMON@x\n\n<a@example.com>:\nquota\n<b@example.com>:\nno such user\n"
        "--- Below this line is a copy of the message.\n\nMessage-ID: <m2@x>\n\n<c@example.com>:\n");
    CHECK_INT(bounce.n, 2);
    CHECK_INT(bounce.recipients[0].kind, BOUNCE_SOFT);
    CHECK_INT(bounce.recipients[1].kind, BOUNCE_HARD);
    CHECK_STR(bounce.message_id, "<m2@x>");
    CHECK_INT(
        read_bounce("From: ann@example.com\nSubject: Auto reply\n\nI am away until Monday. Ask\n"
                    "bob@example.com\n")
            .n,
        0);
    CHECK_INT(read_bounce("").n, 0);
}

static void check_bounds(void)
{
    struct str text = STR("Content-Type: message/delivery-status\n\n");
    for (int i = 0; i < 200; i++)
        text = arena_printf(arena,
                            STR_FMT "Final-Recipient: rfc822;a%d@example.com\nAction: failed\n\n",
                            STR_ARG(text), i);
    CHECK_INT(read_bounce(text.ptr).n, BOUNCE_MOST_RECIPIENTS);
    char *many = arena_alloc(arena, 300001);
    memset(many, '@', 300000);
    memcpy(many, "From: <>\n\n", 10);
    CHECK_INT(read_bounce(many).n, 0);
}

static void check_verp(void)
{
    struct str key = STR("0123456789abcdef"), id = STR("msg_0193c5a8-7d3e-7b61-9a51-b7fd5a3c7f10");
    struct str address = verp_address(arena, key, id, STR("bounces.example.com"));
    CHECK(str_find_char(address, '@') <= 64);
    CHECK_STR(verp_read(arena, key, address), id.ptr);
    char *loud = arena_cstr(arena, address);
    for (size_t i = 0; i < address.len; i++)
        loud[i] = (char)(loud[i] >= 'a' && loud[i] <= 'z' ? loud[i] - 32 : loud[i]);
    CHECK_STR(verp_read(arena, key, (struct str){ loud, address.len }), id.ptr);
    CHECK(!verp_read(arena, STR("another key"), address).ptr);
    char *forged = arena_cstr(arena, address);
    forged[10] = forged[10] == '1' ? '2' : '1';
    CHECK(!verp_read(arena, key, (struct str){ forged, address.len }).ptr);
    CHECK(!verp_read(arena, key, STR("b-@x")).ptr && !verp_read(arena, key, STR("")).ptr);
    CHECK(!verp_address(arena, key, STR("a@b"), STR("x")).ptr &&
          !verp_address(arena, key, STR(""), STR("x")).ptr);
}

static const char complaint_text[] =
    "From: fbl@isp.example\r\n"
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
    "--b\r\n\r\nThis is an email abuse report.\r\n"
    "--b\r\nContent-Type: message/feedback-report\r\n\r\n"
    "Feedback-Type: Abuse\r\nUser-Agent: fbl/1.0\r\nVersion: 1\r\n%s"
    "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Return-Path: <b-1@bounces.example.com>\r\nTo: Ann <ann@example.com>\r\nMessage-ID: <m1@example.org>\r\n\r\nx\r\n"
    "--b--\r\n";

static void check_arf(void)
{
    struct complaint complaint;
    struct str with = arena_printf(arena, complaint_text,
                                   "Original-Mail-From: <b-2@bounces.example.com>\r\n"
                                   "Original-Rcpt-To: <bob@example.com>\r\n"),
               without = arena_printf(arena, complaint_text, "");
    CHECK(arf_read(arena, mime_parse(arena, with), &complaint));
    CHECK_STR(complaint.type, "abuse");
    CHECK_STR(complaint.recipient, "bob@example.com");
    CHECK_STR(complaint.return_path, "b-2@bounces.example.com");
    CHECK_STR(complaint.message_id, "<m1@example.org>");
    CHECK(arf_read(arena, mime_parse(arena, without), &complaint));
    CHECK_STR(complaint.recipient, "ann@example.com");
    CHECK_STR(complaint.return_path, "b-1@bounces.example.com");
    CHECK(!arf_read(
        arena,
        mime_parse(arena, STR("Content-Type: message/feedback-report\n\nFeedback-Type: not-spam\n"
                              "Original-Rcpt-To: a@example.com\n")),
        &complaint));
    CHECK(!arf_read(
        arena,
        mime_parse(arena, STR("Content-Type: message/feedback-report\n\nFeedback-Type: abuse\n")),
        &complaint));
    CHECK(!arf_read(arena, mime_parse(arena, str_of(report)), &complaint));
}

int main(void)
{
    arena = arena_new(0);
    for (size_t i = 0; i < COUNT(kinds); i++)
        CHECK_STR(str_of(bounce_kind_name(
                      bounce_kind_of(str_of(kinds[i].status), str_of(kinds[i].reason)))),
                  kinds[i].kind);
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct str found = bounce_status_in(str_of(statuses[i].text));
        CHECK(!found.ptr == !statuses[i].status);
        if (found.ptr)
            CHECK_STR(found, statuses[i].status);
    }
    check_report();
    check_others();
    check_bounds();
    check_verp();
    check_arf();
    arena_free(arena);
    return check_end();
}
