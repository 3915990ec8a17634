/* What can be imported, and how each record becomes calls of a public API. */
#pragma once

#include "cli/records.h"
#include "platform/client/client.h"

enum sending_state { SENDING_OPEN, SENDING_DONE, SENDING_REFUSED };

struct sending {
    const struct record *record;
    enum sending_state state;
    struct str reason; /* of a refusal */
    size_t step;       /* calls of this record that are done */
};

struct import_target {
    struct peer *peer;
    struct str token, write_key;
    struct str why;  /* why the newest call was not taken */
    size_t
        parallel; /* calls at once: halved when the service refuses some, else growing again up to `most` */
    size_t most;
    bool progress;   /* the last round got something done */
    const char *media_folder; /* of content: where the bytes of its media are */
    int64_t
        waiting; /* records that would be taken whole if others, later in the file, were there */
};

struct import_kind {
    const char *name, *service, *scopes, *id;
    const struct schema_type *type;
    bool write_key; /* instead of a token */
    const char *id_prefix; /* that every id has; NULL: they may be called anything */
    bool consents;  /* see records.h */
    /* What a record is to be, where the file has several sorts; NULL: `type`, all of them. */
    const struct schema_type *(*type_of)(const struct json *record);
    /* Makes one round of calls for what is open, at most `parallel`. True: some are still open. */
    bool (*send)(struct ctx *ctx, struct import_target *target, struct sending *sending, size_t n);
};

/* For kinds: what an answer means for a record. Done (step), refused for ever, or to be tried again; a token or scope that is
 * refused ends the import. And the records that are still open. */
void sending_judge(struct ctx *ctx, struct import_target *target, struct sending *sending,
                   const struct call *call);
size_t sending_open(struct sending *sending, size_t n, struct sending **open);

#define IMPORT_CALL_US (30 * US_PER_S)

/* Of content: many lines in one call, each with an outcome of its own (import_content.c), after the bytes of media, one medium
 * at a time (import_media.c). */
bool send_content(struct ctx *ctx, struct import_target *target, struct sending *sending, size_t n);
const struct schema_type *content_line_type(const struct json *line);
void media_send(struct ctx *ctx, struct import_target *target, struct sending *one);

const struct import_kind *import_kind_find(const char *name); /* NULL: none */
