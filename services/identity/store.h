/* The database: store*.c are the only files that know its tables. Functions need ctx->sql; false leaves the error in ctx,
 * or none where a row was asked for that is not there. Times are microseconds UTC; 0: never. */
#pragma once

#include "platform/sql/sql.h"

struct role_row {
    struct str role, description, scopes; /* description: ptr NULL when there is none */
    int64_t version, updated_us;
};

#define ROLES_OF_A_PERSON 4

struct person_row {
    struct str person_id, email, name, password; /* password: as it is kept; ptr NULL: none */
    bool active;
    struct str roles[ROLES_OF_A_PERSON];
    size_t n_roles;
    int64_t version, created_us, updated_us, signed_in_us;
};

struct session_row {
    struct str session_id, person_id, token_hash;
    int64_t started_us, expires_us;
};

struct attempts_row {
    int64_t failed, last_us;
};

struct key_row {
    struct str key_id, kind, name, hash, scopes, created_by;
    int64_t version, created_us, expires_us, revoked_us, last_used_us;
};

/* ---- store.c: roles and people ---- */

bool store_role(struct ctx *ctx, struct str role, struct role_row *out);
bool store_roles(struct ctx *ctx, struct str after, size_t limit, struct role_row *out, size_t *n);
/* Only over the version before it: CONFLICT when that is another by now. */
bool store_role_put(struct ctx *ctx, const struct role_row *role);
bool store_role_delete(struct ctx *ctx, struct str role);
bool store_role_people(struct ctx *ctx, struct str role, int64_t *n); /* how many have it */

bool store_person(struct ctx *ctx, struct str person_id, struct person_row *out);
bool store_person_by_email(struct ctx *ctx, struct str email, struct person_row *out);
bool store_people(struct ctx *ctx, struct str after, size_t limit, struct person_row *out,
                  size_t *n);
/* All but password and signed_in_us, over the version before it. CONFLICT also when another has the address. */
bool store_person_put(struct ctx *ctx, const struct person_row *person);
bool store_person_delete(struct ctx *ctx, struct str person_id);
bool store_password(struct ctx *ctx, struct str person_id, struct str kept, int64_t now_us);

/* The scopes of all roles of the person. */
bool store_person_scopes(struct ctx *ctx, struct str person_id, struct str *scopes);

/* ---- store_sessions.c ---- */

bool store_session(struct ctx *ctx, struct str session_id, struct session_row *out);
bool store_session_put(struct ctx *ctx, const struct session_row *session);
bool store_session_end(struct ctx *ctx, struct str session_id);
bool store_sessions_end(struct ctx *ctx, struct str person_id); /* all of this person */
bool store_sessions_forget(struct ctx *ctx, int64_t before_us); /* that had ended by then */

bool store_attempts(struct ctx *ctx, struct str subject, struct attempts_row *out);
bool store_attempts_put(struct ctx *ctx, struct str subject, const struct attempts_row *attempts);
bool store_attempts_clear(struct ctx *ctx, struct str subject);
bool store_attempts_forget(struct ctx *ctx, int64_t before_us);

/* Notes that the person has signed in. */
bool store_signed_in(struct ctx *ctx, struct str person_id, int64_t at_us);

/* ---- store_keys.c ---- */

bool store_key(struct ctx *ctx, struct str key_id, struct key_row *out);
bool store_keys(struct ctx *ctx, struct sql_moment before, size_t limit, struct key_row *out,
                size_t *n);
bool store_key_new(struct ctx *ctx, const struct key_row *key);
/* Name, scopes, end and revocation, over the version before it. */
bool store_key_change(struct ctx *ctx, const struct key_row *key);
/* Later than what is known; a key that there is not is passed over. The version stays: nothing was changed by anybody. */
bool store_key_used(struct ctx *ctx, struct str key_id, int64_t used_us);
