/* Handing over to a relay that listens in this process: what goes out, what does not at the last moment, and what becomes of
 * it; on each engine. */
#include <pthread.h>

#include "platform/mail/smtp_listener.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/relays.h"
#include "services/email/tests/room.h"
#include "services/email/throttle.h"

#define ROUNDS_MOST 400

/* The relay, and what it does with mail. */
static struct {
    struct smtp_listener *listener;
    pthread_mutex_t lock;
    enum smtp_verdict verdict;
    size_t taken;
    char last[300], text[4000];
} relay = { .lock = PTHREAD_MUTEX_INITIALIZER };

static enum smtp_verdict take(void *context, const struct smtp_mail *mail)
{
    pthread_mutex_lock(&relay.lock);
    enum smtp_verdict verdict = relay.verdict;
    relay.taken += verdict == SMTP_TAKEN;
    snprintf(relay.last, sizeof relay.last, STR_FMT, STR_ARG(mail->recipients[0]));
    snprintf(relay.text, sizeof relay.text, STR_FMT, STR_ARG(mail->data));
    pthread_mutex_unlock(&relay.lock);
    return verdict;
}

static size_t taken(void)
{
    pthread_mutex_lock(&relay.lock);
    size_t n = relay.taken;
    pthread_mutex_unlock(&relay.lock);
    return n;
}

static void answer(enum smtp_verdict verdict)
{
    pthread_mutex_lock(&relay.lock);
    relay.verdict = verdict;
    pthread_mutex_unlock(&relay.lock);
}

/* ---- what is looked at ---- */

struct looking {
    struct str message_id;
    struct message_row row;
};

static bool read_message(struct ctx *ctx, void *argument)
{
    struct looking *looking = argument;
    return store_message(ctx, looking->message_id, &looking->row);
}

static struct message_row message_of(struct test_service *test, struct str message_id)
{
    struct looking looking = { .message_id = message_id };
    CHECK(test_read(test, read_message, &looking));
    return looking.row;
}

static struct str id_of(struct test_service *test, const char *key)
{
    return plan_message_id(test_ctx(test)->arena, str_of(key), STR(""), STR(""));
}

#define MESSAGE(key) message_of(test, id_of(test, key))

static struct str state_of(struct test_service *test, const char *key)
{
    return MESSAGE(key).state;
}

/* One mail to one person; `more` begins with a comma. */
static void ask(struct test_service *test, const char *key, const char *person_id,
                const char *purpose, const char *more)
{
    HEAR(EMAIL_MESSAGE_ASKED,
         "{\"command_id\":\"cmd_%s\",\"message_key\":\"%s\",\"person_id\":\"%s\","
         "\"template\":\"hello\",\"purpose\":\"%s\"%s%s}",
         key, key, person_id, purpose,
         strstr(more, "expires_at") ? "" : ",\"expires_at\":\"2099-01-01T00:00:00Z\"", more);
}

/* Rounds until that message is in that state. */
static void until(struct test_service *test, const char *key, const char *state)
{
    for (int i = 0; i < ROUNDS_MOST && !str_is(state_of(test, key), state); i++)
        test_work(test, "sending");
    CHECK_STR(state_of(test, key), state);
}

static struct str told(struct test_service *test, const struct event_type *type,
                       const char *member_name)
{
    size_t n = test_published(test, type);
    return n ? json_str(json_get(test_published_data(test, type, n - 1), member_name))
             : STR("none");
}

static struct str withheld(struct test_service *test, const char *key)
{
    until(test, key, "withheld");
    return told(test, &EMAIL_MESSAGE_WITHHELD_V1_TYPE, "reason");
}

static struct str failed(struct test_service *test, const char *key)
{
    until(test, key, "failed");
    return told(test, &EMAIL_MESSAGE_FAILED_V1_TYPE, "reason");
}

/* ---- the cases ---- */

