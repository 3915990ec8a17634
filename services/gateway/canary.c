#include "services/gateway/canary.h"

#include "base/hash.h"
#include "base/macros.h"

static int steps_of(const struct canary_plan *plan)
{
    return (plan->most + plan->step - 1) / plan->step;
}

void canary_begin(struct canary_step *step, const struct canary_plan *plan, int share,
                  int64_t now_us)
{
    *step = (struct canary_step){ .share = share, .began_us = now_us, .next_look = plan->sample };
}

enum verdict canary_judge(struct canary_step *step, const struct canary_plan *plan, int64_t now_us)
{
    if (step->stable.calls < plan->sample || step->canary.calls < plan->sample)
        return VERDICT_NONE;
    if (step->canary.calls >= step->next_look) {
        double alpha = look_alpha(steps_of(plan), ++step->looks);
        judge(&step->canary, &step->stable, alpha, &step->judgement);
        step->next_look = step->canary.calls * 2;
    }
    if (step->judgement.worse)
        return VERDICT_WORSE;
    bool held = now_us - step->began_us >= plan->hold_us;
    return held && !step->judgement.doubtful ? VERDICT_GOOD : VERDICT_NONE;
}

int canary_next_share(const struct canary_plan *plan, int share)
{
    return share >= plan->most ? 100 : MIN(share + plan->step, plan->most);
}

bool canary_takes(const char *visitor, size_t length, uint32_t seed, int share)
{
    uint64_t hash = hash_murmur3_32(visitor, length, seed);
    return (hash * 100) >> 32 < (uint64_t)share;
}
