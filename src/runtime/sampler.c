#include "runtime/sampler.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

orion_status ori_sampler_check(const struct ori_sampler_params *p, orion_error *err)
{
    /* Written so that a NaN fails. */
    if (!(p->temperature >= 0.0f && p->temperature <= 100.0f))
        return ori_fail(err, ORION_E_ARGUMENT, "temperature is %g, expected 0 to 100",
                        (double)p->temperature);
    if (!(p->top_p > 0.0f && p->top_p <= 1.0f))
        return ori_fail(err, ORION_E_ARGUMENT, "top_p is %g, expected more than 0 and at most 1",
                        (double)p->top_p);
    if (!(p->min_p >= 0.0f && p->min_p < 1.0f))
        return ori_fail(err, ORION_E_ARGUMENT, "min_p is %g, expected at least 0 and less than 1",
                        (double)p->min_p);
    if (!(p->repeat_penalty > 0.0f && p->repeat_penalty <= 100.0f))
        return ori_fail(err, ORION_E_ARGUMENT,
                        "repeat_penalty is %g, expected more than 0 and at most 100",
                        (double)p->repeat_penalty);
    if (!(p->frequency_penalty >= -2.0f && p->frequency_penalty <= 2.0f))
        return ori_fail(err, ORION_E_ARGUMENT, "frequency_penalty is %g, expected -2 to 2",
                        (double)p->frequency_penalty);
    if (!(p->presence_penalty >= -2.0f && p->presence_penalty <= 2.0f))
        return ori_fail(err, ORION_E_ARGUMENT, "presence_penalty is %g, expected -2 to 2",
                        (double)p->presence_penalty);
    return ORION_OK;
}

orion_status ori_sampler_init(struct ori_sampler *s, const struct ori_sampler_params *params,
                              uint32_t n_vocab, orion_error *err)
{
    *s = (struct ori_sampler){.params = *params, .state = params->seed, .n_vocab = n_vocab};
    s->candidates = ori_alloc_array(n_vocab, sizeof(*s->candidates));
    const bool counts = params->frequency_penalty != 0.0f || params->presence_penalty != 0.0f;
    if (counts)
        s->picked = ori_calloc_array(n_vocab, sizeof(*s->picked));
    if (!s->candidates || (counts && !s->picked)) {
        ori_sampler_release(s);
        return ori_fail_nomem(err, "sampling");
    }
    return ORION_OK;
}

