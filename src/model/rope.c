#include "model/rope.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>

/* Stretching the context of a longrope model changes the length of the rotated
 * vectors: sqrt(1 + ln(stretch) / ln(original)), as Phi-3-128k publishes. */
static float longrope_factor(const struct ori_hparams *hp)
{
    const double stretch = (double)hp->context_tokens / hp->original_context_tokens;

    if (stretch <= 1.0 || hp->original_context_tokens < 2)
        return 1.0f;
    return (float)sqrt(1.0 + ori_log(stretch) / ori_log((double)hp->original_context_tokens));
}

/* The pair, whole numbers aside, that turns so often within the original context. */
static double pair_of_turns(const struct ori_hparams *hp, float base, float turns)
{
    const double radians = 6.283185307179586 * (double)turns;
    return hp->n_rot * ori_log(hp->original_context_tokens / radians) /
           (2.0 * ori_log((double)base));
}

/* Peng et al., "YaRN", 2023: the share of pair i's frequency that stays as it was.
 * The ramp's ends are rounded outwards, as in all programs that read these files. */
static double yarn_share(const struct ori_hparams *hp, float base, uint32_t i)
{
    if (hp->yarn_share == 0.0f)
        return 0.0;
    const double low = fmax(0.0, floor(pair_of_turns(hp, base, hp->yarn_fast_turns)));
    const double high = fmin(hp->n_rot - 1.0, ceil(pair_of_turns(hp, base, hp->yarn_slow_turns)));
    const double along = (i - low) / fmax(0.001, high - low);

    return (double)hp->yarn_share * (1.0 - fmin(1.0, fmax(0.0, along)));
}

/* [n_rot / 2], owned by the caller; divisors may be NULL.  NULL when memory is short. */
static double *frequencies(const struct ori_hparams *hp, float base, float scale,
                           const float *divisors)
{
    const uint32_t n_pairs = hp->n_rot / 2;
    double *out = ori_calloc_array(n_pairs, sizeof(*out));

    for (uint32_t i = 0; out && i < n_pairs; i++) {
        const double exponent = (double)(2 * i) / hp->n_rot;
        const double share = yarn_share(hp, base, i);
        out[i] = ori_rope_frequency((double)base, exponent) *
                 (share + (1.0 - share) * (double)scale) / (divisors ? (double)divisors[i] : 1.0);
    }
    return out;
}

orion_status ori_rope_init(struct ori_rope *rope, const struct ori_model *model,
                           uint32_t context_tokens, orion_error *err)
{
    const struct ori_hparams *hp = &model->hp;
    const float *divisors = model->rope_factors;

    *rope = (struct ori_rope){.n_pairs = hp->n_rot / 2, .factor = hp->rope_attn_factor};
    if (model->rope_factors_long) {
        divisors = context_tokens > hp->original_context_tokens ? model->rope_factors_long
                                                                : model->rope_factors_short;
        if (hp->rope_attn_factor == 1.0f)
            rope->factor = longrope_factor(hp);
    }
    rope->frequency = frequencies(hp, hp->rope_base, hp->rope_scale, divisors);
    if (hp->rope_base_local > 0.0f)
        rope->local = frequencies(hp, hp->rope_base_local, 1.0f, NULL);
    if (!rope->frequency || (hp->rope_base_local > 0.0f && !rope->local)) {
        ori_rope_release(rope);
        return ori_fail_nomem(err, "rope frequencies");
    }
    return ORION_OK;
}

void ori_rope_release(struct ori_rope *rope)
{
    free(rope->frequency);
    free(rope->local);
    *rope = (struct ori_rope){0};
}

void ori_rope_angles(const struct ori_rope *rope, const double *frequency, uint32_t position,
                     float *angles)
{
    for (size_t i = 0; i < rope->n_pairs; i++) {
        float cosine;
        float sine;
        ori_rope_angle((double)position * frequency[i], &cosine, &sine);
        angles[2 * i] = cosine * rope->factor;
        angles[2 * i + 1] = sine * rope->factor;
    }
}
