#include "cli/events_rebuild.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/progress.h"
#include "cli/service_admin.h"
#include "platform/json/json.h"

/* `fanfare events rebuild`: a service makes its read model again from the log, by itself; this asks for it and looks how
 * far it is. */

#define LOOK_US (200 * US_PER_MS)
#define SILENCE_US (15 * US_PER_S) /* of a service that does not answer */

enum { DATA, DETACH, PARTIAL, CANCEL, STATUS, N_OPTIONS };

struct waiting {
    struct service_admin *admin;
    const char *service;
    int64_t generation; /* in force as it began */
    struct progress progress;
};

static struct str text(const struct json *state, const char *name)
{
    return json_str(json_get(state, name));
}

static int64_t number(const struct json *state, const char *name)
{
    return json_int(json_get(state, name));
}

static bool is_under_way(const struct json *state)
{
    struct str phase = text(state, "phase");
    return str_is(phase, "reading") || str_is(phase, "swapping") || str_is(phase, "closing");
}

static const struct json *look(struct ctx *ctx, struct service_admin *admin, const char *method)
{
    return service_admin_ask(ctx, admin, method, STR("/rebuild"), (struct str){ 0 });
}

static void show(struct waiting *waiting, const struct json *state, int end)
{
    int64_t read = number(state, "read"), of = number(state, "of");
    double share = of ? (double)read / (double)of : end ? 1 : 0;
    progress_show(&waiting->progress, read, number(state, "rejected"), share, end);
}

/* The last state, once nothing is under way any more; NULL with a sentence. The service may be started anew meanwhile. */
static const struct json *wait_for_end(struct ctx *ctx, struct waiting *waiting)
{
    int64_t heard_us = clock_mono_us();
    for (;; usleep(LOOK_US)) {
        const struct json *state = look(ctx, waiting->admin, "GET");
        if (!state && clock_mono_us() - heard_us > SILENCE_US)
            return NULL;
        if (state && !is_under_way(state))
            return state;
        if (state) {
            heard_us = clock_mono_us();
            show(waiting, state, 0);
        }
        ctx_clear(ctx);
    }
}

static bool tell_end(struct ctx *ctx, struct waiting *waiting, const struct json *state)
{
    struct str phase = text(state, "phase"), detail = text(state, "detail");
    int64_t generation = number(state, "generation"), rejected = number(state, "rejected");
    if (str_is(phase, "none") && generation == waiting->generation)
        return ctx_fail(ctx, ERR_UNAVAILABLE,
                        "%s was started anew meanwhile: its read model is the one that it was",
                        waiting->service);
    if (!str_is(phase, "none") && !str_is(phase, "done"))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "it %s, and %s goes on with the read model that it has" STR_FMT STR_FMT,
                        str_is(phase, "failed") ? "failed" : "was cancelled", waiting->service,
                        STR_ARG(detail.len ? STR(": ") : STR("")), STR_ARG(detail));
    show(waiting, state, 1);
    printf("%s serves generation %lld of its read model", waiting->service, (long long)generation);
    if (rejected)
        printf("; %lld events were rejected and are left out", (long long)rejected);
    putchar('\n');
    return true;
}

static bool run_wait(struct ctx *ctx, struct waiting *waiting)
{
    waiting->progress = progress_begin(waiting->service, 0);
    const struct json *state = wait_for_end(ctx, waiting);
    return state && tell_end(ctx, waiting, state);
}

static bool run_start(struct ctx *ctx, struct waiting *waiting, const struct option_value *options)
{
    const struct json *before = look(ctx, waiting->admin, "GET");
    if (!before)
        return false;
    waiting->generation = number(before, "generation");
    if (!service_admin_ask(ctx, waiting->admin, "POST", STR("/rebuild"),
                           options[PARTIAL].value ? STR("{\"partial\":true}") : STR("{}")))
        return false;
    if (!options[DETACH].value)
        return run_wait(ctx, waiting);
    printf("%s makes its read model again\n", waiting->service);
    return true;
}

static bool run_cancel(struct ctx *ctx, struct waiting *waiting)
{
    if (!look(ctx, waiting->admin, "DELETE"))
        return false;
    const struct json *state = wait_for_end(ctx, waiting);
    if (state && str_is(text(state, "phase"), "done"))
        return ctx_fail(ctx, ERR_CONFLICT, "it was done before it could be cancelled");
    if (state)
        printf("cancelled: %s goes on with the read model that it has\n", waiting->service);
    return state != NULL;
}

static bool run_look(struct ctx *ctx, struct waiting *waiting)
{
    const struct json *state = look(ctx, waiting->admin, "GET");
    if (state)
        puts(json_text(ctx->arena, state).ptr);
    return state != NULL;
}

int events_rebuild(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[N_OPTIONS] = { [DATA]    = { "--data" },
                                               [DETACH]  = { "--detach", .flag = true },
                                               [PARTIAL] = { "--partial", .flag = true },
                                               [CANCEL]  = { "--cancel", .flag = true },
                                               [STATUS]  = { "--status", .flag = true } };
    struct waiting waiting = { 0 };
    size_t n;
    if (!options_read(ctx, argc, argv, options, COUNT(options), &waiting.service, 1, &n))
        return command_failed(ctx);
    if (n != 1) {
        ctx_fail(ctx, ERR_INVALID, "say which service's read model");
        return command_failed(ctx);
    }
    if (strcmp(waiting.service, "broker") == 0) {
        ctx_fail(ctx, ERR_INVALID, "broker keeps no read model: it is the log");
        return command_failed(ctx);
    }
    waiting.admin = service_admin_open(ctx, options[DATA].value, waiting.service, "rebuild");
    bool done = waiting.admin && (options[STATUS].value   ? run_look(ctx, &waiting)
                                  : options[CANCEL].value ? run_cancel(ctx, &waiting)
                                                          : run_start(ctx, &waiting, options));
    service_admin_free(waiting.admin);
    return done ? 0 : command_failed(ctx);
}