void ori_sampler_release(struct ori_sampler *s)
{
    free(s->candidates);
    free(s->picked);
    *s = (struct ori_sampler){0};
}

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014. */
static uint64_t next_random(struct ori_sampler *s)
{
    uint64_t z = (s->state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static double next_uniform(struct ori_sampler *s)
{
    return (double)(next_random(s) >> 11) * 0x1p-53;
}

/* Likelier first; equal logits by token, so that the order is total. */
static bool before(const struct ori_candidate *a, const struct ori_candidate *b)
{
    return a->logit != b->logit ? a->logit > b->logit : a->token < b->token;
}

#define SEEN (-1) /* in place of a candidate's token: it has been penalised */

/* Candidates are indexed by token at this point.  A token is penalised once
 * however often it occurs (Keskar et al., "CTRL", 2019). */
static void penalize_repeats(struct ori_sampler *s, const int32_t *history, size_t n_history)
{
    const float penalty = s->params.repeat_penalty;
    size_t first = 0;

    if (penalty == 1.0f)
        return;
    if (n_history > s->params.repeat_last_tokens)
        first = n_history - s->params.repeat_last_tokens;
    for (size_t i = first; i < n_history; i++) {
        struct ori_candidate *c = &s->candidates[history[i]];
        if (c->token == SEEN)
            continue;
        c->logit = c->logit > 0.0f ? c->logit / penalty : c->logit * penalty;
        c->token = SEEN;
    }
    for (size_t i = first; i < n_history; i++)
        s->candidates[history[i]].token = history[i];
}

/* Candidates are indexed by token.  The penalties of OpenAI's API, which see all
 * that was picked so far and nothing of the prompt. */
static void penalize_picked(struct ori_sampler *s)
{
    if (!s->picked)
        return;
    for (uint32_t i = 0; i < s->n_vocab; i++)
        if (s->picked[i] > 0)
            s->candidates[i].logit -=
                (float)s->picked[i] * s->params.frequency_penalty + s->params.presence_penalty;
}

static void swap(struct ori_candidate *a, struct ori_candidate *b)
{
    const struct ori_candidate t = *a;
    *a = *b;
    *b = t;
}

/* Move candidate i of a heap of n down to its place; the root is the last in
 * order, so that it is the one to give way. */
static void sift_down(struct ori_candidate *heap, size_t n, size_t i)
{
    for (;;) {
        size_t last = i;
        const size_t left = 2 * i + 1;
        if (left < n && before(&heap[last], &heap[left]))
            last = left;
        if (left + 1 < n && before(&heap[last], &heap[left + 1]))
            last = left + 1;
        if (last == i)
            return;
        swap(&heap[i], &heap[last]);
        i = last;
    }
}

/* Put the k first of n candidates in front, in order.  Not by qsort(), which
 * allocates for long arrays. */
static void select_first(struct ori_candidate *c, size_t n, size_t k)
{
    for (size_t i = k / 2; i-- > 0;)
        sift_down(c, k, i);
    for (size_t i = k; i < n; i++)
        if (before(&c[i], &c[0])) {
            swap(&c[i], &c[0]);
            sift_down(c, k, 0);
        }
    for (size_t left = k; left > 1;) {
        swap(&c[0], &c[--left]);
        sift_down(c, left, 0);
    }
}

/* How many of the n ordered candidates top-p and min-p leave; at least 1. */
static size_t cut_tail(const struct ori_sampler *s, size_t n)
{
    const struct ori_candidate *c = s->candidates;
    double total = 0.0;
    double sum = 0.0;

    if (s->params.top_p >= 1.0f && s->params.min_p <= 0.0f)
        return n;
    for (size_t i = 0; i < n; i++)
        total += ori_exp((double)c[i].logit - (double)c[0].logit);
    for (size_t i = 0; i < n; i++) {
        const double p = ori_exp((double)c[i].logit - (double)c[0].logit);
        if (i > 0 && p < (double)s->params.min_p)
            return i;
        sum += p;
        if (sum >= (double)s->params.top_p * total)
            return i + 1;
    }
    return n;
}

static int32_t draw(struct ori_sampler *s, size_t n)
{
    const struct ori_candidate *c = s->candidates;
    const double scale = 1.0 / (double)s->params.temperature;
    double total = 0.0;

    for (size_t i = 0; i < n; i++)
        total += ori_exp(((double)c[i].logit - (double)c[0].logit) * scale);
    double left = next_uniform(s) * total;
    for (size_t i = 0; i + 1 < n; i++) {
        left -= ori_exp(((double)c[i].logit - (double)c[0].logit) * scale);
        if (left < 0.0)
            return c[i].token;
    }
    return c[n - 1].token;
}

orion_status ori_sampler_pick(struct ori_sampler *s, const float *logits, const int32_t *history,
                              size_t n_history, int32_t *token, orion_error *err)
{
    size_t n = 0;

    for (uint32_t i = 0; i < s->n_vocab; i++)
        s->candidates[i] = (struct ori_candidate){logits[i], (int32_t)i};
    penalize_repeats(s, history, n_history);
    penalize_picked(s);
    for (uint32_t i = 0; i < s->n_vocab; i++)
        if (isfinite(s->candidates[i].logit))
            s->candidates[n++] = s->candidates[i];
    if (n == 0)
        return ori_fail(err, ORION_E_FORMAT,
                        "the model's output is not a number for any token; its weights are broken");

    const bool greedy = s->params.temperature <= 0.0f;
    size_t k = s->params.top_k > 0 && s->params.top_k < n ? s->params.top_k : n;
    if (greedy)
        k = 1;
    select_first(s->candidates, n, k);
    *token = greedy ? s->candidates[0].token : draw(s, cut_tail(s, k));
    if (s->picked)
        s->picked[*token]++;
    return ORION_OK;
}
