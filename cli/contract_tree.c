#include "cli/contract_tree.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEEP_AT_MOST 4          /* services/<name>/events/<file> */
#define FILE_AT_MOST (16 << 20) /* no contract is larger */

/* ---- which files ---- */

static bool is_wanted(struct str path)
{
    bool place = str_starts(path, STR("services/")) || str_starts(path, STR("contracts/")) ||
                 str_starts(path, STR("cli/"));
    bool test = memmem(path.ptr, path.len, "/tests/", 7) != NULL;
    return place && !test &&
           (str_ends(path, STR(".yaml")) || str_ends(path, STR(".json")) ||
            str_ends(path, STR(".c")));
}

static void add_file(struct ctx *ctx, struct tree *tree, struct str path, struct str text)
{
    if (tree->n == tree->cap) {
        size_t cap = MAX(64, tree->cap * 2);
        struct tree_file *files = ARENA_ARRAY(ctx->arena, struct tree_file, cap);
        if (tree->n)
            memcpy(files, tree->files, tree->n * sizeof(*files));
        tree->files = files;
        tree->cap = cap;
    }
    tree->files[tree->n++] =
        (struct tree_file){ arena_str(ctx->arena, path), arena_str(ctx->arena, text), NULL };
}

/* ---- folders ---- */

struct str tree_find_root(struct ctx *ctx)
{
    char here[PATH_MAX], *slash;
    if (!getcwd(here, sizeof(here)))
        here[0] = '\0';
    while (here[0]) {
        struct stat found;
        if (stat(arena_printf(ctx->arena, "%s/services", here).ptr, &found) == 0 &&
            S_ISDIR(found.st_mode))
            return arena_str(ctx->arena, str_of(here));
        slash = strrchr(here, '/');
        *(slash ? slash : here) = '\0';
    }
    ctx_fail(ctx, ERR_NOT_FOUND, "no folder above this one has services/; --root names it");
    return (struct str){ NULL, 0 };
}

/* All that a descriptor gives until its end; ptr NULL when that is too much, or cannot be read. */
static struct str read_all(struct ctx *ctx, FILE *file, size_t most)
{
    size_t cap = 1 << 16, n = 0, got;
    char *text = mem_alloc(cap);
    while ((got = fread(text + n, 1, cap - n, file)) > 0 && n <= most) {
        n += got;
        if (n == cap)
            text = mem_realloc(text, cap *= 2);
    }
    struct str out = { NULL, 0 };
    if (!ferror(file) && n <= most)
        out = arena_str(ctx->arena, (struct str){ text, n });
    free(text);
    return out;
}

static bool add_from_disk(struct ctx *ctx, struct tree *tree, const char *folder, struct str path)
{
    struct str full = arena_printf(ctx->arena, "%s/" STR_FMT, folder, STR_ARG(path));
    FILE *file = fopen(full.ptr, "re");
    struct str text = { NULL, 0 };
    if (file)
        text = read_all(ctx, file, FILE_AT_MOST);
    if (file)
        fclose(file);
    if (!text.ptr)
        return ctx_fail(ctx, ERR_NOT_FOUND, "%s cannot be read: %s", full.ptr, strerror(errno));
    add_file(ctx, tree, path, text);
    return true;
}

static bool walk(struct ctx *ctx, struct tree *tree, const char *folder, struct str path, int depth)
{
    struct dirent **names;
    struct str full = arena_printf(ctx->arena, "%s/" STR_FMT, folder, STR_ARG(path));
    int n = depth > DEEP_AT_MOST ? 0 : scandir(full.ptr, &names, NULL, alphasort);
    bool ok = true;
    if (n <= 0)
        return true; /* a tree may lack cli/, or contracts/ */
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        struct str below = arena_printf(ctx->arena, STR_FMT "/%s", STR_ARG(path), name);
        struct stat found;
        bool known = name[0] != '.' &&
                     stat(arena_printf(ctx->arena, "%s/%s", full.ptr, name).ptr, &found) == 0;
        if (ok && known && S_ISDIR(found.st_mode))
            ok = walk(ctx, tree, folder, below, depth + 1);
        else if (ok && known && is_wanted(below))
            ok = add_from_disk(ctx, tree, folder, below);
        free(names[i]);
    }
    free(names);
    return ok;
}

bool tree_read_folder(struct ctx *ctx, const char *folder, struct tree *out)
{
    *out = (struct tree){ .name = str_of(folder) };
    if (!walk(ctx, out, folder, STR("contracts"), 0) || !walk(ctx, out, folder, STR("cli"), 0) ||
        !walk(ctx, out, folder, STR("services"), 0))
        return false;
    return out->n > 0 ||
           ctx_fail(ctx, ERR_NOT_FOUND, "%s has no services/ with contracts in it", folder);
}

