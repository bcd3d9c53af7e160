/* Rotary position embedding: the frequency of each pair of dimensions.
 * Su et al., "RoFormer", 2021. */
#ifndef ORI_MODEL_ROPE_H
#define ORI_MODEL_ROPE_H

#include "model/model.h"

struct ori_rope {
    uint32_t n_pairs;
    double *frequency; /* [n_pairs] radians a position; owned */
    double *local;     /* the same of layers with a window; owned; NULL: they don't differ */
    float factor;      /* multiplies cosines and sines */
};

/* For sessions of context_tokens: models with long and short factors choose by
 * it, so their results depend on the session's context, as published. */
orion_status ori_rope_init(struct ori_rope *rope, const struct ori_model *model,
                           uint32_t context_tokens, orion_error *err);
void ori_rope_release(struct ori_rope *rope);

/* angles[2*i] = cos, angles[2*i+1] = sin of pair i at a position; `frequency` is
 * one of the two. */
void ori_rope_angles(const struct ori_rope *rope, const double *frequency, uint32_t position,
                     float *angles);

#endif
