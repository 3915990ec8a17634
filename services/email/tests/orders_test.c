/* Orders are confirmed by mail: once, with a template that is published, to who is known or soon will be; not those of long
 * ago; not to who is erased. */
#include "services/email/asking.h"
#include "services/email/email.h"
#include "services/email/last_look.h"
#include "services/email/outgoing.h"
#include "services/email/tests/room.h"
#include "commerce_events.h"

#define ORDER(id, person, at, more)                                                                \
    HEAR(COMMERCE_ORDER_PLACED,                                                                    \
         "{\"order_id\":\"" id "\",\"customer_id\":\"" person "\",\"placed_at\":\"" at             \
         "\",\"total\":{\"amount\":1999,\"currency\":\"EUR\"},\"lines\":[{\"product_id\":"         \
         "\"prd_1\",\"quantity\":2,\"amount\":{\"amount\":1999,\"currency\":\"EUR\"}}]" more "}")

struct finding {
    struct str person_id;
    struct message_row rows[10];
    size_t n;
    struct look look;
};

static bool find(struct ctx *ctx, void *argument)
{
    struct finding *finding = argument;
    struct message_filter filter = { .person_id = finding->person_id };
    return store_messages(ctx, &filter, COUNT(finding->rows), finding->rows, &finding->n);
}

static struct finding mails(struct test_service *test, const char *person)
{
    struct finding finding = { .person_id = str_of(person) };
    CHECK(test_read(test, find, &finding));
    return finding;
}

static void test_confirmation(struct test_service *test)
{
    ORDER("ord_0", "prf_a", "2026-03-01T11:00:00Z", "");
    CHECK_INT(mails(test, "prf_a").n, 0); /* no template, no mail */
    publish(test, "email_template", "order_confirmation",
            "\"subject\":\"Order {{ data.order_id }}\",\"html\":\"<p>{{ data.total | money }},"
            " {{ data.lines.size }} line</p>\"");
    ORDER("ord_1", "prf_a", "2026-03-01T11:00:00Z", "");
    ORDER("ord_1", "prf_a", "2026-03-01T11:00:00Z", ""); /* told twice */
    struct finding found = mails(test, "prf_a");
    CHECK_INT(found.n, 1);
    CHECK(!found.rows[0].marketing);
    struct outgoing_letter letter;
    struct outgoing *outgoing = outgoing_new();
    CHECK(outgoing_compose(test_ctx(test), outgoing, &found.rows[0], &letter));
    outgoing_free(outgoing);
    CHECK_STR(letter.subject, "Order ord_1");
    CHECK(memmem(letter.html.ptr, letter.html.len, "19.99, 1 line", 13));
}

static void test_left_out(struct test_service *test)
{
    ORDER("ord_2", "prf_b", "2026-02-01T11:00:00Z", ""); /* history */
    ORDER("ord_3", "prf_b", "2026-03-01T11:00:00Z", ",\"state\":\"completed\"");
    HEAR(CRM_PROFILE_ERASED, "{\"profile_id\":\"prf_gone\",\"request_id\":\"ers_1\","
                             "\"erased_at\":\"2026-02-01T00:00:00Z\"}");
    ORDER("ord_4", "prf_gone", "2026-03-01T11:00:00Z", "");
    CHECK_INT(mails(test, "prf_b").n, 0);
    CHECK_INT(mails(test, "prf_gone").n, 0);
}

static bool look(struct ctx *ctx, void *argument)
{
    struct finding *finding = argument;
    struct outgoing *outgoing = outgoing_new();
    struct mailing_limits limits;
    struct str to = { NULL, 0 };
    bool ok = find(ctx, finding) && outgoing_limits(ctx, outgoing, &finding->rows[0], &limits) &&
              last_look(ctx, &finding->rows[0], &limits, to, &finding->look);
    outgoing_free(outgoing);
    return ok;
}

static struct look looked(struct test_service *test, const char *person)
{
    struct finding finding = { .person_id = str_of(person) };
    CHECK(test_read(test, look, &finding));
    return finding.look;
}

/* The order may be told before its customer is. */
static void test_waiting(struct test_service *test)
{
    ORDER("ord_5", "prf_late", "2026-03-01T11:59:59Z", "");
    ORDER("ord_6", "prf_never", "2026-03-01T11:59:59Z", "");
    CHECK_INT(looked(test, "prf_late").verdict, LOOK_PUT_OFF);
    hold_clock("2026-03-01T12:30:00Z");
    CHECK_INT(looked(test, "prf_late").verdict, LOOK_PUT_OFF);
    person(test, "prf_late", "");
    CHECK_INT(looked(test, "prf_late").verdict, LOOK_GO);
    hold_clock("2026-03-01T13:00:01Z");
    CHECK_INT(looked(test, "prf_never").verdict, LOOK_WITHHOLD);
    CHECK_STR(str_of(looked(test, "prf_never").reason), "no_address");
}

static void test_others(struct test_service *test)
{
    publish(test, "email_template", "order_refunded", "\"subject\":\"R\",\"html\":\"<p>R</p>\"");
    publish(test, "email_template", "order_cancelled", "\"subject\":\"C\",\"html\":\"<p>C</p>\"");
    HEAR(COMMERCE_ORDER_REFUNDED,
         "{\"order_id\":\"ord_1\",\"refund_id\":\"rfd_1\",\"customer_id\":\"prf_c\",\"refund\":"
         "{\"amount\":1,\"currency\":\"EUR\"},\"refunded_total\":{\"amount\":1,\"currency\":"
         "\"EUR\"},\"refunded_at\":\"2026-03-01T12:00:00Z\"}");
    HEAR(COMMERCE_ORDER_CANCELLED,
         "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_c\",\"total\":{\"amount\":1,\"currency\":"
         "\"EUR\"},\"cancelled_at\":\"2026-03-01T12:00:00Z\"}");
    CHECK_INT(mails(test, "prf_c").n, 2);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    hold_clock("2026-03-01T12:00:00Z");
    person(test, "prf_a", "");
    test_confirmation(test);
    test_left_out(test);
    test_waiting(test);
    test_others(test);
    clock_hold_us(0);
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
