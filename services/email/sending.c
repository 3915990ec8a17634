#include "services/email/sending.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "services/email/catcher.h"
#include "services/email/messages.h"
#include "services/email/sending_inside.h"
#include "services/email/store_deliveries.h"

#define IDLE_MS 250      /* then it is looked for what has become due */
#define HELD_UP_MS 20    /* while something waits for its domain's turn, */
#define BROKEN_MS 500    /* or for the database */
#define STALE_US (120 * US_PER_S) /* what no relay could be found for goes back to the queue */
#define MEASURE_US (15 * US_PER_S)

/* ---- opening ---- */

static void metrics_open(struct ctx *ctx, struct sending_metrics *metrics)
{
    static const char *const kinds[] = { "transactional", "bulk" };
    for (size_t i = 0; i < COUNT(metrics->outcomes); i++)
        metrics->outcomes[i] = metric_get(
            METRIC_COUNTER, "email_handed_over_total", "What became of messages at the relays.",
            metric_label(ctx->arena, "outcome", str_of(smtp_outcome_name(i))).ptr);
    for (size_t i = 0; i < COUNT(kinds); i++) {
        struct str label = metric_label(ctx->arena, "kind", str_of(kinds[i]));
        metrics->queued[i] = metric_get(METRIC_GAUGE, "email_queue_messages",
                                        "Messages that wait to be handed over.", label.ptr);
        metrics->oldest[i] = metric_get(METRIC_GAUGE, "email_queue_oldest_seconds",
                                        "For how long the first of them has been due.", label.ptr);
    }
    metrics->in_hand = metric_get(METRIC_GAUGE, "email_messages_in_hand",
                                  "Messages that are being written or handed over.", "");
}

/* The relays that are set; none: the catcher, where it is on. */
static bool open_relays(struct ctx *ctx, struct sending *sending)
{
    char host[256] = "";
    struct str urls = setting_text(ctx, "relays"), name = setting_text(ctx, "helo");
    int64_t catcher = setting_int(ctx, "catcher_port");
    gethostname(host, sizeof host - 1);
    if (!name.len)
        name = strchr(host, '.') ? arena_str(ctx->arena, str_of(host)) : STR("[127.0.0.1]");
    struct relay_limits limits = { .name = name,
                                   .connect_us = setting_int(ctx, "relay_connect_limit"),
                                   .command_us = setting_int(ctx, "relay_reply_limit"),
                                   .answer_us = setting_int(ctx, "relay_accept_limit") };
    bool caught = !urls.len && catcher;
    if (caught)
        urls = arena_printf(ctx->arena, "smtp://127.0.0.1:%d?tls=off&connections=10", (int)catcher);
    if (!relays_open(ctx, &sending->relays, urls, &limits))
        return false;
    if (caught)
        sending->catcher = sending->relays.relays[0].smtp;
    return true;
}

static void wake(void *argument)
{
    struct sending *sending = argument;
    atomic_store(&sending->look, true);
    smtp_wake(sending->smtp);
}

static void written(void *argument)
{
    smtp_wake(((struct sending *)argument)->smtp);
}

bool sending_open(struct ctx *ctx, struct sending **out)
{
    struct sending *sending = *out = mem_alloc(sizeof *sending);
    sending->app = ctx->app;
    sending->runtime = ctx->runtime;
    sending->start_us = clock_now_us();
    sending->answer_us = setting_int(ctx, "relay_accept_limit");
    sending->give_up_us = setting_int(ctx, "give_up_after");
    sending->attempts_most = setting_int(ctx, "attempts");
    sending->drain_us = setting_int(ctx, "drain_limit") / 3;
    sending->resends = setting_bool(ctx, "resend_in_doubt");
    sending->smtp = smtp_new();
    sending->throttle =
        throttle_new(setting_int(ctx, "domain_connections"), setting_int(ctx, "domain_rate"));
    sending->writers = writers_new(written, sending);
    metrics_open(ctx, &sending->metrics);
    if (!open_relays(ctx, sending))
        return false;
    int connections = relays_connections(&sending->relays);
    sending->most = (size_t)connections * 4;
    sql_on_commit(service_db(ctx), wake, sending);
    if (!sending->relays.n)
        log_line(LOG_WARN, NULL, "no_relay",
                 LOG_C("reason", "no relay is set and the catcher is off: mail stays queued"));
    return writers_start(ctx, sending->writers, (int)setting_int(ctx, "writers")) &&
           service_worker(ctx, "sending", US_PER_MS, sending_run);
}

