#include "platform/mail/smtp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/mail/smtp_connection.h"

#define MOST_ADDRESS 320 /* RFC 5321 section 4.5.3.1: 64 + 1 + 255 */

struct queue {
    struct smtp_delivery *first, **end;
};

struct smtp {
    int wake;
    struct smtp_connection *connections;
    struct queue ready, done;
    struct pollfd *polls; /* the wake, then one for each connection */
    size_t polls_room;
};

const char *smtp_stage_name(enum smtp_stage stage)
{
    static const char *const names[] = {
#define X(name, text, seconds) text,
        SMTP_STAGES(X)
#undef X
    };
    return names[stage];
}

const char *smtp_outcome_name(enum smtp_outcome outcome)
{
    static const char *const names[] = {
#define X(name, text) text,
        SMTP_OUTCOMES(X)
#undef X
    };
    return names[outcome];
}

static void put(struct queue *queue, struct smtp_delivery *delivery)
{
    delivery->next = NULL;
    *queue->end = delivery;
    queue->end = &delivery->next;
}

static struct smtp_delivery *get(struct queue *queue)
{
    struct smtp_delivery *first = queue->first;
    if (first && !(queue->first = first->next))
        queue->end = &queue->first;
    return first;
}

void smtp_is_ready(struct smtp *smtp, struct smtp_delivery *delivery)
{
    put(&smtp->ready, delivery);
}

void smtp_is_done(struct smtp *smtp, struct smtp_delivery *delivery)
{
    delivery->connection = NULL;
    put(&smtp->done, delivery);
}

void smtp_start_again(struct smtp *smtp, struct smtp_delivery *delivery)
{
    struct smtp_connection *connection = smtp_connection_new(smtp, delivery);
    connection->next = smtp->connections;
    smtp->connections = connection;
}

struct smtp *smtp_new(void)
{
    struct smtp *smtp = mem_alloc(sizeof(*smtp));
    smtp->ready.end = &smtp->ready.first;
    smtp->done.end = &smtp->done.first;
    smtp->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (smtp->wake < 0)
        abort(); /* no descriptors at the start: as no memory */
    return smtp;
}

void smtp_free(struct smtp *smtp)
{
    if (!smtp)
        return;
    for (struct smtp_connection *connection; (connection = smtp->connections);) {
        smtp->connections = connection->next;
        free(connection->delivery);
        smtp_connection_free(connection);
    }
    for (struct smtp_delivery *delivery; (delivery = get(&smtp->done));)
        free(delivery);
    close(smtp->wake);
    free(smtp->polls);
    free(smtp);
}

int smtp_room(const struct smtp *smtp, const struct smtp_relay *relay)
{
    int room = relay->settings.connections;
    for (const struct smtp_connection *at = smtp->connections; at; at = at->next)
        room -= at->relay == relay && at->delivery && !at->closed;
    return MAX(room, 0);
}

/* Quoted local parts may have more (RFC 5321 section 4.1.2), but none of it that parts a command. */
static bool is_address(struct str address)
{
    for (size_t i = 0; i < address.len; i++)
        if (address.ptr[i] <= ' ' || address.ptr[i] > '~' || strchr("<>", address.ptr[i]))
            return false;
    return address.len <= MOST_ADDRESS;
}

void smtp_offer(struct smtp *smtp, struct smtp_relay *relay, const struct smtp_message *message)
{
    struct smtp_delivery *delivery = mem_alloc(sizeof(*delivery));
    delivery->message = *message;
    delivery->relay = relay;
    delivery->result.owner = message->owner;
    delivery->result.relay = relay;
    if (!is_address(message->from) || !is_address(message->to) || !message->to.len) {
        delivery->result.outcome = SMTP_OUTCOME_REFUSED;
        delivery->result.stage = SMTP_MAIL;
        snprintf(delivery->result.text, sizeof delivery->result.text,
                 "the address cannot be said in SMTP");
        smtp_is_done(smtp, delivery);
        return;
    }
    for (struct smtp_connection *at = smtp->connections; at; at = at->next)
        if (at->relay == relay && !at->delivery && !at->closed) {
            smtp_connection_give(at, delivery);
            return;
        }
    smtp_start_again(smtp, delivery);
}

