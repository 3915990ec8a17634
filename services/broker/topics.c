/* On disk: topics/<name>/ holds `topic` (what it is) and the files of its partitions. Made and
 * deleted in topics_change.c. */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/broker/files.h"
#include "services/broker/topics_private.h"

/* Partitions that end a segment or let some go at once: producers' commits are done by the same
 * workers. */
#define CHANGES_A_ROUND 64

bool topic_name_is_valid(struct str name)
{
    if (name.len == 0 || name.len > TOPIC_NAME_MOST || str_is(name, ".") || str_is(name, ".."))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return true;
}

struct topic *topic_find(const struct topics *topics, struct str name)
{
    return name.ptr ? map_get(&topics->by_name, name) : NULL;
}

struct topic *topic_get(const struct topics *topics, struct str name)
{
    struct topic *topic = topic_find(topics, name);
    return topic && topic->state == TOPIC_READY ? topic : NULL;
}

struct partition *partition_get(const struct topics *topics, struct str name, int32_t number)
{
    struct topic *topic = topic_get(topics, name);
    return topic && number >= 0 && number < topic->n_partitions ? topic->partitions[number] : NULL;
}

struct topic *topic_next(const struct topics *topics, size_t *at)
{
    return map_next(&topics->by_name, at);
}

size_t topics_count(const struct topics *topics)
{
    return topics->by_name.n;
}

bool topics_are_changing(const struct topics *topics)
{
    return topics->n_changes > 0;
}

bool topics_have_room(const struct topics *topics, int32_t n_partitions)
{
    return topics->env->stats->partitions + (uint64_t)n_partitions <= PARTITIONS_MOST;
}

int64_t topics_segment_bytes(const struct topics *topics)
{
    return topics->segment_bytes;
}

void watcher_add(struct partition *partition, struct watcher *watcher)
{
    watcher->next = partition->watchers;
    watcher->at = &partition->watchers;
    if (watcher->next)
        watcher->next->at = &watcher->next;
    partition->watchers = watcher;
}

void watcher_drop(struct watcher *watcher)
{
    if (!watcher->at)
        return;
    *watcher->at = watcher->next;
    if (watcher->next)
        watcher->next->at = watcher->at;
    watcher->at = NULL;
}

/* A watcher that is woken may drop itself and others, so the first is taken again each time;
 * whoever wants to wait on comes into a list of its own first. */
void partition_wake(struct partition *partition)
{
    struct watcher *woken = partition->watchers;
    partition->watchers = NULL;
    if (woken)
        woken->at = &woken;
    while (woken) {
        struct watcher *watcher = woken;
        watcher_drop(watcher);
        watcher_add(partition, watcher);
        watcher->wake(watcher);
    }
}

static char *path_text(const char *folder, const char *name)
{
    char path[FILE_PATH_BYTES];
    file_path(path, folder, "%s", name);
    return mem_strdup(path);
}

struct topic *topic_new(struct topics *topics, struct str name)
{
    struct topic *topic = mem_alloc(sizeof(*topic));
    char *copy = mem_alloc(name.len + 1);
    memcpy(copy, name.ptr, name.len);
    topic->name = (struct str){ copy, name.len };
    topic->folder = path_text(topics->folder, copy);
    topic_config_init(&topic->config, topics->segment_bytes);
    map_put(&topics->by_name, topic->name, topic);
    topics->env->stats->topics++;
    return topic;
}

void topic_set_partitions(struct topics *topics, struct topic *topic, int32_t n)
{
    topics->env->stats->partitions += (uint64_t)n - (uint64_t)topic->n_partitions;
    topic->n_partitions = n;
}

void partition_free(struct topics *topics, struct partition *partition)
{
    if (!partition)
        return;
    topics->env->stats->partitions_failed -= log_is_broken(partition->log);
    log_free(partition->log);
    free(partition);
}

void topic_free(struct topics *topics, struct topic *topic)
{
    struct broker_stats *stats = topics->env->stats;
    stats->partitions -= (uint64_t)topic->n_partitions;
    for (int32_t i = 0; topic->partitions && i < topic->n_partitions; i++)
        partition_free(topics, topic->partitions[i]);
    stats->topics--;
    free(topic->partitions);
    free(topic->folder);
    free((char *)topic->name.ptr);
    free(topic);
}

static void advanced(void *owner)
{
    partition_wake(owner);
}

static struct log_policy policy_of(const struct topic_config *config)
{
    const int64_t *values = config->values;
    return (struct log_policy){ .deletes = values[TOPIC_CLEANUP_POLICY] & CLEANUP_DELETE,
                                .compacts = values[TOPIC_CLEANUP_POLICY] & CLEANUP_COMPACT,
                                .segment_ms = values[TOPIC_SEGMENT_MS],
                                .retention_ms = values[TOPIC_RETENTION_MS],
                                .retention_bytes = values[TOPIC_RETENTION_BYTES],
                                .lag_least_ms = values[TOPIC_MIN_COMPACTION_LAG_MS],
                                .lag_most_ms = values[TOPIC_MAX_COMPACTION_LAG_MS],
                                .tombstone_ms = values[TOPIC_DELETE_RETENTION_MS] };
}

static struct partition *open_partition(struct ctx *ctx, struct topics *topics, struct topic *topic,
                                        int32_t number, const struct log_files *files)
{
    struct partition *partition = mem_alloc(sizeof(*partition));
    struct log_config config = { .home = { .folder = topic->folder, .partition = number },
                                 .segment_bytes =
                                     (uint32_t)topic->config.values[TOPIC_SEGMENT_BYTES],
                                 .policy = policy_of(&topic->config),
                                 .advanced = advanced,
                                 .owner = partition };
    memcpy(config.home.generation, topic->generation, GENERATION_BYTES);
    partition->topic = topic;
    partition->number = number;
    partition->log = log_open(ctx, topics->env, &config, files);
    if (partition->log)
        return partition;
    free(partition);
    return NULL;
}

