#include "platform/events/events_internal.h"

/* Who relays, of the instances that share a PostgreSQL database. Times are the database's, so that clocks of machines
 * do not matter; how long it lasts here is counted from before it was asked for. */
#define LEASE_NAME "events.relay"
#define LEASE_MARGIN_US (3 * US_PER_S)

void lease_init(struct lease *lease)
{
    *lease = (struct lease){ 0 };
    id_uuid7(lease->holder);
}

static bool take(struct ctx *ctx, void *argument)
{
    struct lease *lease = argument;
    int64_t changed;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO platform_lease AS l (name, holder, until_us) VALUES ('" LEASE_NAME
            "', $1, "
            "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $2) "
            "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_us = excluded.until_us "
            "WHERE l.holder = excluded.holder "
            "OR l.until_us < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
            sql_text(lease->holder), sql_int(LEASE_US)))
        return false;
    lease->taken = changed == 1;
    return true;
}

static bool give_back(struct ctx *ctx, void *argument)
{
    struct lease *lease = argument;
    return sql_exec(ctx, NULL,
                    "DELETE FROM platform_lease WHERE name = '" LEASE_NAME "' AND holder = $1",
                    sql_text(lease->holder));
}

bool lease_holds(const struct lease *lease)
{
    return clock_mono_us() < lease->until_us;
}

bool lease_keep(struct ctx *ctx, struct sql_db *db, struct lease *lease)
{
    int64_t now = clock_mono_us();
    if (now < lease->again_us)
        return lease_holds(lease);
    lease->again_us = now + US_PER_S;
    if (sql_write(ctx, db, take, lease) && lease->taken) {
        lease->until_us = now + LEASE_US - LEASE_MARGIN_US;
        lease->again_us = now + LEASE_US / 3;
    }
    return lease_holds(lease);
}

void lease_end(struct ctx *ctx, struct sql_db *db, struct lease *lease)
{
    if (lease->until_us)
        sql_write(ctx, db, give_back, lease);
    lease->until_us = 0;
}
