#include "cli/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/json/json.h"

#define ADMIN_ABOVE_DEFAULT 1000 /* as every service has it */
#define ADMIN_ABOVE_BASE 100
#define CATCHER 8125
#define CATCHER_ABOVE_BASE 98

const struct stack_service stack_services[] = {
    { "broker", 9092 },    { "registry", 8101 }, { "identity", 8102 }, { "commerce", 8109 },
    { "content", 8103 },   { "crm", 8111 },      { "loyalty", 8110 },  { "personalization", 8104 },
    { "analytics", 8105 }, { "search", 8108 },   { "email", 8107 },    { "campaign", 8106 },
    { "ads", 8112 },       { "reporting", 8113 }, { "gateway", 8080 },
};
const size_t stack_n_services = COUNT(stack_services);

int stack_port(size_t index, int port_base)
{
    return port_base ? port_base + (int)index : stack_services[index].port;
}

int stack_admin_port(size_t index, int port_base)
{
    return port_base ? port_base + ADMIN_ABOVE_BASE + (int)index
                     : stack_services[index].port + ADMIN_ABOVE_DEFAULT;
}

int stack_catcher_port(int port_base)
{
    return port_base ? port_base + CATCHER_ABOVE_BASE : CATCHER;
}

/* Where this program is, or in the build tree; ptr NULL: in neither. */
static struct str file_find(struct ctx *ctx, const char *service, const char *name, int access_how)
{
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0)
        length = 0;
    self[length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash)
        *slash = '\0';
    struct str places[] = { arena_printf(ctx->arena, "%s/%s", self, name),
                            arena_printf(ctx->arena, "%s/../services/%s/%s", self, service, name) };
    for (size_t i = 0; i < COUNT(places); i++)
        if (access(places[i].ptr, access_how) == 0)
            return places[i];
    return (struct str){ NULL, 0 };
}

struct str stack_program(struct ctx *ctx, const char *name)
{
    struct str file = arena_printf(ctx->arena, "fanfare-%s", name);
    struct str path = file_find(ctx, name, file.ptr, X_OK);
    if (!path.ptr)
        ctx_fail(ctx, ERR_NOT_FOUND,
                 "the program fanfare-%s is neither beside this one nor in the build tree", name);
    return path;
}

struct str stack_file(struct ctx *ctx, const char *service, const char *name)
{
    struct str path = file_find(ctx, service, name, R_OK);
    if (!path.ptr)
        ctx_fail(ctx, ERR_NOT_FOUND, "%s is neither beside this program nor in the build tree",
                 name);
    return path;
}

struct str stack_data(struct ctx *ctx, const char *option, bool make)
{
    const char *path = option ? option : getenv("FANFARE_DATA");
    if (!path || !*path)
        path = ".fanfare";
    if (make && mkdir(path, 0700) != 0 && errno != EEXIST) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "the data folder %s cannot be made: %s", path,
                 strerror(errno));
        return (struct str){ NULL, 0 };
    }
    char whole[PATH_MAX];
    if (!realpath(path, whole)) {
        ctx_fail(ctx, ERR_NOT_FOUND, "the data folder %s cannot be used: %s", path,
                 strerror(errno));
        return (struct str){ NULL, 0 };
    }
    return arena_str(ctx->arena, str_of(whole));
}

static struct str inside(struct ctx *ctx, struct str data, const char *name)
{
    return arena_printf(ctx->arena, STR_FMT "/%s", STR_ARG(data), name);
}

static struct str run_text(struct ctx *ctx, const struct stack_run *run)
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
        json_key(&out, "pid");
        json_put_int(&out, service->pid);
        json_key(&out, "port");
        json_put_int(&out, service->port);
        json_key(&out, "admin_port");
        json_put_int(&out, service->admin_port);
        json_key(&out, "restarts");
        json_put_int(&out, service->restarts);
        json_key(&out, "failed");
        json_put_bool(&out, service->failed);
        json_key(&out, "held");
        json_put_bool(&out, service->held);
        json_key(&out, "words");
        json_put_str(&out, str_is_utf8(service->words) ? service->words : STR(""));
        json_object_end(&out);
    }
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

bool stack_run_write(struct ctx *ctx, struct str data, const struct stack_run *run)
{
    struct str path = inside(ctx, data, "run.json"), next = inside(ctx, data, "run.json.next"),
               text = run_text(ctx, run);
    FILE *file = fopen(next.ptr, "we");
    bool ok = file && fwrite(text.ptr, 1, text.len, file) == text.len;
    if (file && fclose(file) != 0)
        ok = false;
    if (!ok || rename(next.ptr, path.ptr) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr,
                        strerror(errno));
    return true;
}

static struct str file_text(struct ctx *ctx, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return (struct str){ NULL, 0 };
    char text[65536];
    size_t n = fread(text, 1, sizeof(text), file);
    fclose(file);
    return arena_str(ctx->arena, (struct str){ text, n });
}

bool stack_runs(struct ctx *ctx, struct str data)
{
    int file = open(inside(ctx, data, "lock").ptr, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return false;
    struct flock holder = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    bool held = fcntl(file, F_OFD_GETLK, &holder) == 0 && holder.l_type != F_UNLCK;
    close(file);
    return held;
}

bool stack_run_read(struct ctx *ctx, struct str data, struct stack_run *out)
{
    if (!stack_runs(ctx, data))
        return ctx_fail(ctx, ERR_NOT_FOUND, "no stack runs on " STR_FMT, STR_ARG(data));
    const struct json *json = json_parse(ctx, file_text(ctx, inside(ctx, data, "run.json").ptr));
    if (!json)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "reading run.json of " STR_FMT, STR_ARG(data));
    const struct json *services = json_get(json, "services");
    *out = (struct stack_run){ .pid = (pid_t)json_int(json_get(json, "pid")),
                               .n = json_size(services) };
    out->services = ARENA_ARRAY(ctx->arena, struct stack_run_service, out->n);
    for (struct json_iter it = json_iter(services); json_next(&it);)
        out->services[it.index] = (struct stack_run_service){
            .name = json_str(json_get(it.value, "name")),
            .pid = (pid_t)json_int(json_get(it.value, "pid")),
            .port = (int)json_int(json_get(it.value, "port")),
            .admin_port = (int)json_int(json_get(it.value, "admin_port")),
            .restarts = (int)json_int(json_get(it.value, "restarts")),
            .failed = json_bool(json_get(it.value, "failed")),
            .held = json_bool(json_get(it.value, "held")),
            .words = json_str(json_get(it.value, "words"))
        };
    return true;
}

struct str stack_control_path(struct ctx *ctx, struct str data)
{
    return inside(ctx, data, "control");
}

int stack_lock(struct ctx *ctx, struct str data)
{
    struct str path = inside(ctx, data, "lock");
    int lock = open(path.ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be opened: %s", path.ptr, strerror(errno));
        return -1;
    }
    struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(lock, F_OFD_SETLK, &whole) == 0)
        return lock;
    close(lock);
    ctx_fail(ctx, ERR_CONFLICT, "a stack runs on " STR_FMT " already (fanfare down stops it)",
             STR_ARG(data));
    return -1;
}
