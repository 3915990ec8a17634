/* email's database: store.c and the store_*.c are the only files that know its tables. This part: what others have told,
 * and suppressions. Functions need ctx->sql; false leaves the error in ctx, or none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"

struct contact_row {
    struct str person_id, email, address_hash, name, locale, time_zone,
        traits; /* absent ones: ptr NULL */
    int64_t version;
};

struct entry_row {
    struct str entry_id, kind, slug, locale, document; /* locale "": for every one */
    int64_t version;
};

struct suppression_row {
    struct str suppression_id, target, reason, scope, person_id, message_id, campaign_id;
    int64_t added_us;
};

/* What stands against a mail; NULL: nothing. One of "erased", "no_address", "no_consent", "suppressed". */
struct reach {
    struct contact_row contact; /* person_id ptr NULL: not known */
    const char *marketing, *service;
};

bool store_contact_put(struct ctx *ctx, const struct contact_row *contact);
bool store_contact(struct ctx *ctx, struct str person_id,
                   struct contact_row *out); /* false, no error: no such */
/* The first person with this address; false, no error: nobody. */
bool store_contact_by_hash(struct ctx *ctx, struct str hash, struct str *person_id);
/* May this person be written to now? By contact, consent and suppressions. */
bool store_reach(struct ctx *ctx, struct str person_id, struct reach *out);
/* The same at another address than the contact's; nobody need know the person. */
bool store_reach_at(struct ctx *ctx, struct str person_id, struct str address, struct str hash,
                    struct reach *out);

/* The newest word counts; `channel` is "email" or "all". */
bool store_consent_put(struct ctx *ctx, struct str person_id, struct str channel, struct str state,
                       int64_t at_us);

bool store_membership(struct ctx *ctx, struct str segment_id, struct str person_id, bool in);
#define STORE_SEGMENTS 500 /* that are shown of a person */
bool store_segments_of(struct ctx *ctx, struct str person_id, struct str out[STORE_SEGMENTS],
                       size_t *n);

bool store_entry_put(struct ctx *ctx, const struct entry_row *entry);
bool store_entry_delete(struct ctx *ctx, struct str entry_id, int64_t version);
/* That of this locale; false, no error: no such. */
bool store_entry(struct ctx *ctx, const char *kind, struct str slug, struct str locale,
                 struct entry_row *out);

bool store_erased(struct ctx *ctx, struct str person_id, bool *erased);
/* Deletes all that is about a person; suppressions of addresses stay, by their hash. */
bool store_erase(struct ctx *ctx, struct str person_id, int64_t at_us);

/* *added false: it is suppressed for this reason already, and *row is that. */
bool store_suppression_add(struct ctx *ctx, struct suppression_row *row, bool *added);
bool store_suppression(struct ctx *ctx, struct str suppression_id, struct suppression_row *out);
bool store_suppression_delete(struct ctx *ctx, struct str suppression_id);
/* Those of a target for a reason; false, no error: no such. */
bool store_suppression_of(struct ctx *ctx, struct str target, struct str reason,
                          struct suppression_row *out);
/* Newest first, those of a person or of a target (ptr NULL: all). */
bool store_suppressions(struct ctx *ctx, struct str person_id, struct str target,
                        struct sql_moment before, size_t limit, struct suppression_row *out,
                        size_t *n);
