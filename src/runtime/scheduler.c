#include "runtime/scheduler_internal.h"
#include "runtime/snapshot.h"

#include "base/clock.h"
#include "base/thread.h"

#include <stdlib.h>

#define DEFAULT_SEQUENCES 4u
#define DEFAULT_WAITING 64u

/* ---- requests in and out ---- */

/* Forget the whole queue but those that stay; returns what was taken out, in order. */
static struct ori_request *take_from_queue(struct ori_scheduler *s, bool all)
{
    struct ori_request *taken = NULL;
    struct ori_request **end = &taken;
    struct ori_request **at = &s->first;

    pthread_mutex_lock(&s->lock);
    s->last = NULL;
    while (*at) {
        struct ori_request *r = *at;
        if (!all && !atomic_load(&r->cancel)) {
            s->last = r;
            at = &r->next;
            continue;
        }
        *at = r->next;
        r->next = NULL;
        *end = r;
        end = &r->next;
        s->load.waiting--;
    }
    pthread_mutex_unlock(&s->lock);
    return taken;
}

/* The request is nobody's any more: count it, and tell its owner. */
static void end(struct ori_scheduler *s, struct ori_request *r, orion_status status,
                const orion_error *err)
{
    pthread_mutex_lock(&s->lock);
    s->load.requests++;
    s->load.prompt_tokens += r->stats.prompt_tokens;
    s->load.cached_tokens += r->stats.cached_tokens;
    s->load.output_tokens += r->stats.output_tokens;
    pthread_mutex_unlock(&s->lock);
    ori_request_end(r, status, err);
}

static void end_cancelled(struct ori_scheduler *s, struct ori_request *list)
{
    orion_error err;

    (void)ori_fail(&err, ORION_E_CANCELLED, "cancelled");
    while (list) {
        struct ori_request *r = list;
        list = r->next;
        end(s, r, ORION_E_CANCELLED, &err);
    }
}

void ori_scheduler_finish(struct ori_scheduler *s, struct ori_slot *slot, orion_status status,
                          const orion_error *err)
{
    struct ori_request *r = slot->request;

    pthread_mutex_lock(&s->lock);
    slot->request = NULL;
    slot->freed_ms = ori_now_ms();
    s->load.running--;
    pthread_mutex_unlock(&s->lock);
    end(s, r, status, err);
}

orion_status ori_scheduler_submit(struct ori_scheduler *s, struct ori_job *job, uint64_t *id,
                                  orion_error *err)
{
    struct ori_request *r = NULL;
    orion_status status =
        ori_generate_check(&job->how, job->prompt.count, s->engine.context_tokens, err);

    if (status == ORION_OK)
        status = ori_request_new(&s->engine, job, &r, err);
    if (status != ORION_OK)
        return status;
    pthread_mutex_lock(&s->lock);
    if (s->closing) {
        status = ori_fail(err, ORION_E_CANCELLED, "the model is being closed");
    } else if (s->load.running + s->load.waiting >= s->most_held) {
        status = ori_fail(err, ORION_E_BUSY,
                          "%u requests are under way and %u wait already; try again later",
                          s->load.running, s->load.waiting);
    } else {
        r->id = ++s->next_id;
        if (s->last)
            s->last->next = r;
        else
            s->first = r;
        s->last = r;
        s->load.waiting++;
        if (id)
            *id = r->id;
        r = NULL; /* may be over by now */
        pthread_cond_signal(&s->wake);
    }
    pthread_mutex_unlock(&s->lock);
    ori_request_free(r);
    return status;
}

static void cancel_if(struct ori_request *r, uint64_t id)
{
    if (r && r->id == id)
        atomic_store(&r->cancel, true);
}

void ori_scheduler_cancel(struct ori_scheduler *s, uint64_t id)
{
    pthread_mutex_lock(&s->lock);
    for (struct ori_request *r = s->first; r; r = r->next)
        cancel_if(r, id);
    for (uint32_t i = 0; i < s->n_slots; i++)
        cancel_if(s->slots[i].request, id);
    pthread_mutex_unlock(&s->lock);
}

