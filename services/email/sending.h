/* Handing mail over: takes what is due from the queues and gives it to the relays, with the doubt noted durably before each
 * final dot, and the outcome after it. */
#pragma once

#include "services/email/email.h"

#define WRITERS_MOST 8 /* threads that write letters */

struct sending;
struct writers;

/* In open(): by the settings, with its workers. Nothing is sent yet. False with a sentence for settings that cannot be. */
bool sending_open(struct ctx *ctx, struct sending **out);
/* After the workers have ended: what is past its dot is waited for, a while; the rest is withdrawn. NULL-safe. */
void sending_close(struct sending *sending);

/* One round. For service_worker. */
bool sending_run(struct ctx *ctx);
struct writers *sending_writers(struct sending *sending);
