/* The admin listener: GET /health/live, /health/ready and /metrics, for the operator and the
 * scraper; POST /compact?topic=NAME, answered when all that the topic held then is compacted. It runs on the broker's own loop, so that it answers as long as the broker does. */
#pragma once

#include <stdint.h>

#include "base/ctx.h"

struct broker;
struct admin;

struct admin *admin_open(struct ctx *ctx, struct broker *broker, const char *bind, uint16_t port);
uint16_t admin_port(const struct admin *admin);
void admin_free(struct admin *admin); /* NULL-safe */
