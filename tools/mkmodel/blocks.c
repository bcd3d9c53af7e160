/* Random blocks: the bytes themselves are drawn, and the scales set so that
 * the weights they mean have mean 0 and a standard deviation near SPREAD. */
#include "mkmodel.h"

#include <string.h>

#include "kernels/blocks.h"
#include "kernels/kernels.h"

#define SPREAD 0.02f

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static void random_bytes(struct random *random, void *out, size_t bytes)
{
    uint8_t *to = out;

    for (; bytes >= 8; bytes -= 8, to += 8) {
        const uint64_t bits = random_next(random);
        memcpy(to, &bits, 8);
    }
    const uint64_t bits = random_next(random);
    memcpy(to, &bits, bytes);
}

/* Uniform in [-1, 1); its standard deviation is 1/sqrt(3). */
static float uniform(struct random *random)
{
    return (float)(int32_t)(random_next(random) >> 32) / 2147483648.0f;
}

#define SQRT_3 1.7320508f

/* Positive normal halves are enough here; rounds toward zero. */
static void put_f16(uint8_t out[2], float value, bool negative)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    const uint32_t half = ((bits >> 13) - ((127u - 15u) << 10)) | (negative ? 0x8000u : 0);
    out[0] = (uint8_t)half;
    out[1] = (uint8_t)(half >> 8);
}

static void fill_f32(struct random *random, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = SPREAD * SQRT_3 * uniform(random);
}

/* F16 and BF16 by way of the upper bits of an F32. */
static void fill_half(struct random *random, uint8_t *out, size_t n, bool brain)
{
    for (size_t i = 0; i < n; i++, out += 2) {
        const float value = SPREAD * SQRT_3 * uniform(random);
        const float magnitude = value < 0 ? -value : value;
        uint32_t bits;
        memcpy(&bits, &value, sizeof(bits));
        if (brain) {
            out[0] = (uint8_t)(bits >> 16);
            out[1] = (uint8_t)(bits >> 24);
        } else if (magnitude < 1.0f / 16384) { /* below the normal halves */
            out[0] = out[1] = 0;
        } else {
            put_f16(out, magnitude, value < 0);
        }
    }
}

/* Quants of the plain types are uniform over 2^bits values about an offset of
 * half a step, which a scale of random sign evens out. */
static void finish_q8_0(struct ori_block_q8_0 *b, uint64_t bits)
{
    for (size_t i = 0; i < sizeof(b->qs); i++)
        if (b->qs[i] == -128)
            b->qs[i] = 0;
    put_f16(b->d, SPREAD * SQRT_3 / 127, bits & 1);
}

static void finish_q4_0(struct ori_block_q4_0 *b, uint64_t bits)
{
    put_f16(b->d, SPREAD * SQRT_3 / 8, bits & 1);
}

static void finish_q4_1(struct ori_block_q4_1 *b, uint64_t bits)
{
    (void)bits;
    put_f16(b->d, SPREAD * SQRT_3 / 8, false);
    put_f16(b->m, SPREAD * SQRT_3 / 8 * 7.5f, true);
}

static void finish_q5_0(struct ori_block_q5_0 *b, uint64_t bits)
{
    put_f16(b->d, SPREAD * SQRT_3 / 16, bits & 1);
}

static void finish_q5_1(struct ori_block_q5_1 *b, uint64_t bits)
{
    (void)bits;
    put_f16(b->d, SPREAD * SQRT_3 / 16, false);
    put_f16(b->m, SPREAD * SQRT_3 / 16 * 15.5f, true);
}

/* The codes have a root mean square of 67.4. */
static void finish_iq4_nl(struct ori_block_iq4_nl *b, uint64_t bits)
{
    put_f16(b->d, SPREAD / 67.4f, bits & 1);
}

/* The codes have one of 5.85: 2^-8 and 2^-9 are on either side of SPREAD. */
static void finish_mxfp4(struct ori_block_mxfp4 *b, uint64_t bits)
{
    b->e = (uint8_t)(119 + (bits & 1));
}

/* Scale equals minimum, 8..15, and dmin = 1.5 d: the mean of 0..3. */
static void finish_q2_k(struct ori_block_q2_k *b, uint64_t bits)
{
    (void)bits;
    for (size_t i = 0; i < sizeof(b->scales); i++) {
        const uint32_t scale = 8 + (b->scales[i] & 7);
        b->scales[i] = (uint8_t)(scale | scale << 4);
    }
    const float d = SPREAD / (11.7f * 1.118f);
    put_f16(b->d, d, false);
    put_f16(b->dmin, 1.5f * d, false);
}

/* Scales are drawn from -32..31, root mean square 18.5. */
static void finish_q3_k(struct ori_block_q3_k *b, uint64_t bits)
{
    put_f16(b->d, SPREAD / (18.5f * 2.29f), bits & 1);
}

/* Eight 6-bit scales of 32..63 and minimums equal to them, packed. */
static void pack_scales(uint8_t out[12], uint64_t bits)
{
    uint32_t scale[8];

    for (size_t i = 0; i < 8; i++)
        scale[i] = 32 + (uint32_t)(bits >> (5 * i) & 31);
    for (size_t i = 0; i < 4; i++) {
        const uint8_t first = (uint8_t)(scale[i] | (scale[i + 4] >> 4) << 6);
        out[i] = first;
        out[i + 4] = first;
        out[i + 8] = (uint8_t)((scale[i + 4] & 15) | (scale[i + 4] & 15) << 4);
    }
}

