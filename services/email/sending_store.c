/* One transaction of a round: outcomes, doubts, claims. */
#include "base/clock.h"
#include "platform/faults/faults.h"
#include "services/email/messages.h"
#include "services/email/sending_inside.h"
#include "services/email/store_deliveries.h"

#define LEASE_US (300 * US_PER_S) /* a claim of another instance that is older is void */
#define GRACE_US (60 * US_PER_S)  /* beyond the relay's answer, before a doubt is nobody's */
#define SWEEP_US (5 * US_PER_S)
#define SWEEP_MOST 500

struct round {
    struct sending *sending;
    bool claims, sweeps;
    struct message_row *claimed;
    size_t n_claimed, room;
};

/* ---- what is noted ---- */

static bool note_done(struct ctx *ctx, struct sending *sending)
{
    for (struct parcel *parcel = sending->done.first; parcel; parcel = parcel->next) {
        parcel->after = parcel->message;
        if (!sending_outcome(ctx, sending, parcel, &parcel->after))
            return false;
    }
    return true;
}

static bool note_against(struct ctx *ctx, struct sending *sending)
{
    for (struct parcel *parcel = sending->against.first; parcel; parcel = parcel->next) {
        parcel->after = parcel->message;
        if (!sending_against(ctx, parcel, &parcel->after))
            return false;
    }
    return true;
}

/* The last look, and the doubt; who was first at it sends it. */
static bool note_ready(struct ctx *ctx, struct sending *sending)
{
    for (struct parcel *parcel = sending->ready.first; parcel; parcel = parcel->next) {
        struct message_row *row = &parcel->after;
        bool moved;
        *row = parcel->message;
        if (parcel->limits.cap_most && !store_person_lock(ctx, row->person_id))
            return false;
        if (!last_look(ctx, row, &parcel->limits, parcel->to, &parcel->look))
            return false;
        if (parcel->look.verdict != LOOK_GO) {
            if (!sending_against(ctx, parcel, row))
                return false;
            continue;
        }
        if (!message_doubt(ctx, row, &moved))
            return false;
        if (!moved)
            parcel->look.verdict = LOOK_BACK; /* it is another's */
    }
    return true;
}

/* Doubts of whoever is gone: of a store that is ours alone, all from before our start. */
static int64_t nobody_since(struct ctx *ctx, const struct sending *sending)
{
    int64_t old_us = clock_now_us() - sending->answer_us - GRACE_US;
    return sql_is_postgresql(service_db(ctx)) ? old_us : MAX(old_us, sending->start_us);
}

