/* What is read, as the contract has it. */
#pragma once

#include "services/reporting/figures.h"
#include "services/reporting/launches.h"
#include "reporting_contract.h"

/* What was asked for, and how new the answer is. */
struct asked {
    struct question question;
    struct str from, to, currency; /* as text */
    bool has_as_of, has_behind;
    int64_t as_of, behind;
};

/* `from`, `to`, `currency`: as they came; ptr NULL where they did not. `always`: without `from` all that there is. INVALID
 * with the parameter that is wrong. */
bool asked_read(struct ctx *ctx, struct str from, struct str to, struct str currency, bool always,
                struct asked *out);

/* How new the read model is, of all topics or of one. */
void asked_look(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked);
void freshness_of(struct ctx *ctx, const struct lmdb_read *read, struct str topic,
                  struct freshness_row *out);
/* The topics that the service hears, each once. */
const struct str *topics_heard(struct ctx *ctx, size_t *n);

#define ASKED(asked)                                                                               \
    .from = (asked)->from, .to = (asked)->to, .zone = STR("UTC"), .currency = (asked)->currency,   \
    .has_as_of = (asked)->has_as_of, .as_of = (asked)->as_of, .has_behind = (asked)->has_behind,   \
    .behind = (asked)->behind

struct str day_text(struct arena *arena, int64_t day);

/* `whole`: of everything, so with what belongs to no channel. */
struct figures figures_answer(const struct row *row, bool whole);
struct time_to_inbox inbox_answer(struct ctx *ctx, const struct lmdb_read *read,
                                  const struct question *question, struct str campaign_id);
struct day_row *days_answer(struct ctx *ctx, const struct overview *overview,
                            const struct question *question, size_t *n);
struct channel_row *channels_answer(struct ctx *ctx, const struct overview *overview, size_t *n);
bool dashboard_answer(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked,
                      struct dashboard *out);

/* False with NOT_FOUND: nobody has told of it. */
bool campaign_answer(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked,
                     struct str campaign_id, struct campaign *out);
bool campaigns_answer(struct ctx *ctx, const struct lmdb_read *read, struct asked *asked,
                      struct str after, size_t limit, struct campaign_list *out);