static void test_sent(struct test_service *test)
{
    ask(test, "k_sent", "prf_a", "service", "");
    until(test, "k_sent", "sent");
    CHECK_INT(taken(), 1);
    CHECK_STR(str_of(relay.last), "prf_a@example.com");
    struct str id = arena_printf(test_ctx(test)->arena, "Message-ID: <" STR_FMT "@example.com>",
                                 STR_ARG(id_of(test, "k_sent")));
    CHECK(strstr(relay.text, id.ptr) != NULL);
    CHECK_STR(told(test, &EMAIL_MESSAGE_SENT_V1_TYPE, "kind"), "transactional");
    CHECK(str_starts(MESSAGE("k_sent").status, STR("250")));
    CHECK_INT(MESSAGE("k_sent").attempts, 1);
}

static void consent(struct test_service *test, const char *person_id, const char *state)
{
    HEAR(CRM_CONSENT_CHANGED,
         "{\"profile_id\":\"%s\",\"purpose\":\"marketing\",\"channel\":\"email\","
         "\"state\":\"%s\",\"changed_at\":\"2026-02-01T00:00:00Z\"}",
         person_id, state);
}

/* Each was queued while it could be sent. */
static void test_withheld(struct test_service *test)
{
    size_t before = taken();
    ask(test, "k_refused", "prf_b", "marketing", "");
    consent(test, "prf_b", "refused");
    CHECK_STR(withheld(test, "k_refused"), "no_consent");
    ask(test, "k_suppressed", "prf_c", "service", "");
    struct reply reply =
        test_call(test, "POST", "/v1/suppressions", "suppressions:write", NULL,
                  "{\"person_id\":\"prf_c\",\"reason\":\"manual\",\"scope\":\"all\"}");
    CHECK_INT(reply.status / 100, 2);
    CHECK_STR(withheld(test, "k_suppressed"), "suppressed");
    ask(test, "k_stranger", "prf_stranger", "service", "");
    CHECK_STR(withheld(test, "k_stranger"), "no_address");
    ask(test, "k_erased", "prf_d", "service", "");
    HEAR(CRM_PROFILE_ERASED, "{\"profile_id\":\"prf_d\",\"request_id\":\"req_1\","
                             "\"erased_at\":\"2026-02-01T00:00:00Z\"}");
    CHECK_STR(withheld(test, "k_erased"), "erased");
    ask(test, "k_late", "prf_a", "service", ",\"expires_at\":\"2020-01-01T00:00:00Z\"");
    CHECK_STR(withheld(test, "k_late"), "expired");
    CHECK_INT(taken(), before);
}

static void test_cap(struct test_service *test)
{
    size_t before = taken();
    const char *cap = ",\"cap\":{\"most\":2,\"days\":7}";
    for (int i = 0; i < 4; i++)
        ask(test, arena_printf(test_ctx(test)->arena, "k_cap%d", i).ptr, "prf_e", "marketing", cap);
    int states[2] = { 0 };
    for (int i = 0; i < ROUNDS_MOST && states[0] + states[1] < 4; i++) {
        test_work(test, "sending");
        states[0] = states[1] = 0;
        for (int k = 0; k < 4; k++) {
            struct str state =
                state_of(test, arena_printf(test_ctx(test)->arena, "k_cap%d", k).ptr);
            states[0] += str_is(state, "sent");
            states[1] += str_is(state, "withheld");
        }
    }
    CHECK_INT(states[0], 2);
    CHECK_INT(states[1], 2);
    CHECK_STR(told(test, &EMAIL_MESSAGE_WITHHELD_V1_TYPE, "reason"), "capped");
    ask(test, "k_uncapped", "prf_e", "service", cap); /* service mail has none */
    until(test, "k_uncapped", "sent");
    CHECK_INT(taken(), before + 3);
}

static void test_quiet(struct test_service *test)
{
    ask(test, "k_quiet", "prf_a", "marketing", ",\"quiet\":{\"from\":\"00:00\",\"to\":\"23:59\"}");
    for (int i = 0; i < ROUNDS_MOST && MESSAGE("k_quiet").due_us <= clock_now_us(); i++)
        test_work(test, "sending");
    CHECK_STR(state_of(test, "k_quiet"), "queued");
    CHECK(MESSAGE("k_quiet").due_us > clock_now_us());
    CHECK_INT(MESSAGE("k_quiet").attempts, 0);
}

