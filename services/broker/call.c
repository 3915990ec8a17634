#include "services/broker/call.h"

#include <stdlib.h>

static const struct api *api_find(int16_t key)
{
    for (size_t i = 0; i < n_apis; i++)
        if (apis[i].key == key)
            return &apis[i];
    return NULL;
}

/* ApiVersions in a version that is not known is answered in version 0 with an error, so that the
 * peer can go down; its own answers never have a flexible header. Anything else unknown ends the
 * connection. */
static bool handle_unknown_version(struct call *call)
{
    if (call->api->handle != handle_api_versions)
        return false;
    call->version = -1;
    return call->api->handle(call);
}

bool call_start(struct call *call)
{
    struct reader *in = &call->in;
    put_i32(&call->out, 0); /* the length, filled in when the call is done */
    int16_t key = get_i16(in);
    call->version = get_i16(in);
    int32_t correlation = get_i32(in);
    call->client_id = get_string(in);
    call->api = api_find(key);
    call->broker->stats.requests++;
    if (in->bad || !call->api)
        return false;
    put_i32(&call->out, correlation);
    if (call->version < call->api->least || call->version > call->api->most)
        return handle_unknown_version(call);
    if (call->version >= call->api->flexible)
        get_tags(in);
    return call->api->handle(call);
}

void call_done(struct call *call)
{
    call->done = true;
    call->cancel = NULL;
    frame_unref(call->frame);
    call->frame = NULL;
    if (call->out.bad) {
        call->broker->stats.requests_refused++;
        call->close_after = call->silent = true;
    }
    set_later32(&call->out, 0, (int32_t)(call->out.len - 4 + call->file_bytes));
    if (call->conn)
        conn_answered(call->conn, call);
    else
        call_free(call);
}

void call_free(struct call *call)
{
    frame_unref(call->frame);
    writer_clear(&call->out);
    for (size_t i = 0; i < call->n_parts; i++)
        segment_unref(call->parts[i].slice.segment);
    free(call->parts);
    arena_free(call->arena);
    free(call);
}

size_t call_memory(const struct call *call)
{
    return call->out.size + call->n_parts * sizeof(struct reply_part) + sizeof(*call);
}

struct arena *call_arena(struct call *call)
{
    if (!call->arena)
        call->arena = arena_new(1024);
    return call->arena;
}

void call_put_slice(struct call *call, struct slice slice)
{
    if (call->n_parts == call->parts_size) {
        call->parts_size = call->parts_size ? call->parts_size * 2 : 4;
        call->parts = mem_realloc(call->parts, call->parts_size * sizeof(*call->parts));
    }
    call->parts[call->n_parts++] = (struct reply_part){ call->out.len, slice };
    call->file_bytes += slice.bytes;
}
