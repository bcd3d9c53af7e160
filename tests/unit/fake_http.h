/* The parts of http.h that end a request, for a test: what was said is kept.
 * Include after <cmocka.h>. */
#ifndef TEST_FAKE_HTTP_H
#define TEST_FAKE_HTTP_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/http.h"

struct http_stream {
    char bytes[65536];
    size_t n;
    size_t room; /* bytes that it takes before its reader is gone; 0: all */
    bool ended;
};

struct http_request {
    int replies; /* that ended it: must become 1 */
    int code;
    orion_status status;
    char field[64], message[512], retry_after[16], remote[64], type[64];
    json_t *json; /* of a whole reply */
    struct http_stream stream;
    bool no_memory; /* no stream can be begun */
    void (*on_gone)(void *user);
    void *on_gone_user;
};

static inline void fake_end(struct http_request *request, int code)
{
    request->replies++;
    request->code = code;
}

void http_add_header(struct http_request *request, const char *name, const char *value)
{
    if (strcmp(name, "Retry-After") == 0)
        (void)snprintf(request->retry_after, sizeof(request->retry_after), "%s", value);
    if (strcmp(name, "X-Orion-Remote") == 0)
        (void)snprintf(request->remote, sizeof(request->remote), "%s", value);
}

void http_reply_failure(struct http_request *request, int code, orion_status status,
                        const char *field, const char *format, ...)
{
    va_list args;

    fake_end(request, code);
    request->status = status;
    (void)snprintf(request->field, sizeof(request->field), "%s", field ? field : "");
    va_start(args, format);
    (void)vsnprintf(request->message, sizeof(request->message), format, args);
    va_end(args);
}

int http_code(orion_status status)
{
    return status == ORION_OK ? 200 : 500;
}

void http_reply_error(struct http_request *request, const orion_error *err)
{
    http_reply_failure(request, http_code(err->status), err->status, NULL, "%s", err->message);
}

void http_reply_json(struct http_request *request, int code, json_t *value)
{
    fake_end(request, value ? code : 500);
    request->json = value;
}

void http_on_gone(struct http_request *request, void (*fn)(void *user), void *user)
{
    request->on_gone = fn;
    request->on_gone_user = user;
}

static inline void fake_go(const struct http_request *request)
{
    request->on_gone(request->on_gone_user);
}

struct http_stream *http_stream_begin(struct http_request *request, const char *type)
{
    fake_end(request, request->no_memory ? 500 : 200);
    (void)snprintf(request->type, sizeof(request->type), "%s", type);
    return request->no_memory ? NULL : &request->stream;
}

bool http_stream_write(struct http_stream *stream, const void *bytes, size_t n)
{
    if (stream->room && stream->n + n > stream->room)
        return false;
    assert_true(!stream->ended && n < sizeof(stream->bytes) - stream->n);
    memcpy(stream->bytes + stream->n, bytes, n);
    stream->n += n;
    stream->bytes[stream->n] = '\0';
    return true;
}

bool http_stream_sse(struct http_stream *stream, const char *event, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    char line[8192];

    assert_null(event);
    const int n = snprintf(line, sizeof(line), "data: %s\n\n", text);
    free(text);
    json_decref(value);
    return http_stream_write(stream, line, (size_t)n);
}

void http_stream_end(struct http_stream *stream)
{
    stream->ended = true;
}

#endif
