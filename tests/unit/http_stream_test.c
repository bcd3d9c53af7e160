/* Replies that come later and streams: many at once, clients that go away or do not
 * read, and a server that stops in the middle of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_world.h"

#define LINES 200
#define CLIENTS 24

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
/* Counted under the lock. */
static unsigned writers, gone_calls;
static struct http_request *kept;

static void count(unsigned *what, int by)
{
    (void)pthread_mutex_lock(&lock);
    *what += (unsigned)by;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static void wait_for(const unsigned *what, unsigned value)
{
    (void)pthread_mutex_lock(&lock);
    while (*what != value)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
}

static void on_gone(void *user)
{
    (void)user;
    count(&gone_calls, 1);
}

/* ---- routes ---- */

static void begin_writer(void *(*run)(void *), struct http_stream *stream)
{
    pthread_t thread;

    count(&writers, 1);
    if (pthread_create(&thread, NULL, run, stream) != 0)
        abort();
    (void)pthread_detach(thread);
}

static void *write_lines(void *arg)
{
    struct http_stream *stream = arg;
    char line[32];

    for (int i = 0; i < LINES; i++) {
        (void)snprintf(line, sizeof(line), "line %d\n", i);
        if (!http_stream_write(stream, line, strlen(line)))
            abort();
    }
    http_stream_end(stream);
    count(&writers, -1);
    return NULL;
}

static void *write_until_gone(void *arg)
{
    struct http_stream *stream = arg;
    static const char block[1024] = {'x'};

    while (http_stream_write(stream, block, sizeof(block)))
        ;
    if (!http_stream_gone(stream))
        abort();
    http_stream_end(stream);
    count(&writers, -1);
    return NULL;
}

static void get_lines(struct http_request *request, void *user)
{
    (void)user;
    begin_writer(write_lines, http_stream_begin(request, "text/plain"));
}

static void get_endless(struct http_request *request, void *user)
{
    (void)user;
    http_on_gone(request, on_gone, NULL);
    begin_writer(write_until_gone, http_stream_begin(request, "text/plain"));
}

/* Says one line, and then nothing until the client goes. */
static void get_silent(struct http_request *request, void *user)
{
    (void)user;
    http_on_gone(request, on_gone, NULL);
    struct http_stream *stream = http_stream_begin(request, "text/plain");
    (void)http_stream_write(stream, "\n", 1);
    wait_for(&gone_calls, 1);
    http_stream_end(stream);
}

static void get_quick(struct http_request *request, void *user)
{
    (void)user;
    http_on_gone(request, on_gone, NULL);
    http_reply_text(request, 200, "text/plain", "hello");
}

static void get_later(struct http_request *request, void *user)
{
    (void)user;
    http_on_gone(request, on_gone, NULL);
    (void)pthread_mutex_lock(&lock);
    kept = request;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
}

static unsigned waiting;
static bool gate_open;

/* As a handler does whose model is being loaded. */
static void get_gated(struct http_request *request, void *user)
{
    (void)user;
    count(&waiting, 1);
    (void)pthread_mutex_lock(&lock);
    while (!gate_open)
        (void)pthread_cond_wait(&changed, &lock);
    (void)pthread_mutex_unlock(&lock);
    http_reply_text(request, 200, "text/plain", "hello");
}

static const struct http_route routes[] = {
    {"GET", "/lines", get_lines, NULL},
    {"GET", "/endless", get_endless, NULL},
    {"GET", "/silent", get_silent, NULL},
    {"GET", "/quick", get_quick, NULL},
    {"GET", "/later", get_later, NULL},
    {"GET", "/gated", get_gated, NULL},
    {NULL, NULL, NULL, NULL},
};

static struct http_request *take_kept(void)
{
    (void)pthread_mutex_lock(&lock);
    while (!kept)
        (void)pthread_cond_wait(&changed, &lock);
    struct http_request *request = kept;
    kept = NULL;
    (void)pthread_mutex_unlock(&lock);
    return request;
}

static struct http_world world;

static int set_up(void **state)
{
    (void)state;
    gone_calls = 0;
    world_start(&world, routes);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    http_stop(world.http, 0);
    wait_for(&writers, 0); /* they count themselves out after their streams are closed */
    return 0;
}

/* ---- cases ---- */

static void *read_lines(void *arg)
{
    char expected[32];

    (void)arg;
    for (int round = 0; round < 3; round++) {
        const struct reply reply = client_get(&world, "/lines", "");
        const char *at = reply.body;
        for (int i = 0; i < LINES; i++) {
            (void)snprintf(expected, sizeof(expected), "line %d\n", i);
            if (reply.code != 200 || strncmp(at, expected, strlen(expected)) != 0)
                abort();
            at += strlen(expected);
        }
        if (*at)
            abort();
        free(reply.text);
    }
    return NULL;
}

static void test_many(void **state)
{
    pthread_t threads[CLIENTS];

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_lines, NULL), 0);
    for (size_t i = 0; i < CLIENTS; i++)
        (void)pthread_join(threads[i], NULL);
    wait_for(&writers, 0);
}

