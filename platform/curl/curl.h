/* libcurl, loaded when it is needed first. Most processes call loopback addresses over plain HTTP, which needs no curl; with
 * what it stands on (Kerberos, LDAP, SSH ...) it would take some 350 KiB of each. */
#pragma once

#include <curl/curl.h>

#define CURL_FUNCTIONS(X)                                                                          \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_perform)                                                                                \
    X(easy_reset)                                                                                  \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(global_init)                                                                                 \
    X(multi_add_handle)                                                                            \
    X(multi_cleanup)                                                                               \
    X(multi_info_read)                                                                             \
    X(multi_init)                                                                                  \
    X(multi_perform)                                                                               \
    X(multi_poll)                                                                                  \
    X(multi_remove_handle)                                                                         \
    X(multi_setopt)                                                                                \
    X(slist_append)                                                                                \
    X(slist_free_all)

/* Each as curl.h has it: curl->easy_init() is curl_easy_init(). */
struct curl_functions {
#define X(name) __typeof__(curl_##name) *name;
    CURL_FUNCTIONS(X)
#undef X
};

/* Loaded and initialised; any thread may ask. NULL, each time, where this machine has none, and `why` (if wanted) says so. */
const struct curl_functions *curl_load(const char **why);
