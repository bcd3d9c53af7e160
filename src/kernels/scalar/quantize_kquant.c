/* Floats -> Q2_K to Q6_K, thoroughly.
 *
 * Each sub-block's scale (and minimum) is searched for (fit.h); the largest of
 * a superblock fixes d (and dmin), the others become small integers, and the
 * elements are then rounded against the values as they will be read back. */
#include "kernels/scalar/scalar.h"

#include <math.h>
#include <string.h>

#include "kernels/bits.h"
#include "kernels/blocks.h"
#include "kernels/scalar/fit.h"

/* A superblock fitted: what goes into the file, one entry a sub-block. */
struct fitted {
    int scale[16], min[16];
    int q[ORI_SUPERBLOCK];
};

static float largest(const float *x, int n)
{
    float best = 0;

    for (int i = 0; i < n; i++)
        best = x[i] > best ? x[i] : best;
    return best;
}

/* With minimums: q in [0, top], sub-blocks of `sub`, scales in [0, scale_top]. */
static void fit_with_min(const float *x, const float *importance, enum ori_fit_rule rule, int sub,
                         int top, int scale_top, uint8_t *d, uint8_t *dmin, struct fitted *f)
{
    const int n_subs = ORI_SUPERBLOCK / sub;
    const float mean_square = ori_fit_mean_square(x, ORI_SUPERBLOCK);
    float scales[16], mins[16], w[ORI_SUB_MAX];

    for (int j = 0; j < n_subs; j++) {
        const float *sub_x = x + j * sub;
        ori_fit_weights(sub_x, ori_fit_at(importance, (size_t)j * (size_t)sub), sub, mean_square,
                        rule, w);
        scales[j] = ori_fit_scale_min(sub_x, w, sub, top, &mins[j]);
    }

    const float unit = ori_store_f16(d, largest(scales, n_subs) / (float)scale_top);
    const float min_unit = ori_store_f16(dmin, largest(mins, n_subs) / (float)scale_top);
    for (int j = 0; j < n_subs; j++) {
        f->scale[j] = ori_fit_quant(scales[j], unit, 0, scale_top);
        f->min[j] = ori_fit_quant(mins[j], min_unit, 0, scale_top);
        const float s = unit * (float)f->scale[j];
        const float m = min_unit * (float)f->min[j];
        for (int i = j * sub; i < (j + 1) * sub; i++)
            f->q[i] = ori_fit_quant(x[i] + m, s, 0, top);
    }
}

/* Without: q in [-half, half - 1], sub-blocks of 16, scales in
 * [-scale_half, scale_half - 1].  q is stored with `half` added. */
static void fit_signed(const float *x, const float *importance, int half, int scale_half,
                       uint8_t *d, struct fitted *f)
{
    const float mean_square = ori_fit_mean_square(x, ORI_SUPERBLOCK);
    float scales[16], w[16];

    for (int j = 0; j < 16; j++) {
        const float *sub_x = x + 16 * j;
        ori_fit_weights(sub_x, ori_fit_at(importance, (size_t)16 * (size_t)j), 16, mean_square,
                        ORI_FIT_SQUARE, w);
        scales[j] = ori_fit_scale(sub_x, w, 16, half);
    }

    const float unit = ori_store_f16(d, -ori_fit_extreme(scales, 16) / (float)scale_half);
    for (int j = 0; j < 16; j++) {
        f->scale[j] = ori_fit_quant(scales[j], unit, -scale_half, scale_half - 1);
        const float s = unit * (float)f->scale[j];
        for (int i = 16 * j; i < 16 * j + 16; i++)
            f->q[i] = ori_fit_quant(x[i], s, -half, half - 1) + half;
    }
}

static void pack_scales_k4(const struct fitted *f, uint8_t s[12])
{
    for (int j = 0; j < 4; j++) {
        s[j] = (uint8_t)(f->scale[j] | f->scale[j + 4] >> 4 << 6);
        s[j + 4] = (uint8_t)(f->min[j] | f->min[j + 4] >> 4 << 6);
        s[j + 8] = (uint8_t)((f->scale[j + 4] & 15) | (f->min[j + 4] & 15) << 4);
    }
}

