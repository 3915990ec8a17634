/* The bytes of one request, shared by all that still refer to them (a batch until it is synced). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct frame {
    int refs;
    uint32_t size, have; /* as announced; as arrived */
    uint64_t *held;      /* counts the arrived bytes of all frames */
    uint8_t bytes[];
};

struct frame *frame_new(uint32_t size, uint64_t *held);
void frame_arrived(struct frame *frame, uint32_t n);
struct frame *frame_ref(struct frame *frame);
void frame_unref(struct frame *frame); /* NULL-safe */
