/* From source to program, in one pass. For the files of this folder that compile. */
#pragma once

#include "platform/template/program.h"

enum token_type {
    TOKEN_END, /* of the tag, of the output, or of a line of `liquid` */
    TOKEN_NAME,
    TOKEN_INTEGER,
    TOKEN_FLOAT,
    TOKEN_STRING,
    TOKEN_COMPARE,
    TOKEN_SIGN, /* one of . : , | = [ ] ( ) */
    TOKEN_DOTS,
};

struct token {
    enum token_type type;
    struct str text; /* of a string, without its quotes */
    size_t at;
    union {
        enum comparison comparison;
        int64_t integer;
        double number;
    };
};

enum block_kind { BLOCK_PLAIN, BLOCK_LOOP, BLOCK_ROW, BLOCK_CAPTURE, BLOCK_CHANGED };

/* A tag that is open. */
struct block {
    struct block *up;
    enum block_kind kind;
    const char *name;
    size_t at;      /* in the source */
    uint32_t first; /* its first instruction */
    bool full;      /* it prints something, so its white space is printed too */
    struct str item;             /* BLOCK_LOOP, BLOCK_ROW: the name of what it goes over */
    uint32_t index;              /* their depth; BLOCK_CAPTURE: the slot */
    uint32_t breaks, continues;  /* the jumps that wait for their target, linked by it */
};

struct names {
    struct str *list;
    uint32_t n, cap;
};

struct compiler {
    struct ctx *ctx;
    struct arena *arena; /* the template's */
    struct str source;
    size_t pos;
    struct token token; /* the next one */
    bool output;        /* inside {{ }}, not {% %} */
    bool lines;         /* inside `liquid`, where a line is a tag */
    bool trims;         /* the closing before had a hyphen: white space after it goes */
    struct block *block;
    uint32_t depth, loops, cases; /* of what is open */
    uint32_t n_loops, n_cases;    /* the most at a time */
    struct instruction *code;
    uint32_t n_code, cap_code;
    struct names names;
    struct names places; /* of `offset: continue` */
    size_t text_bytes;
};

#define NO_JUMP UINT32_MAX

/* ---- compile.c ---- */

bool liquid_refuse(struct compiler *c, size_t at, const char *format, ...) PRINTF_LIKE(3, 4);
struct instruction *liquid_emit(struct compiler *c, enum opcode op,
                                size_t at); /* valid until the next */

/* The source between, printed as it stands; `trims`: without white space at its end. */
void put_text(struct compiler *c, size_t from, size_t to, bool trims);

/* A list in the arena, with room for one more than `n`: twice as large when it is full. */
void *liquid_grown(struct arena *arena, void *list, size_t bytes, uint32_t n, uint32_t *cap);

/* The index of a name; false when there are too many. */
bool name_slot(struct compiler *c, struct str name, uint32_t *out);
bool loop_place(struct compiler *c, struct str name, uint32_t *out);

/* A jump that goes, when it is known, where patch_jumps() says. */
void emit_jump(struct compiler *c, enum opcode op, size_t at, uint32_t *waiting);
void patch_jumps(struct compiler *c, uint32_t waiting); /* to the next instruction */

/* Compiles until one of the tags `ends` (NULL last), whose name is read; *which: the index of it. */
bool compile_block(struct compiler *c, const char *const *ends, int *which);

void block_open(struct compiler *c, struct block *block, enum block_kind kind, const char *name,
                size_t at);
void block_close(struct compiler *c, struct block *block);

/* ---- lexer.c ---- */

bool next_line(struct compiler *c);       /* of `liquid`; false when there is none */
bool next_token(struct compiler *c);      /* into c->token */
bool close_tag(struct compiler *c);       /* past the end of the tag or output */
bool skip_arguments(struct compiler *c);  /* past everything until there, read or not */
bool is_sign(const struct compiler *c, char sign);
bool is_word(const struct compiler *c, const char *word);
bool take_sign(struct compiler *c, char sign, bool *taken);
bool expect_sign(struct compiler *c, char sign);
bool take_name(struct compiler *c, const char *what, struct str *out);
bool unexpected(struct compiler *c, const char *wanted);

/* ---- expression.c ---- */

bool parse_operand(struct compiler *c, struct operand *out);
const struct operand *parse_operand_kept(struct compiler *c); /* NULL: it failed */

/* An operand and its filters into the accumulator; *simple: there were no filters, and nothing is emitted. */
bool parse_filtered(struct compiler *c, size_t at, struct operand *operand, bool *simple);
bool parse_value(struct compiler *c, size_t at); /* the same, always into the accumulator */
bool parse_condition(struct compiler *c, size_t at);

/* ---- tags ---- */

typedef bool tag_function(struct compiler *c, size_t at);

tag_function tag_if, tag_unless, tag_case;                                         /* tags.c */
tag_function tag_assign, tag_capture, tag_echo, tag_ifchanged, tag_increment, tag_decrement;
tag_function tag_render;
tag_function tag_for, tag_tablerow, tag_break, tag_continue, tag_cycle;            /* loop_tags.c */
tag_function tag_comment, tag_raw, tag_doc, tag_liquid;                 /* source_tags.c */

/* Past a tag that begins with #; *comment: there was one. */
bool skip_inline_comment(struct compiler *c, bool *comment);
