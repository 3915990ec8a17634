#include "cli/ready.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int http_status(int port, const char *path)
{
    int status = 0, to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_usec = 500000 };
    char text[512];
    if (to < 0)
        return 0;
    setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(to, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    int n = snprintf(text, sizeof(text),
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", path);
    if (connect(to, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        send(to, text, (size_t)n, MSG_NOSIGNAL) == n) {
        ssize_t got = recv(to, text, sizeof(text) - 1, 0);
        if (got > 0) {
            text[got] = '\0';
            if (sscanf(text, "HTTP/1.%*c %d", &status) != 1)
                status = 0;
        }
    }
    close(to);
    return status;
}
