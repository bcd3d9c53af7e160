/* Fitting blocks to few bits: the search for scales. */
#ifndef ORI_KERNELS_FIT_H
#define ORI_KERNELS_FIT_H

#include <stddef.h>

#define ORI_SUB_MAX 32 /* elements of the largest block that shares a scale */

/* The part of an importance that may be NULL. */
static inline const float *ori_fit_at(const float *importance, size_t at)
{
    return importance ? importance + at : NULL;
}

/* Nearest integer to x / d, clamped to [low, high]; 0, clamped, when d is 0. */
int ori_fit_quant(float x, float d, int low, int high);

/* The mean of x^2. */
float ori_fit_mean_square(const float *x, int n);

/* How much the error of each element counts.
 *
 * What is to be small is the error of a dot product, sum_i (a_i (x_i - y_i)), whose
 * expected square is sum_i E[a_i^2] (x_i - y_i)^2 when errors are independent.
 * `importance` (may be NULL) is E[a_i^2], measured by running the model over some
 * text; then the weight is that times sqrt(mean_square + x^2), which favours the
 * large elements a little.  Unmeasured, it is x^2 + floor_share * mean(x^2). */
void ori_fit_weights(const float *x, const float *importance, int n, float mean_square,
                     float floor_share, float *w);

/* The scale s for which the best q in [-half, half - 1] make sum(w (x - s q)^2)
 * smallest, among a few candidates; 0 for an all-zero block. */
float ori_fit_scale(const float *x, const float *w, int n, int half);

/* The same with a minimum: x ~ s q - m, q in [0, top], s >= 0, m >= 0.
 * Returns s and stores m. */
float ori_fit_scale_min(const float *x, const float *w, int n, int top, float *m);

#endif
