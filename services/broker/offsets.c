#include "services/broker/offsets.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "services/broker/groups.h"

#define SEGMENT_BYTES (4 << 20)
#define SNAPSHOT_EVERY_BYTES (8u << 20) /* of changes: bounds what a start reads */
#define SNAPSHOT_VERSION 1
#define CHANGE_BYTES 20 /* of one partition at least */

enum change_kind { CHANGE_COMMIT = 1, CHANGE_FORGET_GROUP = 2, CHANGE_FORGET_TOPIC = 3 };

struct group_offsets {
    struct str name;
    int64_t
        alive_us;   /* when it last had members or committed; monotonic, at the latest the start */
    bool forgotten;   /* on its way to the disk */
    struct map partitions;
};

struct offsets {
    struct log_env *env;
    struct log *log;
    char *folder;
    struct map groups;
    uint64_t changed_bytes; /* since the last snapshot */
    struct snapshot *snapshot;
};

struct snapshot {
    struct job job;
    struct offsets *offsets;
    struct writer bytes;
    int64_t offset; /* of the log: what is before it is in the snapshot */
    uint64_t covers_bytes;
    int failed;
};

static struct str copy(struct str text)
{
    if (!text.ptr)
        return text;
    char *p = mem_alloc(text.len + 1);
    memcpy(p, text.ptr, text.len);
    return (struct str){ p, text.len };
}

#define KEY_BYTES (INT16_MAX + 5)

static struct str key_in(char out[KEY_BYTES], struct str topic, int32_t partition)
{
    memcpy(out, topic.ptr, topic.len);
    out[topic.len] = '\0';
    memcpy(out + topic.len + 1, &partition, sizeof(partition));
    return (struct str){ out, topic.len + 1 + sizeof(partition) };
}

static void committed_free(struct committed *committed)
{
    free((char *)committed->key.ptr);
    free((char *)committed->metadata.ptr);
    free(committed);
}

static void set(struct group_offsets *group, const struct committed *values)
{
    char text[KEY_BYTES];
    struct str key = key_in(text, values->topic, values->partition);
    struct committed *committed = map_get(&group->partitions, key);
    if (committed) {
        free((char *)committed->metadata.ptr);
    } else {
        committed = mem_alloc(sizeof(*committed));
        committed->key = copy(key);
        committed->topic = (struct str){ committed->key.ptr, values->topic.len };
        committed->partition = values->partition;
        map_put(&group->partitions, committed->key, committed);
    }
    committed->offset = values->offset;
    committed->leader_epoch = values->leader_epoch;
    committed->metadata = copy(values->metadata);
}

static struct group_offsets *group_get(struct offsets *offsets, struct str name)
{
    struct group_offsets *group = map_get(&offsets->groups, name);
    if (!group) {
        group = mem_alloc(sizeof(*group));
        group->name = copy(name);
        map_put(&offsets->groups, group->name, group);
    }
    group->alive_us = loop_now_us(offsets->env->loop);
    return group;
}

static void group_free(struct group_offsets *group)
{
    struct committed *committed;
    for (size_t at = 0; (committed = map_next(&group->partitions, &at));)
        committed_free(committed);
    map_clear(&group->partitions);
    free((char *)group->name.ptr);
    free(group);
}

static void forget_topic_in(struct group_offsets *group, struct str topic)
{
    struct committed *committed;
    for (size_t at = 0; (committed = map_next(&group->partitions, &at));) {
        if (str_eq(committed->topic, topic)) {
            map_take(&group->partitions, committed->key);
            committed_free(committed);
            at = 0; /* the table has changed; deleting a topic is rare */
        }
    }
}

static void committed_write(struct writer *out, const struct committed *committed)
{
    put_string(out, committed->topic);
    put_i32(out, committed->partition);
    put_i32(out, committed->leader_epoch);
    put_i64(out, committed->offset);
    put_string(out, committed->metadata);
}

/* "group, n, partitions", as in a change and in a snapshot. */
static void apply_commit(struct offsets *offsets, struct reader *in)
{
    struct str name = get_string(in);
    struct group_offsets *group = name.ptr ? group_get(offsets, name) : NULL;
    for (int32_t left = get_count(in, CHANGE_BYTES); group && left > 0; left--) {
        struct committed one = { .topic = get_string(in) };
        one.partition = get_i32(in);
        one.leader_epoch = get_i32(in);
        one.offset = get_i64(in);
        one.metadata = get_string(in);
        if (in->bad || !one.topic.ptr)
            return;
        set(group, &one);
    }
}

