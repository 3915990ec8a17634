/* A service with one of each, for the tests of this folder: a store, a reaction, a worker, an operation that waits. */
#pragma once

#include "platform/service/service.h"

extern const struct service example_service;
