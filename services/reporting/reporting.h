/* The service as a table: main() runs it, tests open it. */
#pragma once

#include "platform/service/service.h"

extern const struct service reporting_service;