static bool apply(struct offsets *offsets, struct reader *in)
{
    enum change_kind kind = get_i8(in);
    if (kind == CHANGE_COMMIT) {
        apply_commit(offsets, in);
    } else if (kind == CHANGE_FORGET_GROUP) {
        struct str name = get_string(in);
        struct group_offsets *group = name.ptr ? map_take(&offsets->groups, name) : NULL;
        if (group)
            group_free(group);
    } else if (kind == CHANGE_FORGET_TOPIC) {
        struct str topic = get_string(in);
        struct group_offsets *group;
        for (size_t at = 0; topic.ptr && (group = map_next(&offsets->groups, &at));)
            forget_topic_in(group, topic);
    } else {
        return false;
    }
    return !in->bad && reader_left(in) == 0;
}

static void snapshot_run(struct job *job)
{
    struct snapshot *snapshot = CONTAINER_OF(job, struct snapshot, job);
    snapshot->failed = file_replace(snapshot->offsets->folder, "snapshot", snapshot->bytes.bytes,
                                    snapshot->bytes.len);
}

static void snapshot_done(struct job *job)
{
    struct snapshot *snapshot = CONTAINER_OF(job, struct snapshot, job);
    struct offsets *offsets = snapshot->offsets;
    offsets->snapshot = NULL;
    if (!snapshot->failed) {
        offsets->changed_bytes -= snapshot->covers_bytes;
        log_start_at(offsets->log, snapshot->offset, NULL);
    }
    writer_clear(&snapshot->bytes);
    free(snapshot);
}

static void snapshot_start(struct offsets *offsets)
{
    struct snapshot *snapshot = mem_alloc(sizeof(*snapshot));
    snapshot->job = (struct job){ .run = snapshot_run, .done = snapshot_done };
    snapshot->offsets = offsets;
    snapshot->offset = log_synced(offsets->log);
    snapshot->covers_bytes = offsets->changed_bytes;
    struct writer *out = &snapshot->bytes;
    put_i32(out, SNAPSHOT_VERSION);
    put_i64(out, snapshot->offset);
    put_i32(out, (int32_t)offsets->groups.n);
    const struct group_offsets *group;
    for (size_t at = 0; (group = map_next(&offsets->groups, &at));) {
        put_string(out, group->name);
        put_i32(out, (int32_t)group->partitions.n);
        const struct committed *committed;
        for (size_t i = 0; (committed = map_next(&group->partitions, &i));)
            committed_write(out, committed);
    }
    put_i32(out, (int32_t)hash_crc32c(0, out->bytes, out->len));
    offsets->snapshot = snapshot;
    loop_submit(offsets->env->loop, &snapshot->job);
}

static void change_done(struct append *append)
{
    struct offsets_change *change = CONTAINER_OF(append, struct offsets_change, append);
    struct offsets *offsets = change->offsets;
    if (!append->error) {
        struct reader in = reader_of(change->value.bytes, change->value.len);
        apply(offsets, &in);
        offsets->changed_bytes += append->batch.bytes;
    }
    if (change->done)
        change->done(change->owner, append->error);
    writer_clear(&change->value);
    free(change);
}

/* The log is synced up to where the changes are applied, so this is the moment for a snapshot. */
static void advanced(void *owner)
{
    struct offsets *offsets = owner;
    if (offsets->changed_bytes >= SNAPSHOT_EVERY_BYTES && !offsets->snapshot)
        snapshot_start(offsets);
}

static void change_append(struct offsets_change *change)
{
    struct offsets *offsets = change->offsets;
    struct writer bytes = { 0 };
    batch_write(&bytes, clock_now_us() / US_PER_MS, change->value.bytes, change->value.len);
    struct append *append = &change->append;
    append->frame = frame_new((uint32_t)bytes.len, &offsets->env->stats->held_bytes);
    memcpy(append->frame->bytes, bytes.bytes, bytes.len);
    frame_arrived(append->frame, (uint32_t)bytes.len);
    writer_clear(&bytes);
    append->bytes = append->frame->bytes;
    append->done = change_done;
    batch_read(append->bytes, append->frame->size, &append->batch);
    struct frame *frame = append->frame;
    if (!log_append(offsets->log, append))
        change_done(append);
    frame_unref(frame); /* the log has its own reference */
}

