/* What a service tells the registry of itself: what it publishes, reads and calls, and that it runs. For this folder. */
#pragma once

#include "platform/service/runtime.h"

/* Makes the worker that tells, when `registry_url` is set. It starts with the others and never holds anything up: without
 * the registry the service does all the same, and tells it once it is there. */
bool registration_open(struct ctx *ctx, struct runtime *runtime);
void registration_free(struct registration *registration); /* NULL-safe */

/* The text that is told, and in hex the SHA-256 by which an instance refers to it. */
struct str registration_contract(struct ctx *ctx, const struct runtime *runtime);