static void sweep(struct smtp *smtp)
{
    for (struct smtp_connection **at = &smtp->connections, *connection; (connection = *at);) {
        if (!connection->closed) {
            at = &connection->next;
            continue;
        }
        *at = connection->next;
        smtp_connection_free(connection);
    }
}

/* Gives how many there are, and the first moment at which one is late. */
static size_t gather(struct smtp *smtp, int64_t *first_us)
{
    size_t n = 1;
    for (struct smtp_connection *at = smtp->connections; at; at = at->next)
        n++;
    if (n > smtp->polls_room)
        smtp->polls = mem_realloc(smtp->polls, (smtp->polls_room = n * 2) * sizeof *smtp->polls);
    smtp->polls[0] = (struct pollfd){ .fd = smtp->wake, .events = POLLIN };
    n = 1;
    for (struct smtp_connection *at = smtp->connections; at; at = at->next) {
        short events = smtp_connection_events(at);
        smtp->polls[n++] = (struct pollfd){ .fd = events ? at->fd : -1, .events = events };
        if (at->deadline_us)
            *first_us = MIN(*first_us, at->deadline_us);
    }
    return n;
}

/* New connections are put at the front of the list: those that were polled are what is behind `at`. */
static void move_all(struct smtp *smtp, struct smtp_connection *at)
{
    for (size_t i = 1; at; at = at->next, i++) {
        if (smtp->polls[i].revents && !at->closed)
            smtp_connection_move(at);
        if (!at->closed && at->deadline_us && at->deadline_us <= clock_mono_us())
            smtp_connection_late(at);
    }
}

/* Once around; true: the caller has something to see to. */
static bool turn(struct smtp *smtp, int64_t until_us)
{
    int64_t first_us = until_us;
    sweep(smtp);
    struct smtp_connection *first = smtp->connections;
    size_t n = gather(smtp, &first_us);
    int64_t left_us = first_us - clock_mono_us();
    bool told = smtp->ready.first || smtp->done.first;
    int timeout_ms = told || left_us <= 0 ? 0
                     : first_us == INT64_MAX ? -1
                                             : (int)MIN(left_us / US_PER_MS + 1, 1000000);
    if (poll(smtp->polls, n, timeout_ms) < 0 && errno != EINTR)
        abort(); /* only what cannot be: a bad address, no memory */
    uint64_t count;
    bool woken = read(smtp->wake, &count, sizeof count) > 0;
    move_all(smtp, first);
    sweep(smtp);
    return woken || smtp->ready.first || smtp->done.first || clock_mono_us() >= until_us;
}

void smtp_wait(struct smtp *smtp, int timeout_ms)
{
    int64_t until_us = timeout_ms < 0 ? INT64_MAX : clock_mono_us() + timeout_ms * US_PER_MS;
    while (!turn(smtp, until_us))
        ;
}

void smtp_wake(struct smtp *smtp)
{
    uint64_t one = 1;
    while (write(smtp->wake, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

bool smtp_next_ready(struct smtp *smtp, struct smtp_delivery **delivery, void **owner)
{
    struct smtp_delivery *first = get(&smtp->ready);
    if (!first)
        return false;
    *delivery = first;
    *owner = first->message.owner;
    return true;
}

void smtp_finish(struct smtp *smtp, struct smtp_delivery *delivery)
{
    smtp_connection_dot(delivery->connection);
}

void smtp_withdraw(struct smtp *smtp, struct smtp_delivery *delivery)
{
    smtp_connection_cut(delivery->connection, "it was withdrawn");
}

bool smtp_next_done(struct smtp *smtp, struct smtp_result *result)
{
    struct smtp_delivery *first = get(&smtp->done);
    if (!first)
        return false;
    *result = first->result;
    free(first);
    return true;
}
