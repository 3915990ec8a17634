/* Reads one HTTP/1.1 response from bytes as they come (RFC 9112): no sockets here. What is ambiguous about where the
 * response ends is refused, never guessed. */
#pragma once

#include "base/ctx.h"

enum answer_state {
    ANSWER_HEAD, /* status line and headers are not complete yet */
    ANSWER_BODY,
    ANSWER_WHOLE,
    ANSWER_BROKEN,
    ANSWER_TOO_LARGE,
};

struct answer {
    enum answer_state state;
    int status;
    struct str body; /* when WHOLE; ends in NUL */
    struct str type, etag, location, next_cursor;
    bool told_to_wait; /* Retry-After */
    bool keep;         /* when WHOLE: the connection may be used again */

    /* The reader's own. */
    struct arena *arena;
    bool to_head; /* of a HEAD request: there is no body */
    char *bytes;  /* what has come since the last head that was skipped */
    size_t len, cap;
    size_t begin, end, next; /* of the body so far; what follows it is not decoded yet */
    size_t scanned;          /* up to here there is no end of the head */
    bool chunked, sized, last_chunk;
    size_t left; /* of the body, or of the chunk */
    bool crlf;   /* the end of a chunk's line is due */
};

void answer_begin(struct answer *answer, struct arena *arena, bool to_head);

/* Where the next bytes go; *room is at least 1. */
char *answer_room(struct answer *answer, size_t *room);

/* `n` bytes were put there; or the peer has closed. */
enum answer_state answer_took(struct answer *answer, size_t n);
enum answer_state answer_closed(struct answer *answer);
