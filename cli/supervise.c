#include "cli/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ready.h"
#include "cli/stream.h"

#define STEADY_S 20         /* a service that ran this long starts afresh with its back-off */
#define BACK_OFF_FIRST_US (200 * US_PER_MS)
#define BACK_OFF_MOST_US (10 * US_PER_S)
#define QUICK_ENDS_MOST 6   /* in a row; then it is given up, and said so */
#define STOP_LIMIT_US                                                                              \
    (25 * US_PER_S) /* services drain within 15 s by default; then they are killed */
#define READY_POLL_US (20 * US_PER_MS)

static void say(const struct supervisor *supervisor, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(const struct supervisor *supervisor, const char *format, ...)
{
    if (supervisor->quiet)
        return;
    va_list args;
    va_start(args, format);
    vdprintf(supervisor->log, format, args);
    va_end(args);
}

static const char *name_of(const struct supervised *service)
{
    return stack_services[service->index].name;
}

static void set_env(const char *service, const char *key, const char *value)
{
    char name[128];
    snprintf(name, sizeof(name), "FANFARE_%s%s%s", service, *service ? "_" : "", key);
    for (char *at = name; *at; at++)
        if (*at >= 'a' && *at <= 'z')
            *at = (char)(*at - 'a' + 'A');
    setenv(name, value, 1);
}

static void set_env_port(const char *service, const char *key, const char *before, int port)
{
    char value[64];
    snprintf(value, sizeof(value), "%s%d", before, port);
    set_env(service, key, value);
}

/* Where mail goes to until a relay is set, and where its links lead; unless the environment says otherwise. */
static void set_mail(const struct supervisor *supervisor)
{
    char value[64];
    snprintf(value, sizeof(value), "%d", stack_catcher_port(supervisor->port_base));
    setenv("FANFARE_EMAIL_CATCHER_PORT", value, 0);
    for (size_t i = 0; i < stack_n_services; i++) {
        if (strcmp(stack_services[i].name, "email") != 0)
            continue;
        snprintf(value, sizeof(value), "http://127.0.0.1:%d", stack_port(i, supervisor->port_base));
        setenv("FANFARE_EMAIL_PUBLIC_URL", value, 0);
    }
}

/* What each service is told: its folder and ports, and where the others are. */
static void set_environment(const struct supervisor *supervisor, const struct supervised *service)
{
    set_env("", "data", supervisor->data.ptr);
    set_env_port("", "log", "kafka://127.0.0.1:", stack_port(0, supervisor->port_base));
    set_env_port(name_of(service), "port", "", service->port);
    set_env_port(name_of(service), "admin_port", "", service->admin_port);
    set_env_port("crm", "broker_admin_url",
                 "http://127.0.0.1:", stack_admin_port(0, supervisor->port_base));
    for (size_t i = 1; i < stack_n_services; i++)
        set_env_port(stack_services[i].name, "url",
                     "http://127.0.0.1:", stack_port(i, supervisor->port_base));
    set_mail(supervisor);
}

static void become(const struct supervisor *supervisor, const struct supervised *service,
                   int output)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing is left behind when the supervisor is killed */
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    set_environment(supervisor, service);
    execl(service->program.ptr, service->program.ptr, (char *)NULL);
    dprintf(STDERR_FILENO, "%s cannot be run: %s\n", service->program.ptr, strerror(errno));
    _exit(127);
}

static void start(struct supervisor *supervisor, struct supervised *service)
{
    int ends[2];
    service->started_us = clock_mono_us();
    service->again_us = 0;
    service->ready = false;
    if (pipe2(ends, O_CLOEXEC) != 0) {
        service->again_us = service->started_us + BACK_OFF_MOST_US;
        return;
    }
    service->pid = fork();
    if (service->pid == 0)
        become(supervisor, service, ends[1]);
    close(ends[1]);
    if (service->output >= 0)
        close(service->output);
    service->output = ends[0];
    if (service->pid < 0)
        service->pid = 0;
}

static void run_note(struct ctx *ctx, const struct supervisor *supervisor)
{
    struct stack_run run = { .pid = getpid(), .n = supervisor->n };
    run.services = ARENA_ARRAY(ctx->arena, struct stack_run_service, run.n);
    for (size_t i = 0; i < run.n; i++) {
        const struct supervised *service = &supervisor->services[i];
        run.services[i] = (struct stack_run_service){
            .name = str_of(name_of(service)),
            .pid = service->pid,
            .port = service->port,
            .admin_port = service->admin_port,
            .restarts = service->restarts,
            .failed = service->failed,
            .words = service->failed ? str_of(stream_last(service->stream)) : STR(""),
            .held = service->held
        };
    }
    if (!stack_run_write(ctx, supervisor->data, &run)) {
        say(supervisor, "fanfare: " STR_FMT "\n", STR_ARG(ctx->error.detail));
        ctx_clear(ctx);
    }
    arena_clear(ctx->arena);
}

