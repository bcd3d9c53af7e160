#include "listen.h"

#include "fail.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    struct sockaddr_storage room;
};

static orion_status describe_four(const struct sockaddr_in *address, struct listener *out)
{
    char text[INET_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET, &address->sin_addr, text, sizeof(text));
    (void)snprintf(out->address, sizeof(out->address), "%s", text);
    out->port = ntohs(address->sin_port);
    out->local = ntohl(address->sin_addr.s_addr) >> 24 == 127;
    return ORION_OK;
}

static orion_status describe_six(const struct sockaddr_in6 *address, struct listener *out)
{
    char text[INET6_ADDRSTRLEN] = "";

    (void)inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof(text));
    (void)snprintf(out->address, sizeof(out->address), "[%s]", text);
    out->port = ntohs(address->sin6_port);
    out->local = IN6_IS_ADDR_LOOPBACK(&address->sin6_addr);
    return ORION_OK;
}

/* Say where the socket listens, and make it one that does not block. */
static orion_status describe(struct listener *out, orion_error *err)
{
    union address address = {.room = {0}};
    socklen_t bytes = sizeof(address);
    int listens = 0;
    socklen_t int_bytes = sizeof(listens);

    if (getsockname(out->fd, &address.any, &bytes) < 0 ||
        getsockopt(out->fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_bytes) < 0 ||
        fcntl(out->fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(out->fd, F_SETFD, FD_CLOEXEC) < 0)
        return server_fail_errno(err, "take the socket over");
    if (listens && address.any.sa_family == AF_INET)
        return describe_four(&address.four, out);
    if (listens && address.any.sa_family == AF_INET6)
        return describe_six(&address.six, out);
    return server_fail(err, ORION_E_UNSUPPORTED,
                       "the socket that was handed over is not one that listens for TCP");
}

static orion_status bind_to(int fd, const struct addrinfo *where, const char *host, uint16_t port,
                            orion_error *err)
{
    const int yes = 1;

    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, where->ai_addr, where->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0)
        return ORION_OK;
    if (errno == EADDRINUSE)
        return server_fail(err, ORION_E_BUSY,
                           "something listens on port %u already, perhaps another 'orion serve': "
                           "end it, or choose another one with --port",
                           port);
    return server_fail_errno(err, "cannot listen on '%s', port %u", host, port);
}

static orion_status open_socket(const char *host, uint16_t port, int *fd, orion_error *err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];

    (void)snprintf(service, sizeof(service), "%u", port);
    const int failed = getaddrinfo(host, service, &hints, &found);
    if (failed != 0)
        return server_fail(err, ORION_E_NOT_FOUND, "there is no address for the host '%s': %s",
                           host, gai_strerror(failed));
    *fd = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    const orion_status status =
        *fd < 0 ? server_fail_errno(err, "make a socket") : bind_to(*fd, found, host, port, err);
    freeaddrinfo(found);
    return status;
}

orion_status listener_open(const char *host, uint16_t port, int fd, struct listener *out,
                           orion_error *err)
{
    orion_status status = ORION_OK;

    *out = (struct listener){.fd = fd};
    if (fd < 0)
        status = open_socket(host, port, &out->fd, err);
    if (status == ORION_OK)
        status = describe(out, err);
    (void)snprintf(out->url, sizeof(out->url), "http://%s:%u", out->address, out->port);
    if (status != ORION_OK && out->fd >= 0) {
        (void)close(out->fd);
        out->fd = -1;
    }
    return status;
}
