/* Those who write the letters: threads that take parcels and give them back written, or with what speaks against it. */
#pragma once

#include "services/email/parcel.h"

struct writers;

/* `wake` is told, on their thread, when one is written. */
struct writers *writers_new(void (*wake)(void *argument), void *argument);
/* In open(): `n` threads; 0: writers_take() writes by itself. */
bool writers_start(struct ctx *ctx, struct writers *writers, int n);
void writers_free(struct writers *writers); /* NULL-safe; once the workers are stopped */

void writers_give(struct ctx *ctx, struct writers *writers, struct parcel *parcel);
struct parcel *writers_take(struct writers *writers); /* a written one; NULL: none yet */
