/* Who asks: one person in one request, as rules see it. */
#pragma once

#include "platform/rules/rules.h"
#include "services/personalization/people.h"

/* A name that a rule has read, for whoever tells why. */
struct read_value {
    struct str name;
    struct value value;
    struct read_value *next;
};

struct asker {
    struct person person;
    struct str person_id; /* ptr NULL: nobody */
    bool known, customer; /* anything heard; asked by customer id */
    const struct percentile
        *customers; /* among whom the person's spend is looked up; it outlives the request */
    int64_t now_us;
    const struct json *context; /* NULL: none */
    const struct json *traits;  /* read at first use */
    bool traits_read;
    struct read_value **reads; /* NULL: nobody asks */
    struct rule_memo *memo;    /* of what rules have looked up; NULL: they look anew */
};

/* Who asks: features from the projection; the texts in it live until lmdb_read_end of `read`. */
bool asker_load(struct ctx *ctx, struct people *people, const struct lmdb_read *read,
                struct str person_id, bool customer, struct asker *out);

/* What rules read of the asker, as rule_input has it (argument: a struct asker); false: it is no name of a feature. */
bool asker_lookup(struct ctx *ctx, struct str name, void *argument, struct value *out);

/* What the caller gave under this path, elements of lists aside; false: nothing. Noted as it is read. */
bool asker_context(struct ctx *ctx, struct asker *asker, struct str path, struct value *out);

/* All features as an object, as rules would read them. */
struct str asker_json(struct ctx *ctx, struct asker *asker);
