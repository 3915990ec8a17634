/* One log stream of all services: whole lines, each with the name of its service in a colour of its own. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct stream; /* of one service */

/* `to` is a descriptor; `colour` 0 to 7 picks the colour, used when `to` is a terminal. The newest line is remembered. */
struct stream *stream_new(const char *name, int colour, int to);
void stream_free(struct stream *stream); /* NULL-safe */

/* Reads what is there on `from` and writes its whole lines. False at the end. */
bool stream_pass(struct stream *stream, int from);

/* The last line that was written, for the sentence why a service ended. */
const char *stream_last(const struct stream *stream);
