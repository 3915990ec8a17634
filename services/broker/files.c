#include "services/broker/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/macros.h"

void file_path(char out[FILE_PATH_BYTES], const char *folder, const char *format, ...)
{
    size_t n = (size_t)snprintf(out, FILE_PATH_BYTES, "%s/", folder);
    va_list args;
    va_start(args, format);
    if (n < FILE_PATH_BYTES)
        vsnprintf(out + n, FILE_PATH_BYTES - n, format, args);
    va_end(args);
}

int file_write_all(int fd, const void *bytes, size_t n, int64_t at)
{
    struct iovec part = { (void *)bytes, n };
    return file_writev_all(fd, &part, 1, at);
}

/* Takes `done` bytes off the front of the vector. */
static void advance(struct iovec **parts, size_t *n, size_t done)
{
    while (*n && done >= (*parts)->iov_len) {
        done -= (*parts)->iov_len;
        ++*parts, --*n;
    }
    if (done) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + done;
        (*parts)->iov_len -= done;
    }
}

int file_writev_all(int fd, struct iovec *parts, size_t n, int64_t at)
{
    while (n) {
        ssize_t done = pwritev(fd, parts, (int)MIN(n, IOV_MAX), at);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done == 0 && parts->iov_len)
            return EIO;
        if (done >= 0) {
            at += done;
            advance(&parts, &n, (size_t)done);
        }
    }
    return 0;
}

int file_read_at(int fd, void *bytes, size_t n, int64_t at, size_t *got)
{
    *got = 0;
    while (*got < n) {
        ssize_t done = pread(fd, (char *)bytes + *got, n - *got, at + (int64_t)*got);
        if (done < 0 && errno != EINTR)
            return errno;
        if (done == 0)
            return 0;
        if (done > 0)
            *got += (size_t)done;
    }
    return 0;
}

int file_sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) ? errno : 0;
    close(fd);
    return failed;
}

int file_make_folder(const char *folder)
{
    return mkdir(folder, 0700) && errno != EEXIST ? errno : 0;
}

int file_make_folders(const char *folder)
{
    char part[FILE_PATH_BYTES], parent[FILE_PATH_BYTES];
    strcpy(parent, folder[0] == '/' ? "/" : ".");
    for (size_t n = 1;; n++) {
        if (n == sizeof(part))
            return ENAMETOOLONG;
        if (folder[n] && folder[n] != '/')
            continue;
        memcpy(part, folder, n);
        part[n] = '\0';
        if (mkdir(part, 0700) == 0) {
            int failed = file_sync_folder(parent);
            if (failed)
                return failed;
        } else if (errno != EEXIST) {
            return errno;
        }
        if (!folder[n])
            return 0;
        strcpy(parent, part);
    }
}

int file_replace(const char *folder, const char *name, const void *bytes, size_t n)
{
    char path[FILE_PATH_BYTES], fresh[FILE_PATH_BYTES];
    file_path(path, folder, "%s", name);
    file_path(fresh, folder, "%s.new", name);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int failed = file_write_all(fd, bytes, n, 0);
    if (!failed && fsync(fd))
        failed = errno;
    close(fd);
    if (!failed && rename(fresh, path))
        failed = errno;
    if (failed)
        unlink(fresh);
    return failed ? failed : file_sync_folder(folder);
}

int file_read_whole(const char *path, uint8_t **bytes, size_t *n)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    struct stat about;
    int failed = fstat(fd, &about) ? errno : 0;
    if (!failed) {
        *bytes = mem_alloc((size_t)about.st_size + 1);
        failed = file_read_at(fd, *bytes, (size_t)about.st_size, 0, n);
        if (failed)
            free(*bytes);
    }
    close(fd);
    return failed;
}

int file_remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return errno;
    char path[FILE_PATH_BYTES];
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
            file_path(path, folder, "%s", entry->d_name);
            unlink(path);
        }
    }
    closedir(dir);
    return rmdir(folder) ? errno : 0;
}
