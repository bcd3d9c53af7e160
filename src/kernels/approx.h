/* exp for floats: the specification, and the constants that vector code
 * shares.  Accurate to about one unit in the last place.
 *
 *   n = nearest(x / ln 2), r = x - n ln 2 with ln 2 in two parts, so
 *   |r| <= 0.3466; e^r by its Taylor series to r^7 (the rest is below
 *   0.3466^8 / 8! = 5.2e-9, a twelfth of an ulp); times 2^n in two steps, so
 *   that both overflow and subnormal results round once.
 *
 * Beyond the clamp the result is infinity or zero; NaN stays NaN. */
#ifndef ORI_KERNELS_APPROX_H
#define ORI_KERNELS_APPROX_H

#include <math.h>

#include "kernels/bits.h"

#define ORI_EXP_MAX 89.0f     /* e^89 > FLT_MAX */
#define ORI_EXP_MIN (-104.0f) /* e^-104 < 2^-150, half the smallest subnormal */
#define ORI_EXP_LOG2E 0x1.715476p0f
#define ORI_EXP_LN2_HIGH 0x1.62ep-1f /* 12 bits: n * high is exact */
#define ORI_EXP_LN2_LOW 0x1.0bfbe8p-15f
#define ORI_EXP_ROUND 0x1.8p23f /* adding it rounds to an integer */
#define ORI_EXP_ROUND_BITS 0x4b400000u

#define ORI_EXP_C7 (1.0f / 5040)
#define ORI_EXP_C6 (1.0f / 720)
#define ORI_EXP_C5 (1.0f / 120)
#define ORI_EXP_C4 (1.0f / 24)
#define ORI_EXP_C3 (1.0f / 6)
#define ORI_EXP_C2 0.5f

/* 2^n for n in [-126, 127]; a NaN's n is arbitrary, hence unsigned arithmetic. */
static inline float ori_pow2(uint32_t n)
{
    return ori_f32_of_bits((n + 127u) << 23);
}

static inline float ori_expf(float x)
{
    x = ORI_EXP_MAX < x ? ORI_EXP_MAX : x;
    x = ORI_EXP_MIN > x ? ORI_EXP_MIN : x;

    const float rounded = fmaf(x, ORI_EXP_LOG2E, ORI_EXP_ROUND);
    const float whole = rounded - ORI_EXP_ROUND;
    const uint32_t n = ori_f32_bits(rounded) - ORI_EXP_ROUND_BITS;
    float r = fmaf(-whole, ORI_EXP_LN2_HIGH, x);
    r = fmaf(-whole, ORI_EXP_LN2_LOW, r);

    float p = ORI_EXP_C7;
    p = fmaf(p, r, ORI_EXP_C6);
    p = fmaf(p, r, ORI_EXP_C5);
    p = fmaf(p, r, ORI_EXP_C4);
    p = fmaf(p, r, ORI_EXP_C3);
    p = fmaf(p, r, ORI_EXP_C2);
    p = fmaf(p, r, 1.0f);
    p = fmaf(p, r, 1.0f);

    /* n >> 1 keeps its sign: compilers shift signed integers arithmetically. */
    const uint32_t half = (uint32_t)((int32_t)n >> 1);
    return p * ori_pow2(half) * ori_pow2(n - half);
}

/* gelu(x) = x / 2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) (Hendrycks and Gimpel,
 * 2016), which is x / (1 + exp(-2 sqrt(2/pi) (x + 0.044715 x^3))). */
#define ORI_GELU_LINEAR 0x1.988454p0f /* 2 sqrt(2/pi) */
#define ORI_GELU_CUBIC 0x1.2444f2p-4f /* times 0.044715 */

static inline float ori_geluf(float x)
{
    const float slope = fmaf(x * x, ORI_GELU_CUBIC, ORI_GELU_LINEAR);

    return x / (1.0f + ori_expf(-x * slope));
}

/* The gate of gpt-oss (OpenAI, 2025): gate sigmoid(1.702 gate) (up + 1), the gate
 * held down to 7 and up to within 7 of 0. */
#define ORI_SWIGLU_ALPHA 1.702f
#define ORI_SWIGLU_LIMIT 7.0f

static inline float ori_clamped_swigluf(float gate, float up)
{
    gate = ORI_SWIGLU_LIMIT < gate ? ORI_SWIGLU_LIMIT : gate;
    up = ORI_SWIGLU_LIMIT < up ? ORI_SWIGLU_LIMIT : up;
    up = -ORI_SWIGLU_LIMIT > up ? -ORI_SWIGLU_LIMIT : up;
    return gate / (1.0f + ori_expf(-ORI_SWIGLU_ALPHA * gate)) * (up + 1.0f);
}

/* cap tanh(x / cap) = cap - 2 cap / (1 + exp(2 x / cap)); twice = 2 / cap. */
static inline float ori_softcapf(float x, float cap, float twice)
{
    return fmaf(-cap, 2.0f / (1.0f + ori_expf(x * twice)), cap);
}

#endif
