/* Answers under way: one thread an endpoint, started by the first of them, which
 * moves all transfers on and calls back.
 *
 * Others put answers at the front of the list and raise flags, under the lock; the
 * thread alone takes them out, so it walks the list without. */
#include "remote/internal.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/thread.h"
#include "remote/body.h"
#include "remote/calls.h"
#include "remote/delta.h"
#include "remote/sse.h"

#define STEP_MS 200
#define ANSWER_MAX_BYTES ((uint64_t)64 << 20)
#define STREAM_TYPE "text/event-stream"

_Static_assert(ORI_ENDPOINT_MAX_REQUESTS <= 64, "as many as an engine moves");

struct ori_answer {
    struct ori_answer *next;
    const struct ori_endpoint *endpoint;
    uint64_t id;
    orion_piece_fn on_piece;
    orion_done_fn on_done;
    void *user;
    atomic_bool cancelled;

    /* ---- the thread's own, once it is in the list ---- */
    char *url;
    struct ori_buf body;
    struct ori_transfer transfer;
    bool begun;
    struct ori_buf refusal; /* what came with a code that is no success */
    struct ori_sse sse;
    struct ori_remote_calls calls;
    uint64_t bytes;
    bool ended;    /* the model did: a reason was told */
    bool complete; /* nothing is to come */
    orion_stats stats;
    uint64_t start_ns, first_ns, told_ns; /* told: the last event */
};

static void answer_free(struct ori_answer *a)
{
    ori_remote_calls_release(&a->calls);
    ori_sse_release(&a->sse);
    ori_buf_release(&a->refusal);
    ori_buf_release(&a->body);
    free(a->url);
    free(a);
}

/* ---- what arrives ---- */

static orion_status hand_on(struct ori_answer *a, orion_piece_kind kind, const char *text,
                            size_t text_bytes, orion_error *err)
{
    const orion_answer_piece piece = {.text = text, .text_bytes = text_bytes, .kind = kind};

    if (text_bytes == 0)
        return ORION_OK;
    if (a->first_ns == 0)
        a->first_ns = a->told_ns;
    a->stats.output_tokens++; /* until the endpoint says how many they were */
    if (a->on_piece && a->on_piece(&piece, a->user) != 0)
        return ori_fail(err, ORION_E_CANCELLED, "stopped");
    return ORION_OK;
}

/* The model has ended, so they are whole. */
static orion_status hand_on_calls(struct ori_answer *a, orion_error *err)
{
    orion_status status = ORION_OK;

    for (size_t i = 0; i < a->calls.n && status == ORION_OK; i++) {
        struct ori_buf call;
        ori_buf_init(&call, ANSWER_MAX_BYTES);
        status = ori_remote_calls_write(&a->calls.at[i], &call, err);
        if (status == ORION_OK)
            status = hand_on(a, ORION_PIECE_TOOL_CALL, ori_buf_text(&call), call.len, err);
        ori_buf_release(&call);
    }
    ori_remote_calls_release(&a->calls);
    return status;
}

static orion_status take_delta(struct ori_answer *a, const struct ori_delta *delta,
                               orion_error *err)
{
    orion_status status =
        hand_on(a, ORION_PIECE_THINKING, delta->thinking, delta->thinking_bytes, err);

    if (status == ORION_OK)
        status = hand_on(a, ORION_PIECE_ANSWER, delta->text, delta->text_bytes, err);
    if (status == ORION_OK)
        status = ori_remote_calls_add(&a->calls, delta->calls, err);
    return status == ORION_OK && delta->ended ? hand_on_calls(a, err) : status;
}

static orion_status on_event(void *self, const char *data, size_t len, orion_error *err)
{
    struct ori_answer *a = self;
    struct ori_delta delta;

    a->told_ns = ori_now_ns();
    orion_status status = ori_delta_read(data, len, &delta, err);
    if (status != ORION_OK)
        return status;
    status = take_delta(a, &delta, err);
    if (delta.ended) {
        a->ended = true;
        a->stats.finish = delta.finish;
    }
    if (delta.counted) {
        a->stats.prompt_tokens = delta.prompt_tokens;
        a->stats.cached_tokens = delta.cached_tokens;
        a->stats.output_tokens = delta.output_tokens;
    }
    if (delta.last && status == ORION_OK) { /* what may follow is not waited for */
        a->complete = true;
        status = ORION_E_CANCELLED;
    }
    ori_delta_release(&delta);
    return status;
}

