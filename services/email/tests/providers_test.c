/* Webhooks of providers: known to be theirs, understood, each thing once; forged, replayed, of another topic: refused. */
#include "services/email/news.h"
#include "services/email/sns.h"
#include "services/email/tests/room.h"

/* Signed with keys that are nobody's, at 2026-03-01T09:00:00Z. */
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\nMIIDGzCCAgOgAwIBAgIUe3xOZAZzmkri4SSUlyGReR5WKJMwDQY"
    "JKoZIhvcNAQEL\nBQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMTI0MjAzNzQ1"
    "\nWhgPMjEyNjEwMzEyMDM3NDVaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29t\nMIIBIjANBgkq"
    "hkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3d7l1/7MN2CtTzUwKS2K\nvF34I/cycky2KBlfAxOr+Dd15J"
    "def8gaXWDdMMY+I8FEqhC0ieKBN+mtHZySV8Wz\nzYKqbZmv5T6s+IqIgv3zwkFWdePQx5OoRKufu4OL"
    "ii8SWpSVggZ8aG1g0CFoTY2S\nzQStej/2UHpoomRrKpi1K9FVMcs73f0NoR3VCJjbNXJ7W1fnUrGTKH"
    "AeH+a1eETY\nkgmcpXsxeeAlP7FUVPonTOXEavD6VAl5TsJXP9RTVEaaC+unm0LGUk9OODkrcdX7\nIY"
    "kLgliq+E6zJuDk3U3Xyp8MdL5Kw6IdSTmo0kP1/Y1Nfu6ZgBPqygcBnUwMwgWO\nNQIDAQABo1MwUTAd"
    "BgNVHQ4EFgQUe7GYBdcAFj73QOTTP7B41AkFCIgwHwYDVR0j\nBBgwFoAUe7GYBdcAFj73QOTTP7B41A"
    "kFCIgwDwYDVR0TAQH/BAUwAwEB/zANBgkq\nhkiG9w0BAQsFAAOCAQEAp/TXEwzHbRfZVv4J1huszuR5"
    "sBEkie7FpA6XqAoOLOi8\nWo9JyjBvzBVQ3qSobVfZUoaM1bB0DyxF5j6IQ414Mz4PtKa/tCPrLnI5ea"
    "ndrJeP\nGYTjV0HiDqLUKlOlZrvvuhjcSmfu9plC012sX0TG5YJMTbjFeROoS6OfZMEpd+WI\nvyJIzq"
    "DHnOgNFIhwPaCRk9Db9HOR5cwD1l52oryw1nvODtet+v2feZZVieJMOX/b\nDaLhHOEUSbKLjMF108zd"
    "NRzJF8ufP8/+ZnRNZGLePj2ZLEHggc0ggQWzyPTjYXN3\n7CH8ZA4bLf4AXVzWW8auFGjJFtHkP5j9kV"
    "MFTxOF0Q==\n-----END CERTIFICATE-----\n";
