/* What was found, on its way out: rules, places, sentences. For the files of this folder. */
#pragma once

#include "platform/compat/compat.h"
#include "platform/compat/rules.h"

enum rule {
#define RULE(id, name, schema, request, response, replay, event, new_reads, old_reads) RULE_##id,
    COMPAT_RULES(RULE)
#undef RULE
        N_RULES
};

/* Where one is in the values: "lines[].amount". On the stack of the walk. */
struct at {
    const struct at *up; /* NULL: the value as a whole */
    enum {
        AT_MEMBER,
        AT_ITEM,
        AT_OTHERS
    } kind; /* AT_OTHERS: members that the contract does not name */
    struct str name;
};

/* What is compared: who reads, and what its findings have in common. */
struct reading {
    struct ctx *ctx;
    enum compat_use use;
    bool old_reads;       /* the reader has the old contract */
    struct str head;      /* of the place: "response 200 of get_balance"; may be empty */
    struct str operation; /* ptr NULL: none */
    struct compat_findings *findings;
};

/* Where it stands in the document of the reader or of the writer. */
struct spot {
    struct str pointer;
    bool in_old;
};

struct words {
    struct str r, w, x; /* rules.h: {r}, {w}, {x} */
};

/* Notes what a rule found; nothing where the rule is not told in this use, or the same was noted
 * before. */
void finding_add(const struct reading *reading, enum rule rule, const struct at *at,
                 struct spot spot, struct words words);

/* All findings of `from` into `into`. */
void findings_take(struct ctx *ctx, struct compat_findings *into,
                   const struct compat_findings *from);

/* `pointer` + "/" + the name, escaped as RFC 6901 wants it. */
struct str pointer_down(struct arena *arena, struct str pointer, struct str name);
struct str pointer_down_n(struct arena *arena, struct str pointer, size_t index);
