/* listen.h - the socket that a server listens on. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>
#include <stdint.h>

#include <orion.h>

struct listener {
    int fd; /* listens, does not block; the caller's to close */
    uint16_t port;
    bool local;       /* only this machine can connect */
    char address[64]; /* "127.0.0.1", "[::1]" */
    char url[128];    /* "http://127.0.0.1:11435" */
};

/* Listen on `fd`, or, when that is -1, on an address of `host`. */
orion_status listener_open(const char *host, uint16_t port, int fd, struct listener *out,
                           orion_error *err);

#endif