/* What it said before it ended. */
static void words_read(struct supervised *service)
{
    struct pollfd end = { .fd = service->output, .events = POLLIN };
    while (service->output >= 0 && poll(&end, 1, 0) > 0)
        if (!stream_pass(service->stream, service->output)) {
            close(service->output);
            service->output = -1;
        }
}

/* Who waits for all to be ready is not kept waiting. */
static void tell_given_up(struct supervisor *supervisor, const struct supervised *service)
{
    if (!service->failed || supervisor->tell < 0)
        return;
    dprintf(supervisor->tell, "%s is given up; its last words: %s", name_of(service),
            stream_last(service->stream));
    close(supervisor->tell);
    supervisor->tell = -1;
}

static void plan_again(struct supervisor *supervisor, struct supervised *service, int status)
{
    int64_t now = clock_mono_us();
    bool steady = now - service->started_us > STEADY_S * US_PER_S;
    service->quick_ends = steady ? 1 : service->quick_ends + 1;
    char how[64];
    if (WIFSIGNALED(status))
        snprintf(how, sizeof(how), "was ended by signal %d", WTERMSIG(status));
    else
        snprintf(how, sizeof(how), "ended with status %d", WEXITSTATUS(status));
    if (service->quick_ends > QUICK_ENDS_MOST) {
        service->failed = true;
        say(supervisor, "fanfare: %s %s %d times in a row and is given up; its last words: %s\n",
            name_of(service), how, service->quick_ends, stream_last(service->stream));
        return;
    }
    int64_t wait = MIN(BACK_OFF_FIRST_US << (service->quick_ends - 1), BACK_OFF_MOST_US);
    service->again_us = now + wait;
    service->restarts++;
    say(supervisor, "fanfare: %s %s; started again in %lld ms\n", name_of(service), how,
        (long long)(wait / US_PER_MS));
}

static void reap(struct ctx *ctx, struct supervisor *supervisor, bool again)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < supervisor->n; i++) {
            struct supervised *service = &supervisor->services[i];
            if (service->pid != pid)
                continue;
            service->pid = 0;
            service->ready = false;
            words_read(service);
            if (again && !service->held)
                plan_again(supervisor, service, status);
            run_note(ctx, supervisor);
            tell_given_up(supervisor, service);
        }
}

/* "stop NAME", "start NAME": from `fanfare stop` and `fanfare start`. */
static void obey(struct supervisor *supervisor, struct str line)
{
    struct str verb;
    str_split(&line, ' ', &verb);
    for (size_t i = 0; i < supervisor->n; i++) {
        struct supervised *service = &supervisor->services[i];
        if (!str_is(line, name_of(service)))
            continue;
        service->held = str_is(verb, "stop");
        service->failed = false;
        service->quick_ends = 0;
        service->again_us = service->held || service->pid ? 0 : clock_mono_us();
        if (service->held && service->pid) {
            kill(service->pid, SIGCONT);
            kill(service->pid, SIGTERM);
        }
        say(supervisor, "fanfare: told to " STR_FMT " " STR_FMT "\n", STR_ARG(verb), STR_ARG(line));
    }
}

static void control_read(struct supervisor *supervisor)
{
    char text[512];
    ssize_t n = read(supervisor->control, text, sizeof(text));
    struct str rest = { text, n > 0 ? (size_t)n : 0 }, line;
    while (rest.len && str_split(&rest, '\n', &line))
        obey(supervisor, line);
}