static void finish_q4_k(struct ori_block_q4_k *b, uint64_t bits)
{
    const float d = SPREAD / (48.4f * 4.61f);
    pack_scales(b->scales, bits);
    put_f16(b->d, d, false);
    put_f16(b->dmin, 7.5f * d, false);
}

/* d would fall below the normal halves at SPREAD: the spread is 0.03 here. */
static void finish_q5_k(struct ori_block_q5_k *b, uint64_t bits)
{
    const float d = 1.5f * SPREAD / (48.4f * 9.23f);
    pack_scales(b->scales, bits);
    put_f16(b->d, d, false);
    put_f16(b->dmin, 15.5f * d, false);
}

/* Scales of 8..15 and either sign. */
static void finish_q6_k(struct ori_block_q6_k *b, uint64_t bits)
{
    for (size_t i = 0; i < sizeof(b->scales); i++) {
        const int scale = 8 + (b->scales[i] & 7);
        b->scales[i] = (int8_t)(bits >> i & 1 ? -scale : scale);
    }
    put_f16(b->d, SPREAD / (11.7f * 18.5f), false);
}

/* Scales of -8..7, root mean square 4.64, whose high bits follow from the low ones, so that d is
 * not below the normal halves. */
static void finish_iq4_xs(struct ori_block_iq4_xs *b, uint64_t bits)
{
    uint32_t high = 0;

    for (size_t j = 0; j < 8; j++)
        high |= (b->scales_l[j / 2] >> (4 * (j % 2) + 3) & 1 ? 1u : 2u) << (2 * j);
    b->scales_h[0] = (uint8_t)high;
    b->scales_h[1] = (uint8_t)(high >> 8);
    put_f16(b->d, SPREAD / (4.64f * 67.4f), bits & 1);
}

/* IQ3 and IQ2: scales are odd numbers up to 31, root mean square 18.5; then the magnitudes'. */
static void finish_iq3_s(struct ori_block_iq3_s *b, uint64_t bits)
{
    put_f16(b->d, SPREAD / (18.5f * 7.59f), bits & 1);
}

static void finish_iq3_xxs(struct ori_block_iq3_xxs *b, uint64_t bits)
{
    put_f16(b->d, 4 * SPREAD / (18.5f * 30.8f), bits & 1);
}

static void finish_iq2_s(struct ori_block_iq2_s *b, uint64_t bits)
{
    put_f16(b->d, 8 * SPREAD / (18.5f * 24.4f), bits & 1);
}

static void finish_iq2_xs(struct ori_block_iq2_xs *b, uint64_t bits)
{
    put_f16(b->d, 8 * SPREAD / (18.5f * 24.2f), bits & 1);
}

static void finish_iq2_xxs(struct ori_block_iq2_xxs *b, uint64_t bits)
{
    put_f16(b->d, 8 * SPREAD / (18.5f * 23.1f), bits & 1);
}

#define FINISH(fn, block_type)                                                                     \
    do {                                                                                           \
        block_type *b = blocks;                                                                    \
        for (size_t i = 0; i < n_blocks; i++)                                                      \
            fn(&b[i], random_next(random));                                                        \
    } while (0)

void blocks_fill(struct random *random, uint32_t type, void *blocks, size_t n_blocks)
{
    if (ori_type_info(type)->block_elems > 1)
        random_bytes(random, blocks, n_blocks * ori_type_info(type)->block_bytes);
    switch (type) {
    case ORI_F32:
        fill_f32(random, blocks, n_blocks);
        break;
    case ORI_F16:
    case ORI_BF16:
        fill_half(random, blocks, n_blocks, type == ORI_BF16);
        break;
    case ORI_Q8_0:
        FINISH(finish_q8_0, struct ori_block_q8_0);
        break;
    case ORI_Q4_0:
        FINISH(finish_q4_0, struct ori_block_q4_0);
        break;
    case ORI_Q4_1:
        FINISH(finish_q4_1, struct ori_block_q4_1);
        break;
    case ORI_Q5_0:
        FINISH(finish_q5_0, struct ori_block_q5_0);
        break;
    case ORI_Q5_1:
        FINISH(finish_q5_1, struct ori_block_q5_1);
        break;
    case ORI_IQ4_NL:
        FINISH(finish_iq4_nl, struct ori_block_iq4_nl);
        break;
    case ORI_MXFP4:
        FINISH(finish_mxfp4, struct ori_block_mxfp4);
        break;
    case ORI_Q2_K:
        FINISH(finish_q2_k, struct ori_block_q2_k);
        break;
    case ORI_Q3_K:
        FINISH(finish_q3_k, struct ori_block_q3_k);
        break;
    case ORI_Q4_K:
        FINISH(finish_q4_k, struct ori_block_q4_k);
        break;
    case ORI_Q5_K:
        FINISH(finish_q5_k, struct ori_block_q5_k);
        break;
    case ORI_IQ4_XS:
        FINISH(finish_iq4_xs, struct ori_block_iq4_xs);
        break;
    case ORI_IQ3_S:
        FINISH(finish_iq3_s, struct ori_block_iq3_s);
        break;
    case ORI_IQ3_XXS:
        FINISH(finish_iq3_xxs, struct ori_block_iq3_xxs);
        break;
    case ORI_IQ2_S:
        FINISH(finish_iq2_s, struct ori_block_iq2_s);
        break;
    case ORI_IQ2_XS:
        FINISH(finish_iq2_xs, struct ori_block_iq2_xs);
        break;
    case ORI_IQ2_XXS:
        FINISH(finish_iq2_xxs, struct ori_block_iq2_xxs);
        break;
    default:
        FINISH(finish_q6_k, struct ori_block_q6_k);
    }
}
