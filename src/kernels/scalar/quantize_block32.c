/* Floats -> Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.  For tools and tests: plain, not fast.
 *
 * The quants are taken against the scale as it will be read back, rounded to
 * f16.  Infinities and NaN are not representable; the caller keeps them out. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/scalar/fit.h"

/* The element largest in magnitude, with its sign. */
static float extreme(const float x[ORI_BLOCK])
{
    float best = 0;

    for (int i = 0; i < ORI_BLOCK; i++)
        best = fabsf(x[i]) > fabsf(best) ? x[i] : best;
    return best;
}

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

/* Symmetric: the extreme element gets the most negative quant, -half. */
static void quantize_symmetric(const float *x, int half, uint8_t d[2], int q[ORI_BLOCK])
{
    const float scale = ori_store_f16(d, extreme(x) / (float)-half);

    for (int i = 0; i < ORI_BLOCK; i++)
        q[i] = ori_fit_quant(x[i], scale, -half, half - 1) + half;
}

/* With a minimum: 0 is the smallest element, `top` the largest. */
static void quantize_range(const float *x, int top, uint8_t d[2], uint8_t m[2], int q[ORI_BLOCK])
{
    float low, high;

    range(x, &low, &high);
    const float scale = ori_store_f16(d, (high - low) / (float)top);
    const float base = ori_store_f16(m, low);
    for (int i = 0; i < ORI_BLOCK; i++)
        q[i] = ori_fit_quant(x[i] - base, scale, 0, top);
}

void ori_quantize_q4_0(const float *x, void *row, size_t n)
{
    struct ori_block_q4_0 *b = row;
    int q[ORI_BLOCK];

    for (; n >= ORI_BLOCK; n -= ORI_BLOCK, x += ORI_BLOCK, b++) {
        quantize_symmetric(x, 8, b->d, q);
        pack_nibbles(q, b->qs);
    }
}

void ori_quantize_q4_1(const float *x, void *row, size_t n)
{
    struct ori_block_q4_1 *b = row;
    int q[ORI_BLOCK];

    for (; n >= ORI_BLOCK; n -= ORI_BLOCK, x += ORI_BLOCK, b++) {
        quantize_range(x, 15, b->d, b->m, q);
        pack_nibbles(q, b->qs);
    }
}

void ori_quantize_q5_0(const float *x, void *row, size_t n)
{
    struct ori_block_q5_0 *b = row;
    int q[ORI_BLOCK];

    for (; n >= ORI_BLOCK; n -= ORI_BLOCK, x += ORI_BLOCK, b++) {
        quantize_symmetric(x, 16, b->d, q);
        pack_nibbles(q, b->qs);
        pack_fifth_bits(q, b->qh);
    }
}

void ori_quantize_q5_1(const float *x, void *row, size_t n)
{
    struct ori_block_q5_1 *b = row;
    int q[ORI_BLOCK];

    for (; n >= ORI_BLOCK; n -= ORI_BLOCK, x += ORI_BLOCK, b++) {
        quantize_range(x, 31, b->d, b->m, q);
        pack_nibbles(q, b->qs);
        pack_fifth_bits(q, b->qh);
    }
}

void ori_quantize_q8_0(const float *x, void *row, size_t n)
{
    struct ori_block_q8_0 *b = row;

    for (; n >= ORI_BLOCK; n -= ORI_BLOCK, x += ORI_BLOCK, b++) {
        const float d = ori_store_f16(b->d, fabsf(extreme(x)) / 127);
        for (int i = 0; i < ORI_BLOCK; i++)
            b->qs[i] = (int8_t)ori_fit_quant(x[i], d, -127, 127);
    }
}
