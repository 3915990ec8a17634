/* One request and its answer. Answers go out in the order of the requests, whenever each is
 * done. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "services/broker/broker_private.h"
#include "services/broker/frame.h"
#include "services/broker/wire.h"

struct api;
struct conn;

struct call {
    struct call *next;
    struct broker *broker;
    struct conn *conn; /* NULL once the connection is gone */
    const struct api *api;
    int16_t version;
    struct str client_id;
    struct frame *frame;
    struct reader in;  /* of the frame */
    struct writer out; /* length and header first */
    struct
        reply_part { /* files that go into the answer, each behind the bytes of `out` up to `at` */
        size_t at;
        struct slice slice;
    } * parts;
    size_t n_parts, parts_size;
    uint64_t file_bytes;
    struct arena *arena; /* made when first asked for */
    bool done, silent;   /* silent: no answer goes out (acks=0) */
    bool close_after;
    void *state; /* the handler's, while it waits */
    /* The connection is gone while the call waits. It ends what waits and calls call_done(), or
     * leaves it to whoever will; NULL: somebody will. */
    void (*cancel)(struct call *call);
};

/* A handler reads call->in and writes call->out, then calls call_done(), now or later. On a
 * malformed request it returns false (having changed nothing), and the connection is closed. */
struct api {
    int16_t key, least, most;
    int16_t flexible; /* first flexible version */
    bool (*handle)(struct call *call);
    const char *name;
};

extern const struct api apis[];
extern const size_t n_apis;

/* Makes the call of a frame and handles it; the call is owned by the connection's list from here
 * on. False: the connection is to be closed. */
bool call_start(struct call *call);

void call_done(struct call *call);
void call_free(struct call *call);

/* The answer's bytes that stay in memory, and all of them. */
size_t call_memory(const struct call *call);

struct arena *call_arena(struct call *call);

/* A piece of a segment goes into the answer here; takes over the slice's reference. */
void call_put_slice(struct call *call, struct slice slice);

#define CALL_ARRAY(call, type, n) ARENA_ARRAY(call_arena(call), type, (n) > 0 ? (n) : 1)

bool handle_api_versions(struct call *call);
bool handle_produce(struct call *call);
bool handle_fetch(struct call *call);
bool handle_list_offsets(struct call *call);
bool handle_offset_for_leader_epoch(struct call *call);
bool handle_metadata(struct call *call);
bool handle_find_coordinator(struct call *call);
bool handle_create_topics(struct call *call);
bool handle_delete_topics(struct call *call);
bool handle_create_partitions(struct call *call);
bool handle_delete_records(struct call *call);
bool handle_describe_configs(struct call *call);
bool handle_init_producer_id(struct call *call);
bool handle_join_group(struct call *call);
bool handle_sync_group(struct call *call);
bool handle_heartbeat(struct call *call);
bool handle_leave_group(struct call *call);
bool handle_describe_groups(struct call *call);
bool handle_list_groups(struct call *call);
bool handle_delete_groups(struct call *call);
bool handle_offset_commit(struct call *call);
bool handle_offset_fetch(struct call *call);