static orion_status on_reply(struct ori_transfer *t, orion_error *err)
{
    const struct ori_answer *a = t->self;

    if (t->reply.status != 200 ||
        strncasecmp(t->reply.content_type, STREAM_TYPE, strlen(STREAM_TYPE)) == 0)
        return ORION_OK;
    return ori_fail(err, ORION_E_NETWORK,
                    "%s did not answer with a stream of events, but with '%s'", a->endpoint->title,
                    t->reply.content_type);
}

static orion_status on_body(struct ori_transfer *t, const void *data, size_t len, orion_error *err)
{
    struct ori_answer *a = t->self;

    if (t->reply.status != 200) {
        const size_t room = a->refusal.max - a->refusal.len;
        (void)ori_buf_add(&a->refusal, data, len < room ? len : room);
        return len < room ? ORION_OK : ORION_E_CANCELLED; /* that will do */
    }
    a->bytes += len;
    if (a->bytes > ANSWER_MAX_BYTES)
        return ori_fail(err, ORION_E_NETWORK, "the answer of %s has no end", a->endpoint->title);
    return ori_sse_feed(&a->sse, data, len, err);
}

/* ---- its end ---- */

static bool is_silent(const struct ori_answer *a)
{
    return ori_now_ns() - a->told_ns >= (uint64_t)a->endpoint->silence_ms * 1000000u;
}

static bool is_over(const struct ori_answer *a)
{
    return a->transfer.done || atomic_load(&a->cancelled) || is_silent(a);
}

static orion_status judge(struct ori_answer *a, orion_error *err)
{
    const struct ori_transfer *t = &a->transfer;

    if (a->complete)
        return ORION_OK;
    if (atomic_load(&a->cancelled))
        return ori_fail(err, ORION_E_CANCELLED, "stopped");
    if (!t->done)
        return ori_fail(err, ORION_E_NETWORK, "%s has said nothing for %u seconds",
                        a->endpoint->title, (unsigned)((a->endpoint->silence_ms + 999) / 1000));
    if (t->reply.status != 0 && t->reply.status != 200) /* however its body ended */
        return ori_endpoint_refusal(a->endpoint, &t->reply, &a->refusal, err);
    if (t->status != ORION_OK) {
        *err = t->error;
        return t->status;
    }
    return a->ended
               ? ORION_OK
               : ori_fail(err, ORION_E_NETWORK, "the answer of %s was cut off", a->endpoint->title);
}

static void tell_end(struct ori_answer *a)
{
    const uint64_t now = ori_now_ns();
    const uint64_t first = a->first_ns ? a->first_ns : now;
    orion_error err = {.offset = ORION_NO_OFFSET};

    const orion_status status = judge(a, &err);
    if (status == ORION_E_CANCELLED)
        a->stats.finish = ORION_FINISH_CANCELLED;
    a->stats.first_token_ms = a->stats.prompt_ms = (double)(first - a->start_ns) / 1e6;
    a->stats.output_ms = (double)(now - first) / 1e6;
    a->on_done(status, &a->stats, &err, a->user);
}

static void take_out(struct ori_endpoint *endpoint, const struct ori_answer *a)
{
    (void)pthread_mutex_lock(&endpoint->lock);
    struct ori_answer **at = &endpoint->answers;
    while (*at != a)
        at = &(*at)->next;
    *at = a->next;
    endpoint->n_answers--;
    (void)pthread_mutex_unlock(&endpoint->lock);
}

/* ---- the thread ---- */

static void begin(struct ori_endpoint *endpoint, struct ori_answer *a)
{
    struct ori_transfer *t = &a->transfer;

    a->begun = true;
    a->told_ns = ori_now_ns();
    *t = (struct ori_transfer){.url = a->url,
                               .json = ori_buf_text(&a->body),
                               .json_bytes = a->body.len,
                               .accept = STREAM_TYPE,
                               .stall_ms = endpoint->silence_ms,
                               .on_reply = on_reply,
                               .on_body = on_body,
                               .self = a};
    const orion_status status = ori_engine_add(endpoint->engine, t, &t->error);
    if (status != ORION_OK) {
        t->status = status;
        t->done = true;
    }
}

/* True when there were any. */
static bool end_those_over(struct ori_endpoint *endpoint, struct ori_answer *first)
{
    bool any = false;

    for (struct ori_answer *a = first, *next; a; a = next) {
        next = a->next;
        if (!is_over(a))
            continue;
        ori_engine_remove(endpoint->engine, &a->transfer);
        take_out(endpoint, a);
        tell_end(a);
        answer_free(a);
        any = true;
    }
    return any;
}