/* Handlers that wait, for a model say, hold nobody up, however many there are. */
static void test_waiting_handlers(void **state)
{
    int fds[100];

    (void)state;
    waiting = 0;
    gate_open = false;
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        fds[i] = client_ask(&world, "GET", "/gated", "");
    wait_for(&waiting, sizeof(fds) / sizeof(fds[0]));
    for (int i = 0; i < 3; i++) {
        const struct reply reply = client_get(&world, "/quick", "");
        assert_int_equal(reply.code, 200);
        free(reply.text);
    }
    (void)pthread_mutex_lock(&lock);
    gate_open = true;
    (void)pthread_cond_broadcast(&changed);
    (void)pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        const struct reply reply = client_read(fds[i]);
        assert_int_equal(reply.code, 200);
        free(reply.text);
    }
}

static void test_later(void **state)
{
    const int fd = client_ask(&world, "GET", "/later", "");

    (void)state;
    http_reply_text(take_kept(), 201, "text/plain", "made");
    const struct reply reply = client_read(fd);
    assert_int_equal(reply.code, 201);
    assert_string_equal(reply.body, "made");
    free(reply.text);
    assert_int_equal(gone_calls, 0);
}

static void test_gone_before_the_reply(void **state)
{
    const int fd = client_ask(&world, "GET", "/later", "");
    struct http_request *request = take_kept();

    (void)state;
    (void)close(fd);
    wait_for(&gone_calls, 1);
    http_reply_text(request, 200, "text/plain", "for no one");
    assert_int_equal(gone_calls, 1);
}

static void test_gone_when_asked_later(void **state)
{
    const int fd = client_ask(&world, "GET", "/later", "");
    struct http_request *request = take_kept();

    (void)state;
    (void)close(fd);
    wait_for(&gone_calls, 1);
    http_on_gone(request, on_gone, NULL); /* it has gone: at once */
    assert_int_equal(gone_calls, 2);
    http_reply_empty(request, 204);
}

static void test_not_gone_after_the_reply(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        free(client_get(&world, "/quick", "").text);
    http_stop(world.http, 10000); /* every connection has ended */
    assert_int_equal(gone_calls, 0);
    world_start(&world, routes);
}

static void test_gone_in_silence(void **state)
{
    const int fd = client_ask(&world, "GET", "/silent", "");
    char some[16];

    (void)state;
    assert_true(recv(fd, some, sizeof(some), 0) > 0);
    (void)close(fd);
    wait_for(&gone_calls, 1);
}

static void test_gone_in_the_middle(void **state)
{
    char some[4096];
    int fds[CLIENTS];

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++)
        fds[i] = client_ask(&world, "GET", "/endless", "");
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_true(recv(fds[i], some, sizeof(some), 0) > 0);
        (void)close(fds[i]);
    }
    wait_for(&writers, 0);
}

static void test_slow_reader(void **state)
{
    const int slow = client_ask(&world, "GET", "/endless", "");
    char some[64];

    (void)state;
    assert_true(recv(slow, some, sizeof(some), 0) > 0);
    wait_for(&writers, 0); /* given up, however much the sockets hold */
    free(client_get(&world, "/quick", "").text);
    (void)close(slow);
}

static void *ask_quickly(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++)
        free(client_get(&world, "/quick", "").text); /* perhaps cut off, or never taken */
    return NULL;
}

static void test_stop_under_load(void **state)
{
    pthread_t threads[4];
    int fds[CLIENTS];
    char some[64];

    (void)state;
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = client_ask(&world, "GET", "/endless", "");
        assert_true(recv(fds[i], some, sizeof(some), 0) > 0);
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_quickly, NULL), 0);
    http_stop(world.http, 0);
    wait_for(&writers, 0);
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    for (size_t i = 0; i < CLIENTS; i++)
        (void)close(fds[i]);
    world_start(&world, routes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_handlers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_before_the_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_when_asked_later, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_gone_after_the_reply, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_in_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gone_in_the_middle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_slow_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_stop_under_load, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
