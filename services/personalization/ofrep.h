/* How OFREP words what the router and its operations refuse: {key, errorCode, errorDetails}. */
#pragma once

#include "platform/contract/contract.h"

struct reply ofrep_refusal(struct ctx *ctx);