struct offsets_change *offsets_begin(struct offsets *offsets, struct str group,
                                     void (*done)(void *owner, enum kafka_error error), void *owner)
{
    struct offsets_change *change = mem_alloc(sizeof(*change));
    change->offsets = offsets;
    change->done = done;
    change->owner = owner;
    struct group_offsets *known = map_get(&offsets->groups, group);
    if (known) /* else it would be forgotten while this is on its way */
        known->alive_us = loop_now_us(offsets->env->loop);
    put_i8(&change->value, CHANGE_COMMIT);
    put_string(&change->value, group);
    change->count_at = put_later32(&change->value);
    return change;
}

void offsets_add(struct offsets_change *change, const struct committed *committed)
{
    committed_write(&change->value, committed);
    set_later32(&change->value, change->count_at, ++change->count);
}

void offsets_submit(struct offsets_change *change)
{
    if (change->count) {
        change_append(change);
        return;
    }
    change->done(change->owner, KAFKA_NONE);
    writer_clear(&change->value);
    free(change);
}

static void forget(struct offsets *offsets, enum change_kind kind, struct str name,
                   void (*done)(void *, enum kafka_error), void *owner)
{
    struct offsets_change *change = mem_alloc(sizeof(*change));
    change->offsets = offsets;
    change->done = done;
    change->owner = owner;
    put_i8(&change->value, (int8_t)kind);
    put_string(&change->value, name);
    change_append(change);
}

void offsets_forget_group(struct offsets *offsets, struct str group,
                          void (*done)(void *, enum kafka_error), void *owner)
{
    forget(offsets, CHANGE_FORGET_GROUP, group, done, owner);
}

void offsets_forget_topic(struct offsets *offsets, struct str topic)
{
    forget(offsets, CHANGE_FORGET_TOPIC, topic, NULL, NULL);
}

static void forgotten(void *owner, enum kafka_error error)
{
    struct offsets *offsets = owner;
    offsets->env->stats->groups_expired += error == KAFKA_NONE;
    struct group_offsets *group;
    for (size_t at = 0; error && (group = map_next(&offsets->groups, &at));)
        group->forgotten = false; /* the next round tries again */
}

void offsets_expire(struct offsets *offsets, const struct groups *groups, int64_t keep_us,
                    int64_t now_us)
{
    struct group_offsets *group;
    for (size_t at = 0; keep_us && (group = map_next(&offsets->groups, &at));) {
        if (group_find(groups, group->name))
            group->alive_us = now_us;
        if (now_us - group->alive_us < keep_us || group->forgotten)
            continue;
        group->forgotten = true;
        offsets_forget_group(offsets, group->name, forgotten, offsets);
    }
}

const struct committed *offsets_get(const struct offsets *offsets, struct str group,
                                    struct str topic, int32_t partition)
{
    const struct group_offsets *of = map_get(&offsets->groups, group);
    char key[KEY_BYTES];
    return of ? map_get(&of->partitions, key_in(key, topic, partition)) : NULL;
}

const struct committed *offsets_next(const struct offsets *offsets, struct str group, size_t *at)
{
    const struct group_offsets *of = map_get(&offsets->groups, group);
    return of ? map_next(&of->partitions, at) : NULL;
}

size_t offsets_n_groups(const struct offsets *offsets)
{
    return offsets->groups.n;
}

bool offsets_has_group(const struct offsets *offsets, struct str group)
{
    return map_get(&offsets->groups, group) != NULL;
}

bool offsets_next_group(const struct offsets *offsets, size_t *at, struct str *group)
{
    const struct group_offsets *of = map_next(&offsets->groups, at);
    if (of)
        *group = of->name;
    return of != NULL;
}

void offsets_checkpoint(struct offsets *offsets)
{
    log_checkpoint(offsets->log);
}

void offsets_close_idle(struct offsets *offsets, int64_t before_us)
{
    log_close_idle(offsets->log, before_us);
}

