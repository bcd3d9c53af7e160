/* exchange.h - a connection and its one request, as the files of http_*.c share it.
 *
 * A connection carries one request, and is closed after the reply.  Its life:
 *
 *   http_door.c     accepts it and looks at the head of the request, without taking
 *                   it out of the socket, until it is whole; refuses it, or hands the
 *                   socket to libmicrohttpd, and watches for the client to go away
 *   http_request.c  libmicrohttpd reads the head (again) and the body; the connection
 *                   is then suspended and the request given to a worker
 *   http_work.c     the handler runs
 *   http_reply.c    a reply is hung on the request, and the connection goes on
 *   http_stream.c   a reply that is written bit by bit
 *
 * Threads: the door's own; libmicrohttpd's, which never waits; the workers'; and
 * whichever thread ends the request.  `lock` guards what several of them touch.
 *
 * Owners: the connection holds one reference until it is closed, whoever is to end
 * the request another, and a stream's body in libmicrohttpd a third.
 */
#ifndef SERVER_EXCHANGE_H
#define SERVER_EXCHANGE_H

#include "http.h"
#include "http_head.h"

#include <microhttpd.h>
#include <pthread.h>

#include "guard.h"

#define HTTP_CONNECTIONS 256
#define HTTP_HEAD_MS 5000    /* from the first byte of the connection to the end of the head */
#define HTTP_IDLE_S 20       /* without a byte of a body, or a byte of a reply taken */
#define HTTP_PACE_GRACE_S 10 /* after which a body must have come at this pace: */
#define HTTP_PACE_BYTES_PER_S 4096
#define HTTP_PARTS 4
#define HTTP_QUERY_PAIRS 16

struct http_work;
struct http_door;

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    struct http_work *work;
    struct http_door *door;
    _Atomic uint64_t replies[6]; /* by the first digit of their code */
    pthread_mutex_t lock;
    pthread_cond_t fewer; /* requests */
    uint32_t requests;    /* that exist */
};

struct http_pair {
    const char *name, *value;
};

struct http_stream {
    char *bytes; /* [begin, end) wait to be sent */
    size_t begin, end, room;
    bool ended; /* nothing more will come */
    bool dead;  /* its reader fell behind */
};

struct http_request {
    struct http *http;
    _Atomic uint32_t references;

    /* The door's. */
    int fd;
    enum http_place { HTTP_AT_DOOR, HTTP_REFUSED, HTTP_INSIDE } place;
    int64_t deadline_ms; /* unless it is inside */
    size_t seen_bytes;   /* at the door: looked at; refused: thrown away */

    /* Set before the request goes inside, and constant from then on. */
    struct http_head head;
    const struct http_route *route;
    http_error_shape shape;
    char *decoded; /* what parts and query point to */
    struct http_pair parts[HTTP_PARTS], query[HTTP_QUERY_PAIRS];
    size_t n_parts, n_query;

    /* libmicrohttpd's thread, then the handler's. */
    struct MHD_Connection *connection;
    char *body;
    size_t body_bytes, body_room;
    int64_t body_began_ms;
    bool body_too_long, dispatched;

    struct http_request *next; /* that waits for a worker */

    /* The handler's. */
    json_t *json;
    struct http_header_line *headers; /* of the reply to come */
    size_t n_headers;

    pthread_mutex_t lock;
    pthread_cond_t called;         /* on_gone() has returned */
    struct MHD_Response *response; /* to be queued */
    int code;
    bool suspended;
    bool gone;      /* the client */
    bool streaming; /* the reply is http_stream.c's */
    bool calling;   /* on_gone() is running */
    pthread_t caller;
    void (*on_gone)(void *user);
    void *on_gone_user;
    struct http_stream stream;
};

struct http_header_line {
    char *name, *value;
};

/* ---- http_request.c ---- */

struct http_request *http_request_new(struct http *http, int fd);
struct http_request *http_request_hold(struct http_request *request);
void http_request_release(struct http_request *request);
/* The client is not there any more; any thread. */
void http_request_lost(struct http_request *request);
/* With the lock held: let libmicrohttpd go on with it. */
void http_request_wake(struct http_request *request);
/* No on_gone() from here on; waits for one that is running. */
void http_request_forget_gone(struct http_request *request);
/* What libmicrohttpd calls; `cls` is the struct http. */
enum MHD_Result http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                const char *method, const char *version, const char *upload,
                                size_t *upload_bytes, void **state);
void http_on_completed(void *cls, struct MHD_Connection *connection, void **state,
                       enum MHD_RequestTerminationCode code);
void http_on_connection(void *cls, struct MHD_Connection *connection, void **state,
                        enum MHD_ConnectionNotificationCode code);

/* ---- http_route.c ---- */

/* Find the route and fill parts and query.  False with a refusal. */
bool http_route_find(struct http_request *request, struct guard_refusal *refusal);
/* How errors look for this path, whether or not there is such a route. */
http_error_shape http_route_shape(const struct http *http, const char *path);
/* May it be asked for without a token? */
bool http_route_is_open(const struct http *http, const char *method, const char *path);
/* The methods that a path has, "GET, HEAD": for Allow. */
void http_route_methods(const struct http *http, const char *path, char *out, size_t out_bytes);

/* ---- http_refuse.c: replies to what does not come in ---- */

/* Write it into the socket, all at once, and end our side of the connection. */
void http_refuse(struct http_request *request, const struct guard_refusal *why);

/* ---- http_reply.c ---- */

/* Hang a reply on the request and let go of it.  Takes `response` over; NULL
 * (memory) ends the connection. */
void http_respond(struct http_request *request, int code, struct MHD_Response *response);
/* The same without letting go: its body is the request's stream. */
void http_respond_by_stream(struct http_request *request, struct MHD_Response *response);
void http_count_reply(struct http *http, int code);

/* ---- http_file.c ---- */

/* Is the ETag among those of an If-None-Match?  list may be NULL. */
bool http_has_etag(const char *list, const char *etag);

/* ---- http_door.c ---- */

orion_status http_door_open(struct http *http, struct http_door **out, orion_error *err);
void http_door_close(struct http_door *door); /* take no more connections */
void http_door_free(struct http_door *door);  /* nobody is inside; NULL is a no-op */
/* Cut the connections of all who are inside. */
void http_door_clear(struct http_door *door);
/* The request whose connection that is, for one that is inside; no reference is taken. */
struct http_request *http_door_find(struct http_door *door, int fd);
/* Its connection is about to be closed. */
void http_door_leave(struct http_door *door, struct http_request *request);
uint32_t http_door_count(const struct http_door *door);

/* ---- http_work.c ---- */

orion_status http_work_new(struct http_work **out, orion_error *err);
/* Run the request's handler on a worker. */
void http_work_give(struct http_work *work, struct http_request *request);
void http_work_free(struct http_work *work); /* after the last handler; NULL is a no-op */

/* ---- http.c ---- */

int64_t http_now_ms(void); /* monotonic */

#endif
