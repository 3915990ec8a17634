/* The compiler's own notes, gone when it has finished. For the files of this folder. */
#pragma once

#include "platform/schema/program.h"

enum vocabulary {
    VOCABULARY_CORE = 1,
    VOCABULARY_APPLICATOR = 2,
    VOCABULARY_UNEVALUATED = 4,
    VOCABULARY_VALIDATION = 8,
    VOCABULARY_FORMAT = 16,
    VOCABULARY_FORMAT_ASSERTION = 32,
    VOCABULARY_NOTES = 64, /* meta-data and content: annotations only */
    VOCABULARY_STANDARD = 95, /* all but FORMAT_ASSERTION */
};

struct anchor {
    struct str name;
    const struct json *schema;
    bool dynamic;
    struct anchor *next;
};

/* A schema with an $id, or the root of a document. */
struct source {
    struct str uri;
    const struct json *root;
    struct str pointer; /* of the root in its document */
    struct source *document;
    struct anchor *anchors;
    unsigned vocabularies;
    struct resource *resource;
    struct source *next;
};

/* A place in a document where a schema stands. */
struct place {
    const struct json *schema;
    struct source *source;
    struct str pointer; /* in its document */
    struct node *node;  /* NULL until something refers to it */
    struct place *next;  /* to be compiled */
    struct place *after; /* noted after this one */
};

struct compiler {
    struct ctx *ctx;     /* the caller's: errors, and memory for the notes */
    struct ctx own;      /* with the schema's arena */
    struct schema *schema;
    const struct schema_options *options;
    struct source *sources;
    struct source *base;   /* the caller's document */
    struct place **places; /* hash table by address */
    struct place *first, *last;
    size_t n_places, places_cap;
    struct place *queue, **queue_end;
    struct pattern_note *patterns;
    bool failed;
};

/* ---- documents.c: which schemas there are, and where references lead ---- */

/* Reads a document into the schema's arena and notes its schemas; NULL with the error. */
struct source *document_add(struct compiler *c, struct str uri, const struct json *document);

struct place *place_of(struct compiler *c, const struct json *schema);

/* Where `reference`, standing in `from`, leads: other documents are read when they are needed. NULL with the error at
 * from's `keyword`. *anchor: the anchor that the reference names, or NULL. */
struct place *reference_resolve(struct compiler *c, const struct place *from, const char *keyword,
                                struct str reference, const struct anchor **anchor);

/* Notes ERR_INVALID at the keyword (NULL: at the schema itself). */
bool compile_fail(struct compiler *c, const struct place *at, const char *keyword,
                  const char *format, ...) PRINTF_LIKE(4, 5);
bool compile_fail_at(struct compiler *c, const struct source *source, struct str pointer,
                     const char *format, ...) PRINTF_LIKE(4, 5);

/* The meta-schema of JSON Schema 2020-12 as a JSON text. */
extern const char schema_meta_text[];
#define META_URI "https://json-schema.org/draft/2020-12/"

/* ---- keywords.c ---- */

/* Fills the node of a place from its keywords. */
bool keywords_compile(struct compiler *c, struct place *place);

/* The node of a schema, queued for compiling if it is new. The schema must be a noted place. */
const struct node *node_for(struct compiler *c, const struct json *schema);

/* The table of the names that `properties` and `required` speak of. */
void members_compile(struct compiler *c, const struct place *at, struct object_rules *rules);