bool topic_open_partitions(struct ctx *ctx, struct topics *topics, struct topic *topic,
                           int32_t from, int32_t to)
{
    struct log_files files = log_files_find(ctx->arena, topic->folder);
    if (files.n && files.files[files.n - 1].partition >= to)
        return ctx_fail(ctx, ERR_INTERNAL,
                        "%s has %" PRId32 " partitions, and a file of partition %" PRId32,
                        topic->folder, to, files.files[files.n - 1].partition);
    topic->partitions = mem_realloc(topic->partitions, (size_t)to * sizeof(struct partition *));
    memset(topic->partitions + from, 0, (size_t)(to - from) * sizeof(struct partition *));
    for (int32_t i = from; i < to; i++)
        if (!(topic->partitions[i] = open_partition(ctx, topics, topic, i, &files)))
            return false;
    return true;
}

/* The file `topic`: lines "name=value". */
static bool topic_line(struct topics *topics, struct topic *topic, struct arena *arena,
                       struct str name, struct str value, struct str *why)
{
    int64_t number;
    if (str_is(name, "generation") && value.len == GENERATION_BYTES - 1) {
        memcpy(topic->generation, value.ptr, value.len);
        return true;
    }
    if (str_is(name, "partitions") && str_to_int(value, &number) && number > 0 &&
        number <= TOPIC_PARTITIONS_MOST) {
        topic_set_partitions(topics, topic, (int32_t)number);
        return true;
    }
    return topic_config_set(&topic->config, arena, name, value, why);
}

static bool topic_read(struct ctx *ctx, struct topics *topics, struct topic *topic)
{
    char path[FILE_PATH_BYTES];
    file_path(path, topic->folder, "topic");
    uint8_t *bytes;
    size_t n;
    int failed = file_read_whole(path, &bytes, &n);
    if (failed)
        return ctx_fail(ctx, ERR_INTERNAL, "%s: %s", path, strerror(failed));
    struct str rest = { (const char *)bytes, n }, line, name, why = { NULL, 0 };
    bool ok = true;
    while (ok && str_split(&rest, '\n', &line))
        if (line.len)
            ok = str_split(&line, '=', &name) &&
                 topic_line(topics, topic, ctx->arena, name, line, &why);
    free(bytes);
    if (!ok || !topic->generation[0] || !topic->n_partitions)
        return ctx_fail(ctx, ERR_INTERNAL, "%s is not what a topic's description is: " STR_FMT,
                        path, STR_ARG(why));
    return true;
}

/* Removes the folders in `folder`: what a kill left half made or half deleted. */
static int empty_folder(const char *folder)
{
    int failed = file_make_folder(folder);
    DIR *dir = failed ? NULL : opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[FILE_PATH_BYTES];
        file_path(path, folder, "%s", entry->d_name);
        if (entry->d_name[0] != '.')
            file_remove_folder(path);
    }
    if (dir)
        closedir(dir);
    return failed;
}

static bool open_all(struct ctx *ctx, struct topics *topics)
{
    DIR *dir = opendir(topics->folder);
    if (!dir)
        return ctx_fail(ctx, ERR_INTERNAL, "%s: %s", topics->folder, strerror(errno));
    bool ok = true;
    for (struct dirent *entry; ok && (entry = readdir(dir));) {
        struct str name = str_of(entry->d_name);
        if (str_is(name, ".") || str_is(name, "..")) /* "..." is a topic's name */
            continue;
        if (!topic_name_is_valid(name)) {
            ok = ctx_fail(ctx, ERR_INTERNAL, "%s/%s does not belong there", topics->folder,
                          entry->d_name);
            break;
        }
        struct topic *topic = topic_new(topics, name);
        ok = topic_read(ctx, topics, topic) &&
             topic_open_partitions(ctx, topics, topic, 0, topic->n_partitions);
        topic->state = TOPIC_READY;
    }
    closedir(dir);
    return ok;
}

struct topics *topics_open(struct ctx *ctx, struct log_env *env, const char *folder,
                           int64_t segment_bytes)
{
    struct topics *topics = mem_alloc(sizeof(*topics));
    topics->env = env;
    topics->segment_bytes = segment_bytes;
    topics->folder = path_text(folder, "topics");
    topics->staging = path_text(folder, "staging");
    topics->trash = path_text(folder, "trash");
    int failed = file_make_folder(topics->folder);
    failed = failed ? failed : empty_folder(topics->staging);
    failed = failed ? failed : empty_folder(topics->trash);
    failed = failed ? failed : file_sync_folder(folder);
    if (failed)
        ctx_fail(ctx, ERR_INTERNAL, "%s: %s", folder, strerror(failed));
    if (failed || !open_all(ctx, topics)) {
        topics_free(topics);
        return NULL;
    }
    return topics;
}

void topics_retain(struct topics *topics, int64_t now_ms)
{
    int left = CHANGES_A_ROUND;
    struct topic *topic;
    for (size_t at = 0; left > 0 && (topic = topic_next(topics, &at));)
        for (int32_t i = 0; topic->state == TOPIC_READY && left > 0 && i < topic->n_partitions; i++)
            left -= log_retain(topic->partitions[i]->log, now_ms);
}

void topics_free(struct topics *topics)
{
    if (!topics)
        return;
    struct topic *topic;
    for (size_t at = 0; (topic = map_next(&topics->by_name, &at));)
        topic_free(topics, topic);
    map_clear(&topics->by_name);
    free(topics->folder);
    free(topics->staging);
    free(topics->trash);
    free(topics);
}
