#include "platform/client/lane.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"

#define SPARE 16
#define OPEN_CONNECTIONS 32L

struct lane {
    CURLM *multi; /* NULL until curl is needed */
    CURL *spare[SPARE];
    size_t n_spare;
    struct idle_wires wires;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;

static void lane_free(void *argument)
{
    struct lane *lane = argument;
    while (lane->n_spare)
        curl_load(NULL)->easy_cleanup(lane->spare[--lane->n_spare]);
    if (lane->multi)
        curl_load(NULL)->multi_cleanup(lane->multi);
    idle_wires_close(&lane->wires);
    free(lane);
}

static void lanes_begin(void)
{
    pthread_key_create(&key, lane_free);
}

struct lane *lane_get(void)
{
    pthread_once(&once, lanes_begin);
    struct lane *lane = pthread_getspecific(key);
    if (!lane) {
        lane = mem_alloc(sizeof(*lane));
        pthread_setspecific(key, lane);
    }
    return lane;
}

CURLM *lane_multi(struct lane *lane)
{
    return lane->multi;
}

struct idle_wires *lane_wires(struct lane *lane)
{
    return &lane->wires;
}

CURL *lane_take(struct lane *lane)
{
    const struct curl_functions *curl = curl_load(NULL);
    if (!lane->multi) {
        lane->multi = curl->multi_init();
        if (!lane->multi)
            return NULL;
        curl->multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, OPEN_CONNECTIONS);
    }
    if (!lane->n_spare)
        return curl->easy_init();
    CURL *easy = lane->spare[--lane->n_spare];
    curl->easy_reset(easy);
    return easy;
}

void lane_give(struct lane *lane, CURL *easy)
{
    if (lane->n_spare == SPARE)
        curl_load(NULL)->easy_cleanup(easy);
    else
        lane->spare[lane->n_spare++] = easy;
}
