/* Attention of a batch in a layer: its keys and values go into the cache, its queries bring
 * together what they see there. */
#ifndef ORI_MODEL_ATTENTION_H
#define ORI_MODEL_ATTENTION_H

#include "model/forward.h"

/* All of it borrowed; rows are of n items, one behind the other. */
struct ori_attention {
    const struct ori_model *model;
    const struct ori_compute *compute;
    const struct ori_batch_item *items; /* [n] */
    uint32_t n;
    float *q;                    /* [n_heads][head_dim], which get normed and rotated */
    float *k;                    /* [n_heads_kv][head_dim], likewise */
    float *v;                    /* [n_heads_kv][head_dim] */
    float *mixed;                /* [n_heads][head_dim] what comes out */
    const float *angles, *local; /* [n_rot] cosines and sines in pairs; of layers with a window */
};

void ori_attend(const struct ori_attention *attention, uint32_t layer);

#endif
