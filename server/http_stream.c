/* Streams.  The writer puts bytes into the request's buffer; libmicrohttpd's thread
 * takes them out, and the connection is suspended while there are none. */
#define _GNU_SOURCE /* explicit_bzero */
#include "exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK_BYTES 4096
#define FIRST_ROOM 1024

static struct http_request *owner(struct http_stream *stream)
{
    return (struct http_request *)((char *)stream - offsetof(struct http_request, stream));
}

/* ---- taking out ---- */

static ssize_t take_bytes(struct http_stream *stream, char *out, size_t n)
{
    const size_t there = stream->end - stream->begin;
    const size_t taken = there < n ? there : n;

    memcpy(out, stream->bytes + stream->begin, taken);
    stream->begin += taken;
    return (ssize_t)taken;
}

/* Cut the connection.  libmicrohttpd 0.9.75 would leave one that is to end with an
 * error as it is until it has been idle for long, when epoll has nothing to tell of
 * it; so the socket is shut, and a byte that can't be sent any more shows it. */
static ssize_t cut_off(struct http_request *request, char *out)
{
    (void)shutdown(request->fd, SHUT_RDWR);
    out[0] = '\0';
    return 1;
}

/* libmicrohttpd has room for `room` > 0 bytes. */
static ssize_t on_room(void *cls, uint64_t position, char *out, size_t room)
{
    struct http_request *request = cls;
    struct http_stream *stream = &request->stream;
    ssize_t result;

    (void)position;
    (void)pthread_mutex_lock(&request->lock);
    if (request->gone || stream->dead) {
        result = cut_off(request, out);
    } else if (stream->begin < stream->end) {
        result = take_bytes(stream, out, room);
    } else if (stream->ended) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        MHD_suspend_connection(request->connection);
        request->suspended = true;
        result = 0;
    }
    (void)pthread_mutex_unlock(&request->lock);
    return result;
}

static void on_free(void *cls)
{
    http_request_release(cls);
}

/* ---- putting in ---- */

/* Room for n more behind `end`; false beyond the bound, or without memory. */
static bool make_room(struct http_stream *stream, size_t n)
{
    const size_t waiting = stream->end - stream->begin;
    size_t room = stream->room ? stream->room : FIRST_ROOM;

    if (n > HTTP_STREAM_BYTES || waiting > HTTP_STREAM_BYTES - n)
        return false;
    if (stream->begin > 0)
        memmove(stream->bytes, stream->bytes + stream->begin, waiting);
    stream->begin = 0;
    stream->end = waiting;
    while (room < waiting + n)
        room *= 2;
    if (room == stream->room)
        return true;
    char *bytes = realloc(stream->bytes, room);
    if (!bytes)
        return false;
    stream->bytes = bytes;
    stream->room = room;
    return true;
}

static bool put(struct http_stream *stream, const void *bytes, size_t n)
{
    if (!make_room(stream, n)) {
        stream->dead = true;
        return false;
    }
    memcpy(stream->bytes + stream->end, bytes, n);
    stream->end += n;
    return true;
}

/* ---- the writer's side ---- */

struct http_stream *http_stream_begin(struct http_request *request, const char *type)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, on_room, http_request_hold(request), on_free);

    http_add_header(request, "Content-Type", type);
    if (!response) {
        http_request_release(request); /* on_free()'s */
        http_respond(request, 500, NULL);
        return NULL;
    }
    http_respond_by_stream(request, response);
    return &request->stream;
}

bool http_stream_write(struct http_stream *stream, const void *bytes, size_t n)
{
    struct http_request *request = owner(stream);

    (void)pthread_mutex_lock(&request->lock);
    const bool ok = !request->gone && !stream->dead && put(stream, bytes, n);
    http_request_wake(request);
    (void)pthread_mutex_unlock(&request->lock);
    return ok;
}

bool http_stream_gone(struct http_stream *stream)
{
    struct http_request *request = owner(stream);

    (void)pthread_mutex_lock(&request->lock);
    const bool gone = request->gone || stream->dead;
    (void)pthread_mutex_unlock(&request->lock);
    return gone;
}

void http_stream_on_gone(struct http_stream *stream, void (*fn)(void *user), void *user)
{
    http_on_gone(owner(stream), fn, user);
}

void http_stream_end(struct http_stream *stream)
{
    struct http_request *request = owner(stream);

    http_request_forget_gone(request);
    (void)pthread_mutex_lock(&request->lock);
    stream->ended = true;
    http_request_wake(request);
    (void)pthread_mutex_unlock(&request->lock);
    http_request_release(request);
}

/* ---- lines and events ---- */

/* `before`, the value on one line, `after`; in one piece. */
static bool write_value(struct http_stream *stream, const char *before, json_t *value,
                        const char *after)
{
    char *text = json_dumps(value, JSON_COMPACT);
    struct http_request *request = owner(stream);

    json_decref(value);
    (void)pthread_mutex_lock(&request->lock);
    const bool ok = text && !request->gone && !stream->dead &&
                    put(stream, before, strlen(before)) && put(stream, text, strlen(text)) &&
                    put(stream, after, strlen(after));
    if (!ok)
        stream->dead = true;
    http_request_wake(request);
    (void)pthread_mutex_unlock(&request->lock);
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return ok;
}

bool http_stream_ndjson(struct http_stream *stream, json_t *value)
{
    return write_value(stream, "", value, "\n");
}

bool http_stream_sse(struct http_stream *stream, const char *event, json_t *value)
{
    char before[96] = "data: ";

    if (event)
        (void)snprintf(before, sizeof(before), "event: %s\ndata: ", event);
    return write_value(stream, before, value, "\n\n");
}
