/* Floats as bits, and the 16-bit float formats, in plain integer arithmetic.
 * The same bits as the F16C instructions, NaN payloads included. */
#ifndef ORI_KERNELS_BITS_H
#define ORI_KERNELS_BITS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t ori_f32_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline float ori_f32_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline uint64_t ori_f64_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static inline double ori_f64_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

static inline uint16_t ori_load_le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline void ori_store_le16(uint8_t *p, uint16_t x)
{
    p[0] = (uint8_t)(x & 0xff);
    p[1] = (uint8_t)(x >> 8);
}

static inline uint32_t ori_load_le32(const uint8_t *p)
{
    return (uint32_t)ori_load_le16(p) | (uint32_t)ori_load_le16(p + 2) << 16;
}

static inline void ori_store_le32(uint8_t *p, uint32_t x)
{
    ori_store_le16(p, (uint16_t)(x & 0xffff));
    ori_store_le16(p + 2, (uint16_t)(x >> 16));
}

static inline float ori_f16_to_f32(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    const uint32_t exponent = (half >> 10) & 0x1f;
    const uint32_t fraction = half & 0x3ff;

    if (exponent == 0) { /* zero or subnormal: fraction * 2^-24, exact */
        const float magnitude = (float)fraction * 0x1p-24f;
        return ori_f32_of_bits(sign | ori_f32_bits(magnitude));
    }
    if (exponent == 0x1f) { /* infinity, or a NaN that comes out quiet */
        const uint32_t quiet = fraction ? 0x400000 : 0;
        return ori_f32_of_bits(sign | 0x7f800000 | quiet | fraction << 13);
    }
    return ori_f32_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* 2^(e - 128): half of the scale that the byte is in OCP Microscaling, E8M0.
 * Subnormal below 2; 255, a NaN there, goes on like the others, as in ggml. */
static inline float ori_half_e8m0(uint8_t e)
{
    return ori_f32_of_bits(e < 2 ? UINT32_C(0x200000) << e : (uint32_t)(e - 1) << 23);
}

/* Nearest, ties to even. */
static inline uint16_t ori_f32_to_f16(float x)
{
    const uint32_t bits = ori_f32_bits(x);
    const uint32_t sign = (bits >> 16) & 0x8000;
    const uint32_t a = bits & 0x7fffffff;
    uint32_t half;

    if (a > 0x7f800000) { /* NaN: keep the top of the payload, make it quiet */
        half = 0x7e00 | ((a >> 13) & 0x3ff);
    } else if (a >= 0x477ff000) { /* 65520 and above round to infinity */
        half = 0x7c00;
    } else if (a >= 0x38800000) { /* normal: 2^-14 and above */
        half = (a + 0xfff + ((a >> 13) & 1) - 0x38000000) >> 13;
    } else if (a >= 0x33000000) {               /* subnormal, 2^-25 and above: count 2^-24s */
        const uint32_t shift = 126 - (a >> 23); /* 14 to 24 */
        const uint32_t m = (a & 0x7fffff) | 0x800000;
        const uint32_t odd = (m >> shift) & 1;
        half = (m + (1u << (shift - 1)) - 1 + odd) >> shift;
    } else {
        half = 0;
    }
    return (uint16_t)(sign | half);
}

static inline float ori_load_f16(const uint8_t *p)
{
    return ori_f16_to_f32(ori_load_le16(p));
}

/* Returns what was stored, rounded. */
static inline float ori_store_f16(uint8_t *p, float x)
{
    const uint16_t half = ori_f32_to_f16(x);

    ori_store_le16(p, half);
    return ori_f16_to_f32(half);
}

static inline float ori_bf16_to_f32(uint16_t x)
{
    return ori_f32_of_bits((uint32_t)x << 16);
}

/* Nearest, ties to even; a NaN stays one. */
static inline uint16_t ori_f32_to_bf16(float x)
{
    const uint32_t bits = ori_f32_bits(x);

    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* Nearest integer, ties to even, for |x| <= 2^22: adding 1.5 * 2^23 leaves no
 * room for a fraction, and the low bits are then the integer itself. */
static inline int32_t ori_nearest(float x)
{
    return (int32_t)(ori_f32_bits(x + 0x1.8p23f) - 0x4b400000u);
}

#endif