static bool sweep(struct ctx *ctx, struct sending *sending)
{
    size_t n;
    struct message_row *rows = ARENA_ARRAY(ctx->arena, struct message_row, SWEEP_MOST);
    if (!store_messages_doubted(ctx, nobody_since(ctx, sending), SWEEP_MOST, rows, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!sending_doubt_ends(ctx, sending, &rows[i]))
            return false;
    return true;
}

/* ---- what is taken ---- */

static int64_t free_since(struct ctx *ctx, const struct sending *sending)
{
    int64_t old_us = clock_now_us() - LEASE_US;
    return sql_is_postgresql(service_db(ctx)) ? old_us : MAX(old_us, sending->start_us);
}

/* The queues in the order in which they are asked: service mail, single mail, then launches, each the first in turn. */
static bool queues_of(struct ctx *ctx, const struct sending *sending, struct str *queues, size_t *n)
{
    struct str launches[FAIR_LAUNCHES];
    size_t n_launches;
    if (!store_deliveries_sending(ctx, FAIR_LAUNCHES, launches, &n_launches))
        return false;
    *n = 0;
    queues[(*n)++] = STR(QUEUE_NOW);
    queues[(*n)++] = STR(QUEUE_SINGLE);
    for (size_t i = 0; i < n_launches; i++)
        queues[(*n)++] = launches[(sending->turn + i) % n_launches];
    return true;
}

/* Some room is kept for service mail. */
static size_t room_for(const struct round *round, bool now)
{
    size_t kept = now ? 0 : round->sending->most / 4;
    return round->room > round->n_claimed + kept ? round->room - round->n_claimed - kept : 0;
}

static bool claim(struct ctx *ctx, struct round *round)
{
    struct sending *sending = round->sending;
    struct str queues[FAIR_LAUNCHES + 2];
    size_t n_queues, n;
    int64_t now_us = clock_now_us(), free_us = free_since(ctx, sending);
    round->n_claimed = 0;
    round->room = sending->most - MIN(sending->all.n, sending->most);
    round->claimed = ARENA_ARRAY(ctx->arena, struct message_row, round->room + 1);
    if (!queues_of(ctx, sending, queues, &n_queues))
        return false;
    for (size_t i = 0; i < n_queues; i++) {
        size_t room = room_for(round, i == 0);
        if (room && !store_queue_claim(ctx, queues[i], now_us, free_us, room,
                                       round->claimed + round->n_claimed, &n))
            return false;
        round->n_claimed += room ? n : 0;
    }
    return true;
}

static bool round_write(struct ctx *ctx, void *argument)
{
    struct round *round = argument;
    struct sending *sending = round->sending;
    return note_done(ctx, sending) && note_against(ctx, sending) && note_ready(ctx, sending) &&
           (!round->sweeps || sweep(ctx, sending)) && (!round->claims || claim(ctx, round));
}

/* ---- and what follows from it ---- */

static void free_all(struct sending *sending, struct parcels *parcels)
{
    for (struct parcel *parcel; (parcel = parcels_get(parcels));)
        parcel_free(&sending->all, parcel);
}

static void follow(struct ctx *ctx, struct round *round)
{
    struct sending *sending = round->sending;
    free_all(sending, &sending->done);
    free_all(sending, &sending->against);
    if (sending->ready.n)
        fault_at("email.doubted", NULL);
    for (struct parcel *parcel; (parcel = parcels_get(&sending->ready));) {
        struct smtp_delivery *delivery = parcel->delivery;
        parcel->delivery = NULL;
        parcel->settled = parcel->look.verdict != LOOK_GO;
        if (parcel->settled) {
            smtp_withdraw(sending->smtp, delivery);
            continue;
        }
        parcel->message = parcel->after;
        sending->under_way++;
        smtp_finish(sending->smtp, delivery);
        fault_at("email.dot", NULL);
    }
    for (size_t i = 0; i < round->n_claimed; i++)
        writers_give(ctx, sending->writers, parcel_new(&sending->all, &round->claimed[i]));
    sending->turn++;
    if (round->n_claimed)
        atomic_store(&sending->look, true); /* where these come from there may be more */
}

bool sending_store(struct ctx *ctx, struct sending *sending, bool claims)
{
    struct round round = { .sending = sending, .claims = claims };
    round.sweeps = clock_mono_us() >= sending->swept_us + SWEEP_US || !sending->swept_us;
    if (sending->done.n)
        fault_at("email.accepted", NULL);
    if (!sql_write(ctx, service_db(ctx), round_write, &round))
        return false;
    if (round.sweeps)
        sending->swept_us = clock_mono_us();
    follow(ctx, &round);
    return true;
}

struct news {
    struct sending *sending;
    bool due, doubted;
};

static bool news_read(struct ctx *ctx, void *argument)
{
    struct news *news = argument;
    struct str queues[FAIR_LAUNCHES + 2];
    size_t n_queues, n = 0;
    int64_t now_us = clock_now_us(), free_us = free_since(ctx, news->sending);
    struct message_row *row = ARENA_NEW(ctx->arena, struct message_row);
    if (!queues_of(ctx, news->sending, queues, &n_queues) ||
        !store_messages_doubted(ctx, nobody_since(ctx, news->sending), 1, row, &n))
        return false;
    news->doubted = n > 0;
    for (size_t i = 0; i < n_queues && !news->due; i++)
        if (!store_queue_has(ctx, queues[i], now_us, free_us, &news->due))
            return false;
    return true;
}

bool sending_has_news(struct ctx *ctx, struct sending *sending, bool *claims)
{
    struct news news = { .sending = sending };
    bool noted = sending->ready.n || sending->done.n || sending->against.n;
    bool has_room = sending->most - MIN(sending->all.n, sending->most) >= sending->most / 4;
    *claims = has_room && relays_any(&sending->relays) && atomic_exchange(&sending->look, false);
    if (noted || !sql_read(ctx, service_db(ctx), news_read, &news))
        return noted;
    if (news.doubted)
        sending->swept_us = 0;
    *claims = *claims && news.due;
    return *claims || news.doubted;
}
