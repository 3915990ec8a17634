/* The index's tables in LMDB. Numbers in keys are big-endian, so that they are in order; in values they are the machine's. */
#pragma once

/*  IDS        source, id -> number, stamp, whether it is shown (index.c)
 *  DOCUMENTS  number -> the document (JSON)
 *  SEQUENCES  number -> CRC-32C of what DOCUMENTS has, the document's words in their order (sequence.h). One that is
 *             missing or of another document, since a version that knows none wrote the document, is made while it is read
 *  POSTINGS   chunk, term -> postings
 *  COLUMNS    column, chunk -> values
 *  FACETS     'o', column, value -> ordinal; 'v', column, ordinal -> value; 'n', column -> the highest ordinal
 *  WORDS      word -> how many documents have it; one that was heard stays, with 0
 *  SPELLING   characters, block -> words of that length (dictionary.c)
 *  VIEWS      source, id or 's', slug -> sum of popularity
 *  SLUGS      slug -> numbers of the pages under it
 *  META       'n' -> how many numbers are given out; 's', characters -> the last block of SPELLING */
#define TABLES(X)                                                                                  \
    X(IDS, "ids")                                                                                  \
    X(DOCUMENTS, "documents")                                                                      \
    X(SEQUENCES, "sequences")                                                                      \
    X(POSTINGS, "postings")                                                                        \
    X(COLUMNS, "columns")                                                                          \
    X(FACETS, "facets")                                                                            \
    X(WORDS, "words")                                                                              \
    X(SPELLING, "spelling")                                                                        \
    X(VIEWS, "views")                                                                              \
    X(SLUGS, "slugs")                                                                              \
    X(META, "meta")

enum index_table {
#define X(name, text) TABLE_##name,
    TABLES(X)
#undef X
        N_TABLES
};
