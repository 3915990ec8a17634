/* What a mail will look like: shown, or sent to whoever writes it. */
#include "base/clock.h"
#include "platform/mail/message.h"
#include "platform/service/service.h"
#include "services/email/address.h"
#include "services/email/asking.h"
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/outgoing.h"
#include "services/email/warnings.h"
#include "email_contract.h"

#define PREVIEW_ADDRESS "preview@example.com" /* nobody's (RFC 2606) */
#define MOST_AN_HOUR 100                      /* tests, in addresses */

/* What both requests have in common. */
#define CONTENT_OF(body)                                                                           \
    .template = (body)->template, .subject = (body)->subject,                                      \
    .own = { (body)->subject, (body)->preheader, (body)->html, (body)->text },                     \
    .data = (body)->data, .sender_id = (body)->sender_id, .as_person = (body)->person_id,          \
    .sample = (body)->person ? json_parse(ctx, sample_person_encode(ctx, (body)->person)) : NULL

static void letter_warnings(struct ctx *ctx, const struct asking *asking,
                            const struct outgoing_letter *letter, struct warnings *out)
{
    if (letter->html.ptr)
        warnings_html(ctx->arena, letter->html, out);
    if (letter->html_bytes > WARNINGS_CLIP_BYTES)
        warning_add(out, "clipped",
                    arena_printf(ctx->arena, "%zu bytes of HTML, of which Gmail shows %d",
                                 letter->html_bytes, WARNINGS_CLIP_BYTES));
    if (!letter->plain.ptr)
        warning_add(out, "no_text", STR("the text is made of the HTML"));
    bool leads_out = letter->html.ptr &&
                     memmem(letter->html.ptr, letter->html.len, "/unsubscribe/", 13);
    if (asking->marketing && letter->html.ptr && !leads_out)
        warning_add(out, "no_unsubscribe", STR("{{ unsubscribe_url }} is not in the HTML"));
}

struct person_reading {
    struct str person_id;
    struct contact_row contact;
};

static bool person_read(struct ctx *ctx, void *argument)
{
    struct person_reading *reading = argument;
    return store_contact(ctx, reading->person_id, &reading->contact) || !ctx_failed(ctx);
}

/* With the names that the letter was written with. */
static bool field_warnings(struct ctx *ctx, const struct asking *asking, struct warnings *out)
{
    struct person_reading reading = { .person_id = asking->as_person };
    const struct json *sample = asking->sample;
    struct letter_text sources = asking->own;
    if (sample)
        reading.contact = (struct contact_row){
            .name = json_str(json_get(sample, "name")),
            .email = json_str(json_get(sample, "email")),
            .locale = json_str(json_get(sample, "locale")),
            .traits = json_get(sample, "traits") ? json_text(ctx->arena, json_get(sample, "traits"))
                                                 : (struct str){ NULL, 0 },
        };
    else if (asking->as_person.ptr && !sql_read(ctx, service_db(ctx), person_read, &reading))
        return false;
    struct letter_data data = { .contact = &reading.contact, .data = asking->data };
    if (asking->template.ptr &&
        !letter_sources(ctx, asking->template, reading.contact.locale, &sources))
        return false;
    const struct json *names = letter_names(ctx, &data);
    if (names)
        warnings_missing(ctx->arena, &sources, names, out);
    return names;
}

static struct reply preview_answer(struct ctx *ctx, const struct outgoing_letter *letter,
                                   const struct warnings *found)
{
    struct preview_warning *items = ARENA_ARRAY(ctx->arena, struct preview_warning, found->n + 1);
    for (size_t i = 0; i < found->n; i++)
        items[i] = (struct preview_warning){
            .kind = preview_warning_kind_parse(str_of(found->items[i].kind)),
            .detail = found->items[i].detail.ptr ? found->items[i].detail : STR(""),
        };
    struct preview answer = {
        .subject = letter->subject,
        .preheader = letter->preheader,
        .html = letter->html,
        .text = letter->plain.ptr ? letter->plain : mail_text_of_html(ctx->arena, letter->html),
        .bytes = (int64_t)letter->text.len,
        .html_bytes = (int64_t)letter->html_bytes,
        .warnings = items,
        .n_warnings = found->n,
    };
    return reply_ok(ctx, preview_encode(ctx, &answer));
}

/* A message that is stored nowhere is written as any other. */
struct reply email_preview_message(struct ctx *ctx, const struct preview_message_in *in)
{
    struct asking asking = { CONTENT_OF(in->body), .address = STR(PREVIEW_ADDRESS) };
    struct outgoing *outgoing = outgoing_new();
    struct outgoing_letter letter = { 0 };
    struct warnings *found = ARENA_NEW(ctx->arena, struct warnings);
    struct message_row row;
    asking.marketing = in->body->purpose == PREVIEW_ASK_PURPOSE_MARKETING;
    bool ok = asking_check(ctx, &asking) && asking_message(ctx, &asking, &row) &&
              outgoing_compose(ctx, outgoing, &row, &letter) && field_warnings(ctx, &asking, found);
    outgoing_free(outgoing);
    if (!ok)
        return reply_error(ctx);
    letter_warnings(ctx, &asking, &letter, found);
    return preview_answer(ctx, &letter, found);
}

/* ---- tests ---- */

static bool addresses_check(struct ctx *ctx, const struct test_send *body)
{
    int64_t n;
    if (!store_trials_since(ctx, clock_now_us() - 3600 * US_PER_S, &n))
        return false;
    if (n + (int64_t)body->n_addresses > MOST_AN_HOUR)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/addresses"),
                           "%lld tests were sent in the last hour, of at most %d", (long long)n,
                           MOST_AN_HOUR);
    for (size_t i = 0; i < body->n_addresses; i++)
        if (!address_is_valid(body->addresses[i]))
            return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/addresses/%zu", i),
                               "is no address that can be written to");
    return true;
}

struct reply email_send_test(struct ctx *ctx, const struct send_test_in *in)
{
    const struct test_send *body = in->body;
    struct asking asking = { CONTENT_OF(body), .prefix = "tst", .address = body->addresses[0] };
    struct str *ids = ARENA_ARRAY(ctx->arena, struct str, body->n_addresses);
    struct test_sent answer = { .message_ids = ids, .n_message_ids = body->n_addresses };
    if (!addresses_check(ctx, body) || !asking_check(ctx, &asking))
        return reply_error(ctx);
    for (size_t i = 0; i < body->n_addresses; i++) {
        struct message_row row;
        bool added;
        asking.address = body->addresses[i];
        if (!asking_message(ctx, &asking, &row) || !store_message_add(ctx, &row, &added))
            return reply_error(ctx);
        ids[i] = row.message_id;
    }
    return reply_ok(ctx, test_sent_encode(ctx, &answer));
}
