/* Flags: what a person gets of each, and why (OFREP; the rules are JsonLogic with flagd's operators). */
#pragma once

#include "services/personalization/asker.h"
#include "services/personalization/flags_compiled.h"

/* Whom a flag is evaluated for. */
struct flag_asker {
    struct asker asker;        /* a stranger where there is no key */
    const struct json *context;
    struct str targeting_key;  /* ptr NULL: the context has none */
    bool key_missed;           /* an evaluation looked for the person */
};

/* Reads the person of targeting_key, where there is one; as asker_load. */
bool flag_asker_load(struct ctx *ctx, struct people *people, const struct lmdb_read *read,
                     struct flag_asker *asker);

struct flag_outcome {
    enum flag_error_code error; /* UNKNOWN: none, and the members that follow say what it is */
    struct str details;         /* of the error */
    enum flag_reason reason;
    const struct flag_variant *variant;
};

/* Never leaves an error in ctx. */
struct flag_outcome flag_evaluate(struct ctx *ctx, const struct compiled_flag *flag,
                                  struct flag_asker *asker);