struct writers *sending_writers(struct sending *sending)
{
    return sending->writers;
}

/* ---- what comes back ---- */

static void relay_learns(struct relay *relay, const struct smtp_result *result)
{
    bool hangs = result->outcome == SMTP_OUTCOME_DOUBT;
    bool unreached = result->outcome == SMTP_OUTCOME_UNSENT && result->stage < SMTP_MAIL;
    if (unreached || hangs || result->code == 421)
        relay_failed(relay, result->text);
    else if (result->outcome != SMTP_OUTCOME_UNSENT)
        relay_worked(relay);
}

/* Another relay, or the same one later, takes it as it is. */
static bool goes_elsewhere(const struct parcel *parcel)
{
    return parcel->result.outcome == SMTP_OUTCOME_UNSENT && parcel->result.stage < SMTP_MAIL;
}

static void take_done(struct sending *sending)
{
    struct smtp_result result;
    while (smtp_next_done(sending->smtp, &result)) {
        struct parcel *parcel = result.owner;
        parcel->result = result;
        throttle_give(sending->throttle, parcel->domain);
        if (parcel->settled) {
            parcel_free(&sending->all, parcel);
            continue;
        }
        sending->under_way -= str_is(parcel->message.state, "doubt");
        metric_add(sending->metrics.outcomes[result.outcome], 1);
        relay_learns(relays_of(&sending->relays, result.relay), &result);
        if (!goes_elsewhere(parcel))
            parcels_put(&sending->done, parcel);
        else
            parcels_put_first(message_is_bulk(&parcel->message) ? &sending->rest : &sending->urgent,
                              parcel);
    }
}

static void take_ready(struct sending *sending)
{
    void *owner;
    struct smtp_delivery *delivery;
    while (smtp_next_ready(sending->smtp, &delivery, &owner)) {
        struct parcel *parcel = owner;
        parcel->delivery = delivery;
        parcels_put(&sending->ready, parcel);
    }
}

static void take_written(struct sending *sending)
{
    for (struct parcel *parcel; (parcel = writers_take(sending->writers));)
        parcels_put(parcel->look.verdict != LOOK_GO             ? &sending->against
                    : message_is_bulk(&parcel->message) ? &sending->rest
                                                        : &sending->urgent,
                    parcel);
}

/* ---- what goes out ---- */

static void offer(struct sending *sending, struct relay *relay, struct parcel *parcel)
{
    struct smtp_message message = {
        .from = parcel->from, .to = parcel->to, .text = parcel->text, .owner = parcel
    };
    smtp_offer(sending->smtp, relay->smtp, &message);
}

/* Who waits for the turn of a domain that many wait for comes back later, so that others need not wait behind. */
static bool is_put_off(struct sending *sending, struct parcel *parcel, bool bulk, int64_t now_us)
{
    int64_t wait_us = 0;
    if (now_us - parcel->claimed_us > STALE_US) {
        parcel->look.verdict = LOOK_BACK;
        return true;
    }
    if (bulk && sending->rest.n > sending->most / 2 && relays_any(&sending->relays))
        wait_us = throttle_wait_us(sending->throttle, parcel->domain, now_us);
    if (!wait_us)
        return false;
    parcel->look = (struct look){ .verdict = LOOK_PUT_OFF, .until_us = clock_now_us() + wait_us };
    parcel->why = STR("its domain is given so many a second");
    return true;
}

/* Goes once through the list; what stays keeps its order. */
static void offer_all(struct sending *sending, struct parcels *list, bool bulk)
{
    struct parcels stay = { NULL, NULL, 0 };
    int64_t now_us = clock_mono_us();
    bool room = true;
    for (struct parcel *parcel; (parcel = parcels_get(list));) {
        struct relay *relay = NULL;
        bool may = room && throttle_take(sending->throttle, parcel->domain, now_us);
        if (may && !(relay = relays_pick(&sending->relays, sending->smtp, bulk)))
            throttle_give(sending->throttle, parcel->domain);
        if (relay)
            offer(sending, relay, parcel);
        else
            parcels_put(is_put_off(sending, parcel, bulk && room && !may, now_us)
                            ? &sending->against
                            : &stay,
                        parcel);
        room = room && (relay || !may);
    }
    *list = stay;
}

/* ---- the round ---- */

struct measuring {
    struct queue_depth depths[2];
};

