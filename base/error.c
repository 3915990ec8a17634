#include "base/error.h"

static const struct {
    int status;
    enum outcome outcome;
    const char *title, *name;
} errors[N_ERRORS] = {
#define X(name, status, outcome, title) [ERR_##name] = { status, outcome, title, #name },
    ERROR_TABLE(X)
#undef X
};

int error_status(enum error_code code)
{
    return errors[code].status;
}

enum outcome error_outcome(enum error_code code)
{
    return errors[code].outcome;
}

const char *error_title(enum error_code code)
{
    return errors[code].title;
}

const char *error_name(enum error_code code)
{
    return errors[code].name;
}

enum error_code error_of_status(int status)
{
    if (status < 400)
        return ERR_NONE;
    for (int code = ERR_MALFORMED; code < N_ERRORS; code++)
        if (errors[code].status == status)
            return (enum error_code)code;
    return status < 500 ? ERR_INVALID : ERR_BAD_GATEWAY;
}
