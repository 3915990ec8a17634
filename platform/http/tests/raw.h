/* A client of bytes, for tests: it sends what it is told, and reads what comes. */
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static inline int dial(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* False when the server has closed, which is an answer too. */
static inline bool send_all(int fd, struct str text)
{
    while (text.len) {
        ssize_t n = send(fd, text.ptr, text.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        text.ptr += n;
        text.len -= (size_t)n;
    }
    return true;
}

struct answer {
    char text[70000];
    size_t len;
    int status;
    bool closed; /* the server closed after it */
    int64_t took_ms;
    struct str body;
};

static inline struct str answer_header(const struct answer *answer, const char *name)
{
    struct str rest = { answer->text, answer->len }, line, key;
    while (str_split(&rest, '\n', &line) && line.len > 1) {
        if (str_split(&line, ':', &key) && line.ptr && str_eq_nocase(key, str_of(name)))
            return str_trim(line);
    }
    return (struct str){ NULL, 0 };
}

/* How many bytes the first answer in the text has; 0: not all there yet. */
static inline size_t answer_size(struct answer *answer)
{
    const char *end = memmem(answer->text, answer->len, "\r\n\r\n", 4);
    int64_t length = 0;
    if (!end)
        return 0;
    size_t head = (size_t)(end - answer->text) + 4;
    str_to_int(answer_header(answer, "Content-Length"), &length);
    return head + (size_t)length <= answer->len ? head + (size_t)length : 0;
}

/* Reads one answer, or until the server closes, at most 5 s. */
static inline void read_answer(int fd, struct answer *answer)
{
    int64_t began_us = clock_mono_us();
    answer->len = 0;
    answer->status = 0;
    answer->closed = false;
    answer->body = (struct str){ NULL, 0 };
    struct pollfd wait = { fd, POLLIN, 0 };
    while (!answer_size(answer) && answer->len < sizeof(answer->text) &&
           poll(&wait, 1, 5000) == 1) {
        ssize_t n = recv(fd, answer->text + answer->len, sizeof(answer->text) - answer->len, 0);
        if (n <= 0) {
            answer->closed = true;
            break;
        }
        answer->len += (size_t)n;
    }
    answer->took_ms = (clock_mono_us() - began_us) / US_PER_MS;
    if (answer->len > 12 && memcmp(answer->text, "HTTP/1.1 ", 9) == 0)
        answer->status = atoi(answer->text + 9);
    const char *end = memmem(answer->text, answer->len, "\r\n\r\n", 4);
    if (end)
        answer->body = (struct str){ end + 4, answer->len - (size_t)(end + 4 - answer->text) };
}

static inline bool closed_within(int fd, int ms)
{
    char rest[4096];
    struct pollfd wait = { fd, POLLIN, 0 };
    while (poll(&wait, 1, ms) == 1)
        if (recv(fd, rest, sizeof(rest), 0) <= 0)
            return true;
    return false;
}