static void add(struct queue_depth *sum, const struct queue_depth *depth)
{
    sum->n += depth->n;
    if (depth->n && (!sum->oldest_us || depth->oldest_us < sum->oldest_us))
        sum->oldest_us = depth->oldest_us;
}

static bool measure_read(struct ctx *ctx, void *argument)
{
    struct measuring *measuring = argument;
    struct str launches[FAIR_LAUNCHES];
    size_t n;
    struct queue_depth depth;
    if (!store_queue_depth(ctx, STR(QUEUE_NOW), &measuring->depths[0]) ||
        !store_queue_depth(ctx, STR(QUEUE_SINGLE), &measuring->depths[1]) ||
        !store_deliveries_sending(ctx, FAIR_LAUNCHES, launches, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!store_queue_depth(ctx, launches[i], &depth))
            return false;
        add(&measuring->depths[1], &depth);
    }
    return true;
}

static bool measure(struct ctx *ctx, struct sending *sending)
{
    struct measuring measuring = { 0 };
    int64_t now_us = clock_now_us();
    metric_set(sending->metrics.in_hand, (int64_t)sending->all.n);
    if (sending->measured_us && clock_mono_us() - sending->measured_us < MEASURE_US)
        return true;
    sending->measured_us = clock_mono_us();
    if (!sql_read(ctx, service_db(ctx), measure_read, &measuring))
        return false;
    for (size_t i = 0; i < 2; i++) {
        const struct queue_depth *depth = &measuring.depths[i];
        bool late = depth->n && depth->oldest_us < now_us;
        metric_set(sending->metrics.queued[i], depth->n);
        metric_set(sending->metrics.oldest[i], late ? (now_us - depth->oldest_us) / US_PER_S : 0);
    }
    return true;
}

static int wait_ms(const struct sending *sending)
{
    return sending->failed                         ? BROKEN_MS
           : sending->urgent.n || sending->rest.n ? HELD_UP_MS
                                                  : IDLE_MS;
}

bool sending_run(struct ctx *ctx)
{
    struct sending *sending = email_of(ctx)->sending;
    bool claims;
    smtp_wait(sending->smtp, wait_ms(sending));
    if (clock_mono_us() - sending->looked_us >= IDLE_MS * US_PER_MS) {
        sending->looked_us = clock_mono_us();
        atomic_store(&sending->look, true); /* what has become due, or came by another instance */
    }
    take_done(sending);
    take_ready(sending);
    take_written(sending);
    offer_all(sending, &sending->urgent, false);
    offer_all(sending, &sending->rest, true);
    sending->failed = !measure(ctx, sending);
    if (sending->failed || !sending_has_news(ctx, sending, &claims))
        return sending->all.n > 0;
    claims = claims && events_accepting(ctx, service_events(ctx));
    ctx_clear(ctx);
    sending->failed = !sending_store(ctx, sending, claims);
    return sending->all.n > 0;
}

/* ---- the end ---- */

/* Without claiming; what becomes ready is withdrawn. */
static bool drain_round(struct ctx *ctx, struct sending *sending)
{
    bool claims;
    smtp_wait(sending->smtp, HELD_UP_MS);
    take_done(sending);
    take_ready(sending);
    for (struct parcel *parcel; (parcel = parcels_get(&sending->ready));) {
        parcel->settled = true;
        smtp_withdraw(sending->smtp, parcel->delivery);
    }
    return !sending_has_news(ctx, sending, &claims) || sending_store(ctx, sending, false);
}

static void drain(struct sending *sending)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena, .app = sending->app, .runtime = sending->runtime };
    int64_t until_us = clock_mono_us() + sending->drain_us;
    bool ok = true;
    while (ok && (sending->under_way || sending->done.n) && clock_mono_us() < until_us) {
        ok = drain_round(&ctx, sending);
        if (ok)
            arena_clear(arena);
    }
    if (!ok || sending->under_way)
        log_line(LOG_WARN, &ctx, "email_drain_cut", LOG_I("in_doubt", sending->under_way),
                 LOG_S("reason", ctx.error.detail));
}

void sending_close(struct sending *sending)
{
    if (!sending)
        return;
    drain(sending);
    smtp_free(sending->smtp);
    writers_free(sending->writers);
    while (sending->all.newest)
        parcel_free(&sending->all, sending->all.newest);
    throttle_free(sending->throttle);
    if (sending->relays.arena)
        relays_close(&sending->relays);
    free(sending);
}
