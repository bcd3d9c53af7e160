/* answer.h - one answer of a model, from the handler to the last byte.
 *
 * A handler reads its request, acquires the model and hands everything in by
 * answer_start(): the HTTP request, its hold on the model, and a state of the
 * family's own.  From then on all of it belongs to the answer, which lives on the
 * scheduler's thread and frees it after the end.
 *
 * A streamed answer begins with its first piece, so that what goes wrong before it
 * has an HTTP code of its own; a whole one is gathered, with a bound, and replied
 * to at the end.  When the client goes away, the scheduler is told at once, and
 * stops after the token that it is at.
 */
#ifndef SERVER_ANSWER_H
#define SERVER_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include <orion.h>

#include "http.h"
#include "loaded.h"

/* An answer that was gathered to its end; valid during the call. */
struct answer_whole {
    const char *text, *thinking; /* "" when there is none */
    size_t text_bytes, thinking_bytes;
    json_t *calls; /* a list of calls, as answer_call() makes them; NULL: none */
};

/* How a family writes its answers.  The calls come one after another, on the
 * scheduler's thread; `stream` is NULL for a whole answer. */
struct answer_shape {
    const char *stream_type; /* "text/event-stream" */
    /* Write a piece to the stream; of a whole answer take what is wanted besides
     * the text.  False: no more is wanted (the stream is dead, memory is short). */
    bool (*piece)(void *state, struct http_stream *stream, const orion_answer_piece *piece);
    /* Write the last words of a stream; it is ended after this. */
    void (*end)(void *state, struct http_stream *stream, const orion_stats *stats);
    /* The same when it failed after it began. */
    void (*fail)(void *state, struct http_stream *stream, const orion_error *err);
    json_t *(*whole)(void *state, const struct answer_whole *whole, const orion_stats *stats);
    void (*free)(void *state);
    const char *think_field; /* of a request, that says whether to think */
};

#define ANSWER_MAX_BYTES (4u << 20) /* of a whole answer's text, and of its thinking */
#define ANSWER_MAX_CALLS 256

/* The call that a piece tells of: {"id", "type", "function": {"name", "arguments": {}}},
 * with an id made up where the model wrote none; NULL: memory is short. */
json_t *answer_call(const orion_answer_piece *piece);

/* Of the reply when the request left this machine: the address that it went to. */
#define ANSWER_REMOTE_HEADER "X-Orion-Remote"

struct answer_job {
    struct http_request *request;
    struct loaded_model *model;
    const struct answer_shape *shape;
    void *state;
    bool stream;
};

/* Hand in what `ask` says (its callbacks are set here; the rest is copied).  Takes
 * over everything in job, whatever happens; a failure is replied in the route's
 * shape, 503 with Retry-After when too many wait. */
void answer_start(const struct answer_job *job, orion_request *ask);

/* End a request by the route's error; one that may be tried again soon
 * (ORION_E_BUSY) with Retry-After. */
void answer_refuse(struct http_request *request, const orion_error *err);

#endif