static void test_answers(struct test_service *test)
{
    answer(SMTP_REFUSED);
    ask(test, "k_no", "prf_a", "service", "");
    CHECK_STR(failed(test, "k_no"), "refused");
    CHECK(str_starts(told(test, &EMAIL_MESSAGE_FAILED_V1_TYPE, "status"), STR("5")));
    answer(SMTP_LATER);
    ask(test, "k_later", "prf_a", "service", "");
    for (int i = 0; i < ROUNDS_MOST && MESSAGE("k_later").attempts < 1; i++)
        test_work(test, "sending");
    for (int i = 0; i < ROUNDS_MOST && !str_is(state_of(test, "k_later"), "queued"); i++)
        test_work(test, "sending");
    struct message_row later = MESSAGE("k_later");
    CHECK(str_starts(later.status, STR("4")));
    CHECK(later.due_us > clock_now_us() + 50 * US_PER_S &&
          later.due_us < clock_now_us() + 70 * US_PER_S);
    clock_hold_us(later.due_us + 1); /* its second attempt is the last one here */
    CHECK_STR(failed(test, "k_later"), "timed_out");
    clock_hold_us(0);
    answer(SMTP_TAKEN);
}

static void test_injection(struct test_service *test)
{
    size_t before = taken();
    HEAR(CRM_PROFILE_UPDATED, "{\"profile_id\":\"prf_evil\",\"email\":\"evil@example.com\","
                              "\"name\":\"Eve\\r\\nBcc: all@example.com\",\"version\":1,"
                              "\"updated_at\":\"2026-01-01T00:00:00Z\"}");
    ask(test, "k_evil", "prf_evil", "service", "");
    CHECK_STR(failed(test, "k_evil"), "address");
    HEAR(CRM_PROFILE_UPDATED, "{\"profile_id\":\"prf_none\",\"email\":\"someone@localhost\","
                              "\"version\":1,\"updated_at\":\"2026-01-01T00:00:00Z\"}");
    ask(test, "k_none", "prf_none", "service", "");
    CHECK_STR(withheld(test, "k_none"), "no_address");
    CHECK_INT(taken(), before);
}

/* What was in doubt when the service ended is unknown; marketing mail stays so. */
static bool doubt(struct ctx *ctx, void *argument)
{
    struct message_row *row = argument;
    bool moved;
    return message_doubt(ctx, row, &moved) && moved;
}

static void test_doubt(struct test_service *test)
{
    size_t before = taken();
    ask(test, "k_doubt", "prf_a", "marketing", "");
    ask(test, "k_again", "prf_a", "service", "");
    struct message_row one = MESSAGE("k_doubt"), two = MESSAGE("k_again");
    CHECK(test_write(test, doubt, &one) && test_write(test, doubt, &two));
    test_reopen(test);
    clock_hold_us(one.doubted_us +
                  12 * 60 *
                      US_PER_S); /* where others may be at it, once the relay's time is over */
    until(test, "k_doubt", "unknown");
    until(test, "k_again", "sent"); /* once more, as the setting says */
    clock_hold_us(0);
    CHECK_INT(MESSAGE("k_again").resends, 1);
    CHECK_INT(taken(), before + 1);
    CHECK_INT(test_published(test, &EMAIL_MESSAGE_DOUBTED_V1_TYPE), 2);
}

/* ---- launches ---- */

#define PEOPLE 30

static struct message_counts counts;

static bool read_counts(struct ctx *ctx, void *argument)
{
    return store_message_counts(ctx, str_of(argument), &counts);
}

static void rounds_of(struct test_service *test, const char *launch, bool (*over)(void))
{
    for (int i = 0; i < ROUNDS_MOST; i++) {
        CHECK(test_read(test, read_counts, (void *)launch));
        if (over())
            return;
        test_work(test, "sending");
        work(test, "deliveries");
    }
}

static bool none_left(void)
{
    return counts.queued + counts.doubt == 0;
}

