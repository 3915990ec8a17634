#include "services/reporting/launches.h"

const char *told_name(enum told what)
{
    static const char *const names[] = {
#define X(name, text) [TOLD_##name] = text,
        TOLD(X)
#undef X
    };
    return names[what];
}

/* ---- inside a reaction ---- */

bool campaign_planned(struct ctx *ctx, struct lmdb *db, const struct campaign_saved *plan)
{
    struct key revision = { 0 };
    key_number(&revision, (uint64_t)plan->revision, 8);
    struct str record = arena_printf(ctx->arena, "%.8s" STR_FMT, "........",
                                     STR_ARG(campaign_saved_encode(ctx, plan)));
    struct str was = lmdb_get_for_update(ctx, db, TABLE_CAMPAIGNS, plan->campaign_id);
    memcpy((char *)record.ptr, revision.bytes, 8);
    if (was.ptr && str_cmp(was, record) >= 0)
        return true;
    return lmdb_put(ctx, db, TABLE_CAMPAIGNS, plan->campaign_id, record);
}

#define WHAT_AT (HASH_BYTES + 8)

bool launch_told(struct ctx *ctx, struct lmdb *db, struct str campaign_id, struct str launch_id,
                 enum told what, int64_t at_us, struct str data)
{
    struct key key = { 0 };
    key_hash(&key, hash_of(campaign_id));
    key_moment(&key, at_us);
    key_number(&key, what, 1);
    key_hash(&key, hash_of(launch_id));
    key_hash(&key, hash_of(data)); /* several steps may be at one moment */
    return lmdb_put(ctx, db, TABLE_HISTORY, key_str(&key), data);
}

/* ---- reading ---- */

bool campaign_plan(struct ctx *ctx, const struct lmdb_read *read, struct str campaign_id,
                   struct campaign_saved *out)
{
    struct str record = lmdb_get(read, TABLE_CAMPAIGNS, campaign_id);
    if (record.len <= 8)
        return false;
    const struct json *plan = json_parse(ctx, (struct str){ record.ptr + 8, record.len - 8 });
    return plan && campaign_saved_read(ctx, plan, out);
}

struct gathering {
    struct ctx *ctx;
    struct hash campaign;
    struct launch_entry *entries;
    size_t n, most;
};

static bool gather(struct str key, struct str value, void *argument)
{
    struct gathering *all = argument;
    if (all->n == all->most || key.len <= WHAT_AT ||
        memcmp(key.ptr, all->campaign.bytes, HASH_BYTES) != 0)
        return false;
    const struct json *data = json_parse(all->ctx, arena_str(all->ctx->arena, value));
    if (!data)
        return false;
    all->entries[all->n++] = (struct launch_entry){ (enum told)key_read(key, WHAT_AT, 1),
                                                    key_read_moment(key, HASH_BYTES), data };
    return true;
}

bool campaign_history(struct ctx *ctx, const struct lmdb_read *read, struct str campaign_id,
                      size_t most, struct launch_entry **out, size_t *n)
{
    struct gathering all = { .ctx = ctx,
                             .campaign = hash_of(campaign_id),
                             .entries = ARENA_ARRAY(ctx->arena, struct launch_entry, most),
                             .most = most };
    lmdb_scan(read, TABLE_HISTORY, (struct str){ all.campaign.bytes, HASH_BYTES }, gather, &all);
    *out = all.entries;
    *n = all.n;
    return !ctx_failed(ctx);
}
