#include "platform/http/shed.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/macros.h"

#define WINDOW_US (100 * US_PER_MS)
#define WINDOW_SAMPLES 10
#define TOLERANCE 3.0               /* group commits and batches make honest work uneven */
#define HARMLESS_US (25 * US_PER_MS) /* shorter than this is no overload, whatever the ratio */
#define FORGET_US (120 * US_PER_S)  /* how slowly "usual" follows upwards */

/* Which part of the limit each class may fill. */
static const double shares[SHED_CLASSES] = {
    [SHED_DECISION] = 1.0, [SHED_COLLECT] = 0.9, [SHED_STATUS] = 0.8,
    [SHED_SEARCH] = 0.6,   [SHED_BULK] = 0.4,
};

enum shed_class shed_class_of(const char *priority)
{
    static const char *const names[SHED_CLASSES] = { "decision", "collect", "status", "search",
                                                     "bulk" };
    for (size_t i = 0; priority && i < COUNT(names); i++)
        if (strcmp(priority, names[i]) == 0)
            return (enum shed_class)i;
    return SHED_STATUS;
}

void shed_init(struct shed *shed)
{
    *shed = (struct shed){ .limit = SHED_START };
    pthread_mutex_init(&shed->mutex, NULL);
}

void shed_done(struct shed *shed)
{
    pthread_mutex_destroy(&shed->mutex);
}

bool shed_enter(struct shed *shed, enum shed_class mercy)
{
    pthread_mutex_lock(&shed->mutex);
    bool in = shed->under_way < MAX(shed->limit * shares[mercy], 1);
    if (in && ++shed->under_way > shed->most_under_way)
        shed->most_under_way = shed->under_way;
    pthread_mutex_unlock(&shed->mutex);
    return in;
}

static void usual_update(struct shed_usual *usual, double took_us, int64_t now_us)
{
    double weight = 1;
    if (usual->seen_us)
        weight = took_us < usual->us ? 0.05 : MIN((double)(now_us - usual->seen_us) / FORGET_US, 1);
    usual->us += (took_us - usual->us) * weight;
    usual->seen_us = MAX(now_us, 1);
}

/* At the end of a window. Slower than usual: down in proportion, at most by half. Otherwise up, by the root (the queue
 * that a healthy server may have). Neither when the limit was not near being used: a slow disk is no overload. */
static void limit_update(struct shed *shed)
{
    double ratio = shed->ratios / shed->samples;
    if (shed->most_under_way <= shed->limit / 4)
        return;
    if (ratio > TOLERANCE && shed->took_us / shed->samples > HARMLESS_US)
        shed->limit *= MAX(TOLERANCE / ratio, 0.5);
    else
        shed->limit += sqrt(shed->limit);
    shed->limit = MIN(MAX(shed->limit, SHED_FLOOR), SHED_CEILING);
}

void shed_leave(struct shed *shed, struct shed_usual *usual, int64_t took_us, int64_t now_us)
{
    pthread_mutex_lock(&shed->mutex);
    shed->under_way--;
    usual_update(usual, (double)took_us, now_us);
    shed->samples++;
    shed->ratios += (double)took_us / MAX(usual->us, 1);
    shed->took_us += (double)took_us;
    if (!shed->window_us)
        shed->window_us = now_us;
    if (now_us - shed->window_us >= WINDOW_US && shed->samples >= WINDOW_SAMPLES) {
        limit_update(shed);
        shed->window_us = now_us;
        shed->most_under_way = shed->under_way;
        shed->samples = 0;
        shed->ratios = shed->took_us = 0;
    }
    pthread_mutex_unlock(&shed->mutex);
}

int shed_under_way(struct shed *shed)
{
    pthread_mutex_lock(&shed->mutex);
    int n = shed->under_way;
    pthread_mutex_unlock(&shed->mutex);
    return n;
}
