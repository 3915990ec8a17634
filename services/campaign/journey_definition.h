/* A journey as it was put: what goes together beyond what its contract says, and what it is compiled to. */
#pragma once

#include "platform/rules/rules.h"
#include "campaign_types.h"

#define JOURNEY_NOWHERE SIZE_MAX

struct journey_place {
    const struct journey_node *node;
    size_t next, otherwise;  /* indexes of nodes, or JOURNEY_NOWHERE */
    const size_t *parts;     /* of a split: where each goes */
    const struct rule *rule; /* of a condition, or the filter of wait_until; NULL: none */
};

struct journey_program {
    const struct journey_definition *definition;
    struct journey_place *places; /* one for each node, in their order */
    const struct rule *filter;    /* of the entry; NULL: none */
    const struct rule **goals, **exits; /* filters, one for each; NULL: none */
    bool asks_person; /* a rule looks up `person` */
};

/* All in ctx's arena; the definition must live as long. INVALID at the member's pointer: kinds without what belongs to them,
 * unknown or unreachable nodes, a way round without a wait, rules that do not compile, unknown zones. */
bool journey_compile(struct ctx *ctx, const struct journey_definition *definition,
                     struct journey_program *out);

/* When people come in, of an entry by schedule: its clocks are those of the journey's zone. */
struct campaign_schedule journey_schedule(const struct journey_definition *definition);

/* Do people come in because they are in a segment, not only because they enter it? */
bool journey_takes_in(const struct journey_entry *entry);
