#include "platform/events/events_internal.h"

/* Something to be done on a consumer's thread, between two of its batches; who asks waits for it. One at a time. */

struct errand {
    errand_run *run;
    struct ctx *ctx;
    void *argument;
    bool is_done, result;
};

void errand_open(struct consumer *consumer)
{
    pthread_mutex_lock(&consumer->errand_lock);
    consumer->errands_open = true;
    pthread_mutex_unlock(&consumer->errand_lock);
}

static void finish(struct consumer *consumer, bool result)
{
    struct errand *errand = consumer->errand;
    errand->result = result;
    errand->is_done = true;
    consumer->errand = NULL;
    pthread_cond_broadcast(&consumer->errand_changed);
}

static bool is_stopping(struct ctx *ctx, const struct consumer *consumer)
{
    return ctx_fail(ctx, ERR_UNAVAILABLE, "the consumer %s is not running",
                    consumer->settings.name);
}

void errand_close(struct consumer *consumer)
{
    pthread_mutex_lock(&consumer->errand_lock);
    consumer->errands_open = false;
    if (consumer->errand)
        finish(consumer, is_stopping(consumer->errand->ctx, consumer));
    pthread_mutex_unlock(&consumer->errand_lock);
}

void errand_serve(struct consumer *consumer)
{
    pthread_mutex_lock(&consumer->errand_lock);
    struct errand *errand = consumer->errand;
    pthread_mutex_unlock(&consumer->errand_lock);
    if (!errand)
        return;
    struct ctx own = consumer_ctx(consumer, errand->ctx->arena);
    bool result = errand->run(&own, consumer, errand->argument);
    pthread_mutex_lock(&consumer->errand_lock);
    errand->ctx->error = own.error;
    finish(consumer, result);
    pthread_mutex_unlock(&consumer->errand_lock);
}

bool errand_do(struct ctx *ctx, struct consumer *consumer, errand_run *run, void *argument)
{
    struct errand errand = { run, ctx, argument, false, false };
    pthread_mutex_lock(&consumer->errand_lock);
    while (consumer->errand && consumer->errands_open)
        pthread_cond_wait(&consumer->errand_changed, &consumer->errand_lock);
    bool open = consumer->errands_open;
    if (open) {
        consumer->errand = &errand;
        rd_kafka_queue_yield(consumer->queue);
        while (!errand.is_done)
            pthread_cond_wait(&consumer->errand_changed, &consumer->errand_lock);
    }
    pthread_mutex_unlock(&consumer->errand_lock);
    return open ? errand.result : is_stopping(ctx, consumer);
}