/* ---- revisions ---- */

/* What a program prints; ptr NULL with a sentence when it fails. */
static struct str output_of(struct ctx *ctx, const char *const *command, const char *what)
{
    int ends[2];
    if (pipe(ends) < 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s: %s", what, strerror(errno));
        return (struct str){ NULL, 0 };
    }
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execvp(command[0], (char *const *)(uintptr_t)command);
        _exit(127);
    }
    close(ends[1]);
    FILE *from = fdopen(ends[0], "r");
    struct str text = from && pid > 0 ? read_all(ctx, from, SIZE_MAX / 2) : (struct str){ NULL, 0 };
    int status = -1;
    if (from)
        fclose(from);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (text.ptr && status == 0)
        return text;
    ctx_fail(ctx, ERR_NOT_FOUND, "%s%s", what,
             WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ": there is no git here" : "");
    return (struct str){ NULL, 0 };
}

/* One header of a tar archive (POSIX.1-2001, ustar). */
struct tar_header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
        magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], padding[12];
};
_Static_assert(sizeof(struct tar_header) == 512, "a tar header is one block");

static size_t tar_size(const struct tar_header *header)
{
    size_t size = 0;
    for (size_t i = 0; i < sizeof(header->size) && header->size[i] >= '0'; i++)
        size = size * 8 + (size_t)(header->size[i] - '0');
    return size;
}

static struct str tar_path(struct ctx *ctx, const struct tar_header *header)
{
    int name = (int)strnlen(header->name, sizeof(header->name)),
        prefix = (int)strnlen(header->prefix, sizeof(header->prefix));
    return arena_printf(ctx->arena, "%.*s%s%.*s", prefix, header->prefix, prefix ? "/" : "", name,
                        header->name);
}

static void add_archive(struct ctx *ctx, struct tree *tree, struct str archive)
{
    const struct tar_header *header;
    for (size_t at = 0; at + sizeof(*header) <= archive.len;) {
        header = (const void *)(archive.ptr + at);
        size_t size = tar_size(header);
        at += sizeof(*header);
        if (!header->name[0] || size > archive.len - at)
            return;
        struct str path = tar_path(ctx, header);
        if (header->type == '0' && is_wanted(path))
            add_file(ctx, tree, path, (struct str){ archive.ptr + at, size });
        at += (size + sizeof(*header) - 1) / sizeof(*header) * sizeof(*header);
    }
}

bool tree_read_revision(struct ctx *ctx, const char *folder, const char *revision, struct tree *out)
{
    struct str commit = arena_printf(ctx->arena, "%s^{commit}", revision);
    const char *const verify[] = {
        "git",      "-C", folder, "rev-parse", "--quiet", "--verify", "--end-of-options",
        commit.ptr, NULL
    };
    const char *what =
        arena_printf(ctx->arena, "%s is neither a folder nor a revision of %s", revision, folder)
            .ptr;
    struct str id = str_trim(output_of(ctx, verify, what));
    if (!id.ptr)
        return false;
    id = arena_str(ctx->arena, id);
    const char *const pack[] = { "git", "-C", folder, "archive", "--format=tar", id.ptr, NULL };
    struct str archive = output_of(
        ctx, pack, arena_printf(ctx->arena, "git cannot give the files of %s", revision).ptr);
    *out = (struct tree){ .name = str_of(revision) };
    if (archive.ptr)
        add_archive(ctx, out, archive);
    return archive.ptr != NULL;
}

/* ---- documents ---- */

struct tree_file *tree_file(const struct tree *tree, struct str path)
{
    for (size_t i = 0; i < tree->n; i++)
        if (str_eq(tree->files[i].path, path))
            return &tree->files[i];
    return NULL;
}

const struct json *tree_json(struct ctx *ctx, const struct tree *tree, struct str path)
{
    struct tree_file *file = tree_file(tree, path);
    if (!file) {
        ctx_fail(ctx, ERR_NOT_FOUND, "%s has no file " STR_FMT, tree->name.ptr, STR_ARG(path));
        return NULL;
    }
    if (!file->json)
        file->json = str_ends(path, STR(".json")) ? json_parse(ctx, file->text)
                                                  : json_parse_yaml(ctx, file->text);
    if (!file->json)
        ctx_fail(ctx, ERR_MALFORMED, STR_FMT " of %s", STR_ARG(path), tree->name.ptr);
    return file->json;
}

const struct json *tree_resolve(struct ctx *ctx, struct str uri, void *tree)
{
    struct str base = STR(TREE_BASE);
    if (!str_starts(uri, base))
        return NULL;
    struct ctx own = { .arena = ctx->arena };
    return tree_json(&own, tree, (struct str){ uri.ptr + base.len, uri.len - base.len });
}
