/* Keys that a service made for itself, the same for all its instances: its table `secrets` (name, secret). Inside a job or a read. */
#pragma once

#include "base/ctx.h"

/* 32 random bytes in hexadecimal digits, into ctx's arena. False, no error: there is none of this name. */
bool sql_secret(struct ctx *ctx, struct str name, struct str *out);

/* The same, made when it is asked for first; inside a job. */
bool sql_secret_make(struct ctx *ctx, struct str name, struct str *out);
