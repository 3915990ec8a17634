/* Inside the client: a neighbour, as calls see it. */
#pragma once

#include "platform/client/address.h"
#include "platform/client/client.h"

/* May it be sent twice? */
static inline bool call_is_idempotent(const struct call *call)
{
    return call->idempotent || strcmp(call->method, "GET") == 0 ||
           strcmp(call->method, "HEAD") == 0;
}

/* How an attempt ended, for the breaker. */
enum attempt_end { ATTEMPT_GOOD, ATTEMPT_BAD, ATTEMPT_NEITHER };

const char *peer_name(const struct peer *peer);
const char *peer_url(const struct peer *peer);
const char *peer_host(const struct peer *peer);   /* "host:port" */
const char *peer_prefix(
    const struct peer *peer); /* the path of its URL, without a '/' at the end */

/* Where plain connections to it go: what its URL says, or what curl found not long ago. False: ask curl. */
bool peer_address(struct peer *peer, struct address *out);
void peer_is_at(struct peer *peer, const struct address *address);
void peer_is_not_at(struct peer *peer, const struct address *address);

int64_t peer_budget_us(const struct peer *peer);

bool peer_allows(struct peer *peer);                         /* the breaker; counts a refusal */
void peer_record(struct peer *peer, enum attempt_end end); /* after each attempt that was allowed */
void peer_count_call(struct peer *peer);                     /* fills the retry budget */
bool peer_may_retry(struct peer *peer);                      /* takes from it */
void peer_observe(struct peer *peer, struct ctx *ctx, const char *method, int status,
                  int64_t took_us);
