/* The broker's counters in the text format of Prometheus. */
#pragma once

#include "base/arena.h"

struct broker;

struct str metrics_text(const struct broker *broker, struct arena *arena);
