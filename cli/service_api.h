/* The public API of a service of the stack, for commands that bring and take things. */
#pragma once

#include "platform/client/client.h"

/* At `url` (NULL: where the running stack says). Owned by the caller; NULL with a sentence. */
struct peer *service_api(struct ctx *ctx, struct str data, const char *service, const char *url);

/* A token for it, good for ten minutes, of the key in the stack's folder; ptr NULL with a sentence. */
struct str service_api_token(struct ctx *ctx, struct str data, const char *subject,
                             const char *scopes);
