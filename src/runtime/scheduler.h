/* scheduler.h - many requests at once over one model.
 *
 * An engine, and a few sequences; one thread owns them all.  It gives each request
 * a sequence, composes batches of what they need next, and tells of what comes
 * out.  An answer is the one that a session gives, whoever else is there.
 *
 *   scheduler.c          life, the queue, the loop
 *   scheduler_request.c  a request, from its copy to its last callback
 *   scheduler_place.c    which sequence it gets, and what others have computed of it
 *   scheduler_batch.c    a step: who gets how much of a batch, and what follows
 */
#ifndef ORI_RUNTIME_SCHEDULER_H
#define ORI_RUNTIME_SCHEDULER_H

#include "runtime/answer.h"

#define ORI_MAX_SEQUENCES 64u

struct ori_scheduler;

/* Starts its thread.  options->sequences 0: 4; waiting 0: 64. */
orion_status ori_scheduler_open(const struct ori_model *model,
                                const struct ori_engine_options *options, uint32_t waiting,
                                struct ori_scheduler **out, orion_error *err);
/* What orion_scheduler_close() promises. */
void ori_scheduler_close(struct ori_scheduler *scheduler);

/* What is handed in.  `choices` of `how` is not used. */
struct ori_job {
    struct ori_tokens prompt;
    bool answer_starts; /* as for ori_answer_init() */
    struct ori_generate how;
    int32_t top_logprobs;
    orion_done_fn on_done; /* with the user of `how` */
};

/* On success the prompt's tokens are taken over, and job->prompt is empty; all
 * else is copied. */
orion_status ori_scheduler_submit(struct ori_scheduler *scheduler, struct ori_job *job,
                                  uint64_t *id, orion_error *err);
void ori_scheduler_cancel(struct ori_scheduler *scheduler, uint64_t id);
/* What orion_scheduler_give_back() promises. */
void ori_scheduler_give_back(struct ori_scheduler *scheduler, uint32_t idle_s);
void ori_scheduler_get_load(struct ori_scheduler *scheduler, orion_scheduler_load *out);

const struct ori_model *ori_scheduler_model(const struct ori_scheduler *scheduler);

#endif
