/* Fetching from a server that follows a script: what each connection gets, and
 * what is done with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "hub/hub.h"

#define SIZE 1000u
#define MAX_STEPS 8

static char content[SIZE + 1];

/* ---- the server ---- */

struct step {
    const char *expect;  /* must be in the request, or NULL */
    const char *head;    /* of the answer, without the empty line; NULL: none */
    unsigned begin, end; /* content[begin, end) follows */
    bool silent;         /* stays open without a word until the client goes */
};

struct server {
    const struct step *steps;
    size_t n_steps, served, surprises;
    int fd;
    int port;
    pthread_t thread;
};

/* Read until the empty line; what the request says is in `text`. */
static bool read_request(int fd, char *text, size_t bytes)
{
    size_t len = 0;
    while (len + 1 < bytes) {
        const ssize_t n = read(fd, text + len, bytes - 1 - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n"))
            return true;
    }
    return false;
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        const ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static void *serve(void *self)
{
    struct server *server = self;
    char request[4096], rest[64];

    for (size_t i = 0; i < server->n_steps; i++) {
        const struct step *step = &server->steps[i];
        const int fd = accept(server->fd, NULL, NULL);
        if (fd < 0)
            break;
        if (read_request(fd, request, sizeof(request))) {
            if (step->expect && !strstr(request, step->expect))
                server->surprises++;
            if (step->head) {
                send_all(fd, step->head, strlen(step->head));
                send_all(fd, "\r\n\r\n", 4);
                send_all(fd, content + step->begin, step->end - step->begin);
            }
            while (step->silent && read(fd, rest, sizeof(rest)) > 0)
                continue;
        }
        (void)close(fd);
        server->served++;
    }
    return NULL;
}

static void start(struct server *server, const struct step *steps, size_t n)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);

    *server = (struct server){.steps = steps, .n_steps = n};
    server->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(server->fd >= 0);
    assert_int_equal(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->fd, 16), 0);
    assert_int_equal(getsockname(server->fd, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    (void)shutdown(server->fd, SHUT_RDWR); /* wakes accept() */
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->fd);
    assert_int_equal(server->surprises, 0);
}

/* ---- the client ---- */

struct got {
    char bytes[SIZE + 1];
    uint64_t len;
    unsigned restarts, ticks, stop_at; /* tick at which to cancel; 0: never */
    orion_status refuse;               /* what the sink says, when not OK */
};

static orion_status take(void *self, uint64_t offset, const void *data, size_t len,
                         orion_error *err)
{
    struct got *got = self;
    if (got->refuse != ORION_OK)
        return ori_fail(err, got->refuse, "the sink says no");
    assert_int_equal(offset, got->len);
    assert_true(len <= SIZE - got->len);
    memcpy(got->bytes + got->len, data, len);
    got->len += len;
    return ORION_OK;
}

static orion_status again(void *self, orion_error *err)
{
    struct got *got = self;
    (void)err;
    got->len = 0;
    got->restarts++;
    return ORION_OK;
}

static int tick(void *self, orion_phase phase, uint64_t done, const char *note)
{
    struct got *got = self;
    (void)phase;
    (void)done;
    (void)note;
    return ++got->ticks == got->stop_at;
}

static orion_status fetch(const struct server *server, struct got *got, uint32_t stall_ms,
                          uint32_t give_up_ms, orion_error *err)
{
    char endpoint[64], url[80];
    const struct ori_sink sink = {.write = take, .restart = again, .self = got};
    const struct ori_watch watch = {.tick = tick, .self = got};
    struct ori_hub_file file = {.repo = "a/b", .path = "x.gguf", .size_bytes = SIZE};
    struct ori_hub *hub;

    (void)snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", server->port);
    (void)snprintf(url, sizeof(url), "%s/data", endpoint);
    const struct ori_hub_config config = {
        .endpoint = endpoint, .stall_ms = stall_ms, .give_up_ms = give_up_ms};
    assert_int_equal(ori_hub_open(&config, &hub, err), ORION_OK);
    file.url = strdup(url);
    assert_non_null(file.url);
    const orion_status status = ori_hub_fetch(hub, &file, got->len, &sink, &watch, err);
    ori_hub_file_release(&file);
    ori_hub_close(hub);
    return status;
}

/* ---- the scripts ---- */

#define WHOLE                                                                                      \
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/1000\r\nContent-Length: 1000"
#define FROM_400                                                                                   \
    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 400-999/1000\r\nContent-Length: 600"

