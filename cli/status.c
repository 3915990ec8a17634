#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/ready.h"
#include "cli/stack.h"
#include "platform/json/json.h"

#define CPU_WINDOW_US (500 * US_PER_MS)

struct usage {
    const char *state;
    int64_t pss_kib, cpu_ticks;
    double cpu_percent, uptime_s;
};

/* Memory that is this process's own share (PSS), in KiB; 0 when it cannot be read. */
static int64_t pss_of(pid_t pid)
{
    char path[64], line[256];
    long long kib = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "Pss: %lld", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return kib;
}

/* Ticks of CPU used so far, and the time since its start. */
static int64_t ticks_of(pid_t pid, double *uptime_s)
{
    char path[64], text[1024];
    unsigned long long user = 0, system = 0, started = 0;
    double up = 0;
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[n] = '\0';
    char *after = strrchr(text, ')'); /* the name before it may hold anything */
    if (!after ||
        sscanf(
            after + 1,
            " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
            &user, &system, &started) != 3)
        return 0;
    if ((file = fopen("/proc/uptime", "re"))) {
        if (fscanf(file, "%lf", &up) != 1)
            up = 0;
        fclose(file);
    }
    *uptime_s = up - (double)started / (double)sysconf(_SC_CLK_TCK);
    return (int64_t)(user + system);
}

static const char *state_of(const struct stack_run_service *service)
{
    if (service->failed)
        return "failed";
    if (service->held && !service->pid)
        return "stopped";
    if (!service->pid)
        return "down";
    if (http_status(service->admin_port, "/health/ready") == 200)
        return "ready";
    return http_status(service->admin_port, "/health/live") == 200 ? "live" : "starting";
}

static void measure(const struct stack_run *run, struct usage *usages)
{
    double ignored;
    for (size_t i = 0; i < run->n; i++)
        if (run->services[i].pid)
            usages[i].cpu_ticks = ticks_of(run->services[i].pid, &ignored);
    int64_t since = clock_mono_us();
    usleep(CPU_WINDOW_US);
    double seconds = (double)(clock_mono_us() - since) / US_PER_S;
    for (size_t i = 0; i < run->n; i++) {
        const struct stack_run_service *service = &run->services[i];
        if (service->pid) {
            int64_t ticks = ticks_of(service->pid, &usages[i].uptime_s) - usages[i].cpu_ticks;
            usages[i].cpu_percent = 100.0 * (double)ticks / (double)sysconf(_SC_CLK_TCK) / seconds;
            usages[i].pss_kib = pss_of(service->pid);
        }
        usages[i].state = state_of(service);
    }
}

static void print_table(const struct stack_run *run, const struct usage *usages)
{
    int64_t pss = 0;
    double cpu = 0;
    printf("%-16s %-9s %7s %6s %9s %7s %9s %9s\n", "service", "state", "pid", "port", "PSS MiB",
           "CPU %", "up", "restarts");
    for (size_t i = 0; i < run->n; i++) {
        const struct stack_run_service *service = &run->services[i];
        printf("%-16.*s %-9s %7d %6d %9.1f %7.1f %8.0fs %9d\n", STR_ARG(service->name),
               usages[i].state, (int)service->pid, service->port, (double)usages[i].pss_kib / 1024,
               usages[i].cpu_percent, usages[i].uptime_s, service->restarts);
        pss += usages[i].pss_kib;
        cpu += usages[i].cpu_percent;
    }
    printf("%-16s %-9s %7s %6s %9.1f %7.1f\n", "sum", "", "", "", (double)pss / 1024, cpu);
    for (size_t i = 0; i < run->n; i++)
        if (run->services[i].failed)
            printf(STR_FMT " is given up (fanfare start tries it again); its last words: " STR_FMT
                           "\n",
                   STR_ARG(run->services[i].name), STR_ARG(run->services[i].words));
}

static void print_json(struct ctx *ctx, const struct stack_run *run, const struct usage *usages)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "pid");
    json_put_int(&out, run->pid);
    json_key(&out, "services");
    json_array(&out);
    for (size_t i = 0; i < run->n; i++) {
        const struct stack_run_service *service = &run->services[i];
        json_object(&out);
        json_key(&out, "name");
        json_put_str(&out, service->name);
        json_key(&out, "state");
        json_put_str(&out, str_of(usages[i].state));
        json_key(&out, "pid");
        json_put_int(&out, service->pid);
        json_key(&out, "port");
        json_put_int(&out, service->port);
        json_key(&out, "admin_port");
        json_put_int(&out, service->admin_port);
        json_key(&out, "pss_kib");
        json_put_int(&out, usages[i].pss_kib);
        json_key(&out, "cpu_percent");
        json_put_double(&out, usages[i].cpu_percent);
        json_key(&out, "uptime_s");
        json_put_double(&out, usages[i].uptime_s);
        json_key(&out, "restarts");
        json_put_int(&out, service->restarts);
        if (service->failed) {
            json_key(&out, "words");
            json_put_str(&out, service->words);
        }
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    puts(json_out_str(&out).ptr);
}

static int run_status(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--data" }, { "--json", .flag = true } };
    struct stack_run run;
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest))
        return command_failed(ctx);
    struct str data = stack_data(ctx, options[0].value, false);
    if (!data.ptr || !stack_run_read(ctx, data, &run))
        return command_failed(ctx);
    struct usage *usages = ARENA_ARRAY(ctx->arena, struct usage, run.n);
    measure(&run, usages);
    if (options[1].value)
        print_json(ctx, &run, usages);
    else
        print_table(&run, usages);
    for (size_t i = 0; i < run.n; i++)
        if (strcmp(usages[i].state, "ready") != 0)
            return 1;
    return 0;
}

const struct command command_status = {
    .name = "status",
    .arguments = "[--data DIR] [--json]",
    .help = "Tell how each service is: state, ports, memory, CPU, restarts",
    .details = "  --data DIR  the folder that the stack was started with\n"
               "  --json      for programs\n\n"
               "The exit status is 0 when all are ready.\n",
    .run = run_status,
};
