/* Different people of any days: of all, of a channel, of a campaign. Exact: for each day it is kept how many people came on it
 * whose day before that was so many days ago, so that those who come for the first time within some days are the ones whose
 * day before lies outside of them. Days may be noted, and taken back, in any order. */
#pragma once

#include "services/reporting/model.h"

/* Whose visitors. */
struct crowd {
    char bytes[1 + HASH_BYTES];
    size_t len;
};
struct crowd crowd_all(void);
struct crowd crowd_of_channel(enum channel channel);
struct crowd crowd_of_campaign(struct str campaign_id);

/* ---- inside a reaction ---- */

/* The person is one of them on that day (a number of days since 1970): noting it twice, and taking back what is not noted,
 * changes nothing. */
bool visitors_note(struct ctx *ctx, struct lmdb *db, struct hash person, const struct crowd *crowd,
                   int64_t day);
bool visitors_take_back(struct ctx *ctx, struct lmdb *db, struct hash person,
                        const struct crowd *crowd, int64_t day);

/* All days of the person in all crowds are taken back. */
bool visitors_forget(struct ctx *ctx, struct lmdb *db, struct hash person);

/* ---- from any thread ---- */

/* How many different people there were on these days, the first and the last among them. */
int64_t visitors_count(const struct lmdb_read *read, const struct crowd *crowd, int64_t from_day,
                       int64_t to_day);
