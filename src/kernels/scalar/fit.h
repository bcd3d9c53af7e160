/* Fitting blocks to few bits: the search for scales. */
#ifndef ORI_KERNELS_FIT_H
#define ORI_KERNELS_FIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* What is not measured is taken to count: by the square of the element; by that and the mean
 * square of all; or, where bits are many, by its magnitude and the root of the mean square.
 * Which of them loses least is a matter of trying (docs/internals/quantize.md). */
enum ori_fit_rule { ORI_FIT_SQUARE, ORI_FIT_SQUARE_AND_MEAN, ORI_FIT_MAGNITUDE };

/* How much the error of each element counts.
 *
 * What is to be small is the error of a dot product, sum_i (a_i (x_i - y_i)), whose
 * expected square is sum_i E[a_i^2] (x_i - y_i)^2 when errors are independent.
 * `importance` (may be NULL) is E[a_i^2], measured by running the model over some
 * text; then the weight is that times sqrt(mean_square + x^2), which favours the
 * large elements a little.  Unmeasured, or where all of it is 0, the rule says. */
void ori_fit_weights(const float *x, const float *importance, int n, float mean_square,
                     enum ori_fit_rule rule, float *w);

/* The element largest in magnitude, with its sign. */
float ori_fit_extreme(const float *x, int n);

/* The best so far of several ways to round: how much of sum(w x^2) it accounts for, and by
 * which scale.  Begin with a gain of -1 and the scale to take if nothing has a weight. */
struct ori_fit_best {
    float gain, scale;
};

/* Let integers q compete: the scale that suits them best follows by weighted least squares. */
void ori_fit_consider(struct ori_fit_best *best, const float *x, const float *w, const int *q,
                      int n);

/* The scale s for which the best q in [-half, half - 1] make sum(w (x - s q)^2)
 * smallest, among a few candidates; 0 for an all-zero block. */
float ori_fit_scale(const float *x, const float *w, int n, int half);

/* Index of the code nearest to x / d; codes ascend.  That nearest to 0 when d is 0. */
int ori_fit_code(float x, float d, const int8_t codes[16]);

/* As ori_fit_scale() for codes instead of all integers of a range. */
float ori_fit_scale_codes(const float *x, const float *w, int n, const int8_t codes[16]);

/* The same with a minimum: x ~ s q - m, q in [0, top], s >= 0, m >= 0.
 * Returns s and stores m. */
float ori_fit_scale_min(const float *x, const float *w, int n, int top, float *m);

#endif
