/* The listener as a relay that takes all, apart from smtp.h: both have words of the same trade. */
#pragma once

#include "base/arena.h"

int taker_start(struct arena *arena); /* its port */
int taker_stop(void);                 /* how many it took */
struct str taker_last(void);          /* the last one: all are the same, or it refuses them */
