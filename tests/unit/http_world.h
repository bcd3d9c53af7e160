/* A server over HTTP with the routes of a test, and clients with real sockets. */
#ifndef TEST_HTTP_WORLD_H
#define TEST_HTTP_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/guard.h"
#include "server/http.h"
#include "server/listen.h"

#define HELPER __attribute__((unused)) static

struct http_world {
    struct guard guard;
    struct http_table tables[2];
    struct http *http;
    uint16_t port;
};

HELPER void world_start(struct http_world *world, const struct http_route *routes)
{
    struct listener listener;
    orion_error err;

    assert_int_equal(listener_open("127.0.0.1", 0, -1, &listener, &err), ORION_OK);
    assert_int_equal(guard_init(&world->guard, "127.0.0.1", &listener, NULL, &err), ORION_OK);
    world->tables[0] = (struct http_table){routes, true};
    world->tables[1] = (struct http_table){NULL, false};
    world->port = listener.port;
    const struct http_options options = {
        .listen_fd = listener.fd, .guard = &world->guard, .tables = world->tables, .user = world};
    assert_int_equal(http_start(&options, &world->http, &err), ORION_OK);
}

HELPER int client_connect(const struct http_world *world)
{
    const struct sockaddr_in where = {.sin_family = AF_INET,
                                      .sin_port = htons(world->port),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0)
        abort();
    (void)connect(fd, (const struct sockaddr *)&where, sizeof(where)); /* or nothing comes */
    return fd;
}

/* HTTP/1.0, so that a body is what comes until the end.  `fields` end in CR LF. */
HELPER int client_ask(const struct http_world *world, const char *method, const char *path,
                      const char *fields)
{
    char text[1024];
    const int fd = client_connect(world);
    const int n = snprintf(text, sizeof(text), "%s %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n%s\r\n",
                           method, path, world->port, fields);

    (void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
    return fd;
}

struct reply {
    int code;
    char *text; /* all of it, and a NUL; free() it */
    const char *body;
    size_t body_bytes;
};

/* Read to the end and close. */
HELPER struct reply client_read(int fd)
{
    struct reply reply = {.text = malloc(1)};
    size_t n = 0;

    for (;;) {
        char *text = realloc(reply.text, n + 65537);
        if (!text)
            abort();
        reply.text = text;
        const ssize_t more = recv(fd, text + n, 65536, 0);
        if (more <= 0)
            break;
        n += (size_t)more;
    }
    reply.text[n] = '\0';
    (void)close(fd);
    if (n > 12)
        reply.code = (int)strtol(reply.text + 9, NULL, 10);
    reply.body = strstr(reply.text, "\r\n\r\n");
    if (reply.body) {
        reply.body += 4;
        reply.body_bytes = n - (size_t)(reply.body - reply.text);
    }
    return reply;
}

HELPER struct reply client_get(const struct http_world *world, const char *path, const char *fields)
{
    return client_read(client_ask(world, "GET", path, fields));
}

#endif