void ori_scheduler_give_back(struct ori_scheduler *s, uint32_t idle_s)
{
    const double since_ms = ori_now_ms() - idle_s * 1e3;

    pthread_mutex_lock(&s->lock);
    if (s->give_back_ms < since_ms)
        s->give_back_ms = since_ms;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void ori_scheduler_get_load(struct ori_scheduler *s, orion_scheduler_load *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->load;
    pthread_mutex_unlock(&s->lock);
}

const struct ori_model *ori_scheduler_model(const struct ori_scheduler *s)
{
    return s->engine.model;
}

/* ---- the thread ---- */

/* Sleep until there is something to do.  False when the scheduler closes. */
static bool wait_for_work(struct ori_scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    while (!s->closing && !s->first && s->load.running == 0 && s->give_back_ms == 0)
        pthread_cond_wait(&s->wake, &s->lock);
    const bool goes_on = !s->closing;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

/* The request that came first gets a slot.  NULL when there is none of either. */
static struct ori_slot *fill_slot(struct ori_scheduler *s)
{
    struct ori_slot *slot = NULL;

    pthread_mutex_lock(&s->lock);
    struct ori_request *r = s->load.running < s->n_slots ? s->first : NULL;
    if (r) {
        slot = ori_place_choose(s, r);
        slot->request = r;
        s->first = r->next;
        if (!s->first)
            s->last = NULL;
        r->next = NULL;
        s->load.waiting--;
        s->load.running++;
    }
    pthread_mutex_unlock(&s->lock);
    return slot;
}

static void admit(struct ori_scheduler *s)
{
    struct ori_slot *slot;

    while ((slot = fill_slot(s)) != NULL) {
        orion_error err = {.status = ORION_OK};
        ori_place_begin(s, slot);
        const orion_status status =
            ori_request_start(slot->request, &s->engine, &slot->sequence, &err);
        if (status != ORION_OK)
            ori_scheduler_finish(s, slot, status, &err);
    }
}

/* Those that were cancelled, or all. */
static void stop(struct ori_scheduler *s, bool all)
{
    orion_error err;

    (void)ori_fail(&err, ORION_E_CANCELLED, "cancelled");
    end_cancelled(s, take_from_queue(s, all));
    for (uint32_t i = 0; i < s->n_slots; i++) {
        struct ori_slot *slot = &s->slots[i];
        if (slot->request && (all || atomic_load(&slot->request->cancel)))
            ori_scheduler_finish(s, slot, ORION_E_CANCELLED, &err);
    }
}

/* What is wanted back of sequences that are free. */
static void give_back(struct ori_scheduler *s)
{
    pthread_mutex_lock(&s->lock);
    const double since_ms = s->give_back_ms;
    s->give_back_ms = 0;
    pthread_mutex_unlock(&s->lock);
    for (struct ori_slot *slot = s->slots; slot < s->slots + s->n_slots; slot++)
        if (!slot->request && slot->freed_ms <= since_ms)
            ori_sequence_give_back(&slot->sequence);
}

static void count_memory(struct ori_scheduler *s)
{
    uint64_t bytes = 0;

    for (uint32_t i = 0; i < s->n_slots; i++)
        bytes += ori_sequence_bytes(&s->slots[i].sequence);
    pthread_mutex_lock(&s->lock);
    s->load.kv_bytes = bytes;
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *arg)
{
    struct ori_scheduler *s = arg;

    while (wait_for_work(s)) {
        stop(s, false);
        admit(s);
        if (s->load.running > 0) /* ours alone to change */
            ori_scheduler_step(s);
        give_back(s);
        count_memory(s);
    }
    stop(s, true);
    return NULL;
}

/* ---- life ---- */

static orion_status set_up(struct ori_scheduler *s, const struct ori_model *model,
                           const struct ori_engine_options *options, orion_error *err)
{
    size_t n_rows;
    orion_status status = ori_engine_init(&s->engine, model, options, err);

    if (status != ORION_OK)
        return status;
    s->slots = ori_calloc_array(options->sequences, sizeof(*s->slots));
    s->items = ori_calloc_array(s->engine.batch_tokens, sizeof(*s->items));
    n_rows = (size_t)options->sequences + ORI_MAX_DRAFT;
    s->logits = ori_engine_new_logits(&s->engine, n_rows);
    if (!s->slots || !s->items || !s->logits)
        return ori_fail_nomem(err, "the scheduler");
    s->load.buffer_bytes =
        ori_forward_bytes(s->engine.forward) + (uint64_t)n_rows * model->hp.n_vocab * sizeof(float);
    for (s->n_slots = 0; s->n_slots < options->sequences; s->n_slots++) {
        status = ori_sequence_init(&s->slots[s->n_slots].sequence, &s->engine, err);
        if (status != ORION_OK) {
            ori_sequence_release(&s->slots[s->n_slots].sequence);
            return status;
        }
    }
    return options->prefixes
               ? ori_snapshot_attach(&s->engine, &s->slots[0].sequence.kv, options->prefixes, err)
               : ORION_OK;
}

orion_status ori_scheduler_open(const struct ori_model *model,
                                const struct ori_engine_options *options, uint32_t waiting,
                                struct ori_scheduler **out, orion_error *err)
{
    struct ori_engine_options chosen = *options;

    *out = NULL;
    if (chosen.sequences == 0)
        chosen.sequences = DEFAULT_SEQUENCES;
    if (chosen.sequences > ORI_MAX_SEQUENCES)
        return ori_fail(err, ORION_E_ARGUMENT, "%u requests at once are too many; the limit is %u",
                        chosen.sequences, ORI_MAX_SEQUENCES);
    struct ori_scheduler *s = calloc(1, sizeof(*s));
    if (!s)
        return ori_fail_nomem(err, "the scheduler");
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    if (waiting == 0)
        waiting = DEFAULT_WAITING;
    s->most_held =
        waiting < UINT32_MAX - chosen.sequences ? chosen.sequences + waiting : UINT32_MAX;
    orion_status status = set_up(s, model, &chosen, err);
    if (status == ORION_OK && ori_thread_start(&s->thread, run, s) != 0)
        status = ori_fail(err, ORION_E_NOMEM, "cannot start the scheduler's thread");
    else if (status == ORION_OK)
        s->started = true;
    if (status != ORION_OK) {
        ori_scheduler_close(s);
        return status;
    }
    *out = s;
    return ORION_OK;
}

void ori_scheduler_close(struct ori_scheduler *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->closing = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (s->started)
        pthread_join(s->thread, NULL);
    ori_engine_release(&s->engine);
    for (uint32_t i = 0; i < s->n_slots; i++)
        ori_sequence_release(&s->slots[i].sequence);
    free(s->slots);
    free(s->items);
    free(s->logits);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    free(s);
}
