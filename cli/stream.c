#include "cli/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"

#define LINE_MOST 16384 /* longer ones are cut into several */
#define NAME_WIDTH 15

struct stream {
    const char *name;
    int colour, to;
    bool terminal;
    size_t used;
    char line[LINE_MOST], last[512];
};

struct stream *stream_new(const char *name, int colour, int to)
{
    struct stream *stream = mem_alloc(sizeof(*stream));
    *stream =
        (struct stream){ .name = name, .colour = colour % 8, .to = to, .terminal = isatty(to) };
    return stream;
}

void stream_free(struct stream *stream)
{
    free(stream);
}

static void write_all(int to, const char *text, size_t length)
{
    while (length) {
        ssize_t n = write(to, text, length);
        if (n < 0 && errno != EINTR)
            return; /* nobody reads it any more: the services go on */
        if (n > 0)
            text += n, length -= (size_t)n;
    }
}

static void line_out(struct stream *stream, const char *line, size_t length)
{
    static const int colours[] = { 36, 33, 32, 35, 34, 31, 96, 93 };
    char text[LINE_MOST + 64];
    int n = stream->terminal
                ? snprintf(text, sizeof(text), "\033[%dm%-*s |\033[0m %.*s\n",
                           colours[stream->colour], NAME_WIDTH, stream->name, (int)length, line)
                : snprintf(text, sizeof(text), "%-*s | %.*s\n", NAME_WIDTH, stream->name,
                           (int)length, line);
    write_all(stream->to, text, (size_t)n);
    snprintf(stream->last, sizeof(stream->last), "%.*s", (int)length, line);
}

bool stream_pass(struct stream *stream, int from)
{
    ssize_t n = read(from, stream->line + stream->used, sizeof(stream->line) - stream->used);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    stream->used += (size_t)n;
    char *at = stream->line, *end = stream->line + stream->used, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        line_out(stream, at, (size_t)(newline - at));
        at = newline + 1;
    }
    if (at < end && (n == 0 || end - at == LINE_MOST)) {
        line_out(stream, at, (size_t)(end - at));
        at = end;
    }
    stream->used = (size_t)(end - at);
    memmove(stream->line, at, stream->used);
    return n > 0;
}

const char *stream_last(const struct stream *stream)
{
    return stream->last;
}
