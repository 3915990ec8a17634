/* What an edge does for every request, whatever it asks: limits of rate, CORS, security headers, the access log. */
#pragma once

#include "platform/service/service.h"
#include "services/gateway/limits.h"

struct door {
    struct limits *by_address, *by_key;
    struct str
        address_header; /* of a proxy in front that names the visitor's address; ptr NULL: none */
    struct str origins;        /* that may ask from a browser; "*": all */
    struct str policy;         /* Content-Security-Policy of what is HTML */
    bool https, access_log;
};

void door_open(struct ctx *ctx, struct door *door); /* by the settings */
void door_close(struct door *door);

/* For the service's table; both find the door in the gateway that is ctx->app. */
bool door_admits(struct ctx *ctx);
void door_finish(struct ctx *ctx, struct reply *reply);
