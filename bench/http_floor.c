/* What a request costs before any work is done: one operation that answers two bytes, behind everything that every
 * operation has (routing by contract, spans, metrics, limits, problems). Driven by bench/http.py.
 *
 * http_floor PORT: listens on loopback until it is ended. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "platform/http/http.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/trace.h"

struct empty_in {
    char nothing;
};

static struct reply empty_get(struct ctx *ctx, const void *in)
{
    return reply_ok(ctx, STR("{}"));
}

static const struct operation operations[] = {
    {
        .id = "get_empty",
        .method = "GET",
        .path = "/v1/empty",
        .auth = AUTH_PUBLIC,
        .run = RUN_READ,
        .success = 200,
        .in_size = sizeof(struct empty_in),
        .body_offset = UINT32_MAX,
        .body_json_offset = UINT32_MAX,
        .body_raw_offset = UINT32_MAX,
        .handle = empty_get,
    },
};

static const struct contract contract = {
    .service = "floor",
    .version = "1.0.0",
    .operations = operations,
    .n_operations = COUNT(operations),
    .openapi = "{}",
};

int main(int argc, char **argv)
{
    struct ctx ctx = { .arena = arena_new(0) };
    log_setup("floor", LOG_INFO);
    trace_setup(&(struct trace_settings){ .service = "floor",
                                          .instance = "1",
                                          .url = argc > 2 ? argv[2] : "",
                                          .sample_per_mille = 10,
                                          .slow_us = 500000 });
    struct router *router = router_new(&ctx, &(struct router_settings){ .contract = &contract });
    struct http_server *server = NULL;
    if (router)
        server =
            http_server_start(&ctx, &(struct http_settings){ .bind = "127.0.0.1",
                                                             .port = argc > 1 ? atoi(argv[1]) : 0,
                                                             .router = router });
    if (!server) {
        fprintf(stderr, STR_FMT "\n", STR_ARG(ctx.error.detail));
        return 1;
    }
    printf("%d\n", http_server_port(server));
    fflush(stdout);
    for (;;)
        pause();
}
