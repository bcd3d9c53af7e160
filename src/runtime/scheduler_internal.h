/* What the files of the scheduler share. */
#ifndef ORI_RUNTIME_SCHEDULER_INTERNAL_H
#define ORI_RUNTIME_SCHEDULER_INTERNAL_H

#include "runtime/scheduler.h"

#include <pthread.h>

/* Made by whoever hands it in, then the scheduler thread's own, but for `cancel`. */
struct ori_request {
    struct ori_request *next; /* in the queue */
    uint64_t id;              /* ascends in the order of coming */
    struct ori_tokens prompt; /* owned */
    bool answer_starts;
    struct ori_generate how;
    void *stop_texts; /* what how.stop points at, owned */
    orion_done_fn on_done;
    atomic_bool cancel;

    double asked_ms;
    orion_stats stats;
    struct ori_choices choices; /* unused unless how.choices is set */
    struct ori_answer answer;
};

/* A sequence and the request that is computed in it. */
struct ori_slot {
    struct ori_sequence sequence;
    struct ori_request *request; /* NULL: free; changes under the lock */
    double freed_ms;             /* when, by ori_now_ms(); 0: no request was ever there */

    uint32_t n_prompt;  /* of the request: 0..n_prompt - 1 of the sequence's tokens */
    bool answering;     /* the prompt is computed */
    uint32_t n_wanted;  /* tokens of the prompt that could be in the batch at hand */
    uint32_t n_entered; /* tokens that are */
    uint32_t first_item;
    const float *logits; /* of those that need them, else NULL */

    /* It waits for the slot that computes what their prompts have in common: */
    const struct ori_slot *leader; /* or NULL */
    uint64_t leader_id;            /* of the request there */
    uint32_t shared;               /* tokens */
};

struct ori_scheduler {
    struct ori_engine engine;
    struct ori_slot *slots; /* [n_slots] */
    uint32_t n_slots;
    struct ori_batch_item *items; /* [engine.batch_tokens] */
    float *logits;                /* [n_slots + ORI_MAX_DRAFT][n_vocab] */
    uint32_t n_items;             /* in the batch at hand */
    uint32_t n_answer_items;      /* of those, the first, which belong to answers */
    uint32_t turn;                /* the slot that comes first in the next batch */

    pthread_t thread;
    bool started;
    pthread_mutex_t lock; /* of all that follows, and of ori_slot.request */
    pthread_cond_t wake;
    struct ori_request *first, *last; /* the queue */
    uint32_t most_held;               /* requests, in slots and waiting */
    double give_back_ms; /* what has been free since then is to give its memory back; 0: nothing */
    bool closing;
    uint64_t next_id;
    orion_scheduler_load load;
};

/* ---- scheduler_request.c ---- */

/* A copy of a job, whose prompt is taken over. */
orion_status ori_request_new(const struct ori_engine *engine, struct ori_job *job,
                             struct ori_request **out, orion_error *err);
void ori_request_free(struct ori_request *request); /* NULL is a no-op */

/* Get ready to be answered in that sequence. */
orion_status ori_request_start(struct ori_request *request, const struct ori_engine *engine,
                               struct ori_sequence *sequence, orion_error *err);

/* Go on with logits.  True when the answer is over, for better or worse. */
bool ori_request_take(struct ori_request *request, const float *logits, orion_status *status,
                      orion_error *err);

/* The last callback; the request is freed.  `err` is used unless status is
 * ORION_OK. */
void ori_request_end(struct ori_request *request, orion_status status, const orion_error *err);

/* ---- scheduler_place.c ---- */

/* The free slot whose sequence suits the request; there is one. */
struct ori_slot *ori_place_choose(struct ori_scheduler *scheduler,
                                  const struct ori_request *request);
/* Begin the prompt of slot->request with all that sequences and disk have of it. */
void ori_place_begin(struct ori_scheduler *scheduler, struct ori_slot *slot);
/* Is the next part of its prompt being computed elsewhere?  When it has been, it
 * is taken over. */
bool ori_place_waits(struct ori_scheduler *scheduler, struct ori_slot *slot);
/* How many of the next n tokens of its prompt to compute at once, so that those
 * who wait for them get them soon. */
uint32_t ori_place_limit(const struct ori_scheduler *scheduler, const struct ori_slot *slot,
                         uint32_t n);

/* ---- scheduler_batch.c ---- */

/* Compute one batch for the requests in slots, of which there is at least one. */
void ori_scheduler_step(struct ori_scheduler *scheduler);

/* ---- scheduler.c ---- */

/* The request leaves its slot and ends. */
void ori_scheduler_finish(struct ori_scheduler *scheduler, struct ori_slot *slot,
                          orion_status status, const orion_error *err);

#endif
