#include "platform/sql/testing_postgresql.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define START_US (60 * US_PER_S) /* a machine that is busy with other tests takes its time */

struct testing_postgresql {
    char programs[256]; /* the folder with initdb and postgres */
    double version;
    char folder[64];
    char url[96];
    char port[8];
    uid_t user;
    gid_t group;
    bool durable;
    pid_t pid, owner, guard;
    int to_guard; /* the pid of the server when it changes; closed: the test is over */
};

/* The newest of Debian's, by their folders' names; "15" and "9.6" alike. */
static bool programs_find(struct testing_postgresql *server)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        double version = strtod(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL);
        if (version <= server->version)
            continue;
        server->version = version;
        snprintf(server->programs, sizeof server->programs, "%.*s",
                 (int)(strlen(found.gl_pathv[i]) - strlen("/initdb")), found.gl_pathv[i]);
    }
    globfree(&found);
    return server->version > 0;
}

/* PostgreSQL does not run as root. */
static bool user_choose(struct testing_postgresql *server)
{
    server->user = getuid();
    server->group = getgid();
    if (server->user != 0)
        return true;
    struct passwd *user = getpwnam("postgres");
    if (!user)
        user = getpwnam("nobody");
    if (!user)
        return false;
    server->user = user->pw_uid;
    server->group = user->pw_gid;
    return true;
}

static int free_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof address;
    int port = 0, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&address, length) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &length) == 0)
        port = ntohs(address.sin_port);
    if (fd >= 0)
        close(fd);
    return port;
}

/* Starts a program as the chosen user; what it says goes into the folder's log. */
static pid_t run(const struct testing_postgresql *server, const char *const *arguments)
{
    char program[320], log[96];
    snprintf(program, sizeof program, "%s/%s", server->programs, arguments[0]);
    snprintf(log, sizeof log, "%s/log", server->folder);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    if (getuid() == 0 &&
        (setgroups(0, NULL) != 0 || setgid(server->group) != 0 || setuid(server->user) != 0))
        _exit(126);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int in = open("/dev/null", O_RDONLY);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execv(program, (char *const *)arguments);
    _exit(127);
}

static bool run_to_end(const struct testing_postgresql *server, const char *const *arguments)
{
    int status = 0;
    pid_t pid = run(server, arguments);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){ 0, ms * 1000000L }, NULL);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return remove(path);
}

/* ---- the guard: a process that cleans up when the test ends, in whatever way ---- */

static void guard_main(const struct testing_postgresql *server, int from_test)
{
    pid_t pid = 0;
    setsid();
    while (read(from_test, &pid, sizeof pid) == sizeof pid)
        ;
    for (int tries = 0; pid > 0 && kill(pid, SIGQUIT) == 0 && tries < 500; tries++)
        pause_ms(20);
    nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

static bool guard_start(struct testing_postgresql *server)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return false;
    server->guard = fork();
    if (server->guard == 0) {
        close(pipes[1]);
        guard_main(server, pipes[0]);
    }
    close(pipes[0]);
    server->to_guard = pipes[1];
    return server->guard > 0;
}

static void pid_set(struct testing_postgresql *server, pid_t pid)
{
    server->pid = pid;
    if (write(server->to_guard, &pid, sizeof pid) != sizeof pid)
        perror("the guard of a PostgreSQL for tests");
}

/* ---- the server ---- */

bool testing_postgresql_again(struct testing_postgresql *server)
{
    char data[96];
    snprintf(data, sizeof data, "%s/data", server->folder);
    const char *sync = server->durable ? "fsync=on" : "fsync=off";
    pid_t pid = run(server, (const char *const[]){
                                "postgres", "-D", data, "-h", "127.0.0.1", "-p", server->port, "-k",
                                server->folder, "-c", sync, "-c", "shared_buffers=16MB", "-c",
                                "max_connections=100", "-c", "deadlock_timeout=100ms", NULL });
    pid_set(server, pid);
    int64_t until = clock_mono_us() + START_US;
    while (server->pid > 0 && clock_mono_us() < until) {
        if (PQping(server->url) == PQPING_OK)
            return true;
        if (waitpid(server->pid, NULL, WNOHANG) == server->pid)
            pid_set(server, 0);
        pause_ms(20);
    }
    return false;
}