static const struct {
    const char *label;
    struct step steps[MAX_STEPS];
    uint64_t had;        /* bytes from an earlier attempt */
    uint32_t give_up_ms; /* 0: the default */
    orion_status refuse, status;
    unsigned restarts;
} scripts[] = {
    {.label = "in one go", .steps = {{"Range: bytes=0-999", WHOLE, 0, 1000, false}}},
    {.label = "silence in the middle",
     .steps = {{NULL, WHOLE, 0, 400, true}, {"Range: bytes=400-999", FROM_400, 400, 1000, false}}},
    {.label = "silence before the first byte",
     .steps = {{NULL, NULL, 0, 0, true}, {"Range: bytes=0-999", WHOLE, 0, 1000, false}}},
    {.label = "the connection is closed without an answer",
     .steps = {{NULL, NULL, 0, 0, false}, {NULL, WHOLE, 0, 1000, false}}},
    {.label = "the connection breaks in the middle",
     .steps = {{NULL, WHOLE, 0, 400, false}, {"Range: bytes=400-999", FROM_400, 400, 1000, false}}},
    {.label = "a server that gives a little at a time",
     .steps = {{NULL,
                "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-399/1000\r\n"
                "Content-Length: 400",
                0, 400, false},
               {"Range: bytes=400-999", FROM_400, 400, 1000, false}}},
    {.label = "If-Range with a strong ETag",
     .steps = {{NULL, WHOLE "\r\nETag: \"abc\"", 0, 400, false},
               {"If-Range: \"abc\"", FROM_400, 400, 1000, false}}},
    {.label = "200 to a range",
     .had = 400,
     .restarts = 1,
     .steps = {{"Range: bytes=400-999", "HTTP/1.1 200 OK\r\nContent-Length: 1000", 0, 1000,
                false}}},
    {.label = "200 without a length",
     .steps = {{NULL, "HTTP/1.1 200 OK\r\nConnection: close", 0, 1000, false}}},
    {.label = "200 with another length",
     .status = ORION_E_NETWORK,
     .steps = {{NULL, "HTTP/1.1 200 OK\r\nContent-Length: 1001", 0, 1001, false},
               {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 1001", 0, 1001, false},
               {NULL, "HTTP/1.1 200 OK\r\nContent-Length: 1001", 0, 1001, false}}},
    {.label = "a redirect",
     .steps = {{"GET /data", "HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0", 0, 0,
                false},
               {"GET /other", WHOLE, 0, 1000, false}}},
    {.label = "503, then well",
     .steps = {{NULL, "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0", 0, 0, false},
               {NULL, WHOLE, 0, 1000, false}}},
    {.label = "nothing but refusals to talk",
     .give_up_ms = 1, /* any pause is longer than our patience */
     .status = ORION_E_NETWORK,
     .steps = {{NULL, "HTTP/1.1 503 Busy\r\nRetry-After: 9\r\nContent-Length: 0", 0, 0, false}}},
    {.label = "a status that means nothing here",
     .status = ORION_E_NETWORK,
     .steps = {{NULL, "HTTP/1.1 204 No Content", 0, 0, false}}},
    {.label = "not HTTP",
     .status = ORION_E_NETWORK,
     .give_up_ms = 1,
     .steps = {{NULL, "SSH-2.0-OpenSSH_9.2", 0, 0, false},
               {NULL, "SSH-2.0", 0, 0, false},
               {NULL, "SSH-2.0", 0, 0, false}}},
    {.label = "a sink that fails",
     .refuse = ORION_E_NO_SPACE,
     .status = ORION_E_NO_SPACE,
     .steps = {{NULL, WHOLE, 0, 1000, false}}},
};

static void follows_the_script(void **state)
{
    const size_t row = (size_t)(uintptr_t)*state;
    struct server server;
    struct got got = {.refuse = scripts[row].refuse, .len = scripts[row].had};
    orion_error err = {0};
    size_t n = 0;

    while (n < MAX_STEPS && (scripts[row].steps[n].head || scripts[row].steps[n].silent ||
                             (n == 0 && scripts[row].steps[1].head)))
        n++;
    memcpy(got.bytes, content, got.len);
    start(&server, scripts[row].steps, n);
    const orion_status status = fetch(&server, &got, 150, scripts[row].give_up_ms, &err);
    stop(&server);
    if (status != scripts[row].status)
        fail_msg("status %d: %s", status, err.message);
    if (status == ORION_OK)
        assert_memory_equal(got.bytes, content, SIZE);
    assert_int_equal(got.restarts, scripts[row].restarts);
    assert_int_equal(status != ORION_OK, err.message[0] != '\0');
}

static void is_cancelled(void **state)
{
    const struct step steps[] = {{NULL, WHOLE, 0, 400, true}};
    struct server server;
    struct got got = {.stop_at = 2};
    orion_error err;

    (void)state;
    start(&server, steps, 1);
    assert_int_equal(fetch(&server, &got, 60000, 0, &err), ORION_E_CANCELLED);
    stop(&server);
    assert_int_equal(got.len, 400);
}

static void nothing_missing_asks_nobody(void **state)
{
    struct server server;
    struct got got = {.len = SIZE};
    orion_error err;

    (void)state;
    start(&server, NULL, 0);
    assert_int_equal(fetch(&server, &got, 150, 0, &err), ORION_OK);
    stop(&server);
}

int main(void)
{
    struct CMUnitTest tests[ORI_COUNT(scripts) + 2];
    size_t n = 0;

    for (size_t i = 0; i < SIZE; i++)
        content[i] = (char)('a' + i % 26);
    for (; n < ORI_COUNT(scripts); n++)
        tests[n] = (struct CMUnitTest){.name = scripts[n].label,
                                       .test_func = follows_the_script,
                                       .initial_state = (void *)(uintptr_t)n};
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(is_cancelled);
    tests[n++] = (struct CMUnitTest)cmocka_unit_test(nothing_missing_asks_nobody);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
