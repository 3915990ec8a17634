#include "services/email/plan.h"

#include "base/clock.h"
#include "base/hash.h"
#include "platform/crypto/crypto.h"

#define SALT_HOLDOUT 0x686f6c64u /* so that the three questions are answered independently */
#define SALT_TEST 0x74657374u
#define SALT_VARIANT 0x76617269u

struct str plan_message_id(struct arena *arena, struct str owner, struct str person_id,
                           struct str step)
{
    uint8_t hash[32];
    struct str parts = arena_printf(arena, "%zu:" STR_FMT "%zu:" STR_FMT STR_FMT, owner.len,
                                    STR_ARG(owner), person_id.len, STR_ARG(person_id),
                                    STR_ARG(step));
    crypto_sha256(parts.ptr, parts.len, hash);
    return arena_printf(arena, "msg_" STR_FMT, STR_ARG(crypto_hex(arena, hash, 16)));
}

/* 0 to 1 over all persons, the same for one. */
static double place_of(struct str owner, struct str person_id, uint32_t salt)
{
    uint32_t seed = hash_murmur3_32(owner.ptr, owner.len, salt);
    return hash_murmur3_32(person_id.ptr, person_id.len, seed) / 4294967296.0;
}

bool plan_is_held_out(struct str campaign_id, struct str person_id, int64_t percent)
{
    return place_of(campaign_id, person_id, SALT_HOLDOUT) * 100 < (double)percent;
}

struct plan_share plan_share(const struct delivery_asked *asked, struct str person_id)
{
    int64_t total = 0, sum = 0;
    if (asked->n_variants == 0)
        return (struct plan_share){ 0 };
    if (asked->test &&
        place_of(asked->launch_id, person_id, SALT_TEST) * 100 >= (double)asked->test->percent)
        return (struct plan_share){ .waits = true };
    for (size_t i = 0; i < asked->n_variants; i++)
        total += asked->variants[i].weight;
    double place = place_of(asked->launch_id, person_id, SALT_VARIANT) * (double)total;
    size_t at = 0;
    while (at + 1 < asked->n_variants && place >= (double)(sum += asked->variants[at].weight))
        at++;
    return (struct plan_share){ .variant = &asked->variants[at] };
}

bool plan_due(struct ctx *ctx, const struct delivery_asked_schedule *schedule,
              const struct zone *own, const struct zone *common, int64_t *due_us)
{
    int64_t local_us;
    *due_us = schedule && schedule->has_at ? schedule->at : 0;
    if (!schedule || !schedule->local_at.ptr)
        return true;
    struct str local = schedule->local_at;
    struct str utc =
        arena_printf(ctx->arena, STR_FMT "%sZ", STR_ARG(local), local.len == 16 ? ":00" : "");
    if (!clock_parse(utc, false, &local_us))
        return ctx_fail(ctx, ERR_INVALID, STR_FMT " is no time", STR_ARG(local));
    const struct zone *zone = schedule->each && own ? own : common;
    *due_us = zone_utc_s(zone, local_us / US_PER_S, NULL) * US_PER_S;
    return true;
}

/* Minutes since midnight of "07:30"; -1: it is none. */
static int minutes_of(struct str text)
{
    int64_t hours, minutes;
    if (text.len != 5 || text.ptr[2] != ':' || !str_to_int((struct str){ text.ptr, 2 }, &hours) ||
        !str_to_int((struct str){ text.ptr + 3, 2 }, &minutes) || hours > 23 || minutes > 59)
        return -1;
    return (int)(hours * 60 + minutes);
}

bool plan_quiet_until(struct ctx *ctx, struct str from, struct str to, const struct zone *zone,
                      int64_t now_us, int64_t *until_us)
{
    int begin = minutes_of(from), end = minutes_of(to);
    if (begin < 0 || end < 0)
        return ctx_fail(ctx, ERR_INVALID, "quiet hours are from one time of the day to another");
    int64_t now_s = now_us / US_PER_S, local_s = now_s + zone_at(zone, now_s).offset_s;
    int64_t midnight_s = local_s - local_s % 86400;
    int at = (int)(local_s % 86400 / 60);
    bool over_night = begin > end,
         quiet = over_night ? at >= begin || at < end : at >= begin && at < end;
    int64_t day_s = over_night && at >= begin ? 86400 : 0;
    *until_us = quiet ? zone_utc_s(zone, midnight_s + day_s + end * 60, NULL) * US_PER_S : now_us;
    return true;
}

#define BACK_OFF_DOUBLINGS 6

int64_t plan_back_off_us(int64_t attempts)
{
    int64_t doublings = MIN(MAX(attempts - 1, 0), BACK_OFF_DOUBLINGS);
    return MIN(60 * US_PER_S << doublings, 3600 * US_PER_S);
}
