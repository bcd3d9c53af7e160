/* A request: its life, and what libmicrohttpd tells of it. */
#define _GNU_SOURCE /* explicit_bzero */
#include "exchange.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BODY_FACTOR 4 /* a body too long is read on for so many times its limit */

/* ---- life ---- */

static void count_requests(struct http *http, bool one_more)
{
    (void)pthread_mutex_lock(&http->lock);
    if (one_more)
        http->requests++;
    else
        http->requests--;
    (void)pthread_cond_broadcast(&http->fewer);
    (void)pthread_mutex_unlock(&http->lock);
}

struct http_request *http_request_new(struct http *http, int fd)
{
    struct http_request *request = calloc(1, sizeof(*request));

    if (!request)
        return NULL;
    request->http = http;
    request->references = 1;
    request->fd = fd;
    (void)pthread_mutex_init(&request->lock, NULL);
    (void)pthread_cond_init(&request->called, NULL);
    count_requests(http, true);
    return request;
}

struct http_request *http_request_hold(struct http_request *request)
{
    request->references++;
    return request;
}

static void free_headers(struct http_request *request)
{
    for (size_t i = 0; i < request->n_headers; i++) {
        free(request->headers[i].name);
        free(request->headers[i].value);
    }
    free(request->headers);
}

/* Prompts and answers don't stay in memory that is given back. */
static void wipe_and_free(void *bytes, size_t n)
{
    if (bytes)
        explicit_bzero(bytes, n);
    free(bytes);
}

void http_request_release(struct http_request *request)
{
    struct http *http = request->http;

    if (--request->references > 0)
        return;
    json_decref(request->json);
    free_headers(request);
    wipe_and_free(request->body, request->body_room);
    wipe_and_free(request->stream.bytes, request->stream.room);
    free(request->decoded);
    http_head_release(&request->head);
    (void)pthread_mutex_destroy(&request->lock);
    (void)pthread_cond_destroy(&request->called);
    free(request);
    count_requests(http, false);
}

/* ---- clients that go away ---- */

void http_request_wake(struct http_request *request)
{
    if (!request->suspended)
        return;
    request->suspended = false;
    MHD_resume_connection(request->connection);
}

/* With the lock held, which is let go of for the call. */
static void call_on_gone(struct http_request *request)
{
    void (*fn)(void *user) = request->on_gone;
    void *user = request->on_gone_user;

    request->on_gone = NULL;
    if (!fn)
        return;
    request->calling = true;
    request->caller = pthread_self();
    (void)pthread_mutex_unlock(&request->lock);
    fn(user);
    (void)pthread_mutex_lock(&request->lock);
    request->calling = false;
    (void)pthread_cond_broadcast(&request->called);
}

void http_request_lost(struct http_request *request)
{
    (void)pthread_mutex_lock(&request->lock);
    if (!request->gone) {
        request->gone = true;
        /* A stream ends here and now.  Without a reply to send, libmicrohttpd has
         * nothing to do yet. */
        if (request->streaming)
            http_request_wake(request);
        call_on_gone(request);
    }
    (void)pthread_mutex_unlock(&request->lock);
}

void http_request_forget_gone(struct http_request *request)
{
    (void)pthread_mutex_lock(&request->lock);
    request->on_gone = NULL;
    while (request->calling && !pthread_equal(request->caller, pthread_self()))
        (void)pthread_cond_wait(&request->called, &request->lock);
    (void)pthread_mutex_unlock(&request->lock);
}

void http_on_gone(struct http_request *request, void (*fn)(void *user), void *user)
{
    (void)pthread_mutex_lock(&request->lock);
    request->on_gone = fn;
    request->on_gone_user = user;
    if (request->gone)
        call_on_gone(request);
    (void)pthread_mutex_unlock(&request->lock);
}

/* ---- the body ---- */

static bool body_fits(struct http_request *request, size_t more)
{
    const size_t needed = request->body_bytes + more + 1; /* both are bounded */
    size_t room = request->body_room ? request->body_room : 4096;

    while (room < needed)
        room *= 2;
    if (room == request->body_room)
        return true;
    char *body = realloc(request->body, room);
    if (!body)
        return false;
    request->body = body;
    request->body_room = room;
    return true;
}

/* A client may be slow, but not so slow that 256 of them keep everyone out. */
static bool keeps_pace(const struct http_request *request)
{
    const int64_t seconds = (http_now_ms() - request->body_began_ms) / 1000;

    return seconds <= HTTP_PACE_GRACE_S ||
           request->body_bytes >= (uint64_t)seconds * HTTP_PACE_BYTES_PER_S;
}