static void pack_nibbles_k(const int *q, uint8_t qs[128])
{
    for (int i = 0; i < 128; i++) {
        const int low = i / 32 * 64 + i % 32;
        qs[i] = (uint8_t)((q[low] & 15) | (q[low + 32] & 15) << 4);
    }
}

/* Bits 0 and 1 of each element, four elements a byte. */
static void pack_pairs(const int *q, uint8_t qs[64])
{
    for (int i = 0; i < 64; i++) {
        const int *p = q + i / 32 * 128 + i % 32;
        qs[i] = (uint8_t)((p[0] & 3) | (p[32] & 3) << 2 | (p[64] & 3) << 4 | (p[96] & 3) << 6);
    }
}

void ori_quantize_q2_k(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q2_k *b = row;
    struct fitted f;

    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_with_min(x + at, ori_fit_at(importance, at), ORI_FIT_SQUARE_AND_MEAN, 16, 3, 15, b->d,
                     b->dmin, &f);
        for (int j = 0; j < 16; j++)
            b->scales[j] = (uint8_t)(f.scale[j] | f.min[j] << 4);
        pack_pairs(f.q, b->qs);
    }
}

void ori_quantize_q3_k(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q3_k *b = row;
    struct fitted f;

    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_signed(x + at, ori_fit_at(importance, at), 4, 32, b->d, &f);
        memset(b->scales, 0, sizeof(b->scales));
        for (int j = 0; j < 16; j++) {
            const int s = f.scale[j] + 32;
            b->scales[j % 8] |= (uint8_t)((s & 15) << (j / 8 * 4));
            b->scales[8 + j % 4] |= (uint8_t)(s >> 4 << (j / 4 * 2));
        }
        pack_pairs(f.q, b->qs);
        memset(b->hmask, 0, sizeof(b->hmask));
        for (int i = 0; i < ORI_SUPERBLOCK; i++)
            b->hmask[i % 32] |= (uint8_t)(f.q[i] >> 2 << (i / 32));
    }
}

void ori_quantize_q4_k(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q4_k *b = row;
    struct fitted f;

    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_with_min(x + at, ori_fit_at(importance, at), ORI_FIT_MAGNITUDE, 32, 15, 63, b->d,
                     b->dmin, &f);
        pack_scales_k4(&f, b->scales);
        pack_nibbles_k(f.q, b->qs);
    }
}

void ori_quantize_q5_k(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q5_k *b = row;
    struct fitted f;

    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        fit_with_min(x + at, ori_fit_at(importance, at), ORI_FIT_MAGNITUDE, 32, 31, 63, b->d,
                     b->dmin, &f);
        pack_scales_k4(&f, b->scales);
        pack_nibbles_k(f.q, b->qs);
        memset(b->qh, 0, sizeof(b->qh));
        for (int i = 0; i < ORI_SUPERBLOCK; i++)
            b->qh[i % 32] |= (uint8_t)(f.q[i] >> 4 << (i / 32));
    }
}

void ori_quantize_q6_k(const float *x, const float *importance, void *row, size_t n)
{
    struct ori_block_q6_k *b = row;
    struct fitted f;

    for (size_t at = 0; at < n; at += ORI_SUPERBLOCK, b++) {
        int high[ORI_SUPERBLOCK];

        fit_signed(x + at, ori_fit_at(importance, at), 32, 128, b->d, &f);
        for (int j = 0; j < 16; j++)
            b->scales[j] = (int8_t)f.scale[j];
        for (int i = 0; i < 128; i++) {
            const int low = i / 64 * 128 + i % 64;
            b->ql[i] = (uint8_t)((f.q[low] & 15) | (f.q[low + 64] & 15) << 4);
        }
        for (int i = 0; i < ORI_SUPERBLOCK; i++)
            high[i] = f.q[i] >> 4;
        pack_pairs(high, b->qh);
    }
}
