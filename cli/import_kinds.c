#include "cli/import_kinds.h"

#include "base/clock.h"
#include "commerce_types.h"
#include "content_types.h"
#include "crm_types.h"
#include "platform/crypto/crypto.h"

/* As fast as the service takes it: a refusal halves what is under way, a round without one adds a little. */
static void pace(struct import_target *target, size_t refused, size_t done)
{
    target->progress = done > 0;
    target->parallel = refused ? MAX(target->parallel / 2, 1)
                               : MIN(target->parallel + 4, target->most);
}

void sending_judge(struct ctx *ctx, struct import_target *target, struct sending *sending,
                   const struct call *call)
{
    if (call->status >= 200 && call->status < 300) {
        sending->step++;
        return;
    }
    const struct json *problem = call->answer.len ? json_parse(ctx, call->answer) : NULL;
    ctx_clear(ctx);
    struct str why = json_str(json_get(problem, "detail"));
    if (!why.ptr)
        why = json_str(json_get(problem, "message"));
    if (!why.ptr)
        why = call->error.detail;
    target->why = why;
    if (call->status == 401 || call->status == 403)
        ctx_fail(ctx, ERR_FORBIDDEN, "the service refuses: " STR_FMT, STR_ARG(why));
    else if (call->status >= 400 && call->status < 500 && call->status != 408 &&
             call->status != 429) {
        const struct json *first = json_at(json_get(problem, "errors"), 0);
        struct str pointer = json_str(json_get(first, "pointer"));
        sending->state = SENDING_REFUSED;
        sending->reason = pointer.ptr ? arena_printf(ctx->arena, STR_FMT ": " STR_FMT,
                                                     STR_ARG(pointer), STR_ARG(why))
                                      : why;
    }
}

/* Calls what `prepare` makes for each open record, in parallel; true when some are still open. */
static bool round_of_calls(struct ctx *ctx, struct import_target *target, struct sending *sending,
                           size_t n,
                           bool (*prepare)(struct ctx *ctx, const struct sending *one,
                                           struct call *call))
{
    struct call *calls = ARENA_ARRAY(ctx->arena, struct call, n);
    struct sending **of = ARENA_ARRAY(ctx->arena, struct sending *, n);
    size_t open = 0, still = 0, refused = 0;
    for (size_t i = 0; i < n; i++) {
        if (sending[i].state != SENDING_OPEN)
            continue;
        if (open == target->parallel) {
            still++;
            continue;
        }
        if (!prepare(ctx, &sending[i], &calls[open])) {
            sending[i].state = SENDING_DONE;
            continue;
        }
        calls[open].peer = target->peer;
        calls[open].token = target->token;
        calls[open].deadline_us = clock_mono_us() + IMPORT_CALL_US;
        of[open++] = &sending[i];
    }
    if (open)
        client_call(ctx, calls, open);
    ctx_clear(ctx);
    for (size_t i = 0; i < open && !ctx_failed(ctx); i++) {
        size_t before = of[i]->step;
        sending_judge(ctx, target, of[i], &calls[i]);
        refused += of[i]->state == SENDING_OPEN && of[i]->step == before;
    }
    pace(target, refused, open - refused);
    for (size_t i = 0; i < open; i++) {
        struct call next;
        if (of[i]->state == SENDING_OPEN && of[i]->step > 0 && !prepare(ctx, of[i], &next))
            of[i]->state = SENDING_DONE;
        still += of[i]->state == SENDING_OPEN;
    }
    return still > 0 && !ctx_failed(ctx);
}

static bool put_one(struct ctx *ctx, const struct sending *one, const char *path, struct call *call)
{
    if (one->step > 0)
        return false;
    *call =
        (struct call){ .method = "PUT",
                       .path = arena_printf(ctx->arena, "%s/" STR_FMT, path,
                                            STR_ARG(client_escape(ctx->arena, one->record->id))),
                       .body = one->record->json,
                       .idempotent = true };
    return true;
}

static bool prepare_product(struct ctx *ctx, const struct sending *one, struct call *call)
{
    return put_one(ctx, one, "/v1/products", call);
}

static bool prepare_order(struct ctx *ctx, const struct sending *one, struct call *call)
{
    return put_one(ctx, one, "/v1/orders", call);
}

/* The same for the same line of the same file, however often it is sent: what has no id of its own is not doubled. */
static struct str name_of_line(struct ctx *ctx, const struct record *record, size_t part)
{
    uint8_t digest[32];
    struct str text = arena_printf(ctx->arena, "%lld/%zu/" STR_FMT, (long long)record->line, part,
                                   STR_ARG(record->text));
    crypto_sha256(text.ptr, text.len, digest);
    return arena_printf(ctx->arena, "import-" STR_FMT, STR_ARG(crypto_hex(ctx->arena, digest, 16)));
}

/* A profile, then its consents one after another. */
static bool prepare_customer(struct ctx *ctx, const struct sending *one, struct call *call)
{
    if (put_one(ctx, one, "/v1/profiles", call))
        return true;
    const struct json *consents = one->record->extra.ptr ? json_parse(ctx, one->record->extra)
                                                         : NULL;
    const struct json *consent = json_at(consents, one->step - 1);
    if (!consent)
        return false;
    struct header *key = ARENA_NEW(ctx->arena, struct header);
    *key = (struct header){ STR("Idempotency-Key"), name_of_line(ctx, one->record, one->step) };
    *call =
        (struct call){ .method = "POST",
                       .path = arena_printf(ctx->arena, "/v1/profiles/" STR_FMT "/consents",
                                            STR_ARG(client_escape(ctx->arena, one->record->id))),
                       .body = json_text(ctx->arena, consent),
                       .headers = key,
                       .n_headers = 1,
                       .idempotent = true };
    return true;
}

