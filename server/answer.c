/* One answer of a model. */
#include "answer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct answer {
    /* Two hold it: answer_start() until the request is handed in, the scheduler
     * until on_done().  Between them the order is open. */
    atomic_int holders;
    /* The client's going may come before the id is known: each side writes its
     * own and then looks at the other's, so that one of them sees both. */
    atomic_bool gone;
    atomic_uint_least64_t id; /* 0: not known yet */

    struct http_request *request; /* until it is replied to, or: */
    struct http_stream *stream;   /* from the first piece to the end */
    struct loaded_model *model;
    const struct answer_shape *shape;
    void *state;
    bool streams;
    bool too_long; /* a whole answer that outgrew its bound, or memory */

    struct gathered {
        char *text; /* of a whole answer: [n], and a NUL; NULL while empty */
        size_t n, cap;
    } said, thought;
    json_t *calls; /* NULL: none */
};

static void answer_release(struct answer *answer)
{
    if (atomic_fetch_sub(&answer->holders, 1) > 1)
        return;
    loaded_release(answer->model);
    answer->shape->free(answer->state);
    free(answer->said.text);
    free(answer->thought.text);
    json_decref(answer->calls);
    free(answer);
}

/* ---- the client goes ---- */

static void stop(struct answer *answer)
{
    const uint64_t id = atomic_load(&answer->id);
    if (id != 0 && atomic_load(&answer->gone))
        loaded_cancel(answer->model, id);
}

static void on_gone(void *user)
{
    struct answer *answer = user;
    atomic_store(&answer->gone, true);
    stop(answer);
}

/* ---- pieces ---- */

static bool gather(struct gathered *gathered, const orion_answer_piece *piece)
{
    if (piece->text_bytes > ANSWER_MAX_BYTES - gathered->n)
        return false;
    const size_t need = gathered->n + piece->text_bytes + 1;
    if (need > gathered->cap) {
        const size_t cap = need < 1024 ? 1024 : need * 2;
        char *text = realloc(gathered->text, cap);
        if (!text)
            return false;
        gathered->text = text;
        gathered->cap = cap;
    }
    memcpy(gathered->text + gathered->n, piece->text, piece->text_bytes);
    gathered->n += piece->text_bytes;
    gathered->text[gathered->n] = '\0';
    return true;
}

static bool gather_piece(struct answer *answer, const orion_answer_piece *piece)
{
    if (piece->kind == ORION_PIECE_THINKING)
        return gather(&answer->thought, piece);
    if (piece->kind == ORION_PIECE_ANSWER)
        return gather(&answer->said, piece);
    if (!answer->calls)
        answer->calls = json_array();
    return json_array_size(answer->calls) < ANSWER_MAX_CALLS &&
           json_array_append_new(answer->calls, answer_call(piece)) == 0;
}

/* Nine letters and digits: what the most particular of the templates takes back. */
static json_t *new_id(void)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char random[9] = {0};
    char id[sizeof(random) + 1] = {0};

    (void)!getrandom(random, sizeof(random), 0); /* an id need not be a secret */
    for (size_t i = 0; i < sizeof(random); i++)
        id[i] = digits[random[i] % (sizeof(digits) - 1)];
    return json_string(id);
}

json_t *answer_call(const orion_answer_piece *piece)
{
    json_t *call = json_loadb(piece->text, piece->text_bytes, 0, NULL);

    if (call && !json_is_string(json_object_get(call, "id")))
        (void)json_object_set_new(call, "id", new_id());
    return call;
}

static bool begin(struct answer *answer)
{
    if (!answer->stream && answer->request) {
        answer->stream = http_stream_begin(answer->request, answer->shape->stream_type);
        answer->request = NULL;
    }
    return answer->stream != NULL;
}

static int on_piece(const orion_answer_piece *piece, void *user)
{
    struct answer *answer = user;

    if (atomic_load(&answer->gone))
        return 1;
    if (answer->streams)
        return !begin(answer) || !answer->shape->piece(answer->state, answer->stream, piece);
    answer->too_long =
        !gather_piece(answer, piece) || !answer->shape->piece(answer->state, NULL, piece);
    return answer->too_long;
}

/* ---- the end ---- */

static const char *text_of(const struct gathered *gathered)
{
    return gathered->text ? gathered->text : "";
}

