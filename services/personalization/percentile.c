#include "services/personalization/percentile.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"

#define GROWTH 1.001       /* each bucket's end over its begin: the resolution */
#define N_BUCKETS 43700    /* ln(2^63) / ln(GROWTH), rounded up */

struct percentile {
    _Atomic int64_t total;
    _Atomic int32_t tree[N_BUCKETS + 1]; /* 1-based */
};

struct percentile *percentile_new(void)
{
    return mem_alloc(sizeof(struct percentile));
}

void percentile_free(struct percentile *percentile)
{
    free(percentile);
}

static int bucket_of(int64_t spent)
{
    if (spent < 1)
        return 1;
    int bucket = 2 + (int)(log((double)spent) / log(GROWTH));
    return bucket > N_BUCKETS ? N_BUCKETS : bucket;
}

static void move(struct percentile *percentile, int64_t spent, int by)
{
    for (int i = bucket_of(spent); i <= N_BUCKETS; i += i & -i)
        atomic_fetch_add_explicit(&percentile->tree[i], by, memory_order_relaxed);
    atomic_fetch_add_explicit(&percentile->total, by, memory_order_relaxed);
}

void percentile_add(struct percentile *percentile, int64_t spent)
{
    move(percentile, spent, 1);
}

void percentile_remove(struct percentile *percentile, int64_t spent)
{
    move(percentile, spent, -1);
}

double percentile_of(const struct percentile *percentile, int64_t spent)
{
    int64_t upto = 0, total = percentile_count(percentile);
    for (int i = bucket_of(spent); i > 0; i -= i & -i)
        upto += atomic_load_explicit(&percentile->tree[i], memory_order_relaxed);
    if (total <= 0)
        return 0;
    return 100.0 * (double)(upto < total ? upto : total) / (double)total;
}

int64_t percentile_count(const struct percentile *percentile)
{
    return atomic_load_explicit(&percentile->total, memory_order_relaxed);
}
