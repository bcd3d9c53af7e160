/* From the hidden states of texts to one vector each: brought together as the
 * model's file says, through its dense layers where it has some, of length 1. */
#ifndef ORI_MODEL_POOLING_H
#define ORI_MODEL_POOLING_H

#include "model/linear.h"

struct ori_pooling_pass {
    const struct ori_model *model;     /* borrowed */
    const struct ori_compute *compute; /* borrowed */
    struct ori_acts acts;              /* with dense layers */
    float *pooled, *between;           /* [max_texts][n_embd], [rows of the first]; the same */
};

/* For up to max_texts at a time; the model pools.  May be released after a
 * failure, too; and all zeros is a no-op. */
orion_status ori_pooling_init(struct ori_pooling_pass *pass, const struct ori_model *model,
                              const struct ori_compute *compute, uint32_t max_texts,
                              orion_error *err);
void ori_pooling_release(struct ori_pooling_pass *pass);

/* hidden[sum of n_tokens][n_embd], the texts one after the other, of n_tokens[n_texts]
 * >= 1 tokens; out[n_texts][ori_model_embedding_length()].  ORION_E_FORMAT when a
 * vector has no length that is a number: the weights are broken. */
orion_status ori_pooling_run(struct ori_pooling_pass *pass, const float *hidden,
                             const uint32_t *n_tokens, uint32_t n_texts, float *out,
                             orion_error *err);

#endif
