/* JetStream over the text protocol of NATS: every record is published with a reply subject and counted
 * when its acknowledgement comes, with a window of records that wait for theirs. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/tests/check.h"
#include "bench/load/load.h"

#define WINDOW 4000 /* records; what `nats bench` allows by default is less */
#define CHUNK_BYTES (64 * 1024)
#define HELLO                                                                                      \
    "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n"

struct wire {
    int fd;
    char *out, *in;
    size_t n_out, sent, n_in, out_size, in_size;
};

static void wire_open(struct wire *wire, int64_t port, size_t most_bytes)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    *wire = (struct wire){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    wire->out_size = wire->in_size = CHUNK_BYTES * 2 + most_bytes;
    wire->out = malloc(wire->out_size);
    wire->in = malloc(wire->in_size + 1);
    setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    REQUIRE(connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) == 0);
}

static void wire_close(struct wire *wire)
{
    close(wire->fd);
    free(wire->out);
    free(wire->in);
}

static void say(struct wire *wire, const void *bytes, size_t n)
{
    REQUIRE(wire->n_out + n <= wire->out_size);
    memcpy(wire->out + wire->n_out, bytes, n);
    wire->n_out += n;
}

static void say_text(struct wire *wire, const char *text)
{
    say(wire, text, strlen(text));
}

/* Sends and receives what goes; waits at most so long when nothing does. */
static void exchange(struct wire *wire, int64_t wait_us)
{
    struct timespec wait = { .tv_sec = wait_us / US_PER_S, .tv_nsec = wait_us % US_PER_S * 1000 };
    struct pollfd poll_of = {
        .fd = wire->fd, .events = (short)(POLLIN | (wire->sent < wire->n_out ? POLLOUT : 0))
    };
    if (ppoll(&poll_of, 1, &wait, NULL) <= 0)
        return;
    if (poll_of.revents & POLLOUT) {
        ssize_t n = send(wire->fd, wire->out + wire->sent, wire->n_out - wire->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        REQUIRE(n > 0 || errno == EAGAIN);
        wire->sent += n > 0 ? (size_t)n : 0;
        if (wire->sent == wire->n_out)
            wire->sent = wire->n_out = 0;
    }
    if (poll_of.revents & (POLLIN | POLLHUP)) {
        ssize_t n = recv(wire->fd, wire->in + wire->n_in, wire->in_size - wire->n_in, MSG_DONTWAIT);
        REQUIRE(n > 0 || (n < 0 && errno == EAGAIN));
        wire->n_in += n > 0 ? (size_t)n : 0;
    }
}

/* Gives each whole message to `take`, answers PING, ends the program on an error. */
static int64_t each_message(struct wire *wire,
                            void (*take)(void *owner, const char *bytes, size_t n), void *owner)
{
    int64_t n_messages = 0;
    size_t at = 0;
    for (char *line, *end; at < wire->n_in; at = (size_t)(end + 2 - wire->in)) {
        line = wire->in + at;
        end = memmem(line, wire->n_in - at, "\r\n", 2);
        if (!end)
            break;
        *end = '\0';
        if (strncmp(line, "MSG ", 4) == 0) {
            size_t n = (size_t)atoll(strrchr(line, ' ') + 1);
            char *payload = end + 2;
            *end = '\r';
            if (payload + n + 2 > wire->in + wire->n_in)
                break;
            take(owner, payload, n);
            n_messages++;
            end = payload + n;
        } else if (strcmp(line, "PING") == 0) {
            say_text(wire, "PONG\r\n");
        } else if (!CHECK(line[0] != '-' && strncmp(line, "HMSG", 4) != 0)) {
            fprintf(stderr, "the server says: %s\n", line);
            exit(1);
        }
    }
    wire->n_in -= at;
    memmove(wire->in, wire->in + at, wire->n_in);
    return n_messages;
}

static void take_answer(void *owner, const char *bytes, size_t n)
{
    if (memmem(bytes, n, "\"error\"", 7)) {
        fprintf(stderr, "JetStream says: %.*s\n", (int)n, bytes);
        exit(1);
    }
}

/* A question to JetStream's API: waits for the answer. */
static void ask(const struct load *load, const char *subject, const char *body)
{
    struct wire wire;
    char question[1024];
    wire_open(&wire, load->port, 0);
    snprintf(question, sizeof(question),
             HELLO "SUB _INBOX.ask 1\r\nPUB %s _INBOX.ask %zu\r\n%s\r\n", subject, strlen(body),
             body);
    say_text(&wire, question);
    while (!each_message(&wire, take_answer, NULL))
        exchange(&wire, US_PER_S);
    wire_close(&wire);
}

static void publish(struct wire *wire, const struct load *load, const char *inbox,
                    const char *value)
{
    char head[256];
    int n =
        snprintf(head, sizeof(head), "PUB %s %s %" PRId64 "\r\n", load->topic, inbox, load->bytes);
    say(wire, head, (size_t)n);
    say(wire, value, (size_t)load->bytes);
    say(wire, "\r\n", 2);
}

static void produce(const struct load *load, int64_t number)
{
    int64_t window = load->ahead ? load->ahead : WINDOW, made = 0, acked = 0;
    struct wire wire;
    char inbox[64], hello[256], *value = calloc(1, (size_t)load->bytes);
    wire_open(&wire, load->port, (size_t)load->bytes);
    snprintf(inbox, sizeof(inbox), "_INBOX.%d.%" PRId64, getpid(), number);
    snprintf(hello, sizeof(hello), HELLO "SUB %s 1\r\n", inbox);
    say_text(&wire, hello);
    for (bool more = true; more || acked < made; acked += each_message(&wire, take_answer, NULL)) {
        int64_t wait_us = US_PER_S;
        for (; more && made - acked < window; made++, more = load_goes_on(load, made)) {
            wait_us = wire.n_out < CHUNK_BYTES ? load_due_us(load, made) : US_PER_S;
            if (wait_us > 0)
                break;
            load_stamp(load, made, value);
            publish(&wire, load, inbox, value);
        }
        exchange(&wire, wait_us);
    }
    load_acked(made);
    free(value);
    wire_close(&wire);
}

static void take_record(void *owner, const char *bytes, size_t n)
{
    load_came(owner, bytes, n);
}

static void *consume(void *argument)
{
    struct load *load = argument;
    struct wire wire;
    char text[256], subject[128];
    wire_open(&wire, load->port, (size_t)load->bytes);
    snprintf(text, sizeof(text), HELLO "SUB deliver.%s 1\r\nPING\r\n", load->topic);
    say_text(&wire, text);
    while (!wire.n_in || !memmem(wire.in, wire.n_in, "PONG", 4))
        exchange(&wire, US_PER_S);
    snprintf(subject, sizeof(subject), "$JS.API.CONSUMER.CREATE.%s", load->topic);
    snprintf(text, sizeof(text),
             "{\"stream_name\":\"%s\",\"config\":{\"deliver_subject\":\"deliver.%s\","
             "\"deliver_policy\":\"all\",\"ack_policy\":\"none\",\"replay_policy\":\"instant\"}}",
             load->topic, load->topic);
    ask(load, subject, text);
    for (; !load_came_whole(); each_message(&wire, take_record, load))
        exchange(&wire, US_PER_S);
    wire_close(&wire);
    return NULL;
}

int main(int argc, char **argv)
{
    struct load load = load_options(argc, argv);
    pthread_t consumer;
    if (load.rate)
        REQUIRE(pthread_create(&consumer, NULL, consume, &load) == 0);
    load_run(&load, produce);
    if (load.rate)
        pthread_join(consumer, NULL);
    return load_report(&load);
}
