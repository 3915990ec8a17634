#include "services/commerce/reactions.h"

#include "base/clock.h"

/* Orders are the books: they stay under the id that they were placed with, which names nobody any more. What they were
 * answered with is kept for a day, and goes. */
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    struct erasure_done done = { .request_id = erased->request_id,
                                 .profile_id = erased->profile_id,
                                 .service = STR("commerce"),
                                 .erased_at = clock_now_us() };
    sql_scrub(ctx);
    return sql_replies_forget(ctx, erased->profile_id) && publish_erasure_done(ctx, &done)
               ? DONE
               : outcome_of(ctx);
}
