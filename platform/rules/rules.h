/* JsonLogic with the flagd operators (protocols.md: OFREP), compiled once, steps bounded. No I/O.
 *
 * Values are converted as JavaScript does it, which is what JsonLogic means: "1" == 1, [] and "" and 0 are false, lists
 * and objects are equal only to themselves. `substr` counts code points. `log` and `method` are not taken.
 *
 * Three operators are our own, for behaviour; their arguments are no logic. `what` is the name of something that is
 * counted (`<what>.count`, `<what>.count_30d`, `<what>.sum` ...), the window one of 1, 7, 30 and 90 days or all time:
 * {"did": [what, times, days]} at least so often (once), {"times": [what, days]}, {"total": [what, days]}. */
#pragma once

#include "platform/json/json.h"

struct rule;

/* Owned by the caller; immutable and thread-safe. ERR_INVALID with the pointer: unknown operator, wrong arity, too many
 * nodes (10,000), too deep (64). */
struct rule *rule_compile(struct ctx *ctx, const struct json *logic);
void rule_free(struct rule *rule);

/* Rules that are evaluated for the same input, one after the other: they lie together, in the arena, and the names that
 * they look up are numbered, so that each is looked up once (rule_memo). */
struct rule_set;

struct rule_set *rule_set_new(struct arena *arena);

/* As rule_compile; the rule lives as long as the arena, and is not freed. */
struct rule *rule_set_add(struct ctx *ctx, struct rule_set *set, const struct json *logic);

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_STRING, VALUE_ARRAY, VALUE_JSON };

/* A value during evaluation; arrays and text live in the arena, in the rule or in the input. */
struct value {
    enum value_kind kind;
    union {
        bool boolean;
        double number;
        struct str str;
        struct {
            struct value *items;
            size_t n_items;
        };
        const struct json *json; /* an object, or an array as it was read */
    };
};

/* What an evaluation went through, for whoever tells why. */
struct rule_notes {
    bool split;      /* `fractional` gave a variant */
    bool key_missed; /* it had no key to split by */
};

/* What names of a set's rules stand for, as far as they were looked up, for one input. */
struct rule_memo;
struct rule_memo *rule_memo_new(struct arena *arena, const struct rule_set *set);

/* Where `var` looks: a JSON document, and/or a function for names that it computes (true when it gave one). */
struct rule_input {
    const struct json *data;
    bool (*lookup)(struct ctx *ctx, struct str name, void *argument, struct value *out);
    void *argument;
    struct str flag_key,
        targeting_key; /* for `fractional`; `$flagd.flagKey` and `targetingKey` where data has none */
    struct rule_notes *notes; /* NULL: nobody asks */
    struct rule_memo *memo; /* of the set that the rule is in; NULL: every name is looked up anew */
};

/* False with ERR_INVALID when more than 100,000 steps were taken or an operator met what it cannot use. */
bool rule_evaluate(struct ctx *ctx, const struct rule *rule, const struct rule_input *input,
                   struct value *out);

/* `each` gets every name that the rule looks up in its input, until it gives false. False: it did, or which names there
 * are shows only when the rule runs (`missing`, a `var` whose name is logic). */
typedef bool rule_name(void *argument, struct str name);
bool rule_names(const struct rule *rule, rule_name *each, void *argument);

bool rule_truthy(const struct value *value);
void rule_put_value(struct json_out *out, const struct value *value);
