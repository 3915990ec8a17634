#include "platform/http/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    struct pool_job *first, **last;
    size_t queued, longest;
    bool closing;
    size_t n_threads;
    pthread_t threads[];
};

static struct pool_job *job_take(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    while (!pool->first && !pool->closing)
        pthread_cond_wait(&pool->wanted, &pool->mutex);
    struct pool_job *job = pool->first;
    if (job) {
        pool->first = job->next;
        if (!pool->first)
            pool->last = &pool->first;
        pool->queued--;
    }
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

static void *pool_thread(void *argument)
{
    struct pool_job *job;
    while ((job = job_take(argument)))
        job->run(job->argument); /* the job may be gone when it returns */
    return NULL;
}

struct pool *pool_new(int threads, size_t longest_queue)
{
    struct pool *pool = mem_alloc(sizeof(*pool) + sizeof(pthread_t) * (size_t)threads);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wanted, NULL);
    pool->last = &pool->first;
    pool->longest = longest_queue;
    for (int i = 0; i < threads; i++)
        if (pthread_create(&pool->threads[pool->n_threads], NULL, pool_thread, pool) == 0)
            pthread_setname_np(pool->threads[pool->n_threads++], "http-pool");
    return pool;
}

bool pool_submit(struct pool *pool, struct pool_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&pool->mutex);
    bool accepted = pool->queued < pool->longest && !pool->closing && pool->n_threads;
    if (accepted) {
        *pool->last = job;
        pool->last = &job->next;
        pool->queued++;
    }
    pthread_mutex_unlock(&pool->mutex);
    if (accepted) /* not before: the thread that wakes would run into the lock */
        pthread_cond_signal(&pool->wanted);
    return accepted;
}

void pool_free(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->closing = true;
    pthread_cond_broadcast(&pool->wanted);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 0; i < pool->n_threads; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wanted);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}
