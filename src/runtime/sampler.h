/* Choosing the next token from logits: penalties, top-k, top-p, min-p,
 * temperature, in this order.  Deterministic: same logits, history, parameters
 * and state, same token, on every machine. */
#ifndef ORI_RUNTIME_SAMPLER_H
#define ORI_RUNTIME_SAMPLER_H

#include "base/base.h"

struct ori_sampler_params {
    float temperature;           /* >= 0; 0: the likeliest */
    uint32_t top_k;              /* 0: all */
    float top_p;                 /* (0, 1] */
    float min_p;                 /* [0, 1) */
    float repeat_penalty;        /* > 0; 1: off */
    uint32_t repeat_last_tokens; /* of the history, how many it sees */
    float frequency_penalty;     /* [-2, 2] off a logit for each time its token was picked */
    float presence_penalty;      /* [-2, 2] off it once, if it was picked at all */
    uint64_t seed;
};

struct ori_candidate {
    float logit;
    int32_t token;
};

struct ori_sampler {
    struct ori_sampler_params params;
    uint64_t state; /* SplitMix64 */
    uint32_t n_vocab;
    struct ori_candidate *candidates; /* [n_vocab], owned */
    uint32_t *picked; /* [n_vocab] how often each was, owned; NULL when no penalty asks */
};

/* ORION_E_ARGUMENT names the parameter that is out of range. */
orion_status ori_sampler_check(const struct ori_sampler_params *params, orion_error *err);

orion_status ori_sampler_init(struct ori_sampler *sampler, const struct ori_sampler_params *params,
                              uint32_t n_vocab, orion_error *err);
void ori_sampler_release(struct ori_sampler *sampler);

/* logits[n_vocab]; history[n_history] are the tokens so far, newest last.
 * ORION_E_FORMAT when no logit is a number: the model's weights are broken. */
orion_status ori_sampler_pick(struct ori_sampler *sampler, const float *logits,
                              const int32_t *history, size_t n_history, int32_t *token,
                              orion_error *err);

#endif
