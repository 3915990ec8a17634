/* Load shedding: how many operations may be under way at once, found from how long they take compared with how long
 * they usually take (semantics.md: Budgets). What is over it is refused before it is accepted, the least urgent first.
 * No clock of its own: moments are passed in, so that tests are exact. Thread-safe. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define SHED_FLOOR 4 /* always let in, or nothing would be learnt about a peer that has recovered */
#define SHED_START 128    /* what a fresh process lets in */
#define SHED_CEILING 1000 /* no use in more than there may be connections */

/* The order of mercy, most urgent first. */
enum shed_class { SHED_DECISION, SHED_COLLECT, SHED_STATUS, SHED_SEARCH, SHED_BULK, SHED_CLASSES };

/* Of a contract's x-priority; NULL and unknown words are "status". */
enum shed_class shed_class_of(const char *priority);

/* How long one operation usually takes: down quickly, up slowly, so that an overload does not become the usual. */
struct shed_usual {
    double us;
    int64_t seen_us; /* when it was last updated */
};

struct shed {
    pthread_mutex_t mutex;
    double limit;
    int under_way, most_under_way; /* most: in this window */
    int64_t window_us;             /* its begin; 0: none yet */
    int samples;
    double ratios;  /* sum over the window of taken/usual */
    double took_us; /* sum */
};

void shed_init(struct shed *shed);
void shed_done(struct shed *shed);

/* False: refuse it. True: shed_leave must follow. */
bool shed_enter(struct shed *shed, enum shed_class mercy);
void shed_leave(struct shed *shed, struct shed_usual *usual, int64_t took_us, int64_t now_us);

int shed_under_way(struct shed *shed);