/* Passes on output and signals for up to `wait_us`; gives the signal that came, or 0. */
static int wait_once(struct supervisor *supervisor, int signals, int64_t wait_us)
{
    struct pollfd ends[64];
    struct supervised *owners[64];
    size_t n = 0;
    ends[n++] = (struct pollfd){ .fd = signals, .events = POLLIN };
    ends[n++] = (struct pollfd){ .fd = supervisor->control, .events = POLLIN };
    for (size_t i = 0; i < supervisor->n; i++)
        if (supervisor->services[i].output >= 0) {
            owners[n] = &supervisor->services[i];
            ends[n++] = (struct pollfd){ .fd = supervisor->services[i].output, .events = POLLIN };
        }
    if (poll(ends, n, (int)((wait_us + US_PER_MS - 1) / US_PER_MS)) <= 0)
        return 0;
    if (ends[1].revents)
        control_read(supervisor);
    for (size_t i = 2; i < n; i++)
        if (ends[i].revents && !stream_pass(owners[i]->stream, ends[i].fd)) {
            close(owners[i]->output);
            owners[i]->output = -1;
        }
    struct signalfd_siginfo info;
    if (ends[0].revents && read(signals, &info, sizeof(info)) == sizeof(info))
        return (int)info.ssi_signo;
    return 0;
}

/* Starts what is due; gives the time until the next is, and at most a second. */
static int64_t start_due(struct ctx *ctx, struct supervisor *supervisor)
{
    int64_t now = clock_mono_us(), wait = US_PER_S;
    for (size_t i = 0; i < supervisor->n; i++) {
        struct supervised *service = &supervisor->services[i];
        if (!service->again_us || service->pid)
            continue;
        if (service->again_us <= now) {
            start(supervisor, service);
            run_note(ctx, supervisor);
        } else {
            wait = MIN(wait, service->again_us - now);
        }
    }
    return wait;
}

/* Asks those that are not ready yet; true once all are. `asked`: some run that are not. */
static bool all_ready(struct supervisor *supervisor, bool *asked)
{
    bool all = true;
    *asked = false;
    for (size_t i = 0; i < supervisor->n; i++) {
        struct supervised *service = &supervisor->services[i];
        if (!service->ready && service->pid)
            service->ready = http_status(service->admin_port, "/health/ready") == 200;
        *asked |= !service->ready && service->pid;
        all &= service->ready;
    }
    return all;
}

static bool any_running(const struct supervisor *supervisor, size_t from)
{
    for (size_t i = from; i < supervisor->n; i++)
        if (supervisor->services[i].pid)
            return true;
    return false;
}

static void signal_from(const struct supervisor *supervisor, size_t from, int signal)
{
    for (size_t i = from; i < supervisor->n; i++)
        if (supervisor->services[i].pid)
            kill(supervisor->services[i].pid, signal);
}

/* All but the first, then the first: the broker goes last. */
static bool stop_all(struct ctx *ctx, struct supervisor *supervisor, int signals)
{
    bool clean = true;
    for (int from = supervisor->n > 1; from >= 0; from--) {
        int64_t until = clock_mono_us() + STOP_LIMIT_US;
        signal_from(supervisor, (size_t)from, SIGCONT); /* one that was stopped could not end */
        signal_from(supervisor, (size_t)from, SIGTERM);
        while (any_running(supervisor, (size_t)from)) {
            wait_once(supervisor, signals, 100 * US_PER_MS);
            reap(ctx, supervisor, false);
            if (clock_mono_us() > until) {
                clean = false;
                signal_from(supervisor, (size_t)from, SIGKILL);
            }
        }
    }
    return clean;
}

static void tell_ready(struct supervisor *supervisor, int64_t since_us)
{
    say(supervisor, "fanfare: all %zu services are ready after %lld ms\n", supervisor->n,
        (long long)((clock_mono_us() - since_us) / US_PER_MS));
    if (supervisor->tell >= 0 && write(supervisor->tell, "ready\n", 6) == 6)
        close(supervisor->tell);
    supervisor->tell = -1;
}

int supervise(struct ctx *ctx, struct supervisor *supervisor)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    signal(SIGPIPE, SIG_IGN);
    int signals = signalfd(-1, &mask, SFD_CLOEXEC), caught = 0;
    int64_t since_us = clock_mono_us();
    for (size_t i = 0; i < supervisor->n; i++)
        start(supervisor, &supervisor->services[i]);
    run_note(ctx, supervisor);
    bool ready = false, asked = true;
    while (caught != SIGTERM && caught != SIGINT) {
        int64_t wait = start_due(ctx, supervisor);
        caught = wait_once(supervisor, signals, asked ? MIN(wait, READY_POLL_US) : wait);
        reap(ctx, supervisor, true);
        if (!ready && (ready = all_ready(supervisor, &asked)))
            tell_ready(supervisor, since_us);
    }
    say(supervisor, "fanfare: stopping\n");
    bool clean = stop_all(ctx, supervisor, signals);
    close(signals);
    return clean ? 0 : 1;
}