/* The answers there are, waiting for the first; NULL when it is time to go. */
static struct ori_answer *await(struct ori_endpoint *endpoint)
{
    (void)pthread_mutex_lock(&endpoint->lock);
    while (!endpoint->answers && !endpoint->closing)
        (void)pthread_cond_wait(&endpoint->asked, &endpoint->lock);
    struct ori_answer *first = endpoint->answers;
    for (struct ori_answer *a = first; a && endpoint->closing; a = a->next)
        atomic_store(&a->cancelled, true);
    (void)pthread_mutex_unlock(&endpoint->lock);
    return first;
}

static void *work(void *self)
{
    struct ori_endpoint *endpoint = self;
    struct ori_answer *first;

    while ((first = await(endpoint))) {
        for (struct ori_answer *a = first; a; a = a->next)
            if (!a->begun && !atomic_load(&a->cancelled))
                begin(endpoint, a);
        if (!end_those_over(endpoint, first))
            ori_engine_step(endpoint->engine, STEP_MS);
    }
    return NULL;
}

/* ---- from outside ---- */

static struct ori_answer *answer_new(const struct ori_endpoint *endpoint,
                                     const orion_request *request)
{
    struct ori_answer *a = calloc(1, sizeof(*a));
    if (!a)
        return NULL;
    a->endpoint = endpoint;
    a->on_piece = request->on_piece;
    a->on_done = request->on_done;
    a->user = request->user;
    a->start_ns = ori_now_ns();
    ori_buf_init(&a->body, ORI_BODY_MAX_BYTES);
    ori_buf_init(&a->refusal, ORI_REFUSAL_MAX_BYTES);
    ori_sse_init(&a->sse, on_event, a);
    const bool chat = request->n_messages > 0;
    a->url = ori_endpoint_address(endpoint, chat ? endpoint->chat_path : endpoint->text_path);
    if (a->url)
        return a;
    answer_free(a);
    return NULL;
}

static orion_status put_in(struct ori_endpoint *endpoint, struct ori_answer *a, uint64_t *id,
                           orion_error *err)
{
    orion_status status = ORION_OK;

    (void)pthread_mutex_lock(&endpoint->lock);
    if (endpoint->n_answers == ORI_ENDPOINT_MAX_REQUESTS)
        status = ori_fail(err, ORION_E_BUSY, "%s is asked %d things already", endpoint->title,
                          ORI_ENDPOINT_MAX_REQUESTS);
    else if (!endpoint->started && ori_thread_start(&endpoint->thread, work, endpoint) != 0)
        status = ori_fail_nomem(err, "a thread");
    if (status == ORION_OK) {
        endpoint->started = true;
        a->id = ++endpoint->last_id;
        if (id)
            *id = a->id;
        a->next = endpoint->answers;
        endpoint->answers = a;
        endpoint->n_answers++;
        (void)pthread_cond_signal(&endpoint->asked);
    }
    (void)pthread_mutex_unlock(&endpoint->lock);
    if (status == ORION_OK)
        ori_engine_wake(endpoint->engine);
    return status;
}

orion_status ori_endpoint_submit(struct ori_endpoint *endpoint, const char *model,
                                 const orion_request *request, uint64_t *id, orion_error *err)
{
    if (!model && !endpoint->model)
        return ori_fail(err, ORION_E_ARGUMENT, "which model is asked must be said");
    orion_status status = ori_engine_check_online(endpoint->line, err);
    if (status != ORION_OK)
        return status;
    struct ori_answer *a = answer_new(endpoint, request);
    if (!a)
        return ori_fail_nomem(err, "a request");
    status = ori_body_write(request, endpoint->model ? endpoint->model : model, endpoint->extended,
                            &a->body, err);
    if (status == ORION_OK)
        status = put_in(endpoint, a, id, err);
    if (status != ORION_OK)
        answer_free(a);
    return status;
}

void ori_endpoint_cancel(struct ori_endpoint *endpoint, uint64_t id)
{
    (void)pthread_mutex_lock(&endpoint->lock);
    for (struct ori_answer *a = endpoint->answers; a; a = a->next)
        if (a->id == id)
            atomic_store(&a->cancelled, true);
    (void)pthread_mutex_unlock(&endpoint->lock);
    ori_engine_wake(endpoint->engine);
}
