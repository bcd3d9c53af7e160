/* Products of weights with a batch of activation columns, shared out to the
 * threads of a pool. */
#ifndef ORI_MODEL_LINEAR_H
#define ORI_MODEL_LINEAR_H

#include "base/pool.h"
#include "kernels/kernels.h"
#include "model/model.h"

/* What computes: borrowed, fixed for the life of a session. */
struct ori_compute {
    const struct ori_kernels *kernels;
    struct ori_pool *pool;
};

/* One matrix to multiply and where its results, with its bias, go:
 * out[col * out_stride + row]. */
struct ori_product {
    const struct ori_weight *weight;
    float *out;
    size_t out_stride;
};
#define ORI_MAX_PRODUCTS 4

/* Scratch for activations in each layout. */
struct ori_acts {
    void *data[ORI_ACT_COUNT]; /* [max_cols][bytes of max_n]; F32 is used in place */
    size_t max_n, max_cols;
    size_t bytes; /* of all data */
};

orion_status ori_acts_init(struct ori_acts *acts, size_t max_n, size_t max_cols, orion_error *err);
void ori_acts_release(struct ori_acts *acts);

/* Multiply 1..ORI_MAX_PRODUCTS matrices, all with rows of n elements, with the
 * same columns x[n_cols][n]. */
void ori_linear(const struct ori_compute *compute, struct ori_acts *acts, const float *x,
                size_t n_cols, const struct ori_product *products, size_t n_products);

#endif
