/* Floats -> Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, MXFP4, IQ4_NL.
 *
 * Unmeasured, a block is laid out by the rule that all programs share which write these
 * types, byte for byte: the extreme element fixes the scale, and quants are taken
 * against the scale before it is rounded to f16.  With importance, the scale (and
 * minimum) is searched for (fit.h), and quants are taken against it as it will be read
 * back.  IQ4_NL, which has no such rule, is always searched for. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/codebook.h"
#include "kernels/scalar/fit.h"

static void range(const float x[ORI_BLOCK], float *low, float *high)
{
    *low = *high = x[0];
    for (int i = 1; i < ORI_BLOCK; i++) {
        *low = x[i] < *low ? x[i] : *low;
        *high = x[i] > *high ? x[i] : *high;
    }
}

static void pack_nibbles(const int q[ORI_BLOCK], uint8_t qs[16])
{
    for (int i = 0; i < 16; i++)
        qs[i] = (uint8_t)((q[i] & 15) | (q[i + 16] & 15) << 4);
}

static void pack_fifth_bits(const int q[ORI_BLOCK], uint8_t qh[4])
{
    uint32_t high = 0;

    for (int i = 0; i < ORI_BLOCK; i++)
        high |= (uint32_t)(q[i] >> 4 & 1) << i;
    ori_store_le32(qh, high);
}

/* 1 / d; 0 for scales that are zero in f16 anyway and whose inverse could overflow. */
static float inverse(float d)
{
    return fabsf(d) < 0x1p-126f ? 0 : 1 / d;
}

/* Symmetric: q in [-half, half - 1], stored with `half` added. */
static void quantize_symmetric(const float *x, const float *importance, int half, uint8_t d[2],
                               int q[ORI_BLOCK])
{
    float w[ORI_BLOCK];

    if (importance) {
        ori_fit_weights(x, importance, ORI_BLOCK, ori_fit_mean_square(x, ORI_BLOCK), ORI_FIT_SQUARE,
                        w);
        const float scale = ori_store_f16(d, ori_fit_scale(x, w, ORI_BLOCK, half));
        for (int i = 0; i < ORI_BLOCK; i++)
            q[i] = ori_fit_quant(x[i], scale, -half, half - 1) + half;
        return;
    }
    /* The extreme element gets the most negative quant. */
    const float scale = ori_fit_extreme(x, ORI_BLOCK) / (float)-half;
    const float per_scale = inverse(scale);
    (void)ori_store_f16(d, scale);
    for (int i = 0; i < ORI_BLOCK; i++) {
        const int rounded = (int)(x[i] * per_scale + ((float)half + 0.5f));
        q[i] = rounded < 2 * half ? rounded : 2 * half - 1;
    }
}

/* With a minimum: q in [0, top]; 0 is the smallest element, `top` the largest. */
static void quantize_range(const float *x, const float *importance, int top, uint8_t d[2],
                           uint8_t m[2], int q[ORI_BLOCK])
{
    float w[ORI_BLOCK];
    float low, high;

    if (importance) {
        ori_fit_weights(x, importance, ORI_BLOCK, ori_fit_mean_square(x, ORI_BLOCK), ORI_FIT_SQUARE,
                        w);
        const float fitted = ori_fit_scale_min(x, w, ORI_BLOCK, top, &low);
        const float scale = ori_store_f16(d, fitted);
        const float base = ori_store_f16(m, -low);
        for (int i = 0; i < ORI_BLOCK; i++)
            q[i] = ori_fit_quant(x[i] - base, scale, 0, top);
        return;
    }
    range(x, &low, &high);
    const float scale = (high - low) / (float)top;
    const float per_scale = inverse(scale);
    (void)ori_store_f16(d, scale);
    (void)ori_store_f16(m, low);
    for (int i = 0; i < ORI_BLOCK; i++) {
        const int rounded = (int)((x[i] - low) * per_scale + 0.5f);
        q[i] = rounded < top ? rounded : top;
    }
}

void ori_quantize_q4_0(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q4_0 *b = row;
    int q[ORI_BLOCK];

    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        quantize_symmetric(x + at, ori_fit_at(importance, at), 8, b->d, q);
        pack_nibbles(q, b->qs);
    }
}

void ori_quantize_q4_1(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q4_1 *b = row;
    int q[ORI_BLOCK];

    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        quantize_range(x + at, ori_fit_at(importance, at), 15, b->d, b->m, q);
        pack_nibbles(q, b->qs);
    }
}

