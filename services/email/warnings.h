/* What is wrong with a mail that is written, as far as that can be seen. Pure rules, no I/O. */
#pragma once

#include "services/email/letters.h"

#define WARNINGS_MOST 50
#define WARNINGS_CLIP_BYTES (102 * 1024) /* Gmail shows no more of the HTML */

struct warning {
    const char *kind; /* as in the contract (PreviewWarning) */
    struct str detail;
};

struct warnings {
    struct warning items[WARNINGS_MOST];
    size_t n;
};

/* Fields of `person`, `campaign` and `data` that the Liquid shows, without a default, and that `names` does not have or has
 * empty. */
void warnings_missing(struct arena *arena, const struct letter_text *sources,
                      const struct json *names, struct warnings *out);
/* Links that have no text or lead nowhere, and pictures without a text. */
void warnings_html(struct arena *arena, struct str html, struct warnings *out);
void warning_add(struct warnings *out, const char *kind, struct str detail);