/* Take some of the body in.  False to cut the connection. */
static bool take_body(struct http_request *request, const char *bytes, size_t n)
{
    if (request->body_bytes + n > HTTP_BODY_BYTES)
        request->body_too_long = true; /* so is told when it has ended */
    if (request->body_too_long) {
        request->body_bytes += n;
        return request->body_bytes <= (size_t)KEPT_BODY_FACTOR * HTTP_BODY_BYTES &&
               keeps_pace(request);
    }
    if (!body_fits(request, n))
        return false;
    memcpy(request->body + request->body_bytes, bytes, n);
    request->body_bytes += n;
    request->body[request->body_bytes] = '\0';
    return keeps_pace(request);
}

/* ---- what libmicrohttpd calls ---- */

static void dispatch(struct http_request *request)
{
    struct http *http = request->http;

    request->dispatched = true;
    (void)pthread_mutex_lock(&request->lock);
    MHD_suspend_connection(request->connection);
    request->suspended = true;
    (void)pthread_mutex_unlock(&request->lock);
    (void)http_request_hold(request); /* for whoever ends it */
    if (request->body_too_long)
        http_reply_failure(request, 413, ORION_E_ARGUMENT, NULL,
                           "the body of a request may have at most 8 MiB");
    else
        http_work_give(http->work, request);
}

static struct MHD_Response *take_reply(struct http_request *request)
{
    (void)pthread_mutex_lock(&request->lock);
    struct MHD_Response *response = request->response;
    request->response = NULL;
    (void)pthread_mutex_unlock(&request->lock);
    return response;
}

static enum MHD_Result queue_reply(struct http_request *request)
{
    struct MHD_Response *response = take_reply(request);

    if (!response)
        return MHD_NO;
    const enum MHD_Result result =
        MHD_queue_response(request->connection, (unsigned)request->code, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **state)
{
    struct http_request *request = *state;

    (void)url;
    (void)method;
    (void)version;
    if (!request) { /* the head has been read */
        const int fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        request = http_door_find(((struct http *)cls)->door, fd);
        if (!request || request->connection) /* a second request on the same connection */
            return MHD_NO;
        request->connection = connection;
        request->body_began_ms = http_now_ms();
        *state = request;
        return MHD_YES;
    }
    if (*upload_bytes > 0) {
        const size_t n = *upload_bytes;
        *upload_bytes = 0;
        return take_body(request, upload, n) ? MHD_YES : MHD_NO;
    }
    if (request->dispatched)
        return queue_reply(request);
    dispatch(request);
    return MHD_YES;
}

void http_on_completed(void *cls, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code)
{
    struct http_request *request = *state;

    (void)cls;
    (void)connection;
    (void)code;
    *state = NULL;
    if (!request)
        return;
    struct MHD_Response *unsent = take_reply(request); /* a stream's holds the request */
    if (unsent)
        MHD_destroy_response(unsent);
    http_request_lost(request); /* if only because it has all of its reply */
}

void http_on_connection(void *cls, struct MHD_Connection *connection, void **state,
                        enum MHD_ConnectionNotificationCode code)
{
    struct http *http = cls;

    (void)state;
    if (code != MHD_CONNECTION_NOTIFY_CLOSED)
        return;
    const int fd =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    struct http_request *request = http_door_find(http->door, fd);
    if (!request)
        return;
    http_door_leave(http->door, request);
    http_request_release(request);
}

/* ---- what a handler asks ---- */

const char *http_method(const struct http_request *request)
{
    return http_head_text(&request->head, request->head.method);
}

const char *http_path(const struct http_request *request)
{
    return http_head_text(&request->head, request->head.path);
}

const char *http_header(const struct http_request *request, const char *name)
{
    return http_head_field(&request->head, name);
}

static const char *value_of(const struct http_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].value;
    return NULL;
}

const char *http_part(const struct http_request *request, const char *name)
{
    return value_of(request->parts, request->n_parts, name);
}

const char *http_query(const struct http_request *request, const char *name)
{
    return value_of(request->query, request->n_query, name);
}

bool http_query_at(const struct http_request *request, size_t index, const char **name,
                   const char **value)
{
    if (index >= request->n_query)
        return false;
    *name = request->query[index].name;
    *value = request->query[index].value;
    return true;
}

const void *http_body(const struct http_request *request, size_t *bytes)
{
    *bytes = request->body_bytes;
    return request->body ? request->body : "";
}

bool http_is_known(const struct http_request *request, const struct guard *guard)
{
    return guard_knows(guard, &request->head);
}
