/* For tests of a room: the real service (router, store, outbox, reactions) in a temporary folder, without sockets and
 * without a broker. Not linked into programs. */
#pragma once

#include "platform/service/service.h"

struct test_service;

/* Opens it on SQLite in a new temporary folder, or on `url` when not NULL (the schema is emptied first). `overrides` are
 * "key=value", NULL at the end, or NULL. Neighbours that are not overridden refuse connections; fail points may be set.
 * Ends the test on failure. */
struct test_service *test_open(const struct service *service, const char *url,
                               const char *const *overrides);
void test_close(struct test_service *test); /* removes the folder */
void test_reopen(
    struct test_service *test); /* close and open again on the same folder: as after a restart */

/* One request through the router, with a token of these scopes (NULL: no Authorization). More headers as "Name: value"
 * lines, or NULL. The reply lives until test_close. */
struct reply test_call(struct test_service *test, const char *method, const char *target,
                       const char *scopes, const char *headers, const char *body);
/* The same with a body of any bytes (ptr NULL: none). */
struct reply test_send(struct test_service *test, const char *method, const char *target,
                       const char *scopes, const char *headers, struct str body);
/* The same from another thread: with a token made before, and an arena of that thread's. */
struct str test_bearer(struct test_service *test, const char *scopes);
struct str test_bearer_of(struct test_service *test, const char *subject, const char *scopes);
struct reply test_send_in(struct test_service *test, struct arena *arena, const char *method,
                          const char *target, struct str authorization, const char *headers,
                          struct str body);
const struct json *test_json(struct test_service *test, struct reply reply); /* its body */

/* Gives one event to the reactions (SQL or projection) exactly as the consumer does: position, seen ids, savepoint.
 * `id` NULL makes one. */
enum outcome test_event(struct test_service *test, const struct event_type *type, const char *id,
                        const char *data_json);

/* Events in the outbox of this type, oldest first: their number, and the data of the i-th as JSON. */
size_t test_published(struct test_service *test, const struct event_type *type);
const struct json *test_published_data(struct test_service *test, const struct event_type *type,
                                       size_t index);

/* A ctx as a handler has it, for store tests; run(ctx, argument) inside the writer, or as a reader. */
struct ctx *test_ctx(struct test_service *test);
bool test_write(struct test_service *test, bool (*run)(struct ctx *ctx, void *argument),
                void *argument);
bool test_read(struct test_service *test, bool (*run)(struct ctx *ctx, void *argument),
               void *argument);

/* One round of a worker (service_worker) on this thread; they do not run by themselves here. Gives what it gave. */
bool test_work(struct test_service *test, const char *worker);

/* A fresh PostgreSQL of Debian on loopback for this test process (started at the first call, stopped at exit):
 * its URL, or NULL with the reason on standard output ("skipped: ...") when its programs are not installed. */
const char *test_postgresql_url(void);
