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
    size_t first_col, n_cols; /* the columns that it takes; n_cols 0: all */
};

/* Columns to multiply with: x[n][length of a row].  Where `to` is given, column c
 * becomes the n_copies columns to[c * n_copies], to[c * n_copies + 1], ...; all
 * these together are 0 to n * n_copies - 1. */
struct ori_columns {
    const float *x;
    size_t n;
    const uint32_t *to; /* or NULL */
    size_t n_copies;
};

/* Scratch for activations in each layout. */
struct ori_acts {
    /* [max_cols][bytes of max_n]; F32 is used in place, so it is NULL; who has
     * columns copied lends it room */
    void *data[ORI_ACT_COUNT];
    size_t max_n, max_cols;
    size_t bytes; /* of all that is owned */
};

orion_status ori_acts_init(struct ori_acts *acts, size_t max_n, size_t max_cols, orion_error *err);
void ori_acts_release(struct ori_acts *acts); /* but what was lent */
/* Bytes for a column; no overflow for the bounds of hyper-parameters. */
size_t ori_acts_col_bytes(size_t max_n);

/* Multiply matrices, all with rows of the same length, with the same columns. */
void ori_linear_columns(const struct ori_compute *compute, struct ori_acts *acts,
                        const struct ori_columns *columns, const struct ori_product *products,
                        size_t n_products);
void ori_linear(const struct ori_compute *compute, struct ori_acts *acts, const float *x,
                size_t n_cols, const struct ori_product *products, size_t n_products);

/* What comes between the products of a feed-forward block: gate[i] becomes
 * activation(gate[i]) * up[i], for i < n_cols * n. */
void ori_gate(const struct ori_compute *compute, enum ori_activation activation, float *gate,
              const float *up, size_t n_cols, size_t n);

#endif
