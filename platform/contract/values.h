/* Inside platform/contract: where a value is in its document, and the limits that decoding, checking and parameters
 * share. */
#pragma once

#include "platform/contract/contract.h"

/* A value's way from the root; built on the stack while walking, written out only when something is wrong. */
struct place {
    const struct place
        *up;         /* NULL: the root, whose name is the pointer's beginning ("", "query/limit") */
    struct str name;        /* ptr NULL: an element, by index */
    size_t index;
};

/* One walk over a value. */
struct walk {
    struct ctx *ctx;
    enum decode_mode mode;
    enum error_code code; /* of what does not fit */
};

/* Notes what is wrong with the value at `place` ("must be ..."); gives false. */
bool value_fail(struct walk *walk, const struct place *place, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Do values keep the limits of their field (NULL: none)? */
bool value_text(struct walk *walk, const struct place *place, const struct field_limits *limits,
                struct str text);
bool value_int(struct walk *walk, const struct place *place, const struct field_limits *limits,
               int64_t value);
bool value_double(struct walk *walk, const struct place *place, const struct field_limits *limits,
                  double value);
bool value_count(struct walk *walk, const struct place *place, const struct field_limits *limits,
                 size_t n);
bool value_json(struct walk *walk, const struct place *place, const struct field_limits *limits,
                const struct json *value);
bool value_time(struct walk *walk, const struct place *place, struct str text, int64_t *us);
bool value_currency(struct walk *walk, const struct place *place, struct str currency);

/* Notes that no member of the enum fits; gives false. */
bool value_not_member(struct walk *walk, const struct place *place, const char *const *members);

bool format_fits(enum text_format format, struct str text);
const char *format_sentence(enum text_format format); /* "an e-mail address" */
enum text_format format_of_name(struct str name);     /* FORMAT_NONE: no format of ours */

/* Is the pattern found in the text? One that is not a pattern, or takes too many steps on this text, is not. */
bool pattern_fits(struct arena *arena, struct contract_pattern *pattern, struct str text);
bool pattern_is_one(struct arena *arena, struct contract_pattern *pattern);

/* Bytes of one value of the field, and of one element of an array. */
size_t field_size(const struct field *field);

/* What an absent member becomes. */
void field_set_fallback(const struct field *field, char *out);
