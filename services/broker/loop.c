#include "services/broker/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

#define EVENTS_A_ROUND 128
#define WORKER_STACK_BYTES (256 * 1024) /* workers do flat disk work; idle memory counts */

struct queue {
    struct job *first, **last;
};

struct loop {
    int epoll, wake;
    atomic_bool stopped;
    int64_t now_us;
    void (*round)(void *owner);
    void *owner;
    struct timer **heap; /* from 1, the earliest first */
    size_t n_timers, heap_size, n_jobs;
    pthread_mutex_t lock; /* todo, patient, finished, closing */
    pthread_cond_t work;
    struct queue todo, patient, finished;
    int n_patient; /* that are running */
    bool closing;
    pthread_t *workers;
    int n_workers;
};

static void queue_reset(struct queue *queue)
{
    queue->first = NULL;
    queue->last = &queue->first;
}

static void queue_put(struct queue *queue, struct job *job)
{
    job->next = NULL;
    *queue->last = job;
    queue->last = &job->next;
}

static struct job *queue_take(struct queue *queue)
{
    struct job *job = queue->first;
    queue->first = job->next;
    if (!queue->first)
        queue->last = &queue->first;
    return job;
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t n = write(loop->wake, &one, sizeof(one)); /* full means that a wake-up is due already */
    (void)n;
}

static struct job *next_job(struct loop *loop)
{
    if (loop->todo.first)
        return queue_take(&loop->todo);
    if (!loop->patient.first || loop->n_patient >= MAX(loop->n_workers / 2, 1))
        return NULL;
    loop->n_patient++;
    return queue_take(&loop->patient);
}

static void *work(void *argument)
{
    struct loop *loop = argument;
    struct job *job;
    pthread_mutex_lock(&loop->lock);
    for (;;) {
        while (!(job = next_job(loop)) && !loop->closing)
            pthread_cond_wait(&loop->work, &loop->lock);
        if (!job)
            break;
        pthread_mutex_unlock(&loop->lock);
        job->run(job);
        pthread_mutex_lock(&loop->lock);
        loop->n_patient -= job->patient; /* and this thread looks for the next */
        bool first = !loop->finished.first;
        queue_put(&loop->finished, job);
        if (first)
            loop_wake(loop);
    }
    pthread_mutex_unlock(&loop->lock);
    return NULL;
}

static bool start_workers(struct loop *loop, int n)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, WORKER_STACK_BYTES);
    sigset_t all, before; /* signals are for the main thread */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    loop->workers = mem_alloc((size_t)n * sizeof(*loop->workers));
    while (loop->n_workers < n &&
           pthread_create(&loop->workers[loop->n_workers], &attributes, work, loop) == 0)
        loop->n_workers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return loop->n_workers == n;
}

struct loop *loop_new(struct ctx *ctx, int n_workers, void (*round)(void *owner), void *owner)
{
    struct loop *loop = mem_alloc(sizeof(*loop));
    loop->round = round, loop->owner = owner;
    loop->now_us = clock_mono_us();
    queue_reset(&loop->todo);
    queue_reset(&loop->patient);
    queue_reset(&loop->finished);
    pthread_mutex_init(&loop->lock, NULL);
    pthread_cond_init(&loop->work, NULL);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    if (loop->epoll < 0 || loop->wake < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wake, &event) ||
        !start_workers(loop, n_workers)) {
        ctx_fail(ctx, ERR_INTERNAL, "starting the event loop: %s", strerror(errno));
        loop_free(loop);
        return NULL;
    }
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    pthread_mutex_lock(&loop->lock);
    loop->closing = true;
    pthread_cond_broadcast(&loop->work);
    pthread_mutex_unlock(&loop->lock);
    for (int i = 0; i < loop->n_workers; i++)
        pthread_join(loop->workers[i], NULL);
    if (loop->epoll >= 0)
        close(loop->epoll);
    if (loop->wake >= 0)
        close(loop->wake);
    pthread_mutex_destroy(&loop->lock);
    pthread_cond_destroy(&loop->work);
    free(loop->workers);
    free(loop->heap);
    free(loop);
}

bool loop_watch(struct loop *loop, struct watch *watch, uint32_t epoll_events)
{
    struct epoll_event event = { .events = epoll_events, .data.ptr = watch };
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) == 0;
}