static bool load_snapshot(struct ctx *ctx, struct offsets *offsets, int64_t *offset)
{
    char path[FILE_PATH_BYTES];
    file_path(path, offsets->folder, "snapshot");
    uint8_t *bytes;
    size_t n;
    int failed = file_read_whole(path, &bytes, &n);
    if (failed == ENOENT)
        return true;
    if (failed)
        return ctx_fail(ctx, ERR_INTERNAL, "%s: %s", path, strerror(failed));
    struct reader in = reader_of(bytes, n < 4 ? 0 : n - 4);
    if (n < 4 || hash_crc32c(0, bytes, n - 4) != load_be32(bytes + n - 4) ||
        get_i32(&in) != SNAPSHOT_VERSION)
        in.bad = true;
    *offset = get_i64(&in);
    for (int32_t left = get_count(&in, 6); left > 0 && !in.bad; left--)
        apply_commit(offsets, &in);
    free(bytes);
    return !in.bad || ctx_fail(ctx, ERR_INTERNAL,
                               "%s is damaged; restore it, nothing is repaired by itself", path);
}

/* Applies the batches of one slice. */
static bool replay_slice(struct offsets *offsets, const struct slice *slice, int64_t *offset)
{
    struct scan scan = { .fd = slice->segment->fd,
                         .position = slice->position,
                         .end = slice->position + slice->bytes };
    struct batch batch;
    const uint8_t *bytes;
    bool ok = true;
    while (ok && scan_next(&scan, &batch, &bytes) == SCAN_BATCH) {
        struct str value = batch_value(bytes, &batch);
        struct reader in = reader_of(value.ptr, value.len);
        if (batch_last_offset(&batch) >= *offset)
            ok = apply(offsets, &in);
        *offset = batch_last_offset(&batch) + 1;
        offsets->changed_bytes += batch.bytes;
    }
    scan_clear(&scan);
    return ok;
}

static bool replay(struct ctx *ctx, struct offsets *offsets, int64_t offset)
{
    offset = MAX(offset, log_start(offsets->log));
    while (offset < log_synced(offsets->log)) {
        struct slice slice;
        int64_t before = offset;
        bool ok = log_read(offsets->log, offset, SEGMENT_BYTES, true, &slice) == KAFKA_NONE &&
                  slice.segment && replay_slice(offsets, &slice, &offset);
        segment_unref(slice.segment);
        if (!ok || offset == before)
            return ctx_fail(ctx, ERR_INTERNAL,
                            "%s: the committed offsets cannot be read from offset %" PRId64,
                            offsets->folder, offset);
    }
    return true;
}

static bool open_log(struct ctx *ctx, struct offsets *offsets)
{
    struct log_config config = { .home = { .folder = offsets->folder, .generation = "groups" },
                                 .segment_bytes = SEGMENT_BYTES,
                                 .advanced = advanced,
                                 .owner = offsets };
    struct log_files files = log_files_find(ctx->arena, offsets->folder);
    offsets->log = log_open(ctx, offsets->env, &config, &files);
    return offsets->log != NULL;
}

struct offsets *offsets_open(struct ctx *ctx, struct log_env *env, const char *folder)
{
    struct offsets *offsets = mem_alloc(sizeof(*offsets));
    offsets->env = env;
    char path[FILE_PATH_BYTES];
    file_path(path, folder, "groups");
    offsets->folder = mem_strdup(path);
    int failed = file_make_folder(path);
    failed = failed
                 ? failed
                 : file_sync_folder(folder); /* else a power cut takes all commits with the name */
    int64_t offset = 0;
    if (failed)
        ctx_fail(ctx, ERR_INTERNAL, "%s: %s", path, strerror(failed));
    if (failed || !load_snapshot(ctx, offsets, &offset) || !open_log(ctx, offsets) ||
        !replay(ctx, offsets, offset)) {
        offsets_free(offsets);
        return NULL;
    }
    return offsets;
}

void offsets_free(struct offsets *offsets)
{
    if (!offsets)
        return;
    struct group_offsets *group;
    for (size_t at = 0; (group = map_next(&offsets->groups, &at));)
        group_free(group);
    map_clear(&offsets->groups);
    log_free(offsets->log);
    free(offsets->folder);
    free(offsets);
}
