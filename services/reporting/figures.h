/* Questions to the read model: sums over days, and how long mail took. From any thread. */
#pragma once

#include "services/reporting/model.h"

struct question {
    int64_t from_day, to_day; /* both count */
    char currency[4];         /* whose amounts are added up */
};

struct row {
    struct sums sums;
    int64_t ads_net;  /* net revenue of the channel ads */
    int64_t distinct; /* visitors, each once */
};

#define MOST_CURRENCIES 200 /* ISO 4217 has fewer */

struct overview {
    struct row total, channels[N_CHANNELS], *days; /* as many as the question has */
    struct {
        char currency[4];
        int64_t orders;
    } currencies[MOST_CURRENCIES];
    size_t n_currencies;
};
void figures_overview(struct ctx *ctx, const struct lmdb_read *read,
                      const struct question *question, struct overview *out);

struct campaign_figures {
    struct str campaign_id;
    struct row row, always; /* always: whatever the question's days */
    int64_t first_day;      /* that anything counts on; INT64_MAX: none */
};

/* Up to `limit` campaigns with an id beyond `after`, by their ids: those that are planned, and those that something in the
 * question's days counts for. Keeps no more than them. */
void figures_campaigns(struct ctx *ctx, const struct lmdb_read *read,
                       const struct question *question, struct str after, size_t limit,
                       struct campaign_figures **out, size_t *n);

void figures_campaign(const struct lmdb_read *read, const struct question *question,
                      struct campaign_figures *campaign);

struct lasted {
    int64_t n, p50_us, p95_us; /* of none: 0 */
};
/* Of the mail sent in these days; campaign_id ptr NULL: all of it. */
void figures_lasted(struct ctx *ctx, const struct lmdb_read *read, enum lasting_kind what,
                    const struct question *question, struct str campaign_id, struct lasted *out);

/* The newest moment that a topic was heard of, of all topics where ptr is NULL. False: none. */
bool figures_newest(const struct lmdb_read *read, struct str topic, int64_t *out);
