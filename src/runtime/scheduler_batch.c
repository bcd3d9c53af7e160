#include "runtime/scheduler_internal.h"
#include "runtime/snapshot.h"

#include <assert.h>

/* Prompts share a batch with the next tokens of answers, which should not wait
 * long for them.  A token in a batch of so many costs a tenth more than in one of
 * 256, in one of half as many a quarter (Llama-3.2-1B in Q4_K_M, Zen 4). */
#define PROMPT_BESIDE_ANSWERS 64u

/* ---- composing ---- */

static void enter(struct ori_scheduler *s, struct ori_slot *slot, uint32_t n)
{
    slot->first_item = s->n_items;
    slot->n_entered = n;
    ori_sequence_enter(&slot->sequence, n, s->items + s->n_items);
    s->n_items += n;
}

/* The requests that are computed: answers and prompts. */
static uint32_t count(const struct ori_scheduler *s, bool answering)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n_slots; i++)
        n += s->slots[i].request && s->slots[i].answering == answering;
    return n;
}

/* Each answer's next token, and guesses where they pay.  Beside a prompt they
 * would not: it fills the batch with tokens that are known. */
static void enter_answers(struct ori_scheduler *s)
{
    const bool guesses = count(s, false) == 0;
    uint32_t left = count(s, true);

    for (uint32_t i = 0; left > 0; i++) {
        struct ori_slot *slot = &s->slots[(s->turn + i) % s->n_slots];
        if (!slot->request || !slot->answering)
            continue;
        left--;
        const uint32_t beside = s->n_items + left;
        const uint32_t most = guesses ? s->engine.batch_tokens - beside - 1 : 0;
        enter(s, slot, ori_answer_next(&slot->request->answer, beside, most));
    }
    s->n_answer_items = s->n_items;
}

/* How many tokens each prompt could do with; returns how many prompts there are. */
static uint32_t find_prompts(struct ori_scheduler *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->n_slots; i++) {
        struct ori_slot *slot = &s->slots[i];
        slot->n_wanted = 0;
        if (!slot->request || slot->answering || ori_place_waits(s, slot))
            continue;
        slot->n_wanted = ori_place_limit(s, slot, slot->n_prompt - slot->sequence.n_tokens);
        n++;
    }
    return n;
}

/* What is left of a batch goes to the prompts in equal parts; what one does not
 * need goes to the next. */
static void enter_prompts(struct ori_scheduler *s)
{
    uint32_t n_prompts = find_prompts(s);
    uint32_t room = s->engine.batch_tokens - s->n_items;

    if (s->n_items > 0 && room > PROMPT_BESIDE_ANSWERS)
        room = PROMPT_BESIDE_ANSWERS;
    for (uint32_t i = 0; n_prompts > 0 && room > 0; i++) {
        struct ori_slot *slot = &s->slots[(s->turn + i) % s->n_slots];
        if (slot->n_wanted == 0)
            continue;
        const uint32_t share = (room + n_prompts - 1) / n_prompts;
        const uint32_t n = slot->n_wanted < share ? slot->n_wanted : share;
        enter(s, slot, n);
        room -= n;
        n_prompts--;
    }
}

static void compose(struct ori_scheduler *s)
{
    assert(s->n_slots > 0);
    s->n_items = 0;
    for (uint32_t i = 0; i < s->n_slots; i++) {
        s->slots[i].n_entered = 0;
        s->slots[i].logits = NULL;
    }
    enter_answers(s);
    enter_prompts(s);
    s->turn = (s->turn + 1) % s->n_slots;
}

/* ---- computing ---- */

/* Answers need the logits of all their tokens, which come first in the batch; a
 * prompt that is complete those of its last. */
static orion_status compute_logits(struct ori_scheduler *s, orion_error *err)
{
    const size_t n_vocab = s->engine.model->hp.n_vocab;
    size_t row = s->n_answer_items;
    orion_status status = ORION_OK;

    if (s->n_answer_items > 0)
        status = ori_forward_logits(s->engine.forward, 0, s->n_answer_items, s->logits, err);
    for (uint32_t i = 0; i < s->n_slots && status == ORION_OK; i++) {
        struct ori_slot *slot = &s->slots[i];
        if (slot->n_entered == 0 || slot->sequence.n_tokens < slot->n_prompt)
            continue;
        slot->logits = s->logits + (slot->answering ? slot->first_item : row) * n_vocab;
        if (slot->answering)
            continue;
        status = ori_forward_logits(s->engine.forward, slot->first_item + slot->n_entered - 1, 1,
                                    s->logits + row++ * n_vocab, err);
    }
    return status;
}

static orion_status compute(struct ori_scheduler *s, orion_error *err)
{
    const orion_status status = ori_forward_run(s->engine.forward, s->items, s->n_items, NULL, err);

    if (status != ORION_OK)
        return status;
    for (uint32_t i = 0; i < s->n_slots; i++)
        ori_sequence_computed(&s->slots[i].sequence, s->slots[i].n_entered);
    return compute_logits(s, err);
}

/* ---- what follows ---- */

/* A prompt is computed: its answer begins. */
static orion_status begin_answer(struct ori_scheduler *s, struct ori_slot *slot, orion_error *err)
{
    if (s->engine.prefixes)
        (void)ori_snapshot_save(&s->engine, &slot->sequence, NULL);
    slot->answering = true;
    return ori_answer_begin(&slot->request->answer, err);
}

static void go_on(struct ori_scheduler *s, struct ori_slot *slot)
{
    orion_error err = {.status = ORION_OK};
    orion_status status = slot->answering ? ORION_OK : begin_answer(s, slot, &err);

    if (status != ORION_OK || ori_request_take(slot->request, slot->logits, &status, &err))
        ori_scheduler_finish(s, slot, status, &err);
}

void ori_scheduler_step(struct ori_scheduler *s)
{
    orion_error err = {.status = ORION_OK};

    compose(s);
    const orion_status status = compute(s, &err);
    for (uint32_t i = 0; i < s->n_slots; i++) {
        struct ori_slot *slot = &s->slots[i];
        if (status != ORION_OK && slot->n_entered > 0)
            ori_scheduler_finish(s, slot, status, &err);
        else if (slot->logits)
            go_on(s, slot);
    }
}
