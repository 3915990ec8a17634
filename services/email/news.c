#include "services/email/news.h"

#include "platform/mail/bounce.h"

#define BOUNCED(kind) NEWS_BOUNCED, kind

/* A word of a provider's, and what it means. */
struct meaning {
    const char *word;
    int what;
    const char *bounce;
};

static bool means(const struct meaning *meanings, size_t n, struct str word, struct news *news)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(word, meanings[i].word)) {
            news->what = meanings[i].what;
            news->bounce = meanings[i].bounce;
            return true;
        }
    return false;
}

static struct str text_at(const struct json *json, const char *pointer)
{
    return json_str(json_pointer(json, str_of(pointer)));
}

/* ---- Amazon SES ---- */

static const struct meaning ses_events[] = {
    { "Delivery", NEWS_DELIVERED, NULL },
    { "Complaint", NEWS_COMPLAINED, NULL },
    { "Bounce", BOUNCED("soft") },
    { "Reject", BOUNCED("blocked") }, /* it had a virus */
};
static const struct meaning ses_bounces[] = {
    { "Permanent", BOUNCED("hard") },
    { "Transient", BOUNCED("soft") },
    { "Undetermined", BOUNCED("soft") },
};
static const struct meaning ses_subtypes[] = {
    { "MessageTooLarge", BOUNCED("blocked") },
    { "ContentRejected", BOUNCED("blocked") },
    { "AttachmentRejected", BOUNCED("blocked") },
};

static struct str header_of(const struct json *headers, const char *name)
{
    for (size_t i = 0; i < json_size(headers); i++) {
        const struct json *header = json_at(headers, i);
        if (str_eq_nocase(json_str(json_get(header, "name")), str_of(name)))
            return json_str(json_get(header, "value"));
    }
    return (struct str){ 0 };
}

struct news news_of_ses(const struct json *notification)
{
    struct news news = { 0 };
    struct str type = text_at(notification, "/eventType");
    if (!type.ptr)
        type = text_at(notification, "/notificationType");
    news.return_path = text_at(notification, "/mail/source");
    news.message_id = header_of(json_pointer(notification, STR("/mail/headers")), NEWS_HEADER);
    if (!means(ses_events, COUNT(ses_events), type, &news))
        return news;
    if (str_is(type, "Bounce")) {
        means(ses_bounces, COUNT(ses_bounces), text_at(notification, "/bounce/bounceType"), &news);
        means(ses_subtypes, COUNT(ses_subtypes), text_at(notification, "/bounce/bounceSubType"),
              &news);
        news.status = text_at(notification, "/bounce/bouncedRecipients/0/status");
    }
    if (str_is(text_at(notification, "/complaint/complaintFeedbackType"), "not-spam"))
        news.what = NEWS_NOTHING;
    return news;
}

/* ---- SendGrid ---- */

static const struct meaning sendgrid_events[] = {
    { "delivered", NEWS_DELIVERED, NULL },      { "bounce", BOUNCED("hard") },
    { "dropped", BOUNCED("blocked") },          { "spamreport", NEWS_COMPLAINED, NULL },
    { "unsubscribe", NEWS_UNSUBSCRIBED, NULL }, { "group_unsubscribe", NEWS_UNSUBSCRIBED, NULL },
};
static const struct meaning sendgrid_drops[] = {
    { "Bounced Address", BOUNCED("hard") },
    { "Invalid", BOUNCED("hard") },
    { "Spam Reporting Address", NEWS_COMPLAINED, NULL },
    { "Unsubscribed Address", NEWS_UNSUBSCRIBED, NULL },
};

/* "msg_1" of "<msg_1@example.com>" */
static struct str left_of_id(struct str id)
{
    struct str left;
    id = str_trim(id);
    if (id.len && id.ptr[0] == '<')
        id = (struct str){ id.ptr + 1, id.len - 1 };
    return str_split(&id, '@', &left) && id.ptr ? left : (struct str){ 0 };
}

struct news news_of_sendgrid(const struct json *event)
{
    struct news news = { .message_id = left_of_id(text_at(event, "/smtp-id")) };
    struct str what = text_at(event, "/event"), reason = text_at(event, "/reason");
    if (!means(sendgrid_events, COUNT(sendgrid_events), what, &news))
        return news;
    if (str_is(what, "dropped")) {
        means(sendgrid_drops, COUNT(sendgrid_drops), reason, &news);
    } else if (str_is(what, "bounce")) {
        news.status = text_at(event, "/status");
        news.bounce = str_is(text_at(event, "/type"), "blocked")
                          ? "blocked"
                          : bounce_kind_name(bounce_kind_of(news.status, reason));
    }
    return news;
}

/* ---- Postmark ---- */

static const struct meaning postmark_records[] = {
    { "Delivery", NEWS_DELIVERED, NULL },
    { "SpamComplaint", NEWS_COMPLAINED, NULL },
};
static const struct meaning postmark_bounces[] = {
    { "HardBounce", BOUNCED("hard") },
    { "BadEmailAddress", BOUNCED("hard") },
    { "ManuallyDeactivated", BOUNCED("hard") },
    { "Transient", BOUNCED("soft") },
    { "SoftBounce", BOUNCED("soft") },
    { "DnsError", BOUNCED("soft") },
    { "Undeliverable", BOUNCED("soft") },
    { "Unknown", BOUNCED("soft") },
    { "SpamNotification", BOUNCED("blocked") },
    { "Blocked", BOUNCED("blocked") },
    { "VirusNotification", BOUNCED("blocked") },
    { "DMARCPolicy", BOUNCED("blocked") },
    { "ChallengeVerification", BOUNCED("blocked") },
    { "SpamComplaint", NEWS_COMPLAINED, NULL },
    { "Unsubscribe", NEWS_UNSUBSCRIBED, NULL },
};
static const struct meaning postmark_suppressions[] = {
    { "HardBounce", BOUNCED("hard") },
    { "SpamComplaint", NEWS_COMPLAINED, NULL },
    { "ManualSuppression", NEWS_UNSUBSCRIBED, NULL },
};

struct news news_of_postmark(const struct json *record)
{
    struct news news = { .message_id = text_at(record, "/Metadata/fanfare-message") };
    struct str type = text_at(record, "/RecordType");
    if (means(postmark_records, COUNT(postmark_records), type, &news))
        return news;
    if (str_is(type, "Bounce"))
        means(postmark_bounces, COUNT(postmark_bounces), text_at(record, "/Type"), &news);
    else if (str_is(type, "SubscriptionChange") && json_bool(json_get(record, "SuppressSending")))
        means(postmark_suppressions, COUNT(postmark_suppressions),
              text_at(record, "/SuppressionReason"), &news);
    if (news.what == NEWS_BOUNCED)
        news.status = bounce_status_in(text_at(record, "/Details"));
    return news;
}
