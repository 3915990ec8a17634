/* Where a person stands among all customers by what they spent: counts in buckets that grow by 0.1%, summed by a Fenwick
 * tree. One writer (the consumer's thread); readers take no lock and may see a change half made, off by one person. */
#pragma once

#include <stdint.h>

struct percentile;

struct percentile *percentile_new(void);
void percentile_free(struct percentile *percentile); /* NULL-safe */

/* A customer with this spend (minor units; less than 1 counts as 0) comes or goes. */
void percentile_add(struct percentile *percentile, int64_t spent);
void percentile_remove(struct percentile *percentile, int64_t spent);

/* Share, in percent, of all customers who spent no more than this (to 0.1% of the amount); 0 when there are none. */
double percentile_of(const struct percentile *percentile, int64_t spent);

/* Customers counted. */
int64_t percentile_count(const struct percentile *percentile);
