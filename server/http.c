/* Starting and stopping. */
#include "exchange.h"

#include "fail.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Of a connection in libmicrohttpd: a head, and what comes of it. */
#define POOL_BYTES (64u << 10)
/* Threads of libmicrohttpd, so that one that waits for a disk holds up few, and
 * connections of each.  Below 128: that many events at once, exactly, make 0.9.75
 * wait for another one before it looks at any of them. */
#define CARRIERS 4u
#define CARRIER_CONNECTIONS 120u
_Static_assert(CARRIERS *CARRIER_CONNECTIONS > HTTP_CONNECTIONS, "all find a place");

int64_t http_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Wait until at most `n` requests exist, no longer than until `deadline_ms` (-1:
 * as long as it takes). */
static void wait_for_requests(struct http *http, int64_t deadline_ms)
{
    const struct timespec until = {deadline_ms / 1000, (deadline_ms % 1000) * 1000000};
    int timed_out = 0;

    (void)pthread_mutex_lock(&http->lock);
    while (http->requests > 0 && !timed_out) {
        if (deadline_ms < 0)
            (void)pthread_cond_wait(&http->fewer, &http->lock);
        else
            timed_out = pthread_cond_timedwait(&http->fewer, &http->lock, &until);
    }
    (void)pthread_mutex_unlock(&http->lock);
}

static struct http *new_http(const struct http_options *options)
{
    struct http *http = calloc(1, sizeof(*http));
    pthread_condattr_t monotonic;

    if (!http)
        return NULL;
    http->options = *options;
    (void)pthread_mutex_init(&http->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&http->fewer, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    return http;
}

static void free_http(struct http *http)
{
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    http_door_free(http->door);
    http_work_free(http->work);
    (void)close(http->options.listen_fd);
    (void)pthread_cond_destroy(&http->fewer);
    (void)pthread_mutex_destroy(&http->lock);
    free(http);
}

/* libmicrohttpd's threads must leave signals to the program, too. */
static struct MHD_Daemon *start_daemon(struct http *http)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0,
        NULL, NULL, http_on_request, http, MHD_OPTION_THREAD_POOL_SIZE, CARRIERS,
        MHD_OPTION_CONNECTION_LIMIT, CARRIERS * CARRIER_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        http_on_connection, http, MHD_OPTION_END);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return daemon;
}

static orion_status start(struct http *http, orion_error *err)
{
    const orion_status status = http_work_new(&http->work, err);

    if (status != ORION_OK)
        return status;
    http->daemon = start_daemon(http);
    if (!http->daemon)
        return server_fail(err, ORION_E_NOMEM, "the HTTP library could not be started");
    return http_door_open(http, &http->door, err);
}

orion_status http_start(const struct http_options *options, struct http **out, orion_error *err)
{
    struct http *http = new_http(options);

    *out = NULL;
    if (!http) {
        (void)close(options->listen_fd);
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a server");
    }
    *out = http; /* before the first request may ask for it */
    const orion_status status = start(http, err);
    if (status != ORION_OK) {
        *out = NULL;
        free_http(http);
    }
    return status;
}

void http_stop(struct http *http, int grace_ms)
{
    if (!http)
        return;
    http_door_close(http->door);
    wait_for_requests(http, http_now_ms() + grace_ms);
    http_door_clear(http->door);
    wait_for_requests(http, -1);
    free_http(http);
}

void http_get_counts(struct http *http, struct http_counts *out)
{
    out->connections = http_door_count(http->door);
    for (size_t i = 0; i < sizeof(out->replies) / sizeof(out->replies[0]); i++)
        out->replies[i] = http->replies[i];
}
