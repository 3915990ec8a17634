/* The tables of erasures: who was erased, who has answered, what was compacted, the certificate. As store.h. */
#pragma once

#include "services/crm/store.h"

#define STORE_ANSWERS 64    /* more than services */
#define STORE_OTHER_IDS 1000 /* of one person that are told */
#define STORE_TOPICS 16     /* more than hold people */

struct erasure_row {
    struct str request_id, profile_id, certificate;  /* certificate.ptr NULL: not complete */
    int64_t asked_us, answered_us, completed_us; /* 0: not yet */
};

struct erasure_answer_row {
    struct str service;
    int64_t erased_us; /* 0: it has not answered */
};

struct compaction_row {
    struct str topic;
    int64_t compacted_us;
};

bool store_erased(struct ctx *ctx, struct str profile_id,
                  struct str *request_id); /* false, no error: not erased */
/* All of the person goes, with the replies that are kept for idempotency; the request is noted. */
bool store_erase(struct ctx *ctx, struct str profile_id, struct str request_id, int64_t at_us);
/* Ids of other kinds than addresses. */
bool store_other_ids(struct ctx *ctx, struct str profile_id, struct str out[STORE_OTHER_IDS],
                     size_t *n);

bool store_erasure(struct ctx *ctx, struct str request_id, struct erasure_row *out); /* as above */
/* Newest first, before that place. */
bool store_erasures(struct ctx *ctx, struct sql_moment before, size_t limit,
                    struct erasure_row *out, size_t *n);

/* Notes that an answer is awaited of this service. */
bool store_answer_await(struct ctx *ctx, struct str request_id, struct str service);
/* Its first answer holds; of a request that we do not have there is none. */
bool store_answer(struct ctx *ctx, struct str request_id, const struct erasure_answer_row *answer);
bool store_answers(struct ctx *ctx, struct str request_id,
                   struct erasure_answer_row out[STORE_ANSWERS], size_t *n);

/* Those that wait for nobody's answer but `own`, and whose last word is not told. */
bool store_erasures_answered(struct ctx *ctx, struct str own, size_t limit, struct erasure_row *out,
                             size_t *n);
bool store_erasure_worded(struct ctx *ctx, struct str request_id, int64_t at_us);
/* Those whose last word was told before, and that wait for no answer. */
bool store_erasures_worded(struct ctx *ctx, int64_t before_us, size_t limit,
                           struct erasure_row *out, size_t *n);

bool store_compacted(struct ctx *ctx, struct str request_id, const struct compaction_row *row);
bool store_compactions(struct ctx *ctx, struct str request_id,
                       struct compaction_row out[STORE_TOPICS], size_t *n);
bool store_erasure_complete(struct ctx *ctx, struct str request_id, struct str certificate,
                            int64_t at_us);
