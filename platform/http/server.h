/* Inside the server: its state, and what libmicrohttpd calls. */
#pragma once

#include <microhttpd.h>
#include <stdatomic.h>

#include "platform/http/connections.h"
#include "platform/http/http.h"

struct incoming;

struct http_server {
    struct http_settings settings;
    struct MHD_Daemon *daemon;
    struct connections connections;
    int port;
    int listening; /* the socket, once drained */
    _Atomic int busy; /* requests from their first line to the end of their answer */
    _Atomic int waking; /* threads inside libmicrohttpd, to resume one */
    _Atomic bool draining;
    struct incoming *spare; /* to be used again; of the loop's thread */
    int n_spare;
};

/* libmicrohttpd's callbacks, all on the loop's thread, in the order of a request's life. */
void connection_notify(void *argument, struct MHD_Connection *connection, void **context,
                       enum MHD_ConnectionNotificationCode what);
void *incoming_begin(void *argument, const char *target, struct MHD_Connection *connection);
enum MHD_Result incoming_handle(void *argument, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *bytes, void **context);
void incoming_completed(void *argument, struct MHD_Connection *connection, void **context,
                        enum MHD_RequestTerminationCode why);
void incoming_free_spare(struct http_server *server);