void loop_rewatch(struct loop *loop, struct watch *watch, uint32_t epoll_events)
{
    struct epoll_event event = { .events = epoll_events, .data.ptr = watch };
    epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

void loop_unwatch(struct loop *loop, struct watch *watch)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
}

static void heap_put(struct loop *loop, size_t place, struct timer *timer)
{
    loop->heap[place] = timer;
    timer->place = place;
}

static void heap_up(struct loop *loop, size_t place)
{
    struct timer *timer = loop->heap[place];
    for (; place > 1 && loop->heap[place / 2]->due_us > timer->due_us; place /= 2)
        heap_put(loop, place, loop->heap[place / 2]);
    heap_put(loop, place, timer);
}

static void heap_down(struct loop *loop, size_t place)
{
    struct timer *timer = loop->heap[place];
    for (size_t child; (child = place * 2) <= loop->n_timers; place = child) {
        if (child < loop->n_timers && loop->heap[child + 1]->due_us < loop->heap[child]->due_us)
            child++;
        if (loop->heap[child]->due_us >= timer->due_us)
            break;
        heap_put(loop, place, loop->heap[child]);
    }
    heap_put(loop, place, timer);
}

void timer_set(struct loop *loop, struct timer *timer, int64_t due_us)
{
    timer->due_us = due_us;
    if (!timer->place) {
        if (loop->n_timers + 2 > loop->heap_size) {
            loop->heap_size = loop->heap_size ? loop->heap_size * 2 : 64;
            loop->heap = mem_realloc(loop->heap, loop->heap_size * sizeof(struct timer *));
        }
        heap_put(loop, ++loop->n_timers, timer);
    }
    heap_up(loop, timer->place);
    heap_down(loop, timer->place);
}

void timer_stop(struct loop *loop, struct timer *timer)
{
    size_t place = timer->place;
    if (!place)
        return;
    timer->place = 0;
    struct timer *last = loop->heap[loop->n_timers--];
    if (last == timer)
        return;
    heap_put(loop, place, last);
    heap_up(loop, place);
    heap_down(loop, last->place);
}

static void fire_timers(struct loop *loop)
{
    while (loop->n_timers && loop->heap[1]->due_us <= loop->now_us) {
        struct timer *timer = loop->heap[1];
        timer_stop(loop, timer);
        timer->fire(timer);
    }
}

static void submit(struct loop *loop, struct job *job, struct queue *queue)
{
    loop->n_jobs++;
    job->patient = queue == &loop->patient;
    pthread_mutex_lock(&loop->lock);
    queue_put(queue, job);
    pthread_cond_signal(&loop->work);
    pthread_mutex_unlock(&loop->lock);
}

void loop_submit(struct loop *loop, struct job *job)
{
    submit(loop, job, &loop->todo);
}

void loop_submit_patient(struct loop *loop, struct job *job)
{
    submit(loop, job, &loop->patient);
}

size_t loop_jobs(const struct loop *loop)
{
    return loop->n_jobs;
}

static void finish_jobs(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct job *job = loop->finished.first;
    queue_reset(&loop->finished);
    pthread_mutex_unlock(&loop->lock);
    while (job) {
        struct job *next = job->next;
        loop->n_jobs--;
        job->done(job);
        job = next;
    }
}

static int sleep_ms(const struct loop *loop, int most_ms)
{
    if (!loop->n_timers)
        return most_ms;
    int64_t left = (loop->heap[1]->due_us - clock_mono_us() + US_PER_MS - 1) / US_PER_MS;
    left = MAX(left, 0);
    return most_ms < 0 || left < most_ms ? (int)MIN(left, INT32_MAX) : most_ms;
}

void loop_once(struct loop *loop, int most_ms)
{
    struct epoll_event events[EVENTS_A_ROUND];
    int n = epoll_wait(loop->epoll, events, EVENTS_A_ROUND, sleep_ms(loop, most_ms));
    loop->now_us = clock_mono_us();
    for (int i = 0; i < n; i++) {
        struct watch *watch = events[i].data.ptr;
        if (watch) {
            watch->ready(watch, events[i].events);
        } else {
            uint64_t count;
            ssize_t got = read(loop->wake, &count, sizeof(count));
            (void)got;
            finish_jobs(loop);
        }
    }
    fire_timers(loop);
    loop->round(loop->owner);
}

void loop_run(struct loop *loop)
{
    while (!atomic_load(&loop->stopped))
        loop_once(loop, -1);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopped, true);
    loop_wake(loop);
}

int64_t loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}
