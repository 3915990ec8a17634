#include "platform/client/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

bool address_parse(struct str host, int port, struct address *out)
{
    char text[64];
    struct address address = { 0 };
    struct sockaddr_in *four = (struct sockaddr_in *)&address.at;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address.at;
    if (str_eq_nocase(host, STR("localhost")))
        host = STR("127.0.0.1");
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = (struct str){ host.ptr + 1, host.len - 2 };
    if (host.len >= sizeof(text) || port < 1 || port > 65535)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        address.length = sizeof(*four);
    } else if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        address.length = sizeof(*six);
    } else {
        return false;
    }
    *out = address;
    return true;
}

bool address_same(const struct address *a, const struct address *b)
{
    return a->length == b->length && memcmp(&a->at, &b->at, a->length) == 0;
}
