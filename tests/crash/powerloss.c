/* Preloaded into a service, so that the loss of power can be played: what the service does to files below one folder is
 * done as ever, and noted in a journal, with the data. A sync is noted and not done; it takes a while, so that the power
 * goes in the middle of some. After a kill the journal tells what a disk must hold and what it may have lost, torn or
 * done in another order; disk.py makes such a disk of it.
 *
 *   POWERLOSS_FOLDER   what is below it is noted; -shm files of SQLite are not, they are made anew at each start
 *   POWERLOSS_JOURNAL  the journal, outside of it
 *   POWERLOSS_AFTER    ends the process, as kill -9 would, after so many notes (0: does not)
 *   POWERLOSS_SYNC_US  the longest that a sync takes
 *
 * Writing through mmap cannot be noted: it is journalled as a STRANGE call, and the test fails. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define FDS_MOST 65536
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define EXPORT __attribute__((visibility("default")))

enum note { CREATE = 1, MKDIR, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, RMDIR, STRANGE };

/* As it stands in the journal; `bytes` of data or names follow. */
struct head {
    uint32_t note, bytes;
    uint64_t file, at;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char folder[PATH_MAX];
static size_t folder_bytes;
static int journal = -1;
static uint64_t noted, end_after;
static unsigned sync_us, chance;
static uint64_t files[FDS_MOST]; /* inode of each descriptor that is below the folder, or 0 */

static void begin(void)
{
    const char *where = getenv("POWERLOSS_FOLDER"), *to = getenv("POWERLOSS_JOURNAL");
    if (!where || !to)
        return;
    const char *after = getenv("POWERLOSS_AFTER"), *longest = getenv("POWERLOSS_SYNC_US");
    end_after = after ? strtoull(after, NULL, 10) : 0;
    sync_us = longest ? (unsigned)strtoul(longest, NULL, 10) : 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    chance = (unsigned)now.tv_nsec;
    snprintf(folder, sizeof(folder), "%s/", where);
    folder_bytes = strlen(folder);
    journal = NEXT(open)(to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (journal < 0)
        abort();
}

static bool is_on(void)
{
    pthread_once(&once, begin);
    return journal >= 0;
}

static void note(enum note kind, uint64_t file, uint64_t at, const struct iovec *parts, int n,
                 size_t bytes)
{
    struct head head = { kind, (uint32_t)bytes, file, at };
    struct iovec all[IOV_MAX + 1] = { { &head, sizeof(head) } };
    int used = 1;
    for (int i = 0; i < n && bytes; i++) {
        all[used] = parts[i];
        if (all[used].iov_len > bytes)
            all[used].iov_len = bytes;
        bytes -= all[used++].iov_len;
    }
    size_t whole = sizeof(head) + head.bytes;
    struct iovec *rest = all;
    while (whole) {
        ssize_t done = NEXT(writev)(journal, rest, used > IOV_MAX ? IOV_MAX : used);
        if (done <= 0)
            abort();
        whole -= (size_t)done;
        for (; used && (size_t)done >= rest->iov_len; rest++, used--)
            done -= (ssize_t)rest->iov_len;
        if (used) {
            rest->iov_base = (char *)rest->iov_base + done;
            rest->iov_len -= (size_t)done;
        }
    }
    if (++noted == end_after)
        kill(getpid(), SIGKILL);
}

static void note_text(enum note kind, uint64_t file, const char *text, const char *more)
{
    struct iovec parts[] = { { (void *)text, strlen(text) + 1 },
                             { (void *)more, more ? strlen(more) + 1 : 0 } };
    note(kind, file, 0, parts, more ? 2 : 1, parts[0].iov_len + parts[1].iov_len);
}

/* The path below the folder, or NULL for one that is elsewhere. */
static const char *below(const char *path, char whole[PATH_MAX])
{
    if (!is_on() || !path)
        return NULL;
    size_t n = 0;
    if (path[0] != '/') {
        if (!getcwd(whole, PATH_MAX - 1))
            return NULL;
        n = strlen(whole);
        whole[n++] = '/';
    }
    if (n + strlen(path) >= PATH_MAX)
        return NULL;
    strcpy(whole + n, path);
    n = strlen(whole);
    if (n > 4 && strcmp(whole + n - 4, "-shm") == 0)
        return NULL;
    if (n + 1 == folder_bytes && memcmp(whole, folder, n) == 0)
        return "";
    return n >= folder_bytes && memcmp(whole, folder, folder_bytes) == 0 ? whole + folder_bytes
                                                                         : NULL;
}

static uint64_t file_of(int fd)
{
    return fd >= 0 && fd < FDS_MOST && is_on() ? files[fd] : 0;
}

static void strange(const char *call)
{
    note_text(STRANGE, 0, call, NULL);
}

/* ---- names ---- */

static int open_noted(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    char whole[PATH_MAX];
    const char *name = below(path, whole);
    if (!name)
        return real(path, flags, mode);
    pthread_mutex_lock(&lock);
    struct stat before, after;
    bool existed = stat(path, &before) == 0;
    int fd = real(path, flags, mode);
    if (fd >= 0 && fd < FDS_MOST && fstat(fd, &after) == 0) {
        files[fd] = after.st_ino;
        if (!existed)
            note_text(CREATE, after.st_ino, name, NULL);
        else if ((flags & O_TRUNC) && S_ISREG(after.st_mode))
            note(TRUNCATE, after.st_ino, 0, NULL, 0, 0);
        if ((flags & O_TMPFILE) == O_TMPFILE || (flags & O_DSYNC))
            strange("open with such flags");
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define OPEN(name)                                                                                 \
    EXPORT int name(const char *path, int flags, ...)                                              \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;                    \
        va_end(args);                                                                              \
        return open_noted(NEXT(name), path, flags, mode);                                          \
    }
OPEN(open)
OPEN(open64)

static int temporary_noted(int (*real)(char *, int), char *path, int flags)
{
    char whole[PATH_MAX];
    struct stat about;
    bool on = is_on();
    pthread_mutex_lock(&lock);
    int fd = real(path, flags), failed = errno;
    const char *name = on && fd >= 0 && fd < FDS_MOST ? below(path, whole) : NULL;
    if (name && fstat(fd, &about) == 0) {
        files[fd] = about.st_ino;
        note_text(CREATE, about.st_ino, name, NULL);
    }
    pthread_mutex_unlock(&lock);
    errno = failed;
    return fd;
}

EXPORT int mkostemp(char *path, int flags)
{
    return temporary_noted(NEXT(mkostemp), path, flags);
}

EXPORT int mkostemp64(char *path, int flags)
{
    return temporary_noted(NEXT(mkostemp64), path, flags);
}

EXPORT int close(int fd)
{
    if (fd == journal && fd >= 0) {
        errno = EBADF;
        return -1;
    }
    if (fd >= 0 && fd < FDS_MOST)
        files[fd] = 0;
    return NEXT(close)(fd);
}

EXPORT int mkdir(const char *path, mode_t mode)
{
    char whole[PATH_MAX];
    const char *name = below(path, whole);
    if (!name)
        return NEXT(mkdir)(path, mode);
    pthread_mutex_lock(&lock);
    struct stat about;
    int status = NEXT(mkdir)(path, mode);
    if (status == 0 && stat(path, &about) == 0)
        note_text(MKDIR, about.st_ino, name, NULL);
    int failed = errno;
    pthread_mutex_unlock(&lock);
    errno = failed;
    return status;
}

static int remove_noted(int (*real)(const char *), enum note kind, const char *path)
{
    char whole[PATH_MAX];
    const char *name = below(path, whole);
    if (!name)
        return real(path);
    pthread_mutex_lock(&lock);
    int status = real(path), failed = errno;
    if (status == 0)
        note_text(kind, 0, name, NULL);
    pthread_mutex_unlock(&lock);
    errno = failed;
    return status;
}

EXPORT int unlink(const char *path)
{
    return remove_noted(NEXT(unlink), UNLINK, path);
}

EXPORT int rmdir(const char *path)
{
    return remove_noted(NEXT(rmdir), RMDIR, path);
}

EXPORT int rename(const char *from, const char *to)
{
    char from_whole[PATH_MAX], to_whole[PATH_MAX];
    const char *old = below(from, from_whole), *new = below(to, to_whole);
    if (!old && !new)
        return NEXT(rename)(from, to);
    pthread_mutex_lock(&lock);
    int status = NEXT(rename)(from, to), failed = errno;
    if (status == 0 && old && new)
        note_text(RENAME, 0, old, new);
    else if (status == 0)
        strange("rename across the folder's border");
    pthread_mutex_unlock(&lock);
    errno = failed;
    return status;
}

/* ---- data ---- */

/* `at` < 0: where the descriptor stands. */
static ssize_t write_noted(int fd, const struct iovec *parts, int n, off_t at)
{
    pthread_mutex_lock(&lock);
    uint64_t position = (uint64_t)at;
    if (at < 0) {
        struct stat about;
        bool appends = fcntl(fd, F_GETFL) & O_APPEND;
        position = appends && fstat(fd, &about) == 0 ? (uint64_t)about.st_size
                                                     : (uint64_t)lseek(fd, 0, SEEK_CUR);
    }
    ssize_t done = at < 0 ? NEXT(writev)(fd, parts, n) : NEXT(pwritev)(fd, parts, n, at);
    int failed = errno;
    if (done > 0)
        note(WRITE, files[fd], position, parts, n, (size_t)done);
    pthread_mutex_unlock(&lock);
    errno = failed;
    return done;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t n)
{
    struct iovec part = { (void *)bytes, n };
    return file_of(fd) ? write_noted(fd, &part, 1, -1) : NEXT(write)(fd, bytes, n);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int n)
{
    return file_of(fd) ? write_noted(fd, parts, n, -1) : NEXT(writev)(fd, parts, n);
}

#define PWRITE(name)                                                                               \
    EXPORT ssize_t name(int fd, const void *bytes, size_t n, __off64_t at)                         \
    {                                                                                              \
        struct iovec part = { (void *)bytes, n };                                                  \
        return file_of(fd) ? write_noted(fd, &part, 1, at) : NEXT(name)(fd, bytes, n, at);         \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name)                                                                              \
    EXPORT ssize_t name(int fd, const struct iovec *parts, int n, __off64_t at)                    \
    {                                                                                              \
        return file_of(fd) ? write_noted(fd, parts, n, at) : NEXT(name)(fd, parts, n, at);         \
    }
PWRITEV(pwritev)
PWRITEV(pwritev64)

#define TRUNCATES(name)                                                                            \
    EXPORT int name(int fd, __off64_t size)                                                        \
    {                                                                                              \
        if (!file_of(fd))                                                                          \
            return NEXT(name)(fd, size);                                                           \
        pthread_mutex_lock(&lock);                                                                 \
        int status = NEXT(name)(fd, size);                                                         \
        if (status == 0)                                                                           \
            note(TRUNCATE, files[fd], (uint64_t)size, NULL, 0, 0);                                 \
        pthread_mutex_unlock(&lock);                                                               \
        return status;                                                                             \
    }
TRUNCATES(ftruncate)
TRUNCATES(ftruncate64)

/* What was written before the sync was asked for is on the disk when it is answered; not what was written meanwhile. */
static int sync_noted(int fd)
{
    pthread_mutex_lock(&lock);
    uint64_t before = noted;
    unsigned wait_us = sync_us ? (unsigned)rand_r(&chance) % sync_us : 0;
    pthread_mutex_unlock(&lock);
    if (wait_us)
        usleep(wait_us);
    pthread_mutex_lock(&lock);
    note(SYNC, files[fd], before, NULL, 0, 0);
    pthread_mutex_unlock(&lock);
    return 0;
}

EXPORT int fsync(int fd)
{
    return file_of(fd) ? sync_noted(fd) : NEXT(fsync)(fd);
}

EXPORT int fdatasync(int fd)
{
    return file_of(fd) ? sync_noted(fd) : NEXT(fdatasync)(fd);
}

/* It starts writing and promises nothing about power. */
EXPORT int sync_file_range(int fd, __off64_t at, __off64_t n, unsigned flags)
{
    return file_of(fd) ? 0 : NEXT(sync_file_range)(fd, at, n, flags);
}

/* ---- what is not played ---- */

static void strange_fd(int fd, const char *call)
{
    if (!file_of(fd))
        return;
    pthread_mutex_lock(&lock);
    strange(call);
    pthread_mutex_unlock(&lock);
}

static void strange_path(const char *path, const char *call)
{
    char whole[PATH_MAX];
    if (!below(path, whole))
        return;
    pthread_mutex_lock(&lock);
    strange(call);
    pthread_mutex_unlock(&lock);
}

#define MMAP(name)                                                                                 \
    EXPORT void *name(void *address, size_t n, int protection, int flags, int fd, __off64_t at)    \
    {                                                                                              \
        if ((protection & PROT_WRITE) && (flags & MAP_SHARED))                                     \
            strange_fd(fd, "mmap to write");                                                       \
        return NEXT(name)(address, n, protection, flags, fd, at);                                  \
    }
MMAP(mmap)
MMAP(mmap64)

EXPORT int fallocate(int fd, int mode, __off64_t at, __off64_t n)
{
    strange_fd(fd, "fallocate");
    return NEXT(fallocate)(fd, mode, at, n);
}

EXPORT int posix_fallocate(int fd, __off64_t at, __off64_t n)
{
    strange_fd(fd, "posix_fallocate");
    return NEXT(posix_fallocate)(fd, at, n);
}

EXPORT int link(const char *from, const char *to)
{
    strange_path(to, "link");
    return NEXT(link)(from, to);
}

EXPORT int truncate(const char *path, __off64_t size)
{
    strange_path(path, "truncate");
    return NEXT(truncate)(path, size);
}