static void end_whole(struct answer *answer, const orion_stats *stats)
{
    const struct answer_whole whole = {
        .text = text_of(&answer->said),
        .text_bytes = answer->said.n,
        .thinking = text_of(&answer->thought),
        .thinking_bytes = answer->thought.n,
        .calls = answer->calls,
    };

    http_reply_json(answer->request, 200, answer->shape->whole(answer->state, &whole, stats));
}

static void end_stream(struct answer *answer, const orion_stats *stats)
{
    if (!begin(answer)) /* an answer without a piece begins here */
        return;
    answer->shape->end(answer->state, answer->stream, stats);
    http_stream_end(answer->stream);
}

static void end_badly(struct answer *answer, const orion_error *err)
{
    if (answer->request) {
        answer_refuse(answer->request, err);
    } else if (answer->stream) {
        answer->shape->fail(answer->state, answer->stream, err);
        http_stream_end(answer->stream);
    }
}

static void on_done(orion_status status, const orion_stats *stats, const orion_error *err,
                    void *user)
{
    static const orion_error too_long = {
        .status = ORION_E_UNSUPPORTED, /* not ORION_E_NOMEM: trying again would not help */
        .offset = ORION_NO_OFFSET,
        .message = "the answer is too long to be kept until its end; ask for a stream, or set a "
                   "limit of tokens"};
    static const orion_error stopped = {.status = ORION_E_CANCELLED,
                                        .offset = ORION_NO_OFFSET,
                                        .message = "the answer was stopped: the server is ending, "
                                                   "or the client is gone"};
    struct answer *answer = user;

    if (status == ORION_OK && answer->streams)
        end_stream(answer, stats);
    else if (status == ORION_OK)
        end_whole(answer, stats);
    else if (answer->too_long)
        end_badly(answer, &too_long);
    else
        end_badly(answer, status == ORION_E_CANCELLED ? &stopped : err);
    answer_release(answer);
}

/* ---- the beginning ---- */

void answer_refuse(struct http_request *request, const orion_error *err)
{
    if (err->status == ORION_E_BUSY || err->status == ORION_E_CANCELLED) {
        http_add_header(request, "Retry-After", "1");
        http_reply_failure(request, 503, err->status, NULL, "%s", err->message);
    } else {
        http_reply_error(request, err);
    }
}

/* What the model's template has no place for is a field of the request. */
static const char *field_of(const struct answer_shape *shape, const orion_error *err)
{
    static const char *const fields[] = {"tools", "documents", "messages", "variables"};

    if (strcmp(err->name, "thinking") == 0)
        return shape->think_field;
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (strcmp(err->name, fields[i]) == 0)
            return fields[i];
    return NULL;
}

static void refuse_ask(struct answer *answer, const orion_error *err)
{
    const char *field = field_of(answer->shape, err);

    if (field)
        http_reply_failure(answer->request, 400, err->status, field, "'%s': %s", field,
                           err->message);
    else
        answer_refuse(answer->request, err);
}

static struct answer *answer_new(const struct answer_job *job)
{
    struct answer *answer = calloc(1, sizeof(*answer));
    if (!answer)
        return NULL;
    atomic_init(&answer->holders, 2);
    atomic_init(&answer->gone, false);
    atomic_init(&answer->id, 0);
    answer->request = job->request;
    answer->model = job->model;
    answer->shape = job->shape;
    answer->state = job->state;
    answer->streams = job->stream;
    return answer;
}

void answer_start(const struct answer_job *job, orion_request *ask)
{
    static const orion_error no_memory = {.status = ORION_E_NOMEM,
                                          .offset = ORION_NO_OFFSET,
                                          .message = "not enough memory for an answer"};
    orion_error err;
    uint64_t id;

    struct answer *answer = answer_new(job);
    if (!answer) {
        answer_refuse(job->request, &no_memory);
        loaded_release(job->model);
        job->shape->free(job->state);
        return;
    }
    ask->on_piece = on_piece;
    ask->on_done = on_done;
    ask->user = answer;
    if (loaded_remote(job->model)) /* no client is to find out later */
        http_add_header(job->request, ANSWER_REMOTE_HEADER, loaded_remote(job->model));
    http_on_gone(job->request, on_gone, answer);
    if (loaded_submit(job->model, ask, &id, &err) == ORION_OK) {
        atomic_store(&answer->id, id);
        stop(answer);
    } else {
        refuse_ask(answer, &err);
        atomic_store(&answer->holders, 1); /* the scheduler never had it */
    }
    answer_release(answer);
}