static const char ses_hard[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    "\",\"TopicArn\":\"arn:aws:sns:eu-west-1:123456789012:mail\",\"Message\":\"{\\\"e"
    "ventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\""
    ",\\\"bounceSubType\\\":\\\"General\\\",\\\"bouncedRecipients\\\":[{\\\"emailAddr"
    "ess\\\":\\\"prf_ann@example.com\\\",\\\"status\\\":\\\"5.1.1\\\"}]},\\\"mail\\\""
    ":{\\\"source\\\":\\\"news@example.com\\\",\\\"headers\\\":[{\\\"name\\\":\\\"Sub"
    "ject\\\",\\\"value\\\":\\\"News\\\"},{\\\"name\\\":\\\"X-Fanfare-Message\\\","
    "\\\"value\\\":\\\"msg_3b412a710fd29fb9a80ad3bb86f0cc97\\\"}]}}\",\"Timestamp\":"
    "\"2026-03-01T09:00:00.000Z\",\"SignatureVersion\":\"2\",\"Signature\":\"oQdm9d7f"
    "DQ0Fh6jI1l1z42xWoGruraCM321fes21oeSna8vDH4Yr3BzcIMxbvDESgGCF216daeyRTaVtqZa/AgAP"
    "NCbZts7JEYqQWyTaupMFmUnFTNrKUATxojr+B0qn/Bz+QNMIqRbXvA3rc6vwuT8iG95LRDzaLTZ8+OMr"
    "ZuBb+ynS/0JXGGdBrZ1A45dmLIJHlxfRPeZ+A2FJndNxFT3b5EupgOR6liuNYZ1RKqh79OJrUJpmioLZ"
    "6NQfJPDVUHNak2FBcO6ygrKBItLR2JXun8DVBP+eCqtzbKG2l1lG8t4rwhgR1wyx+5Vx8pphdMZBM5oe"
    "fhYp1JDo5Gu6Dg==\",\"SigningCertURL\":\"https://sns.eu-west-1.amazonaws.com/Simp"
    "leNotificationService-0123.pem\"}";
static const char ses_hard_sha1[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    "\",\"TopicArn\":\"arn:aws:sns:eu-west-1:123456789012:mail\",\"Message\":\"{\\\"e"
    "ventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\""
    ",\\\"bounceSubType\\\":\\\"General\\\",\\\"bouncedRecipients\\\":[{\\\"emailAddr"
    "ess\\\":\\\"prf_ann@example.com\\\",\\\"status\\\":\\\"5.1.1\\\"}]},\\\"mail\\\""
    ":{\\\"source\\\":\\\"news@example.com\\\",\\\"headers\\\":[{\\\"name\\\":\\\"Sub"
    "ject\\\",\\\"value\\\":\\\"News\\\"},{\\\"name\\\":\\\"X-Fanfare-Message\\\","
    "\\\"value\\\":\\\"msg_3b412a710fd29fb9a80ad3bb86f0cc97\\\"}]}}\",\"Timestamp\":"
    "\"2026-03-01T09:00:00.000Z\",\"SignatureVersion\":\"1\",\"Signature\":\"bPP1a4rM"
    "5eGLy6+t94CZmIS3y8wDl8B22uTKy7kGWQP+S2dEaRCGGRL0Uw0WDk2XjAcJZmtlK4/8bDPQ4uzntQRA"
    "sNkj6NgveDGNPDXWM9hBVsjEH8nwoJgsZqNWoN1fXcc3Qz9L3LnLtFJ3VOtrm1jVkP/qz4dXf7g3A70r"
    "Mq5rWm51J8Ddwa66s6NztigAcddQVdXgvHJydHmc5G5JoKPU0A/UsBu0eJ8QgFZPbv56pcREQAuphxn8"
    "4pUQ9jwMZ1w88rQXQ3meZZ6InAcdS4qP43zUY2nMVQs7+LvkGWc3LXHcDYLh5l2cgUVlJY9plhWkwtWZ"
    "IGKRR4WmH+b9Cg==\",\"SigningCertURL\":\"https://sns.eu-west-1.amazonaws.com/Simp"
    "leNotificationService-0123.pem\"}";
static const char ses_other_topic[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    "\",\"TopicArn\":\"arn:aws:sns:eu-west-1:999999999999:mail\",\"Message\":\"{\\\"e"
    "ventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\""
    ",\\\"bounceSubType\\\":\\\"General\\\",\\\"bouncedRecipients\\\":[{\\\"emailAddr"
    "ess\\\":\\\"prf_ann@example.com\\\",\\\"status\\\":\\\"5.1.1\\\"}]},\\\"mail\\\""
    ":{\\\"source\\\":\\\"news@example.com\\\",\\\"headers\\\":[{\\\"name\\\":\\\"Sub"
    "ject\\\",\\\"value\\\":\\\"News\\\"},{\\\"name\\\":\\\"X-Fanfare-Message\\\","
    "\\\"value\\\":\\\"msg_3b412a710fd29fb9a80ad3bb86f0cc97\\\"}]}}\",\"Timestamp\":"
    "\"2026-03-01T09:00:00.000Z\",\"SignatureVersion\":\"2\",\"Signature\":\"ZHnzjyOn"
    "tpOGF4kmsuZCGkQ7CEKMs9rdsz11EtU9xZtGXMjkQTPIaO0D+qHU4bXdK+j+6tcjP9fQuIDlEthV8W4A"
    "LRWGX7eIWhhRrPFMh/WiDvzdR7/rk7gELUfqUnoo8KsyAfY//TYgbVoZii+h9bMwCUC5eRWuJCdUy5lj"
    "kawPHB7wJ16y2aUomjQrqxKyEV4NxQ1jh5JC4ceO+bA3zmN2eZUsAXQXn3VF1L5LdgGuhDfdd9xu7rtu"
    "PCJRIMkT2f8xRagCT6psTS/t+YE7ewHwiOVl8FmOfKzHMgg+3K1MaUQ0fOrOdR7KE6rMGbGMRabbijop"
    "GSnn1iKA3ZJkxg==\",\"SigningCertURL\":\"https://sns.eu-west-1.amazonaws.com/Simp"
    "leNotificationService-0123.pem\"}";
static const char ses_words[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    "\",\"TopicArn\":\"arn:aws:sns:eu-west-1:123456789012:mail\",\"Message\":\"Succes"
    "sfully validated SNS topic for Amazon SES event publishing.\",\"Timestamp\":\"20"
    "26-03-01T09:00:00.000Z\",\"Subject\":\"Amazon SES\",\"SignatureVersion\":\"2\","
    "\"Signature\":\"vvAi06V9PLEPQxj1KZYJy+cWIGQBfD+WkcdrHmtJ7bOFRldCenV/DPwAE5KBUm+x"
    "2igMRkjOk7euoIU/f3wCMn2bQtlitMZEf9IQS76QsKrd4ZFtJr9zHusUEPpIeum8EdCb9gIwzwkMMWqw"
    "cjYk9ICW7N+ypOlyv3EzKr8+abFU/kNS5U50SGLaCtbSHH2aax0Eixd7DRX+wTdXMGmVhxAj8DGIXQPN"
    "QQPFoF0vAtQp4TGssV1itCESRtMaYhnarIGcRdbbx84FrdaFUZGxeEs2T5yNNdCkjbsQEzYFvsBT1TMt"
    "gM96rG4mlETmSw/UFeYoFCru+jEgMRN09f+3Wg==\",\"SigningCertURL\":\"https://sns.eu-w"
    "est-1.amazonaws.com/SimpleNotificationService-0123.pem\"}";
static const char ses_evil_certificate[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324"
    "\",\"TopicArn\":\"arn:aws:sns:eu-west-1:123456789012:mail\",\"Message\":\"{\\\"e"
    "ventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"bounceType\\\":\\\"Permanent\\\""
    ",\\\"bounceSubType\\\":\\\"General\\\",\\\"bouncedRecipients\\\":[{\\\"emailAddr"
    "ess\\\":\\\"prf_ann@example.com\\\",\\\"status\\\":\\\"5.1.1\\\"}]},\\\"mail\\\""
    ":{\\\"source\\\":\\\"news@example.com\\\",\\\"headers\\\":[{\\\"name\\\":\\\"Sub"
    "ject\\\",\\\"value\\\":\\\"News\\\"},{\\\"name\\\":\\\"X-Fanfare-Message\\\","
    "\\\"value\\\":\\\"msg_3b412a710fd29fb9a80ad3bb86f0cc97\\\"}]}}\",\"Timestamp\":"
    "\"2026-03-01T09:00:00.000Z\",\"SignatureVersion\":\"2\",\"Signature\":\"oQdm9d7f"
    "DQ0Fh6jI1l1z42xWoGruraCM321fes21oeSna8vDH4Yr3BzcIMxbvDESgGCF216daeyRTaVtqZa/AgAP"
    "NCbZts7JEYqQWyTaupMFmUnFTNrKUATxojr+B0qn/Bz+QNMIqRbXvA3rc6vwuT8iG95LRDzaLTZ8+OMr"
    "ZuBb+ynS/0JXGGdBrZ1A45dmLIJHlxfRPeZ+A2FJndNxFT3b5EupgOR6liuNYZ1RKqh79OJrUJpmioLZ"
    "6NQfJPDVUHNak2FBcO6ygrKBItLR2JXun8DVBP+eCqtzbKG2l1lG8t4rwhgR1wyx+5Vx8pphdMZBM5oe"
    "fhYp1JDo5Gu6Dg==\",\"SigningCertURL\":\"https://sns.eu-west-1.amazonaws.com.evil"
    ".example/SimpleNotificationService-1.pem\"}";
static const char ses_evil_subscription[] =
    "{\"Type\":\"SubscriptionConfirmation\",\"MessageId\":\"22b80b92-fdea-4c2c-8f9d-b"
    "dfb0c7bf324\",\"TopicArn\":\"arn:aws:sns:eu-west-1:123456789012:mail\",\"Message"
    "\":\"You have chosen to subscribe\",\"Timestamp\":\"2026-03-01T09:00:00.000Z\","
    "\"SubscribeURL\":\"https://evil.example/?Action=ConfirmSubscription\",\"Token\":"
    "\"t\",\"SignatureVersion\":\"2\",\"Signature\":\"xdRY27ug0N0B43/Mau+rqZDWXP7Bfh1"
    "hQnU8ZhehNIYFH4WyAiLAPsi0Y4FyU6kbI8vXMknOOAdqrfL0Y1bKCe65SZqJZPHCfDsJgRiwoLYdt89"
    "Mqll8lJuRFNgB6qXMAe8vYdwIYepUIosDqhSHx2/4jm8kxucy/H/tR5kBUQ8flovBQIvlfHduVXLvDeG"
    "aYgGAn8Y0mxyanXtEzViYONOyUuociLdyeLohxjUljaIH8IKhrKR0D/KaaXBAQnPtLnCas72fiaQzjbX"
    "DOnVA0PUSYSJhweFcb0B5cOYaOUkETjs1WVuQKwPlzCadfz3p75I9AgKfIivTlooBxyV+Kw==\",\"Si"
    "gningCertURL\":\"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0"
    "123.pem\"}";
static const char sendgrid_key[] =
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEypPUXITSabl3pps0W6WoGG5+ImRtp/tsjVbrTHCN2Ryi"
    "BOkMGXTFJrTxUuNWs0I23DFoLjxiX6zXgVxfxbnU9g==";
static const char sendgrid_events[] =
    "[{\"event\":\"processed\",\"smtp-id\":\"<msg_292e368aab1adb16f320a74647cdf72e@ex"
    "ample.com>\"},{\"event\":\"bounce\",\"type\":\"bounce\",\"status\":\"5.1.1\",\"r"
    "eason\":\"550 5.1.1 no such user\",\"smtp-id\":\"<msg_292e368aab1adb16f320a74647"
    "cdf72e@example.com>\",\"sg_event_id\":\"e1\"},{\"event\":\"spamreport\",\"smtp-i"
    "d\":\"<msg_292e368aab1adb16f320a74647cdf72e@example.com>\"},{\"event\":\"open\","
    "\"smtp-id\":\"<msg_292e368aab1adb16f320a74647cdf72e@example.com>\"},7]";
static const char sendgrid_signature[] =
    "MEQCIBKjir6uiyqntxKeVVAJboNOADdzORDcaKcuUiLukD2gAiALLy2sTTz/DNpxXWFd7UVENEqGyHo4"
    "s1XmzEU3BdU0UA==";

#define TOPIC "arn:aws:sns:eu-west-1:123456789012:mail"
#define PUT(name, ...)                                                                             \
    test_call(test, "PUT", "/v1/providers/" name, "providers:write", NULL,                         \
              arena_printf(test_ctx(test)->arena, __VA_ARGS__).ptr)                                \
        .status

/* As JSON writes it. */
static const char *escaped(struct test_service *test, const char *text)
{
    char *out = arena_alloc(test_ctx(test)->arena, 2 * strlen(text) + 1), *at = out;
    for (; *text; text++) {
        if (*text == '\n')
            *at++ = '\\';
        *at++ = *text == '\n' ? 'n' : *text;
    }
    return out;
}

static int take(struct test_service *test, const char *provider, const char *headers,
                const char *body)
{
    struct arena *arena = test_ctx(test)->arena;
    return test_call(test, "POST", arena_printf(arena, "/v1/webhooks/%s", provider).ptr, NULL,
                     headers, body)
        .status;
}

#define TEXT "Content-Type: text/plain; charset=UTF-8\r\n"
#define JSON "Content-Type: application/json\r\n"

static void test_settings(struct test_service *test)
{
    CHECK_INT(take(test, "ses", TEXT, ses_hard), 404);
    CHECK_INT(PUT("ses", "{}"), 422);
    CHECK_INT(PUT("ses", "{\"topic\":\"" TOPIC "\",\"certificate\":\"none\"}"), 422);
    CHECK_INT(PUT("sendgrid", "{\"public_key\":\"AAAA\"}"), 422);
    CHECK_INT(PUT("sendgrid", "{}"), 422);
    CHECK_INT(PUT("postmark", "{}"), 422);
    CHECK_INT(PUT("postmark", "{\"token\":\"short\"}"), 422);
    CHECK_INT(PUT("mailer", "{}"), 422);
}

static void test_ses(struct test_service *test)
{
    CHECK_INT(
        PUT("ses", "{\"topic\":\"" TOPIC "\",\"certificate\":\"%s\"}", escaped(test, certificate)),
        200);
    struct str id = sent(test, "prf_ann", "ses");
    CHECK(strstr(ses_hard, arena_cstr(test_ctx(test)->arena, id)));
    char *forged = arena_cstr(test_ctx(test)->arena, str_of(ses_hard));
    strstr(forged, "Permanent")[0] = 'p';
    CHECK_INT(take(test, "ses", TEXT, forged), 401);
    CHECK_INT(take(test, "ses", TEXT, ses_other_topic), 403);
    CHECK_INT(take(test, "ses", TEXT, ses_evil_certificate), 403);
    CHECK_INT(take(test, "ses", TEXT, ses_evil_subscription), 403);
    CHECK_INT(take(test, "ses", TEXT, "{"), 400);
    CHECK_INT(take(test, "ses", TEXT, "{\"Type\":\"Notification\"}"), 422);
    hold_clock("2026-03-01T10:00:01Z"); /* an hour and a second later */
    CHECK_INT(take(test, "ses", TEXT, ses_hard), 403);
    hold_clock("2026-03-01T08:54:59Z");
    CHECK_INT(take(test, "ses", TEXT, ses_hard), 403);
    hold_clock("2026-03-01T09:00:10Z");
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), 0);
    CHECK(may_be_sent(test, "prf_ann"));
    CHECK_INT(take(test, "ses", TEXT, ses_words), 204);
    CHECK_INT(take(test, "ses", TEXT, ses_hard), 204);
    CHECK_INT(take(test, "ses", TEXT, ses_hard), 204); /* told again */
    CHECK_INT(take(test, "ses", TEXT, ses_hard_sha1), 204);
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), 1);
    CHECK(!may_be_sent(test, "prf_ann"));
}

static void test_sendgrid(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    const char *signature = arena_printf(arena,
                                         JSON
                                         "X-Twilio-Email-Event-Webhook-Signature: %s\r\n"
                                         "X-Twilio-Email-Event-Webhook-Timestamp: 1772355600\r\n",
                                         sendgrid_signature)
                                .ptr;
    CHECK_INT(PUT("sendgrid", "{\"public_key\":\"%s\"}", sendgrid_key), 200);
    sent(test, "prf_bob", "sendgrid");
    CHECK_INT(take(test, "sendgrid", JSON, sendgrid_events), 401);
    CHECK_INT(take(test, "sendgrid", signature, "[]"), 401);
    hold_clock("2026-03-01T11:00:00Z");
    CHECK_INT(take(test, "sendgrid", signature, sendgrid_events), 403);
    hold_clock("2026-03-01T09:00:10Z");
    CHECK(may_be_sent(test, "prf_bob"));
    for (int i = 0; i < 2; i++)
        CHECK_INT(take(test, "sendgrid", signature, sendgrid_events), 204);
    CHECK_INT(COUNT_OF(MESSAGE_BOUNCED), 2);
    CHECK_INT(COUNT_OF(MESSAGE_COMPLAINED), 1);
    CHECK_INT(COUNT_OF(MESSAGE_OPENED), 0);
    CHECK(!may_be_sent(test, "prf_bob"));
}

static void test_postmark(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str id = sent(test, "prf_cat", "postmark");
    const char *delivered =
        arena_printf(arena,
                     "{\"RecordType\":\"Delivery\",\"Metadata\":{\"fanfare-message\":\"" STR_FMT
                     "\"}}",
                     STR_ARG(id))
            .ptr;
    const char *gone =
        arena_printf(
            arena,
            "{\"RecordType\":\"SubscriptionChange\",\"SuppressSending\":true,"
            "\"SuppressionReason\":\"ManualSuppression\",\"Metadata\":{\"fanfare-message\":\"" STR_FMT
            "\"}}",
            STR_ARG(id))
            .ptr;
    CHECK_INT(PUT("postmark", "{\"token\":\"correct-horse-battery\"}"), 200);
    CHECK_INT(take(test, "postmark", JSON, delivered), 401);
    CHECK_INT(take(test, "postmark", JSON "X-Webhook-Token: correct-horse-batterz\r\n", delivered),
              401);
    CHECK_INT(COUNT_OF(MESSAGE_DELIVERED), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(
            take(test, "postmark", JSON "X-Webhook-Token: correct-horse-battery\r\n", delivered),
            204);
    CHECK_INT(COUNT_OF(MESSAGE_DELIVERED), 1);
    CHECK(may_be_sent(test, "prf_cat"));
    CHECK_INT(take(test, "postmark", JSON "X-Webhook-Token: correct-horse-battery\r\n", gone), 204);
    CHECK(!may_be_sent(test, "prf_cat"));
    CHECK_INT(COUNT_OF(MESSAGE_UNSUBSCRIBED), 1);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    static const char *const people[] = { "prf_ann", "prf_bob", "prf_cat" };
    hold_clock("2026-03-01T09:00:10Z");
    publish(test, "email_template", "news", "\"subject\":\"News\",\"html\":\"<p>Hello</p>\"");
    for (size_t i = 0; i < COUNT(people); i++)
        person(test, people[i], "");
    test_settings(test);
    test_ses(test);
    test_sendgrid(test);
    test_postmark(test);
    clock_hold_us(0);
    test_close(test);
}

/* ---- without a service ---- */

static void test_urls(void)
{
    static const struct {
        const char *url;
        bool good;
    } cases[] = {
        { "https://sns.eu-west-1.amazonaws.com/a.pem", true },
        { "https://sns.cn-north-1.amazonaws.com.cn/a.pem", true },
        { "http://sns.eu-west-1.amazonaws.com/a.pem", false },
        { "https://sns.eu-west-1.amazonaws.com", false },
        { "https://sns.amazonaws.com/a.pem", false },
        { "https://sns..amazonaws.com/a.pem", false },
        { "https://sns.a.b.amazonaws.com/a.pem", false },
        { "https://sns.eu-west-1.amazonaws.com:444/a.pem", false },
        { "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem", false },
        { "https://sns.evil.example/.amazonaws.com/a.pem", false },
        { "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem", false },
        { "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem", false },
        { "https://sns.evil.example?.amazonaws.com/a.pem", false },
        { "https://sns.evil.example#.amazonaws.com/a.pem", false },
        { "", false },
    };
    struct str host, path;
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_INT(sns_url(str_of(cases[i].url), &host, &path), cases[i].good);
}

static void test_news(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    static const struct {
        struct news (*read)(const struct json *json);
        const char *json;
        int what;
        const char *bounce;
    } cases[] = {
        { news_of_ses,
          "{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Transient\",\"bounceSubType\":\"MailboxFull\"}}",
          NEWS_BOUNCED, "soft" },
        { news_of_ses,
          "{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Transient\",\"bounceSubType\":\"ContentRejected\"}}",
          NEWS_BOUNCED, "blocked" },
        { news_of_ses,
          "{\"notificationType\":\"Complaint\",\"complaint\":{\"complaintFeedbackType\":\"not-spam\"}}",
          NEWS_NOTHING, NULL },
        { news_of_ses, "{\"eventType\":\"Complaint\"}", NEWS_COMPLAINED, NULL },
        { news_of_ses, "{\"eventType\":\"Open\"}", NEWS_NOTHING, NULL },
        { news_of_ses, "[]", NEWS_NOTHING, NULL },
        { news_of_sendgrid, "{\"event\":\"bounce\",\"type\":\"blocked\",\"status\":\"5.7.1\"}",
          NEWS_BOUNCED, "blocked" },
        { news_of_sendgrid,
          "{\"event\":\"bounce\",\"status\":\"4.2.2\",\"reason\":\"452 4.2.2 mailbox full\"}",
          NEWS_BOUNCED, "soft" },
        { news_of_sendgrid, "{\"event\":\"dropped\",\"reason\":\"Spam Reporting Address\"}",
          NEWS_COMPLAINED, NULL },
        { news_of_sendgrid, "{\"event\":\"group_unsubscribe\"}", NEWS_UNSUBSCRIBED, NULL },
        { news_of_sendgrid, "{\"event\":[\"bounce\"]}", NEWS_NOTHING, NULL },
        { news_of_sendgrid, "null", NEWS_NOTHING, NULL },
        { news_of_postmark, "{\"RecordType\":\"Bounce\",\"Type\":\"HardBounce\"}", NEWS_BOUNCED,
          "hard" },
        { news_of_postmark, "{\"RecordType\":\"Bounce\",\"Type\":\"AutoResponder\"}", NEWS_NOTHING,
          NULL },
        { news_of_postmark,
          "{\"RecordType\":\"SubscriptionChange\",\"SuppressSending\":false,\"SuppressionReason\":null}",
          NEWS_NOTHING, NULL },
        { news_of_postmark, "{\"RecordType\":\"Open\"}", NEWS_NOTHING, NULL },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct news news = cases[i].read(json_parse(&ctx, str_of(cases[i].json)));
        CHECK_INT(news.what, cases[i].what);
        CHECK(cases[i].bounce ? news.bounce && strcmp(news.bounce, cases[i].bounce) == 0 : true);
    }
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_urls();
    test_news();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
