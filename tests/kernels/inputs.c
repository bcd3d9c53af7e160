/* Random and worst-case input. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "checker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernels/bits.h"

const struct stored_type stored_types[N_STORED_TYPES] = {
    {ORI_F32, "f32", 1, 4, {-1, -1}},           {ORI_F16, "f16", 1, 2, {-1, -1}},
    {ORI_BF16, "bf16", 1, 2, {-1, -1}},         {ORI_Q4_0, "q4_0", 32, 18, {0, -1}},
    {ORI_Q4_1, "q4_1", 32, 20, {0, 2}},         {ORI_Q5_0, "q5_0", 32, 22, {0, -1}},
    {ORI_Q5_1, "q5_1", 32, 24, {0, 2}},         {ORI_Q8_0, "q8_0", 32, 34, {0, -1}},
    {ORI_Q2_K, "q2_k", 256, 84, {80, 82}},      {ORI_Q3_K, "q3_k", 256, 110, {108, -1}},
    {ORI_Q4_K, "q4_k", 256, 144, {0, 2}},       {ORI_Q5_K, "q5_k", 256, 176, {0, 2}},
    {ORI_Q6_K, "q6_k", 256, 210, {208, -1}},    {ORI_IQ4_NL, "iq4_nl", 32, 18, {0, -1}},
    {ORI_MXFP4, "mxfp4", 32, 17, {-1, -1}},     {ORI_IQ4_XS, "iq4_xs", 256, 136, {0, -1}},
    {ORI_IQ3_S, "iq3_s", 256, 110, {0, -1}},    {ORI_IQ3_XXS, "iq3_xxs", 256, 98, {0, -1}},
    {ORI_IQ2_S, "iq2_s", 256, 82, {0, -1}},     {ORI_IQ2_XS, "iq2_xs", 256, 74, {0, -1}},
    {ORI_IQ2_XXS, "iq2_xxs", 256, 66, {0, -1}},
};

/* splitmix64 */
uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

size_t rng_below(struct rng *rng, size_t n)
{
    return (size_t)(rng_next(rng) % n);
}

/* A sum of four 16-bit numbers, centred: bell-shaped, exact in a float. */
static float bell(struct rng *rng)
{
    const uint64_t r = rng_next(rng);
    const int32_t sum =
        (int32_t)((r & 0xffff) + (r >> 16 & 0xffff) + (r >> 32 & 0xffff) + (r >> 48));

    return (float)(sum - 131070) * 0x1p-15f;
}

static float scaled(float x, int exponent)
{
    return x * ori_f32_of_bits((uint32_t)(exponent + 127) << 23);
}

static float one(struct rng *rng, enum pattern pattern)
{
    const float x = bell(rng);
    const uint64_t r = rng_next(rng);

    switch (pattern) {
    case PATTERN_MIXED:
        return scaled(x, (int)(r % 41) - 20);
    case PATTERN_EXTREME:
        return r & 1 ? 3.25f : -3.25f;
    case PATTERN_ZERO:
        return r & 1 ? 0.0f : -0.0f;
    case PATTERN_SPARSE:
        return r % 37 ? 0.0f : x;
    case PATTERN_TINY: /* up to 2^-95: on both sides of the activations' bound */
        return r % 3 ? ori_f32_of_bits((uint32_t)r & 0x800fffff) : scaled(x, -124 + (int)(r % 29));
    case PATTERN_HUGE:
        return scaled(x, 126);
    case PATTERN_BITS:
        return r % 5 ? x : ori_f32_of_bits((uint32_t)(r >> 32));
    case PATTERN_NORMAL:
    case PATTERN_COUNT:
        break;
    }
    return x;
}

void fill_floats(struct rng *rng, enum pattern pattern, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = one(rng, pattern);
    if (pattern == PATTERN_EXTREME && rng_next(rng) % 2) /* all of one sign */
        for (size_t i = 0; i < n; i++)
            x[i] = x[0];
}

/* The bytes that quants are set to: -1 is random; -128 for Q8_0 and Q6_K's
 * scales among them. */
static const int byte_of_variant[N_WEIGHT_VARIANTS] = {-1,   -1,   -1,   0x00, 0xff, 0x80,
                                                       0x7f, 0x0f, 0xf0, 0x81, -1};

/* Of d (which 0) or what stands beside it. */
static uint16_t scale_of_variant(struct rng *rng, size_t variant, int which)
{
    if (variant == 1) /* arbitrary: infinities and NaN among them */
        return (uint16_t)rng_next(rng);
    if (variant == 2) /* the largest, or subnormal */
        return rng_next(rng) % 2 ? 0x7bff : (uint16_t)(rng_next(rng) % 0x400);
    if (variant == 10 && which == 0) /* infinite: a sum of which nothing makes a NaN */
        return 0x7c00;
    return (uint16_t)(0x1c00 + rng_next(rng) % 0x1800 + (rng_next(rng) % 2 ? 0x8000 : 0));
}

static void fill_float_weights(struct rng *rng, const struct stored_type *type, size_t variant,
                               uint8_t *out, size_t n)
{
    static const enum pattern patterns[N_WEIGHT_VARIANTS] = {
        PATTERN_NORMAL, PATTERN_BITS,   PATTERN_HUGE,  PATTERN_ZERO,    PATTERN_MIXED, PATTERN_TINY,
        PATTERN_TINY,   PATTERN_SPARSE, PATTERN_MIXED, PATTERN_EXTREME, PATTERN_NORMAL};

    for (size_t i = 0; i < n; i++) {
        const float x = one(rng, patterns[variant]);
        if (type->type == ORI_F32)
            ori_store_le32(out + 4 * i, ori_f32_bits(x));
        else
            ori_store_le16(out + 2 * i,
                           type->type == ORI_F16 ? ori_f32_to_f16(x) : ori_f32_to_bf16(x));
    }
}

void fill_weights(struct rng *rng, const struct stored_type *type, size_t variant, uint8_t *out,
                  size_t n_blocks)
{
    if (type->block_elems == 1) {
        fill_float_weights(rng, type, variant, out, n_blocks);
        return;
    }
    for (size_t b = 0; b < n_blocks; b++, out += type->block_bytes) {
        const int byte = byte_of_variant[variant];
        for (size_t i = 0; i < type->block_bytes; i++)
            out[i] = (uint8_t)(byte < 0 ? (int)(rng_next(rng) & 0xff) : byte);
        for (int f = 0; f < 2; f++)
            if (type->f16_at[f] >= 0)
                ori_store_le16(out + type->f16_at[f], scale_of_variant(rng, variant, f));
    }
}

static size_t mapped_bytes(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (bytes + page - 1) / page * page;
}

uint8_t *guarded_new(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t whole = mapped_bytes(bytes);
    uint8_t *base =
        mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (base == MAP_FAILED || mprotect(base + whole, page, PROT_NONE) < 0)
        abort();
    return base + (whole - bytes);
}

void guarded_free(uint8_t *p, size_t bytes)
{
    const size_t whole = mapped_bytes(bytes);

    munmap(p - (whole - bytes), whole + (size_t)sysconf(_SC_PAGESIZE));
}