static bool send_products(struct ctx *ctx, struct import_target *target, struct sending *sending,
                          size_t n)
{
    return round_of_calls(ctx, target, sending, n, prepare_product);
}

static bool send_customers(struct ctx *ctx, struct import_target *target, struct sending *sending,
                           size_t n)
{
    return round_of_calls(ctx, target, sending, n, prepare_customer);
}

static bool send_orders(struct ctx *ctx, struct import_target *target, struct sending *sending,
                        size_t n)
{
    return round_of_calls(ctx, target, sending, n, prepare_order);
}

static void put_event(struct ctx *ctx, struct json_out *out, const struct record *record)
{
    const struct json *event = json_parse(ctx, record->json);
    if (json_type(json_get(event, "messageId")) != JSON_ABSENT) {
        json_put_raw(out, record->json);
        return;
    }
    json_object(out);
    json_key(out, "messageId");
    json_put_str(out, name_of_line(ctx, record, 0));
    for (struct json_iter it = json_iter(event); json_next(&it);) {
        json_key_n(out, it.key);
        json_put(out, it.value);
    }
    json_object_end(out);
}

static struct call batch_call(struct ctx *ctx, const struct import_target *target,
                              struct sending **batch, size_t n)
{
    struct json_out body;
    json_out_init(&body, ctx->arena);
    json_object(&body);
    json_key(&body, "batch");
    json_array(&body);
    for (size_t i = 0; i < n; i++)
        put_event(ctx, &body, batch[i]->record);
    json_array_end(&body);
    json_object_end(&body);
    struct str user = crypto_base64(
        ctx->arena, arena_printf(ctx->arena, STR_FMT ":", STR_ARG(target->write_key)));
    struct header *basic = ARENA_NEW(ctx->arena, struct header);
    *basic = (struct header){ STR("Authorization"),
                              arena_printf(ctx->arena, "Basic " STR_FMT, STR_ARG(user)) };
    return (struct call){ .peer = target->peer,
                          .method = "POST",
                          .path = STR("/v1/batch"),
                          .body = json_out_str(&body),
                          .headers = basic,
                          .n_headers = 1,
                          .deadline_us = clock_mono_us() + IMPORT_CALL_US,
                          .idempotent = true };
}

/* Events go in one batch; when it is refused or too large, in halves, until it is known which is the bad one. */
static void send_batch(struct ctx *ctx, struct import_target *target, struct sending **batch,
                       size_t n)
{
    struct call call = batch_call(ctx, target, batch, n);
    client_call(ctx, &call, 1);
    ctx_clear(ctx);
    if ((call.status == 400 || call.status == 413) && n > 1) {
        send_batch(ctx, target, batch, n / 2);
        if (!ctx_failed(ctx))
            send_batch(ctx, target, batch + n / 2, n - n / 2);
        return;
    }
    sending_judge(ctx, target, batch[0], &call);
    for (size_t i = 0; i < n && batch[0]->step > 0; i++)
        batch[i]->state = SENDING_DONE;
}

size_t sending_open(struct sending *sending, size_t n, struct sending **open)
{
    size_t n_open = 0;
    for (size_t i = 0; i < n; i++)
        if (sending[i].state == SENDING_OPEN)
            open[n_open++] = &sending[i];
    return n_open;
}

static bool send_events(struct ctx *ctx, struct import_target *target, struct sending *sending,
                        size_t n)
{
    struct sending **open = ARENA_ARRAY(ctx->arena, struct sending *, n);
    size_t before = sending_open(sending, n, open);
    if (before)
        send_batch(ctx, target, open, before);
    size_t after = sending_open(sending, n, open);
    target->progress = after < before;
    return after > 0 && !ctx_failed(ctx);
}

/* Columns of events; properties are open. */
static const struct field event_fields[] = {
#define TEXT(member)                                                                               \
    {                                                                                              \
        .name = member, .name_length = sizeof(member) - 1, .kind = FIELD_STR                       \
    }
#define OPEN(member)                                                                               \
    {                                                                                              \
        .name = member, .name_length = sizeof(member) - 1, .kind = FIELD_JSON                      \
    }
    TEXT("type"),      TEXT("messageId"),  TEXT("userId"),  TEXT("anonymousId"),
    TEXT("event"),     TEXT("name"),       TEXT("groupId"), TEXT("previousId"),
    TEXT("timestamp"), OPEN("properties"), OPEN("traits"),  OPEN("context"),
#undef TEXT
#undef OPEN
};
static const struct schema_type event_row = { .name = "event",
                                              .fields = event_fields,
                                              .n_fields = COUNT(event_fields) };

static const struct import_kind kinds[] = {
    { .name = "products",
      .service = "commerce",
      .scopes = "products:write",
      .id = "product_id",
      .type = &product_put_type,
      .send = send_products },
    { .name = "customers",
      .service = "crm",
      .scopes = "profiles:write consents:write",
      .id = "profile_id",
      .id_prefix = "prf_",
      .type = &profile_put_type,
      .consents = true,
      .send = send_customers },
    { .name = "orders",
      .service = "commerce",
      .scopes = "orders:import",
      .id = "order_id",
      .type = &order_record_type,
      .send = send_orders },
    { .name = "content",
      .service = "content",
      .scopes = "content:read content:write",
      .type = &entry_line_type,
      .type_of = content_line_type,
      .send = send_content },
    { .name = "events",
      .service = "analytics",
      .scopes = "",
      .type = &event_row,
      .write_key = true,
      .send = send_events },
};

const struct import_kind *import_kind_find(const char *name)
{
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}
