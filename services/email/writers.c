#include "services/email/writers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/outgoing.h"
#include "services/email/sending.h"

#define WAIT_US (200 * US_PER_MS) /* then the worker's round ends, so that it can be stopped */
#define AGAIN_US (10 * US_PER_S)  /* what could not be read just now is tried again */

struct writers {
    void (*wake)(void *argument);
    void *argument;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct parcels urgent, rest, written;
    int n;
    struct outgoing *outgoing[WRITERS_MOST + 1];
    bool taken[WRITERS_MOST + 1]; /* which of them a thread uses at the moment */
};

struct writers *writers_new(void (*wake)(void *argument), void *argument)
{
    struct writers *writers = mem_alloc(sizeof *writers);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&writers->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&writers->lock, NULL);
    writers->wake = wake;
    writers->argument = argument;
    return writers;
}

void writers_free(struct writers *writers)
{
    if (!writers)
        return;
    for (size_t i = 0; i < COUNT(writers->outgoing); i++)
        outgoing_free(writers->outgoing[i]);
    pthread_cond_destroy(&writers->more);
    pthread_mutex_destroy(&writers->lock);
    free(writers);
}

/* ---- one letter ---- */

struct looking {
    struct parcel *parcel;
    struct look look;
};

static bool look(struct ctx *ctx, void *argument)
{
    struct looking *looking = argument;
    struct str to = { NULL, 0 };
    return last_look(ctx, &looking->parcel->message, &looking->parcel->limits, to, &looking->look);
}

static struct str copied(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

static void keep(struct parcel *parcel, const struct outgoing_letter *letter)
{
    struct arena *arena = parcel->arena;
    parcel->from = copied(arena, letter->from);
    parcel->to = copied(arena, letter->to);
    parcel->text = copied(arena, letter->text);
    parcel->domain = address_domain(arena, parcel->to);
}

static void keep_limits(struct parcel *parcel, const struct mailing_limits *limits)
{
    parcel->limits = *limits;
    parcel->limits.quiet_from = copied(parcel->arena, limits->quiet_from);
    parcel->limits.quiet_to = copied(parcel->arena, limits->quiet_to);
    parcel->limits.zone = copied(parcel->arena, limits->zone);
}

/* It is not written: for which reason, or it is tried again. */
static void speak_against(struct ctx *ctx, struct parcel *parcel,
                          const struct outgoing_letter *letter)
{
    parcel->look = letter->withheld ? (struct look){ LOOK_WITHHOLD, letter->withheld, 0 }
                   : letter->failed
                       ? (struct look){ LOOK_FAIL, letter->failed, 0 }
                       : (struct look){ LOOK_PUT_OFF, NULL, clock_now_us() + AGAIN_US };
    parcel->why = copied(parcel->arena, ctx->error.detail);
    ctx_clear(ctx);
}

/* Looks first, so that nothing is written in vain, and nothing asked of who is erased. */
static void write_letter(struct ctx *ctx, struct outgoing *outgoing, struct parcel *parcel)
{
    struct looking looking = { .parcel = parcel };
    struct mailing_limits limits = { 0 };
    struct outgoing_letter letter = { 0 };
    bool known = outgoing_limits(ctx, outgoing, &parcel->message, &limits);
    struct error error = ctx->error;
    ctx_clear(ctx);
    keep_limits(parcel, &limits);
    bool looked = sql_read(ctx, service_db(ctx), look, &looking);
    parcel->look = looking.look;
    if (looked && parcel->look.verdict != LOOK_GO)
        return;
    if (looked && !known) {
        ctx->error = error;
        letter.failed = outcome_of(ctx) == REJECT ? "template" : NULL;
    }
    if (looked && known && outgoing_compose(ctx, outgoing, &parcel->message, &letter))
        keep(parcel, &letter);
    else
        speak_against(ctx, parcel, &letter);
}

/* ---- the threads ---- */

/* With the lock held. */
static struct outgoing **outgoing_get(struct writers *writers)
{
    for (size_t i = 0; i < COUNT(writers->outgoing); i++)
        if (!writers->taken[i]) {
            writers->taken[i] = true;
            if (!writers->outgoing[i])
                writers->outgoing[i] = outgoing_new();
            return &writers->outgoing[i];
        }
    abort(); /* as many as threads */
}

/* The next one, waiting for it for a while; with what a thread keeps. */
static struct parcel *wait_for_one(struct writers *writers, struct outgoing ***outgoing)
{
    int64_t until_us = clock_mono_us() + WAIT_US;
    struct timespec at = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    struct parcel *parcel = NULL;
    pthread_mutex_lock(&writers->lock);
    while (!(parcel = parcels_get(&writers->urgent)) && !(parcel = parcels_get(&writers->rest)))
        if (pthread_cond_timedwait(&writers->more, &writers->lock, &at) == ETIMEDOUT)
            break;
    if (parcel)
        *outgoing = outgoing_get(writers);
    pthread_mutex_unlock(&writers->lock);
    return parcel;
}

static void give_back(struct writers *writers, struct outgoing **outgoing, struct parcel *parcel)
{
    pthread_mutex_lock(&writers->lock);
    writers->taken[outgoing - writers->outgoing] = false;
    bool first = writers->written.n == 0;
    parcels_put(&writers->written, parcel);
    pthread_mutex_unlock(&writers->lock);
    if (first)
        writers->wake(writers->argument);
}

/* For service_worker. */
static bool writer_run(struct ctx *ctx)
{
    struct outgoing **outgoing;
    struct writers *writers = sending_writers(email_of(ctx)->sending);
    struct parcel *parcel = wait_for_one(writers, &outgoing);
    if (!parcel)
        return true;
    write_letter(ctx, *outgoing, parcel);
    give_back(writers, outgoing, parcel);
    return true;
}

bool writers_start(struct ctx *ctx, struct writers *writers, int n)
{
    writers->n = n;
    for (int i = 0; i < n; i++)
        if (!service_worker(ctx, arena_printf(ctx->arena, "writer-%d", i + 1).ptr, US_PER_S,
                            writer_run))
            return false;
    return true;
}

void writers_give(struct ctx *ctx, struct writers *writers, struct parcel *parcel)
{
    pthread_mutex_lock(&writers->lock);
    if (writers->n) {
        parcels_put(message_is_bulk(&parcel->message) ? &writers->rest : &writers->urgent, parcel);
        pthread_cond_signal(&writers->more);
        pthread_mutex_unlock(&writers->lock);
        return;
    }
    struct outgoing **outgoing = outgoing_get(writers);
    pthread_mutex_unlock(&writers->lock);
    write_letter(ctx, *outgoing, parcel);
    give_back(writers, outgoing, parcel);
}

struct parcel *writers_take(struct writers *writers)
{
    pthread_mutex_lock(&writers->lock);
    struct parcel *parcel = parcels_get(&writers->written);
    pthread_mutex_unlock(&writers->lock);
    return parcel;
}
