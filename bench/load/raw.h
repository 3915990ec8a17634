/* What raw.c and raw_fetch.c share: a connection that speaks the Kafka protocol. */
#pragma once

#include "base/tests/check.h"
#include "bench/load/load.h"
#include "services/broker/wire.h"

int raw_connect(const struct load *load);
void raw_send(int fd, const struct writer *request);

/* The next answer, from its correlation id on; it lives in `*answer`. */
struct reader raw_receive(int fd, struct writer *answer);

/* An empty request: what is left is its body, and raw_end(). */
void raw_begin(struct writer *request, int16_t api, int16_t version);
void raw_end(struct writer *request);

/* Reads the topic from its beginning until all has come: a thread's function, of a load. */
void *raw_consume(void *load);
