/* http.h - HTTP for the server: what a handler sees of a request and a reply.
 *
 * libmicrohttpd parses and sends, on its own threads; a handler runs on one of
 * a few worker threads and may block (a disk, a hub).  It ends a request in one
 * of three ways: a whole reply, a file's bytes, or a stream that is written to
 * from any thread until it is ended.  Nobody ever waits for a client: a stream
 * whose reader is slow holds a bounded number of bytes and is then given up,
 * and a file is sent as the client takes it.
 *
 * What every request is checked for before a handler sees it (Host, Origin,
 * Sec-Fetch-Site, token, sizes, framing) is in guard.h.
 */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <orion.h>

struct guard;
struct http;         /* a listening server */
struct http_request; /* one request; the handler's until it has ended it */

/* Runs on a worker thread.  The request must be ended by exactly one http_reply_*()
 * or http_stream_begin(), after which it is no longer the handler's: by the handler,
 * or later by whoever it gave the request to (an answer of a model, on the scheduler's
 * thread).  Each of them may be called from any thread and never waits for the client. */
typedef void (*http_handler)(struct http_request *request, void *user);

/* How a failure is written to the client; each family of APIs has its own shape.
 * `field` is the request's field at fault, or NULL. */
typedef json_t *(*http_error_shape)(int code, orion_status status, const char *message,
                                    const char *field);

struct http_route {
    const char *method; /* "GET" (which answers HEAD too), "POST", "DELETE" */
    /* "/v1/models", or with parts: "/v1/models/{name}".  "{name}" is one segment,
     * "{name...}" as last part takes the rest, slashes included. */
    const char *path;
    http_handler handle;
    http_error_shape shape; /* of its errors; also of those found before the handler runs, below
                             * the first segment of its path */
};

/* {"error": {"status", "message", "field"}}: the shape of what belongs to no family,
 * and of /orion/v1. */
json_t *http_shape_native(int code, orion_status status, const char *message, const char *field);

/* ---- the server itself ---- */

struct http_table {
    const struct http_route *routes; /* the last has no method */
    bool open; /* they may be asked for without the token: the page, its assets, health */
};

struct http_options {
    int listen_fd; /* listens, does not block; taken over, also on failure */
    const struct guard *guard;
    const struct http_table *tables; /* the first match counts; the last has no routes */
    void *user;                      /* of every handler */
};

/* All that options point to must outlive the server. */
orion_status http_start(const struct http_options *options, struct http **out, orion_error *err);
/* Take no more requests and let those under way end, for grace_ms; then lose the
 * clients of the rest, and wait until their handlers have ended them. */
void http_stop(struct http *http, int grace_ms); /* NULL is a no-op */

struct http_counts {
    uint32_t connections;
    uint64_t replies[6]; /* by the first digit of their code */
};
void http_get_counts(struct http *http, struct http_counts *out);

/* ---- the request; strings are valid until it is ended ---- */

const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);
/* The part of the path that matched "{name}", percent-decoded; never NULL for a
 * part that the route has. */
const char *http_part(const struct http_request *request, const char *name);
const char *http_query(const struct http_request *request, const char *name); /* or NULL */
/* The parameters of the query in their order; false when there is none at index. */
bool http_query_at(const struct http_request *request, size_t index, const char **name,
                   const char **value);
const char *http_header(const struct http_request *request, const char *name); /* or NULL */
const void *http_body(const struct http_request *request, size_t *bytes);
/* The body as a JSON object, parsed once, depth at most 64, no duplicate keys;
 * NULL after replying 400 with the route's shape, in which case the request has
 * ended.  Borrowed from the request. */
json_t *http_json(struct http_request *request);

/* Does it bring the token, or is none needed? */
bool http_is_known(const struct http_request *request, const struct guard *guard);

/* Call `fn` once, on a thread of the server, when the client goes away before it has
 * its reply; at once when it has.  The request must be ended all the same.  Holds on
 * for a stream that the request becomes.  When the http_reply_*() or http_stream_end()
 * has returned, fn is not running and will not be called.  fn must not end anything. */
void http_on_gone(struct http_request *request, void (*fn)(void *user), void *user);

/* ---- whole replies: each ends the request ---- */

/* Add a line to the headers of the reply to come, of whichever kind; both are
 * copied.  One with an empty value is left out. */
void http_add_header(struct http_request *request, const char *name, const char *value);

/* `value` is taken over, also on failure; NULL (memory) becomes a 500. */
void http_reply_json(struct http_request *request, int code, json_t *value);
/* The route's shape with the code that belongs to the status (http_code()). */
void http_reply_error(struct http_request *request, const orion_error *err);
void http_reply_failure(struct http_request *request, int code, orion_status status,
                        const char *field, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Bytes that outlive the server, with their type and a strong ETag (quoted); 304
 * when the client has them. */
void http_reply_static(struct http_request *request, const char *type, const void *bytes, size_t n,
                       const char *etag);
void http_reply_text(struct http_request *request, int code, const char *type, const char *text);

/* The bytes of an open file, by sendfile.  etag is strong and quoted; honours HEAD,
 * Range (one range; several, or nonsense: the whole file; past the end: 416),
 * If-Range and If-None-Match.  fd is taken over. */
void http_reply_file(struct http_request *request, int fd, uint64_t bytes, const char *type,
                     const char *etag);
/* A reply without a body: redirects, 204. */
void http_reply_empty(struct http_request *request, int code);

/* The HTTP code that belongs to a status. */
int http_code(orion_status status);

/* ---- streams: replies that are made as time goes by ---- */

struct http_stream; /* counted: freed when ended and the client is gone */

/* Answer 200 with this type and a body to come.  Ends the request.  NULL when
 * memory is short (500 was sent). */
struct http_stream *http_stream_begin(struct http_request *request, const char *type);
/* Callable from any thread; never blocks.  False when the client is gone, or so
 * far behind that more than HTTP_STREAM_BYTES wait: then the stream is dead and
 * its writer should stop. */
bool http_stream_write(struct http_stream *stream, const void *bytes, size_t n);
bool http_stream_gone(struct http_stream *stream);
/* http_on_gone() for one that is a stream already. */
void http_stream_on_gone(struct http_stream *stream, void (*fn)(void *user), void *user);
/* What was written is sent, then the reply ends.  The handle is no longer the
 * caller's. */
void http_stream_end(struct http_stream *stream);
#define HTTP_STREAM_BYTES (256u << 10)

/* One line of NDJSON, or one event of SSE (event may be NULL); `value` is taken
 * over.  False as http_stream_write(). */
bool http_stream_ndjson(struct http_stream *stream, json_t *value);
bool http_stream_sse(struct http_stream *stream, const char *event, json_t *value);

#endif
