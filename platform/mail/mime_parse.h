/* Reads mail as it comes (RFC 5322, 2045 to 2047, 2231): nothing is refused. What is broken is taken as text, and memory
 * stays within a small multiple of the mail. */
#pragma once

#include "base/arena.h"

#define MIME_DEPTH 10         /* parts that lie deeper are text of the part around them */
#define MIME_MOST_PARTS 250   /* of one mail; further ones are text of the last */
#define MIME_MOST_HEADERS 500 /* of one part; further ones are passed over */

struct mime_header {
    struct str name, value; /* the value in one line, as it was sent: mime_words() reads it */
};

struct mime_part {
    struct mime_header *headers;
    size_t n_headers;
    struct str
        type; /* in small letters: "text/plain", which is also what nothing and nonsense mean */
    struct str content; /* behind the headers, as it was sent */
    struct mime_part *parts; /* of a multipart; the mail inside a message/rfc822 */
    size_t n_parts;
};

/* All of it lives in the arena or in `mail`. */
struct mime_part *mime_parse(struct arena *arena, struct str mail);

/* Header lines up to an empty line, to one that is none, or to the end; *rest is what follows. A first line of mbox
 * ("From ...") is passed over. */
size_t mime_headers(struct arena *arena, struct str *rest, struct mime_header **out);

/* The first of this name, in any case; ptr NULL without one. */
struct str mime_header(const struct mime_part *part, const char *name);
struct str mime_find(const struct mime_header *headers, size_t n, const char *name);

/* A parameter of a structured header's value: mime_parameter(arena, value, "charset"); ptr NULL without it. */
struct str mime_parameter(struct arena *arena, struct str value, const char *name);

/* A header's value with its encoded words (RFC 2047) read, in UTF-8. */
struct str mime_words(struct arena *arena, struct str value);

/* The content with its transfer encoding undone; for text, in UTF-8 besides. */
struct str mime_bytes(struct arena *arena, const struct mime_part *part);
struct str mime_text(struct arena *arena, const struct mime_part *part);

/* UTF-8 of what is in `charset`; what it has no letter for is U+FFFD, and so is NUL. Charsets other than UTF-8, ISO-8859-1
 * and Windows-1252 give their ASCII only. */
struct str mime_utf8(struct arena *arena, struct str charset, struct str bytes);

struct str mime_unquote_printable(struct arena *arena, struct str text, bool underscore_is_space);
struct str mime_unbase64(struct arena *arena,
                         struct str text); /* passes over what does not belong */

/* The text of HTML: without tags, comments, scripts and styles; blocks and <br> end lines; the common entities read. */
struct str mime_html_text(struct arena *arena, struct str html);

/* The parts one after another, each before those inside it: for (p = mail; p; p = mime_next(&walk)). */
struct mime_walk {
    struct mime_part *open[MIME_DEPTH + 1];
    size_t at[MIME_DEPTH + 1], depth;
};
struct mime_part *mime_first(struct mime_walk *walk, struct mime_part *mail);
struct mime_part *mime_next(struct mime_walk *walk);
