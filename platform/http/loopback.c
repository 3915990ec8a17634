/* A request without a socket: for tests. */
#include <pthread.h>

#include "platform/http/http.h"

struct waiter {
    pthread_mutex_t mutex;
    pthread_cond_t answered;
    bool done;
    struct reply reply;
};

static void waiter_answer(struct request *request, const struct reply *reply)
{
    struct waiter *waiter = request->owner;
    pthread_mutex_lock(&waiter->mutex);
    if (reply)
        waiter->reply = *reply;
    waiter->done = true;
    pthread_cond_signal(&waiter->answered);
    pthread_mutex_unlock(&waiter->mutex);
}

struct reply router_call(struct router *router, struct arena *arena, const char *method,
                         const char *target, const struct request_header *headers, size_t n_headers,
                         struct str body)
{
    struct waiter waiter = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, { 0 } };
    struct request *request = ARENA_NEW(arena, struct request);
    *request = (struct request){
        .arena = arena,
        .method = arena_str(arena, str_of(method)),
        .target = arena_str(arena, str_of(target)),
        .headers = arena_copy(arena, headers, sizeof(*headers) * n_headers),
        .n_headers = n_headers,
        .body = body.len ? arena_str(arena, body) : (struct str){ NULL, 0 },
        .remote = STR("127.0.0.1"),
        .answer = waiter_answer,
        .owner = &waiter,
    };
    router_handle(router, request);
    pthread_mutex_lock(&waiter.mutex);
    while (!waiter.done)
        pthread_cond_wait(&waiter.answered, &waiter.mutex);
    pthread_mutex_unlock(&waiter.mutex);
    if (strcmp(method, "HEAD") == 0)
        waiter.reply.body = STR("");
    return waiter.reply;
}
