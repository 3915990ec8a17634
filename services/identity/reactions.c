#include "services/identity/reactions.h"

#include "base/clock.h"
#include "services/identity/store.h"

/* A clock that is ahead elsewhere makes nothing last used in the future. */
enum outcome on_key_used(struct ctx *ctx, const struct key_used *used)
{
    return store_key_used(ctx, used->key_id, MIN(used->used_at, clock_now_us())) ? DONE
                                                                                 : outcome_of(ctx);
}
