/* Settings: every key is declared once, in a table with its default and a line of help. From it come --help, the flag
 * --<key>, the environment variable FANFARE_<SERVICE>_<KEY>, the YAML key and the reference page. A flag goes before the
 * environment, the environment before the file, the file before the default. */
#pragma once

#include "base/ctx.h"

enum setting_kind {
    SETTING_TEXT,
    SETTING_INTEGER,  /* within least..most */
    SETTING_BOOL,     /* true, false */
    SETTING_DURATION, /* "50ms", "10s", "5m", "24h"; read as microseconds */
    SETTING_BYTES,    /* "64KB", "1MB" (1024), or a number */
    SETTING_URL,      /* scheme checked against `choices` ("sqlite|postgresql") */
    SETTING_CHOICE,   /* one of `choices` ("a|b|c") */
    SETTING_PATH,
};

struct setting {
    const char *key; /* lower_case */
    enum setting_kind kind;
    const char *
        fallback; /* the default, as text; "{key}" stands for the value of a key declared before it */
    const char *help;     /* one line */
    int64_t least, most;  /* INTEGER, DURATION, BYTES; both 0: any that is not negative */
    const char *choices;
    bool secret;   /* never shown */
    bool optional; /* may be set to nothing, though its default is not */
    bool common; /* of all services: FANFARE_<KEY> too, which goes after FANFARE_<SERVICE>_<KEY> */
};

/* The value of a declared key; an undeclared one is a mistake in the program and ends it. */
struct str setting_text(const struct ctx *ctx, const char *key);
int64_t setting_int(const struct ctx *ctx, const char *key); /* integers, durations (us), bytes */
bool setting_bool(const struct ctx *ctx, const char *key);
