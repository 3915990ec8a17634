/* The rules: what is looked for, how bad it is in each use (compat.h), and how it is told.
 *
 * B breaking, W warning, F fine (told, nobody fails), _ not told. Columns: SCHEMA, REQUEST,
 * RESPONSE, REPLAY, EVENT. A rule of schemas says what the reader does not take, or misses, of what
 * the writer writes; its first sentence is for a reader of the new contract, the second for one of
 * the old. {r}: what the reader's contract says, {w}: the writer's, {x}: the value or name it is
 * about. */
#pragma once

/* clang-format off */
/*       id                    name                      S  Q  A  R  E,  new reads, old reads */
#define COMPAT_RULES(RULE) \
    /* ---- values ---- */ \
    RULE(TYPE_CHANGED,         "type-changed",           B, B, B, B, B, \
         "must be {r} now; it was {w}", \
         "is {w} now; it was {r}") \
    RULE(TYPE_NARROWED,        "type-narrowed",          B, B, B, B, B, \
         "may no longer be {x}", \
         "may be {x} now") \
    RULE(VALUE_NARROWED,       "value-narrowed",         B, B, B, B, B, \
         "could be anything; now it must fit a schema", \
         "may be anything now; it had a schema") \
    RULE(VALUE_REFUSED,        "value-refused",          B, B, B, B, B, \
         "may not be there any more", \
         "may be there now; it could not") \
    RULE(ENUM_VALUE,           "enum-value-unknown",     B, B, F, B, F, \
         "may no longer be {x}", \
         "may be {x} now") \
    RULE(ENUM_CLOSED,          "enum-closed",            B, B, W, B, W, \
         "must be one of {r} now; it was {w}", \
         "is {w} now; it was one of {r}") \
    RULE(CONST_CHANGED,        "const-changed",          B, B, B, B, B, \
         "must be {r} now; it was {w}", \
         "is {w} now; it was {r}") \
    RULE(DEFAULT_CHANGED,      "default-changed",        F, W, W, W, _, \
         "when absent counts as {r} now; it was {w}", \
         "when absent means {w} now; it was {r}") \
    /* ---- text ---- */ \
    RULE(MIN_LENGTH,           "length-least",           B, B, B, B, B, \
         "needs at least {r} characters now; it was {w}", \
         "may have as few as {w} characters now; it was {r}") \
    RULE(MAX_LENGTH,           "length-most",            B, B, B, B, B, \
         "may have at most {r} characters now; it was {w}", \
         "may have {w} characters now; it was {r}") \
    RULE(PATTERN,              "pattern",                B, B, B, B, B, \
         "must match {r} now; it was {w}", \
         "need not match {r} any more; it is {w}") \
    RULE(FORMAT,               "format",                 F, B, B, B, B, \
         "must be a {r} now; it was {w}", \
         "need not be a {r} any more; it is {w}") \
    RULE(CONTENT,              "content",                F, B, B, B, B, \
         "holds {r} now; it was {w}", \
         "holds {w} now; it was {r}") \
    /* ---- numbers ---- */ \
    RULE(MINIMUM,              "minimum",                B, B, B, B, B, \
         "must be {r} now; it was {w}", \
         "is {w} now; it was {r}") \
    RULE(MAXIMUM,              "maximum",                B, B, B, B, B, \
         "must be {r} now; it was {w}", \
         "is {w} now; it was {r}") \
    RULE(MULTIPLE_OF,          "multiple-of",            B, B, B, B, B, \
         "must be a multiple of {r} now", \
         "need not be a multiple of {r} any more") \
    /* ---- objects ---- */ \
    RULE(REQUIRED,             "required",               B, B, B, B, B, \
         "is required now", \
         "may be absent now; it was required") \
    RULE(REQUIRED_DEFAULT,     "required-with-default",  F, B, B, B, B, \
         "is required now, and has a default", \
         "may be absent now; it was required, with a default") \
    RULE(MEMBER_ADDED,         "member-added",           F, F, _, F, _, \
         "is new and optional", "") \
    RULE(MEMBER_UNKNOWN,       "member-unknown",         B, B, F, B, F, \
         "is not known any more", \
         "is new") \
    RULE(MEMBER_IGNORED,       "member-ignored",         _, W, _, W, _, \
         "is not known any more; it is ignored", "") \
    RULE(MEMBER_GONE,          "member-gone",            _, _, B, _, B, \
         "", "is not there any more") \
    RULE(MEMBER_CLAIMED,       "member-claimed",         B, W, _, W, _, \
         "could be anything; now it must fit a schema", \
         "may be anything now; it had a schema") \
    RULE(OBJECT_CLOSED,        "object-closed",          B, B, F, B, F, \
         "takes no other members any more", \
         "may have other members now") \
    RULE(MEMBER_NAMES,         "member-names",           B, B, B, B, B, \
         "takes fewer names of members now", \
         "may have other names of members now") \
    RULE(MIN_MEMBERS,          "members-least",          B, B, B, B, B, \
         "needs at least {r} members now; it was {w}", \
         "may have as few as {w} members now; it was {r}") \
    RULE(MAX_MEMBERS,          "members-most",           B, B, B, B, B, \
         "may have at most {r} members now; it was {w}", \
         "may have {w} members now; it was {r}") \
    RULE(DEPENDENT,            "dependent",              B, B, B, B, B, \
         "where {x} is there, more is required now", \
         "where {x} is there, less is required now") \
    /* ---- arrays ---- */ \
    RULE(MIN_ITEMS,            "items-least",            B, B, B, B, B, \
         "needs at least {r} elements now; it was {w}", \
         "may have as few as {w} elements now; it was {r}") \
    RULE(MAX_ITEMS,            "items-most",             B, B, B, B, B, \
         "may have at most {r} elements now; it was {w}", \
         "may have {w} elements now; it was {r}") \
    RULE(UNIQUE_ITEMS,         "items-unique",           B, B, B, B, B, \
         "must have no element twice now", \
         "may have elements twice now") \
    RULE(ITEMS_CLOSED,         "items-closed",           B, B, B, B, B, \
         "takes no more than {r} elements now", \
         "may have more than {r} elements now") \
    RULE(CONTAINS,             "contains",               B, B, B, B, B, \
         "must contain other elements now", \
         "need not contain the same elements any more") \
    /* ---- alternatives ---- */ \
    RULE(ALTERNATIVES,         "alternatives",           B, B, B, B, B, \
         "no alternative takes all that could be there", \
         "may be what no alternative was before") \
    RULE(ALTERNATIVES_OVERLAP, "alternatives-overlap",   F, W, W, W, W, \
         "may fit more than one of the alternatives", \
         "may fit more than one of the alternatives") \
    RULE(NOT,                  "not",                    B, B, B, B, B, \
         "excludes more now", \
         "excludes less now") \
    RULE(CONDITION,            "condition",              B, B, B, B, B, \
         "depends on a condition that has changed", \
         "depends on a condition that has changed") \
    RULE(NOT_COMPARABLE,       "not-comparable",         B, B, B, B, B, \
         "cannot be compared: {x}", \
         "cannot be compared: {x}") \
    /* ---- operations ---- */ \
    RULE(OPERATION_REMOVED,    "operation-removed",      _, B, _, _, _, \
         "is gone{x}", "") \
    RULE(OPERATION_ADDED,      "operation-added",        _, F, _, _, _, \
         "is new", "") \
    RULE(OPERATION_RENAMED,    "operation-renamed",      _, W, _, _, _, \
         "is called {r} now; it was {w}: generated clients name it otherwise", "") \
    RULE(OPERATION_DEPRECATED, "operation-deprecated",   _, W, _, _, _, \
         "is deprecated now", "") \
    RULE(PATH_RENAMED,         "path-parameter-renamed", _, W, _, _, _, \
         "is {r} now; it was {w}: requests stay the same, generated clients do not", "") \
    RULE(PARAMETER_REMOVED,    "parameter-removed",      _, B, _, _, _, \
         "is not known any more", "") \
    RULE(PARAMETER_ADDED,      "parameter-added",        _, F, _, _, _, \
         "is new and optional", "") \
    RULE(PARAMETER_REQUIRED,   "parameter-required",     _, B, _, _, _, \
         "is required now", "") \
    RULE(PARAMETER_STYLE,      "parameter-style",        _, B, _, _, _, \
         "is written in another way ({x})", "") \
    RULE(BODY_REQUIRED,        "body-required",          _, B, _, _, _, \
         "is required now", "") \
    RULE(BODY_ADDED,           "body-added",             _, F, _, _, _, \
         "is new and optional", "") \
    RULE(BODY_REMOVED,         "body-removed",           _, B, _, _, _, \
         "is not taken any more", "") \
    RULE(BODY_SMALLER,         "body-smaller",           _, B, _, _, _, \
         "may have {r} bytes now; it was {w}", "") \
    RULE(MEDIA_TYPE_REMOVED,   "media-type-removed",     _, B, B, _, _, \
         "no longer takes {x}", \
         "no longer is {x}") \
    RULE(MEDIA_TYPE_ADDED,     "media-type-added",       _, F, F, _, _, \
         "takes {x} too", \
         "may be {x} too") \
    RULE(STATUS_REMOVED,       "status-removed",         _, _, B, _, _, \
         "", "is not answered any more") \
    RULE(STATUS_ADDED,         "status-added",           _, _, F, _, _, \
         "", "is a new answer") \
    RULE(SUCCESS_ADDED,        "success-added",          _, _, W, _, _, \
         "", "is a new answer, and no error") \
    RULE(HEADER_REMOVED,       "header-removed",         _, _, B, _, _, \
         "", "is not sent any more") \
    RULE(SCOPE_CHANGED,        "scope-changed",          _, B, _, _, _, \
         "needs {r} now; it was {w}", "") \
    RULE(SCOPE_LIFTED,         "scope-lifted",           _, W, _, _, _, \
         "needs {r} now; it was {w}", "") \
    RULE(SCHEME_CHANGED,       "scheme-changed",         _, B, _, _, _, \
         "is another way to authenticate", "") \
    RULE(IDEMPOTENCY_LOST,     "idempotency-lost",       _, B, _, _, _, \
         "does not honour Idempotency-Key any more: what is sent again happens again", "") \
    /* ---- events ---- */ \
    RULE(EVENT_REMOVED,        "event-removed",          _, _, _, _, B, \
         "", "is not published any more") \
    RULE(EVENT_ADDED,          "event-added",            _, _, _, _, F, \
         "", "is new") \
    RULE(TOPIC_CHANGED,        "topic-changed",          _, _, _, _, B, \
         "", "goes to {w} now; it was {r}") \
    RULE(KEY_CHANGED,          "key-changed",            _, _, _, _, B, \
         "", "is keyed by {w} now; it was {r}: what must stay in order does not") \
    RULE(SUBJECT_CHANGED,      "subject-changed",        _, _, _, _, B, \
         "", "is about {w} now; it was {r}") \
    RULE(PARTITIONS_CHANGED,   "partitions-changed",     _, _, _, _, B, \
         "", "has {w} partitions now; it was {r}: keys move, and order is lost") \
    RULE(KEEPING_SHORTENED,    "keeping-shortened",      _, _, _, B, _, \
         "is kept {r} now; it was {w}: what is rebuilt from the log misses the rest", "") \
    RULE(KEEPING_CHANGED,      "keeping-changed",        _, _, _, F, _, \
         "is kept {r} now; it was {w}", "") \
    RULE(ERASABLE_LOST,        "erasable-lost",          _, _, _, B, _, \
         "cannot be erased any more", "") \
    RULE(ERASABLE_GAINED,      "erasable-gained",        _, _, _, F, _, \
         "can be erased now", "") \
    RULE(COMMAND_CHANGED,      "command-changed",        _, _, _, _, B, \
         "", "is {w} now; it was {r}") \
    RULE(PERSONAL_KEPT,        "personal-not-erasable",  _, _, _, B, _, \
         "is personal, and the topic cannot be erased", "") \
    RULE(PERSONAL_UNMARKED,    "personal-unmarked",      _, _, _, W, _, \
         "is not marked personal any more", "")
/* clang-format on */
