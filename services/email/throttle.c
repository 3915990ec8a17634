#include "services/email/throttle.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"

#define BUCKETS 1024
#define BURST_US (US_PER_S / 10) /* of the rate may go at once: the owner looks not all the time */
#define NEAR_US (2 * US_PER_S) /* who comes back so soon may as well stay */

struct domain {
    struct domain *next;
    struct str name;
    int64_t under_way, next_us,
        told_us; /* next_us: when one more may go; told_us: up to where others come back */
};

struct throttle {
    int64_t most, gap_us;
    struct domain *domains[BUCKETS];
};

struct throttle *throttle_new(int64_t most, int64_t per_second)
{
    struct throttle *throttle = mem_alloc(sizeof *throttle);
    throttle->most = most ? most : INT64_MAX;
    throttle->gap_us = per_second ? MAX(US_PER_S / per_second, 1) : 0;
    return throttle;
}

static void drop(struct domain **at)
{
    struct domain *domain = *at;
    *at = domain->next;
    free((char *)domain->name.ptr);
    free(domain);
}

void throttle_free(struct throttle *throttle)
{
    for (size_t i = 0; throttle && i < BUCKETS; i++)
        while (throttle->domains[i])
            drop(&throttle->domains[i]);
    free(throttle);
}

/* Made where it is missing; what says nothing any more is forgotten on the way. */
static struct domain *find(struct throttle *throttle, struct str name, int64_t now_us)
{
    struct domain **at = &throttle->domains[hash_fnv1a(name.ptr, name.len) % BUCKETS];
    while (*at) {
        if (str_eq((*at)->name, name))
            return *at;
        bool says_nothing = !(*at)->under_way && (*at)->next_us <= now_us &&
                            (*at)->told_us <= now_us;
        if (says_nothing)
            drop(at);
        else
            at = &(*at)->next;
    }
    *at = mem_alloc(sizeof **at);
    char *copy = mem_alloc(name.len + 1);
    memcpy(copy, name.ptr ? name.ptr : "", name.len);
    (*at)->name = (struct str){ copy, name.len };
    return *at;
}

bool throttle_take(struct throttle *throttle, struct str domain, int64_t now_us)
{
    struct domain *found = find(throttle, domain, now_us);
    if (found->under_way >= throttle->most || found->next_us > now_us)
        return false;
    found->under_way++;
    if (throttle->gap_us)
        found->next_us = MAX(found->next_us, now_us - BURST_US) + throttle->gap_us;
    return true;
}

void throttle_give(struct throttle *throttle, struct str domain)
{
    find(throttle, domain, INT64_MIN)->under_way--;
}

int64_t throttle_wait_us(struct throttle *throttle, struct str domain, int64_t now_us)
{
    if (!throttle->gap_us)
        return 0;
    struct domain *found = find(throttle, domain, now_us);
    found->told_us = MAX(found->told_us, now_us + NEAR_US) + throttle->gap_us;
    return found->told_us - now_us;
}
