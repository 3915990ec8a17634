/* Circuit breaker and retry budget: pure state machines with the clock passed in. Not thread-safe; a peer locks them. */
#pragma once

#include "platform/client/client.h"

#define BREAKER_WINDOW_S 10
#define BREAKER_LEAST_CALLS 20
#define BREAKER_ROW 20          /* bad ones without a good one between ... */
#define BREAKER_ROW_US                                                                             \
    250000LL /* ... over so long at least: a machine that stutters is no peer that hangs */
#define BREAKER_PROBES 3

struct breaker {
    enum breaker_state state;
    struct {
        int64_t second;
        int calls, bad;
    } ring[BREAKER_WINDOW_S];
    int row;             /* bad calls since the last good one */
    int64_t row_us;      /* when the first of them ended */
    int64_t open_for_us; /* the last time that it was open; 0: not since it closed */
    int64_t until_us;    /* open until */
    int64_t open_most_us; /* what it doubles to; 0: 60 s */
    int probes;          /* let through while half open */
    int probes_good;
};

/* May a call go out? In the half-open state each true uses one of the probes. */
bool breaker_allows(struct breaker *breaker, int64_t now_us);

/* How the call went. `chance` is 0..1, for the jitter. */
void breaker_record(struct breaker *breaker, int64_t now_us, bool good, double chance);

/* It went neither way: a probe may be tried again. */
void breaker_forget(struct breaker *breaker);

/* A tenth of a token for each call, three a second; a retry takes one. */
struct retry_budget {
    double tokens;
    int64_t seen_us;
};

void retry_budget_call(struct retry_budget *budget, int64_t now_us);
bool retry_budget_take(struct retry_budget *budget, int64_t now_us);
