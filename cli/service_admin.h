/* The admin listener of a service of a running stack. */
#pragma once

#include "base/ctx.h"
#include "platform/json/json.h"

struct service_admin;

/* Of the stack that runs on the data folder (stack_data), with a token of this scope. NULL with a sentence. */
struct service_admin *service_admin_open(struct ctx *ctx, const char *data_option,
                                         const char *service, const char *scope);
void service_admin_free(struct service_admin *admin); /* NULL-safe */

/* The answer's JSON; NULL with the sentence of the problem that it answered with. Body ptr NULL: none. */
const struct json *service_admin_ask(struct ctx *ctx, struct service_admin *admin,
                                     const char *method, struct str path, struct str body);
