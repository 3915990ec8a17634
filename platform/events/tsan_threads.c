/* Only in builds with -Db_sanitize=thread. librdkafka makes its threads by C11's thrd_create, which GCC 12's thread sanitizer
 * does not know: it finds nothing prepared for such a thread, and breaks in its own run-time, where it hangs or ends by
 * a signal before a word is said. These take the place of libc's, and make them threads that it knows. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#include "base/arena.h"

struct start {
    thrd_start_t run;
    void *argument;
};

static void *run(void *data)
{
    struct start start = *(struct start *)data;
    free(data);
    return (void *)(intptr_t)start.run(start.argument);
}

int thrd_create(thrd_t *thread, thrd_start_t function, void *argument)
{
    struct start *start = mem_alloc(sizeof *start);
    *start = (struct start){ function, argument };
    if (pthread_create(thread, NULL, run, start) == 0)
        return thrd_success;
    free(start);
    return thrd_error;
}

int thrd_join(thrd_t thread, int *result)
{
    void *given;
    if (pthread_join(thread, &given) != 0)
        return thrd_error;
    if (result)
        *result = (int)(intptr_t)given;
    return thrd_success;
}
