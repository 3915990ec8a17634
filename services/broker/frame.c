#include "services/broker/frame.h"

#include <stdlib.h>

#include "base/arena.h"

struct frame *frame_new(uint32_t size, uint64_t *held)
{
    /* Not zeroed: a peer that announces much and sends little costs address space only. */
    struct frame *frame = mem_realloc(NULL, sizeof(*frame) + size);
    *frame = (struct frame){ .refs = 1, .size = size, .held = held };
    return frame;
}

void frame_arrived(struct frame *frame, uint32_t n)
{
    frame->have += n;
    *frame->held += n;
}

struct frame *frame_ref(struct frame *frame)
{
    frame->refs++;
    return frame;
}

void frame_unref(struct frame *frame)
{
    if (!frame || --frame->refs)
        return;
    *frame->held -= frame->have;
    free(frame);
}