static bool one_sent(void)
{
    return counts.sent > 0;
}

static void test_launch(struct test_service *test)
{
    char id[32];
    for (int i = 0; i < PEOPLE; i++) {
        snprintf(id, sizeof id, "prf_l%02d", i);
        person(test, id, "");
        member(test, "seg_l", id);
    }
    size_t before = taken();
    ASK("lch_1", ",\"template\":\"hello\",\"audience\":{\"segments\":[\"seg_l\"]}");
    LAUNCH("lch_1");
    work(test, "deliveries");
    HEAR(CAMPAIGN_CAMPAIGN_PAUSED, "{\"campaign_id\":\"cmp_a\",\"launch_id\":\"lch_1\","
                                   "\"paused_at\":\"2026-01-01T00:00:00Z\"}");
    for (int i = 0; i < 3; i++)
        test_work(test, "sending");
    CHECK_INT(taken(), before); /* paused */
    HEAR(CAMPAIGN_CAMPAIGN_RESUMED, "{\"campaign_id\":\"cmp_a\",\"launch_id\":\"lch_1\","
                                    "\"resumed_at\":\"2026-01-01T00:00:00Z\"}");
    HEAR(PERSONALIZATION_MEMBERSHIP_CHANGED,
         "{\"person_id\":\"prf_l03\",\"segment_id\":\"seg_l\",\"state\":\"left\","
         "\"changed_at\":\"2026-01-02T00:00:00Z\"}"); /* gets theirs all the same */
    person(test, "prf_new", "");
    member(test, "seg_l", "prf_new"); /* gets none */
    consent(test, "prf_l04", "refused");
    rounds_of(test, "lch_1", none_left);
    CHECK_INT(counts.sent, PEOPLE - 1);
    CHECK_INT(counts.withheld, 1);
    CHECK_INT(taken(), before + PEOPLE - 1);
    work(test, "deliveries");
    const struct json *finished = test_published_data(test, &EMAIL_DELIVERY_FINISHED_V1_TYPE, 0);
    CHECK_INT(json_int(json_get(finished, "sent")), PEOPLE - 1);
}

static void test_cancelled(struct test_service *test)
{
    size_t before = taken();
    ASK("lch_2", ",\"template\":\"hello\",\"audience\":{\"segments\":[\"seg_l\"]}");
    LAUNCH("lch_2");
    work(test, "deliveries");
    rounds_of(test, "lch_2", one_sent);
    HEAR(CAMPAIGN_CAMPAIGN_CANCELLED, "{\"campaign_id\":\"cmp_a\",\"launch_id\":\"lch_2\","
                                      "\"cancelled_at\":\"2026-01-01T00:00:00Z\"}");
    rounds_of(test, "lch_2", none_left);
    CHECK_INT(taken(), before + (size_t)counts.sent);
    CHECK_INT(counts.sent + counts.withheld, PEOPLE - 1); /* one is left out at once */
}

static void test_room(const char *url)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    const char *settings[] = { arena_printf(arena,
                                            "relays=smtp://127.0.0.1:%d?tls=off&connections=4",
                                            smtp_listener_port(relay.listener))
                                   .ptr,
                               "writers=0", "attempts=2", "resend_in_doubt=true", NULL };
    struct test_service *test = test_open(&email_service, url, settings);
    static const char *const persons[] = { "prf_a", "prf_b", "prf_c", "prf_d", "prf_e" };
    for (size_t i = 0; i < COUNT(persons); i++)
        person(test, persons[i], "");
    publish(test, "email_template", "hello", "\"subject\":\"Hello\",\"html\":\"<p>Hi</p>\"");
    relay.taken = 0;
    test_sent(test);
    test_withheld(test);
    test_cap(test);
    test_quiet(test);
    test_answers(test);
    test_injection(test);
    test_doubt(test);
    test_launch(test);
    test_cancelled(test);
    test_close(test);
}

