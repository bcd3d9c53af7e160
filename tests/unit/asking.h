/* Asking a scheduler: what comes of a request is gathered in an outcome, which a
 * test waits for.  Include after <cmocka.h>. */
#ifndef TEST_ASKING_H
#define TEST_ASKING_H

#include <pthread.h>
#include <string.h>

#include "model_file.h"

#include <orion.h>

#define WINDOW_MODEL "golden/phi3-window.gguf"
#define PLAIN_MODEL "golden/llama-gqa.gguf"
#define MIXED_MODEL "golden/gemma2.gguf" /* some layers with a window, others without */
#define TINY_MODEL "../models/orion-tiny.gguf"

static inline orion_model *open_public(const char *path)
{
    orion_model *model;
    orion_error err;

    if (orion_model_open(path, NULL, &model, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return model;
}

static inline orion_scheduler *open_scheduler(const orion_model *model,
                                              orion_scheduler_options options)
{
    orion_scheduler *scheduler;
    orion_error err;

    options.size = sizeof(options);
    if (orion_scheduler_open(model, &options, &scheduler, &err) != ORION_OK)
        fail_msg("%s", err.message);
    return scheduler;
}

struct outcome {
    orion_scheduler *scheduler;
    uint64_t id;
    char text[1 << 13];
    size_t len, calls;
    size_t n_choices;
    uint64_t digest; /* of all choices, bit by bit */
    orion_status status;
    orion_stats stats;
    orion_error err;
    size_t done; /* calls of on_done() */

    /* What the first pieces do besides: */
    void (*at_piece)(struct outcome *outcome); /* or NULL */
    size_t quit_at;                            /* the piece that asks to stop; 0: none */
    struct outcome *other;                     /* at_piece()'s own */
};

static pthread_mutex_t asking_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t asking_ended = PTHREAD_COND_INITIALIZER;

static inline int add_text(struct outcome *o, const char *text, size_t len)
{
    assert_true(o->len + len < sizeof(o->text));
    assert_int_equal(text[len], 0);
    assert_int_equal(o->done, 0);
    memcpy(o->text + o->len, text, len);
    o->len += len;
    o->text[o->len] = '\0';
    o->calls++;
    if (o->at_piece)
        o->at_piece(o);
    return o->calls == o->quit_at;
}

static inline void digest_bytes(uint64_t *digest, const void *data, size_t n)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < n; i++) /* FNV-1a */
        *digest = (*digest ^ bytes[i]) * 0x100000001B3u;
}

static inline void digest_logprob(uint64_t *digest, const orion_token_logprob *p)
{
    digest_bytes(digest, &p->token, sizeof(p->token));
    digest_bytes(digest, &p->logprob, sizeof(p->logprob));
    digest_bytes(digest, p->bytes, p->n_bytes);
}

static inline void add_choices(struct outcome *o, const orion_token_choice *choices, size_t n)
{
    o->n_choices += n;
    for (size_t i = 0; i < n; i++) {
        digest_logprob(&o->digest, &choices[i].chosen);
        for (size_t k = 0; k < choices[i].n_top; k++)
            digest_logprob(&o->digest, &choices[i].top[k]);
    }
}

static inline int on_piece(const orion_answer_piece *piece, void *user)
{
    add_choices(user, piece->choices, piece->n_choices);
    return add_text(user, piece->text, piece->text_bytes);
}

static inline void on_done(orion_status status, const orion_stats *stats, const orion_error *err,
                           void *user)
{
    struct outcome *o = user;

    pthread_mutex_lock(&asking_lock);
    o->status = status;
    o->stats = *stats;
    o->err = *err;
    o->done++;
    pthread_cond_broadcast(&asking_ended);
    pthread_mutex_unlock(&asking_lock);
}

static inline void wait_for(const struct outcome *o)
{
    pthread_mutex_lock(&asking_lock);
    while (o->done == 0)
        pthread_cond_wait(&asking_ended, &asking_lock);
    pthread_mutex_unlock(&asking_lock);
    assert_int_equal(o->done, 1);
}

/* A piece at which the scheduler's thread stands until the gate is opened: what is
 * handed in meanwhile is all there when it goes on. */
static bool gate_open, gate_reached;

static inline void at_gate(struct outcome *o)
{
    (void)o;
    pthread_mutex_lock(&asking_lock);
    gate_reached = true;
    pthread_cond_broadcast(&asking_ended);
    while (!gate_open)
        pthread_cond_wait(&asking_ended, &asking_lock);
    pthread_mutex_unlock(&asking_lock);
}

static inline void open_gate(void)
{
    pthread_mutex_lock(&asking_lock);
    gate_open = true;
    pthread_cond_broadcast(&asking_ended);
    pthread_mutex_unlock(&asking_lock);
}

static inline void submit_text(orion_scheduler *scheduler, const char *prompt, uint32_t max_tokens,
                               struct outcome *o);

/* Hand in a request that stands at the gate now, with max_tokens to go. */
static inline void shut_gate(orion_scheduler *scheduler, uint32_t max_tokens, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    gate_open = gate_reached = false;
    o->at_piece = at_gate;
    submit_text(scheduler, "the and", max_tokens, o);
    pthread_mutex_lock(&asking_lock);
    while (!gate_reached)
        pthread_cond_wait(&asking_ended, &asking_lock);
    pthread_mutex_unlock(&asking_lock);
}

/* Hand a text in; greedy, as long as max_tokens says. */
static inline orion_status try_text(orion_scheduler *scheduler, const char *prompt,
                                    uint32_t max_tokens, struct outcome *o, orion_error *err)
{
    orion_generate_params params;
    orion_request r;

    orion_generate_params_init(&params);
    params.temperature = 0;
    params.max_tokens = max_tokens;
    params.lookup = 15; /* so that several tokens may come of one step */
    orion_request_init(&r);
    r.prompt = prompt;
    r.params = &params;
    r.on_piece = on_piece;
    r.on_done = on_done;
    r.user = o;
    o->scheduler = scheduler;
    return orion_scheduler_submit(scheduler, &r, &o->id, err);
}

static inline void submit_text(orion_scheduler *scheduler, const char *prompt, uint32_t max_tokens,
                               struct outcome *o)
{
    orion_error err;
    if (try_text(scheduler, prompt, max_tokens, o, &err) != ORION_OK)
        fail_msg("%s", err.message);
}

#endif
