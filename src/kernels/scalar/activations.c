/* Activations quantized to 8 bits, in blocks of 32 (Q8) and of 256 (Q8K). */
#include "kernels/scalar/scalar.h"

#include <string.h>

#include "kernels/activations.h"
#include "kernels/bits.h"
#include "kernels/blocks.h"

/* d and the quants of one block.  The largest magnitude is found on the bits
 * (they are ordered as the floats are, NaN last), so that NaN cannot hide. */
static float quantize_block(const float *x, int8_t *qs, size_t n)
{
    uint32_t top = 0;

    for (size_t i = 0; i < n; i++) {
        const uint32_t magnitude = ori_f32_bits(x[i]) & 0x7fffffff;
        if (magnitude > top)
            top = magnitude;
    }
    if (top < ORI_ACT_TINY || top >= ORI_ACT_INFINITE) {
        memset(qs, 0, n);
        return top < ORI_ACT_TINY ? 0.0f : ori_f32_of_bits(ORI_ACT_NAN);
    }

    const float amax = ori_f32_of_bits(top);
    const float inverse = 127.0f / amax;
    for (size_t i = 0; i < n; i++)
        qs[i] = (int8_t)ori_nearest(x[i] * inverse);
    return amax / 127.0f;
}

static int sum_of(const int8_t *qs, int n)
{
    int sum = 0;

    for (int i = 0; i < n; i++)
        sum += qs[i];
    return sum;
}

void ori_quantize_act_f32(const float *x, void *out, size_t n)
{
    memcpy(out, x, n * sizeof(*x));
}

void ori_quantize_act_q8_scalar(const float *x, void *out, size_t n)
{
    struct ori_act_q8 *a = out;

    for (size_t b = 0; b < n / ORI_BLOCK; b++) {
        a[b].d = quantize_block(x + b * ORI_BLOCK, a[b].qs, ORI_BLOCK);
        a[b].sum = sum_of(a[b].qs, ORI_BLOCK);
    }
}

void ori_quantize_act_q8k_scalar(const float *x, void *out, size_t n)
{
    struct ori_act_q8k *a = out;

    for (size_t b = 0; b < n / ORI_SUPERBLOCK; b++) {
        a[b].d = quantize_block(x + b * ORI_SUPERBLOCK, a[b].qs, ORI_SUPERBLOCK);
        for (int j = 0; j < 16; j++)
            a[b].sums[j] = (int16_t)sum_of(a[b].qs + 16 * j, 16);
    }
}

bool ori_act_bytes(enum ori_act act, size_t n, size_t *out)
{
    switch (act) {
    case ORI_ACT_F32:
        return ori_mul(n, sizeof(float), out);
    case ORI_ACT_Q8:
        return n % ORI_BLOCK == 0 && ori_mul(n / ORI_BLOCK, sizeof(struct ori_act_q8), out);
    case ORI_ACT_Q8K:
        return n % ORI_SUPERBLOCK == 0 &&
               ori_mul(n / ORI_SUPERBLOCK, sizeof(struct ori_act_q8k), out);
    case ORI_ACT_COUNT:
        break;
    }
    return false;
}