void testing_postgresql_crash(struct testing_postgresql *server)
{
    if (server->pid <= 0)
        return;
    kill(server->pid, SIGQUIT);
    while (waitpid(server->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    pid_set(server, 0);
}

/* ---- the cluster: made once for a build folder, then copied, which takes a tenth of the time ---- */

/* The folder above the running program that ninja builds in. */
static bool build_folder(char *out, size_t bytes)
{
    ssize_t length = readlink("/proc/self/exe", out, bytes - sizeof "/build.ninja");
    if (length <= 0)
        return false;
    out[length] = '\0';
    for (char *slash = strrchr(out, '/'); slash; slash = strrchr(out, '/')) {
        strcpy(slash, "/build.ninja");
        bool found = access(out, F_OK) == 0;
        *slash = '\0';
        if (found)
            return access(out, W_OK) == 0;
    }
    return false;
}

static bool copy(const char *from, const char *to)
{
    pid_t pid;
    int status;
    char *arguments[] = { "cp", "-a", (char *)from, (char *)to, NULL };
    if (posix_spawnp(&pid, "cp", NULL, NULL, arguments, environ) != 0)
        return false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool cluster_init(const struct testing_postgresql *server, const char *data)
{
    return run_to_end(server,
                      (const char *const[]){ "initdb", "-D", data, "-U", "fanfare", "-A", "trust",
                                             "-E", "UTF8", "--locale=C", "--no-sync", NULL });
}

/* Under a lock: tests run side by side. */
static bool cluster_make(const struct testing_postgresql *server, const char *data)
{
    char build[PATH_MAX], path[PATH_MAX + 64], unfinished[PATH_MAX + 128];
    if (!build_folder(build, sizeof build))
        return cluster_init(server, data);
    snprintf(path, sizeof path, "%s/postgresql.lock", build);
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        return cluster_init(server, data);
    snprintf(path, sizeof path, "%s/postgresql-%.0f-%u", build, server->version,
             (unsigned)server->user);
    snprintf(unfinished, sizeof unfinished, "%s.unfinished-%d", path, (int)getpid());
    bool ok = access(path, F_OK) == 0 && copy(path, data);
    if (!ok) {
        ok = cluster_init(server, data);
        if (ok && copy(data, unfinished))
            rename(unfinished, path);
    }
    close(lock);
    return ok;
}

static bool start(struct testing_postgresql *server)
{
    char data[96];
    snprintf(data, sizeof data, "%s/data", server->folder);
    if (!cluster_make(server, data))
        return false;
    /* Somebody else may take the port in between. */
    for (int tries = 0; tries < 5; tries++) {
        snprintf(server->port, sizeof server->port, "%d", free_port());
        snprintf(server->url, sizeof server->url, "postgresql://fanfare@127.0.0.1:%s/postgres",
                 server->port);
        if (testing_postgresql_again(server))
            return true;
        testing_postgresql_crash(server);
    }
    return false;
}

void testing_postgresql_free(struct testing_postgresql *server)
{
    if (!server)
        return;
    testing_postgresql_crash(server);
    if (server->to_guard >= 0)
        close(server->to_guard);
    if (server->guard > 0)
        waitpid(server->guard, NULL, 0);
    free(server);
}

static struct testing_postgresql *skip(struct testing_postgresql *server, const char *reason)
{
    printf("skipped: %s\n", reason);
    fflush(stdout);
    testing_postgresql_free(server);
    return NULL;
}

struct testing_postgresql *testing_postgresql_new(bool durable)
{
    struct testing_postgresql *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->durable = durable;
    server->owner = getpid();
    server->to_guard = -1;
    if (!programs_find(server))
        return skip(server, "no PostgreSQL here (Debian: postgresql)");
    if (!user_choose(server))
        return skip(server, "no user but root to run PostgreSQL as");
    snprintf(server->folder, sizeof server->folder, "/tmp/fanfare-postgresql-XXXXXX");
    if (!mkdtemp(server->folder)) {
        server->folder[0] = '\0';
        return skip(server, "no temporary folder");
    }
    if (!guard_start(server))
        return skip(server, "no second process");
    if (getuid() == 0 && chown(server->folder, server->user, server->group) != 0)
        return skip(server, "the temporary folder cannot be given away");
    if (!start(server))
        return skip(server, "PostgreSQL does not start");
    return server;
}

const char *testing_postgresql_url(const struct testing_postgresql *server)
{
    return server->url;
}

static struct testing_postgresql *shared;

/* Not in a child that was forked from the test: the server is its parent's. */
static void shared_free(void)
{
    if (shared && shared->owner == getpid())
        testing_postgresql_free(shared);
    shared = NULL;
}

const char *test_postgresql_url(void)
{
    static bool tried;
    if (!tried) {
        tried = true;
        shared = testing_postgresql_new(false);
        atexit(shared_free);
    }
    return shared ? shared->url : NULL;
}
