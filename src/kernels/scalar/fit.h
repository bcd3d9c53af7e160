/* Fitting the sub-blocks of k-quants: the search for scales. */
#ifndef ORI_KERNELS_FIT_H
#define ORI_KERNELS_FIT_H

#define ORI_SUB_MAX 32 /* elements of the largest sub-block */

/* Nearest integer to x / d, clamped to [low, high]; 0, clamped, when d is 0. */
int ori_fit_quant(float x, float d, int low, int high);

/* The scale s for which the best q in [-half, half - 1] make sum(w (x - s q)^2)
 * smallest, among a few candidates; 0 for an all-zero sub-block. */
float ori_fit_scale(const float *x, int n, int half);

/* The same with a minimum: x ~ s q - m, q in [0, top], s >= 0, m >= 0.
 * Returns s and stores m. */
float ori_fit_scale_min(const float *x, int n, int top, float *m);

#endif
