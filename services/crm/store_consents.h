/* The tables of consent: every word with its proof, what holds, and what is to be confirmed by a mail. As store.h. */
#pragma once

#include "services/crm/store.h"

#define STORE_CONSENTS 64 /* more than purposes x channels */

struct consent_row {
    struct str profile_id, purpose, channel, state;
    struct str source, wording; /* where it was said, and what was agreed to */
    struct str actor, proof;    /* who noted it, and what else shows it; ptr NULL: nothing */
    int64_t at_us;
    struct str consent_id; /* of one that was read */
    int64_t noted_us;      /* of one that was read; 0: not known */
};

/* Notes the word, and lets it hold when it is newer than what holds; the same word of the same moment is noted once.
 * *changed: the state that holds has changed. */
bool store_consent(struct ctx *ctx, const struct consent_row *word, bool *changed);
bool store_consents(struct ctx *ctx, struct str profile_id, struct consent_row out[STORE_CONSENTS],
                    size_t *n);
/* Every word, newest first, before that place. */
bool store_consent_history(struct ctx *ctx, struct str profile_id, struct sql_moment before,
                           size_t limit, struct consent_row *out, size_t *n);

struct confirmation_row {
    struct str confirmation_id, profile_id, purpose, channel, source, wording, address, actor;
    int64_t requested_us, expires_us, mails, mail_us, confirmed_us; /* confirmed_us 0: it is not */
};

/* With a mail that is due then. */
bool store_confirmation_add(struct ctx *ctx, const struct confirmation_row *row, int64_t due_us);
bool store_confirmation(struct ctx *ctx, struct str confirmation_id,
                        struct confirmation_row *out); /* false, no error: no such */
/* The one that waits for this word of the person, asked of this address. As above. */
bool store_confirmation_open(struct ctx *ctx, const struct confirmation_row *wanted, int64_t now_us,
                             struct confirmation_row *out);
bool store_confirmations(struct ctx *ctx, struct str profile_id, struct sql_moment before,
                         size_t limit, struct confirmation_row *out, size_t *n);
/* A further mail is due then; it is counted. */
bool store_confirmation_again(struct ctx *ctx, struct str confirmation_id, int64_t now_us,
                              int64_t due_us);
/* *first: nobody has confirmed it before. */
bool store_confirmation_confirm(struct ctx *ctx, struct str confirmation_id, int64_t now_us,
                                bool *first);
/* Those whose mail is due; and it is not any more. */
bool store_confirmations_due(struct ctx *ctx, int64_t now_us, size_t limit,
                             struct confirmation_row *out, size_t *n);
bool store_confirmation_asked(struct ctx *ctx, struct str confirmation_id);
/* Those that nobody has confirmed, and that expired before. */
bool store_confirmations_prune(struct ctx *ctx, int64_t before_us);
