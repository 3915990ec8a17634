#include "services/email/parcel.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/macros.h"

/* What a row has of texts. */
static const size_t texts[] = {
    offsetof(struct message_row, message_id),  offsetof(struct message_row, queue),
    offsetof(struct message_row, state),       offsetof(struct message_row, campaign_id),
    offsetof(struct message_row, person_id),   offsetof(struct message_row, step),
    offsetof(struct message_row, variant),     offsetof(struct message_row, address),
    offsetof(struct message_row, asked),       offsetof(struct message_row, status),
};

struct parcel *parcel_new(struct parcels_all *all, const struct message_row *message)
{
    struct arena *arena = arena_new(0);
    struct parcel *parcel = ARENA_NEW(arena, struct parcel);
    parcel->arena = arena;
    parcel->message = *message;
    parcel->claimed_us = clock_mono_us();
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct str *text = (struct str *)((char *)&parcel->message + texts[i]);
        if (text->ptr)
            *text = arena_str(arena, *text);
    }
    parcel->older = all->newest;
    if (all->newest)
        all->newest->newer = parcel;
    all->newest = parcel;
    all->n++;
    return parcel;
}

void parcel_free(struct parcels_all *all, struct parcel *parcel)
{
    if (parcel->older)
        parcel->older->newer = parcel->newer;
    if (parcel->newer)
        parcel->newer->older = parcel->older;
    else
        all->newest = parcel->older;
    all->n--;
    arena_free(parcel->arena);
}

void parcels_put(struct parcels *parcels, struct parcel *parcel)
{
    parcel->next = NULL;
    if (parcels->last)
        parcels->last->next = parcel;
    else
        parcels->first = parcel;
    parcels->last = parcel;
    parcels->n++;
}

void parcels_put_first(struct parcels *parcels, struct parcel *parcel)
{
    parcel->next = parcels->first;
    parcels->first = parcel;
    if (!parcels->last)
        parcels->last = parcel;
    parcels->n++;
}

struct parcel *parcels_get(struct parcels *parcels)
{
    struct parcel *first = parcels->first;
    if (!first)
        return NULL;
    parcels->first = first->next;
    if (!parcels->first)
        parcels->last = NULL;
    parcels->n--;
    first->next = NULL;
    return first;
}
