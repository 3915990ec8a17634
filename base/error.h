/* Errors: one table gives each code its HTTP status, its outcome for a reaction, and its title. */
#pragma once

#include <stdbool.h>

/*      name                    status outcome title */
#define ERROR_TABLE(X)                                                                             \
    X(NONE,                     200, DONE,   "OK")                                                 \
    X(MALFORMED,                400, REJECT, "The request could not be read")                      \
    X(INVALID,                  422, REJECT, "The request does not fit its contract")              \
    X(UNAUTHENTICATED,          401, REJECT, "A valid token is needed")                            \
    X(FORBIDDEN,                403, REJECT, "The token lacks the scope")                          \
    X(NOT_FOUND,                404, REJECT, "There is no such thing")                             \
    X(METHOD_NOT_ALLOWED,       405, REJECT, "The path has no such method")                        \
    X(NOT_ACCEPTABLE,           406, REJECT, "No representation that is accepted")                 \
    X(CONFLICT,                 409, REJECT, "It conflicts with what is stored")                   \
    X(GONE,                     410, REJECT, "It is gone")                                         \
    X(PRECONDITION_FAILED,      412, REJECT, "It has changed since it was read")                   \
    X(TOO_LARGE,                413, REJECT, "The request is too large")                           \
    X(UNSUPPORTED_MEDIA_TYPE,   415, REJECT, "The media type is not supported")                    \
    X(RANGE_NOT_SATISFIABLE,    416, REJECT, "There is no such part of it")                        \
    X(KEY_REUSED,               422, REJECT, "The idempotency key was used for another request")   \
    X(IN_PROGRESS, 409, RETRY, "The first request with this idempotency key is still under way")   \
    X(PRECONDITION_REQUIRED,    428, REJECT, "If-Match is needed")                                 \
    X(RATE_LIMITED,             429, RETRY,  "Too many requests")                                  \
    X(HEADERS_TOO_LARGE,        431, REJECT, "The headers are too large")                          \
    X(INTERNAL,                 500, RETRY,  "Something went wrong here")                          \
    X(BAD_GATEWAY,              502, RETRY,  "A peer gave an answer that cannot be used")          \
    X(UNAVAILABLE,              503, RETRY,  "Not available at the moment")                        \
    X(TIMEOUT,                  504, RETRY,  "It took too long")

enum error_code {
#define X(name, status, outcome, title) ERR_##name,
    ERROR_TABLE(X)
#undef X
        N_ERRORS
};

/* What becomes of an event (semantics.md: Outcomes). */
enum outcome { DONE, RETRY, REJECT };

int error_status(enum error_code code);           /* HTTP status */
enum outcome error_outcome(enum error_code code); /* for a reaction */
const char *error_title(enum error_code code);
const char *error_name(enum error_code code); /* "not-found": the end of the problem's type URI */

/* The code that a peer's HTTP status stands for (a 404 becomes NOT_FOUND, an unknown 5xx BAD_GATEWAY). */
enum error_code error_of_status(int status);
