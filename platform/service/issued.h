/* What identity tells of keys, in every service: read from the log by each for itself, and kept on its own disk, so that it
 * verifies keys alone, also after a restart. The types are those of identity's contract, which this folder does not see
 * (services/identity/tests holds them to it). */
#pragma once

#include "platform/service/runtime.h"

extern const struct event_type issued_told_type, issued_revoked_type;

struct issued_store;

/* What is on the disk is good at once; the rest comes as soon as the log is there. False with a sentence. */
bool issued_open(struct ctx *ctx, struct runtime *runtime);
void issued_free(struct issued_store *store); /* NULL-safe */
