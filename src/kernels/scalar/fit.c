/* How the scale of a block is chosen.
 *
 * Rounding makes the error a jagged function of the scale, so a few scales
 * around the obvious one (largest element on the last step) are tried: for
 * each, the elements are rounded, then the scale that fits those integers best
 * follows from weighted least squares. */
#include "kernels/scalar/fit.h"

#include <math.h>

#include "kernels/bits.h"

#define TRIES 9 /* on each side of the obvious scale */

int ori_fit_quant(float x, float d, int low, int high)
{
    const float q = d == 0 ? 0.0f : x / d;

    return q <= (float)low ? low : q >= (float)high ? high : ori_nearest(q);
}

float ori_fit_mean_square(const float *x, int n)
{
    float sum = 0;

    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sum / (float)n;
}

static bool is_measured(const float *importance, int n)
{
    for (int i = 0; importance && i < n; i++)
        if (importance[i] > 0)
            return true;
    return false;
}

void ori_fit_weights(const float *x, const float *importance, int n, float mean_square,
                     enum ori_fit_rule rule, float *w)
{
    const bool measured = is_measured(importance, n);
    const float mean = measured || rule == ORI_FIT_SQUARE ? 0 : ori_fit_mean_square(x, n);
    const float root = sqrtf(mean);

    for (int i = 0; i < n; i++)
        w[i] = measured                    ? importance[i] * sqrtf(mean_square + x[i] * x[i])
               : rule == ORI_FIT_MAGNITUDE ? fabsf(x[i]) + root
                                           : x[i] * x[i] + mean;
}

float ori_fit_extreme(const float *x, int n)
{
    float extreme = 0;

    for (int i = 0; i < n; i++)
        extreme = fabsf(x[i]) > fabsf(extreme) ? x[i] : extreme;
    return extreme;
}

void ori_fit_consider(struct ori_fit_best *best, const float *x, const float *w, const int *q,
                      int n)
{
    float xq = 0, qq = 0;

    for (int i = 0; i < n; i++) {
        xq += w[i] * x[i] * (float)q[i];
        qq += w[i] * (float)q[i] * (float)q[i];
    }
    /* The error is sum(w x^2) - xq^2 / qq. */
    if (qq > 0 && xq * xq > best->gain * qq) {
        best->gain = xq * xq / qq;
        best->scale = xq / qq;
    }
}

float ori_fit_scale(const float *x, const float *w, int n, int half)
{
    const float extreme = ori_fit_extreme(x, n);
    struct ori_fit_best best = {.gain = -1, .scale = -extreme / (float)half};

    if (extreme == 0)
        return 0;
    for (int t = -TRIES; t <= TRIES; t++) {
        const float d = -extreme / ((float)half + 0.1f * (float)t);
        int q[ORI_SUB_MAX];

        for (int i = 0; i < n; i++)
            q[i] = ori_fit_quant(x[i], d, -half, half - 1);
        ori_fit_consider(&best, x, w, q, n);
    }
    return best.scale;
}

int ori_fit_code(float x, float d, const int8_t codes[16])
{
    const float twice = d == 0 ? 0 : 2 * x / d;
    int i = 0;

    for (int step = 8; step > 0; step /= 2)
        if (twice > (float)(codes[i + step - 1] + codes[i + step]))
            i += step;
    return i;
}

float ori_fit_scale_codes(const float *x, const float *w, int n, const int8_t codes[16])
{
    const float extreme = ori_fit_extreme(x, n);
    struct ori_fit_best best = {.gain = -1, .scale = extreme / (float)codes[0]};

    if (extreme == 0)
        return 0;
    for (int end = 0; end < 16; end += 15) /* the extreme is near the lowest code, or the highest */
        for (int t = -TRIES; t <= TRIES; t++) {
            const float d = extreme / ((float)codes[end] * (1 + 0.0125f * (float)t));
            int q[ORI_SUB_MAX];

            for (int i = 0; i < n; i++)
                q[i] = codes[ori_fit_code(x[i], d, codes)];
            ori_fit_consider(&best, x, w, q, n);
        }
    return best.scale;
}

/* Sums of weighted least squares for x = s q - m. */
struct sums {
    float w, x, q, xq, qq;
};

static struct sums sum_up(const float *x, const float *w, int n, float s, float m, int top)
{
    struct sums sums = {0};

    for (int i = 0; i < n; i++) {
        const float q = (float)ori_fit_quant(x[i] + m, s, 0, top);
        sums.w += w[i];
        sums.x += w[i] * x[i];
        sums.q += w[i] * q;
        sums.xq += w[i] * x[i] * q;
        sums.qq += w[i] * q * q;
    }
    return sums;
}

/* The best s and m for given integers, with m >= 0; false when undetermined. */
static int solve(const struct sums *a, float *s, float *m)
{
    const float det = a->w * a->qq - a->q * a->q;

    if (!(det > 0))
        return 0;
    *s = (a->w * a->xq - a->x * a->q) / det;
    *m = (a->q * a->xq - a->qq * a->x) / det;
    if (*m < 0) {
        *m = 0;
        *s = a->xq / a->qq;
    }
    return *s > 0;
}

static float error_of(const float *x, const float *w, int n, float s, float m, int top)
{
    float error = 0;

    for (int i = 0; i < n; i++) {
        const float q = (float)ori_fit_quant(x[i] + m, s, 0, top);
        const float miss = s * q - m - x[i];
        error += w[i] * miss * miss;
    }
    return error;
}

float ori_fit_scale_min(const float *x, const float *w, int n, int top, float *m)
{
    float low = 0, high = x[0];

    for (int i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *m = -low;
    if (high <= low) /* one value, zero or below: the minimum says it all */
        return 0;

    float best = (high - low) / (float)top;
    float best_error = error_of(x, w, n, best, *m, top);
    for (int t = -TRIES; t <= TRIES; t++) {
        const float start = (high - low) / ((float)top + 0.1f * (float)t);
        const struct sums sums = sum_up(x, w, n, start, -low, top);
        float s, min;

        if (!solve(&sums, &s, &min))
            continue;
        const float error = error_of(x, w, n, s, min, top);
        if (error < best_error) {
            best_error = error;
            best = s;
            *m = min;
        }
    }
    return best;
}
