/* How the Confluent Schema Registry says no: {"error_code", "message"}, the code being the HTTP status and two digits more. */
#pragma once

#include "platform/contract/contract.h"

/* The codes that are used here, each with the status that it stands for. */
enum refusal {
    REFUSAL_INCOMPATIBLE = 409,
    REFUSAL_NO_SUBJECT = 40401,
    REFUSAL_NO_VERSION = 40402,
    REFUSAL_NO_SCHEMA = 40403,
    REFUSAL_SUBJECT_DELETED = 40404,
    REFUSAL_SUBJECT_NOT_DELETED = 40405,
    REFUSAL_VERSION_DELETED = 40406,
    REFUSAL_VERSION_NOT_DELETED = 40407,
    REFUSAL_NO_LEVEL = 40408,
    REFUSAL_NO_MODE = 40409,
    REFUSAL_BAD_SCHEMA = 42201,
    REFUSAL_BAD_VERSION = 42202,
    REFUSAL_BAD_LEVEL = 42203,
    REFUSAL_REFERENCED = 42206,
    REFUSAL_STORE = 50001,
    REFUSAL_TIMEOUT = 50002,
};

/* Notes it in ctx->error, the code as its pointer ("code/40401"), and gives false. */
bool refuse(struct ctx *ctx, enum refusal refusal, const char *format, ...) PRINTF_LIKE(3, 4);

/* Which of them is in the error; 0: it is another kind of error. */
enum refusal refusal_of(const struct error *error);

/* The answer that ctx->error stands for; for handlers, and for what the router refuses. */
struct reply refusal_reply(struct ctx *ctx);

/* 200 with the protocol's own media type. */
struct reply answer(struct ctx *ctx, struct str body);
