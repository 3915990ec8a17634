#include "services/gateway/limits.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/macros.h"

#define WAYS 4 /* places that one may be in */
#define WINDOW_US (LIMITS_WINDOW_S * US_PER_S)

struct place {
    uint64_t who[2];
    int64_t full_us; /* when all of the quota is there again */
};

struct limits {
    int64_t a_minute, each_us;
    uint8_t key[16]; /* so that nobody can choose names that share places */
    pthread_mutex_t mutex;
    struct place places[LIMITS_PLACES];
};

struct limits *limits_new(int64_t a_minute)
{
    if (a_minute == 0)
        return NULL;
    struct limits *limits = mem_alloc(sizeof(*limits));
    limits->a_minute = a_minute;
    limits->each_us = MAX(WINDOW_US / a_minute, 1);
    id_random(limits->key, sizeof(limits->key));
    pthread_mutex_init(&limits->mutex, NULL);
    return limits;
}

void limits_free(struct limits *limits)
{
    if (!limits)
        return;
    pthread_mutex_destroy(&limits->mutex);
    free(limits);
}

/* Theirs, or the one of its set that has been quiet for longest. With the lock held. */
static struct place *place_of(struct limits *limits, struct str who)
{
    uint64_t hash[2];
    hash_sip128(limits->key, who.ptr, who.len, (uint8_t *)hash);
    struct place *set = &limits->places[hash[0] % (LIMITS_PLACES / WAYS) * WAYS], *quiet = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (memcmp(set[i].who, hash, sizeof(hash)) == 0)
            return &set[i];
        if (set[i].full_us < quiet->full_us)
            quiet = &set[i];
    }
    *quiet = (struct place){ .who = { hash[0], hash[1] } };
    return quiet;
}

bool limits_take(struct limits *limits, struct str who, int64_t now_us)
{
    pthread_mutex_lock(&limits->mutex);
    struct place *place = place_of(limits, who);
    int64_t full_us = MAX(place->full_us, now_us) + limits->each_us;
    bool good = full_us <= now_us + limits->each_us * limits->a_minute;
    if (good)
        place->full_us = full_us;
    pthread_mutex_unlock(&limits->mutex);
    return good;
}

static int64_t seconds_up(int64_t us)
{
    return us > 0 ? (us + US_PER_S - 1) / US_PER_S : 0;
}

struct limit_state limits_look(struct limits *limits, struct str who, int64_t now_us)
{
    pthread_mutex_lock(&limits->mutex);
    int64_t used_us = MAX(place_of(limits, who)->full_us - now_us, 0);
    pthread_mutex_unlock(&limits->mutex);
    int64_t room_us = limits->each_us * limits->a_minute - used_us;
    return (struct limit_state){ .quota = limits->a_minute,
                                 .left = room_us / limits->each_us,
                                 .wait_s = seconds_up(limits->each_us - room_us),
                                 .whole_s = seconds_up(used_us) };
}
