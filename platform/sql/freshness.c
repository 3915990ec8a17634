#include "platform/sql/freshness.h"

#include "base/clock.h"

void freshness_init(struct freshness *fresh, bool shared)
{
    memset(fresh, 0, sizeof(*fresh));
    fresh->shared = shared;
    fresh->met = -1;
}

void freshness_doubt(void *fresh)
{
    atomic_fetch_add(&((struct freshness *)fresh)->doubts, 1);
}

int64_t freshness_mark(struct freshness *fresh)
{
    return atomic_load(&fresh->doubts);
}

bool freshness_meet(struct freshness *fresh, int64_t mark, int64_t revision)
{
    bool other = revision > fresh->revision;
    fresh->revision = MAX(fresh->revision, revision);
    fresh->met = MAX(fresh->met, mark);
    return other;
}

/* One asks for all: the others go on with what is there until it has. */
bool freshness_turn(struct freshness *fresh)
{
    int64_t now_us = clock_mono_us(), asked_us = atomic_load(&fresh->asked_us);
    return fresh->shared && now_us - asked_us >= FRESHNESS_LATE_US &&
           atomic_compare_exchange_strong(&fresh->asked_us, &asked_us, now_us);
}

bool freshness_stands(const struct freshness *fresh)
{
    return fresh->met == atomic_load(&fresh->doubts);
}