void ori_quantize_q5_0(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q5_0 *b = row;
    int q[ORI_BLOCK];

    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        quantize_symmetric(x + at, ori_fit_at(importance, at), 16, b->d, q);
        pack_nibbles(q, b->qs);
        pack_fifth_bits(q, b->qh);
    }
}

void ori_quantize_q5_1(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q5_1 *b = row;
    int q[ORI_BLOCK];

    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        quantize_range(x + at, ori_fit_at(importance, at), 31, b->d, b->m, q);
        pack_nibbles(q, b->qs);
        pack_fifth_bits(q, b->qh);
    }
}

/* With so many steps a search finds nothing. */
void ori_quantize_q8_0(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q8_0 *b = row;

    (void)importance;
    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        const float d = fabsf(ori_fit_extreme(x + at, ORI_BLOCK)) / 127;
        const float per_d = inverse(d);
        (void)ori_store_f16(b->d, d);
        for (int i = 0; i < ORI_BLOCK; i++)
            b->qs[i] = (int8_t)roundf(x[at + (size_t)i] * per_d);
    }
}

void ori_quantize_iq4_nl(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_iq4_nl *b = row;
    float w[ORI_BLOCK];
    int q[ORI_BLOCK];

    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        const float *xs = x + at;
        ori_fit_weights(xs, ori_fit_at(importance, at), ORI_BLOCK,
                        ori_fit_mean_square(xs, ORI_BLOCK), ORI_FIT_SQUARE_AND_MEAN, w);
        const float scale =
            ori_store_f16(b->d, ori_fit_scale_codes(xs, w, ORI_BLOCK, ori_codes_iq4));
        for (int i = 0; i < ORI_BLOCK; i++)
            q[i] = ori_fit_code(xs[i], scale, ori_codes_iq4);
        pack_nibbles(q, b->qs);
    }
}

/* ---- MXFP4 ---- */

/* The nearest E2M1 float, of two as near the smaller, and never -0.  d is half the scale. */
static int nearest_e2m1(float x, float d)
{
    const float twice = 2 * fabsf(x);
    int q = 0;

    while (q < 7 && twice > d * (float)(ori_codes_mxfp4[q] + ori_codes_mxfp4[q + 1]))
        q++;
    return x < 0 && q > 0 ? q | 8 : q;
}

static float quantize_e2m1(const float *x, const float *w, uint8_t e, int q[ORI_BLOCK])
{
    const float d = ori_half_e8m0(e);
    float error = 0;

    for (int i = 0; i < ORI_BLOCK; i++) {
        q[i] = nearest_e2m1(x[i], d);
        const float miss = x[i] - d * (float)ori_codes_mxfp4[q[i]];
        error += w[i] * miss * miss;
    }
    return error;
}

/* The scale as OCP Microscaling has it: the power of two that is in the largest element,
 * over the largest that is in an E2M1 float, 4. */
static int usual_scale(const float *x)
{
    int e;

    (void)frexpf(ori_fit_extreme(x, ORI_BLOCK), &e); /* a mantissa in [0.5, 1) */
    return e - 1 - 2 + 127;
}

/* With importance, the scales beside that one are tried too. */
static uint8_t best_scale(const float *x, const float *importance, int q[ORI_BLOCK])
{
    const int usual = usual_scale(x), reach = importance ? 1 : 0;
    float best_error = INFINITY, w[ORI_BLOCK];
    uint8_t best = 0;

    ori_fit_weights(x, importance, ORI_BLOCK, ori_fit_mean_square(x, ORI_BLOCK), ORI_FIT_SQUARE, w);
    for (int e = usual - reach; e <= usual + reach; e++) {
        const uint8_t stored = (uint8_t)(e < 0 ? 0 : e);
        const float error = quantize_e2m1(x, w, stored, q);
        if (error < best_error) {
            best_error = error;
            best = stored;
        }
    }
    (void)quantize_e2m1(x, w, best, q);
    return best;
}

void ori_quantize_mxfp4(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_mxfp4 *b = row;
    int q[ORI_BLOCK];

    for (size_t at = 0; at < n; at += ORI_BLOCK, b++) {
        b->e = best_scale(x + at, ori_fit_at(importance, at), q);
        pack_nibbles(q, b->qs);
    }
}