/* What relays cannot be stops the start; a password is in no sentence. */
static void test_settings(void)
{
    static const struct {
        const char *urls, *why;
    } bad[] = {
        { "http://x", "a relay begins with smtp:// or smtps://" },
        { "smtp://h:0", "its port is a number" },
        { "smtp://h?weight=x", "weight is a whole number" },
        { "smtp://127.0.0.1?tls=maybe", "tls is off, opportunistic or required" },
        { "smtp://h?colour=red", "there is no parameter colour" },
        { "smtp://me:s3cret@10.0.0.1?tls=off", "needs TLS with a certificate that holds" },
        { "smtps://127.0.0.1?ca=/none", "/none" },
    };
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct relay_limits limits = { .name = STR("[127.0.0.1]") };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct ctx ctx = { .arena = arena };
        struct relays relays;
        CHECK(!relays_open(&ctx, &relays, str_of(bad[i].urls), &limits));
        CHECK_INT(ctx.error.code, ERR_INVALID);
        CHECK(ctx.error.detail.ptr && strstr(ctx.error.detail.ptr, bad[i].why));
        CHECK(!strstr(ctx.error.detail.ptr, "s3cret"));
        relays_close(&relays);
    }
    struct ctx ctx = { .arena = arena };
    struct relays relays;
    CHECK(relays_open(&ctx, &relays,
                      STR("smtp://127.0.0.1:2525?weight=3,smtps://a%40b:p%3Aq@[::1]"), &limits));
    CHECK_INT((int64_t)relays.n, 2);
    CHECK_STR(relays.relays[1].settings.user, "a@b");
    CHECK_STR(relays.relays[1].settings.password, "p:q");
    CHECK_INT(relays.relays[1].settings.port, 465);
    CHECK_STR(str_of(relays.relays[1].name), "::1:465");
    struct smtp *smtp = smtp_new();
    int picks[2] = { 0 };
    for (int i = 0; i < 40; i++)
        picks[relays_pick(&relays, smtp, 1) - relays.relays]++;
    CHECK_INT(picks[0], 30); /* by weight */
    relay_failed(&relays.relays[0], "a test");
    CHECK(relays_pick(&relays, smtp, 1) == &relays.relays[1]);
    relay_failed(&relays.relays[1], "a test");
    CHECK(!relays_pick(&relays, smtp, 1) && !relays_any(&relays));
    relay_worked(&relays.relays[0]);
    CHECK(relays_pick(&relays, smtp, 1) == &relays.relays[0]);
    smtp_free(smtp);
    relays_close(&relays);
}

static void test_throttle(void)
{
    struct throttle *throttle = throttle_new(2, 0);
    struct str domain = STR("example.com"), other = STR("example.org");
    CHECK(throttle_take(throttle, domain, 0) && throttle_take(throttle, domain, 0));
    CHECK(!throttle_take(throttle, domain, 0) && throttle_take(throttle, other, 0));
    throttle_give(throttle, domain);
    CHECK(throttle_take(throttle, domain, 0));
    CHECK_INT(throttle_wait_us(throttle, domain, 0), 0); /* there is no rate */
    throttle_free(throttle);
    throttle = throttle_new(0, 10);
    int64_t now_us = 1000 * US_PER_S, n = 0;
    for (int64_t at_us = now_us; at_us < now_us + 10 * US_PER_S; at_us += 10 * US_PER_MS)
        n += throttle_take(throttle, domain, at_us);
    CHECK(n >= 99 && n <= 102);
    int64_t first_us = throttle_wait_us(throttle, domain, now_us);
    CHECK_INT(throttle_wait_us(throttle, domain, now_us) - first_us, US_PER_S / 10);
    throttle_free(throttle);
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct smtp_listener_settings settings = { .host = "127.0.0.1",
                                               .name = "relay.example",
                                               .most_bytes = 1 << 20,
                                               .most_recipients = 10,
                                               .most_sessions = 20,
                                               .idle_us = 60 * US_PER_S,
                                               .take = take };
    relay.listener = smtp_listener_start(&ctx, &settings);
    CHECK(relay.listener != NULL);
    test_settings();
    test_throttle();
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    smtp_listener_stop(relay.listener);
    return check_end();
}
