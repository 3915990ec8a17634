/* When issued keys are used: every service tells identity, at most once an hour for each key, so that no request waits for
 * it and none writes. The type is that of identity's contract, which this folder does not see (services/identity/tests
 * holds it to it). */
#pragma once

#include "platform/service/runtime.h"

extern const struct event_type issued_used_type;

/* Queues what has not been told (service_publish_later). One thread at a time. Does nothing without an outbox. */
void uses_tell(struct runtime *runtime);
