/* Q2_K to Q6_K, IQ4_XS, IQ3, IQ2: dequantize, and multiply with Q8K activations.
 *
 * A superblock's part of a dot product is two exact integers, the scaled sum
 * and the sum of the minimums (bounds in unpack.h), folded by one multiply-add
 * each.  Any order of the integer parts gives the same value, so a kernel may
 * put its lanes along the row or across rows. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/blocks.h"
#include "kernels/scalar/unpack.h"

/* d * scale * q is exact: at most 11 + 7 + 5 bits, IQ4_XS 11 + 5 + 7 (its scale is
 * -32 to 31).  Taking off dmin * min,
 * exact too, rounds once. */
static void dequantize(ori_unpack256_fn *unpack, size_t block_bytes, bool has_min,
                       const uint8_t *row, float *out, size_t n)
{
    struct ori_unpacked256 b;

    for (; n >= ORI_SUPERBLOCK; n -= ORI_SUPERBLOCK, row += block_bytes, out += ORI_SUPERBLOCK) {
        unpack(row, &b);
        for (int i = 0; i < ORI_SUPERBLOCK; i++) {
            const float d = b.d * b.scale[i / 16];
            const float m = b.dmin * b.min[i / 16];
            out[i] = has_min ? fmaf(d, b.q[i], -m) : d * b.q[i];
        }
    }
}

static int32_t scaled_dot(const struct ori_unpacked256 *w, const struct ori_act_q8k *a)
{
    int32_t sum = 0;

    for (int j = 0; j < 16; j++) {
        int32_t dot = 0;
        for (int i = 16 * j; i < 16 * j + 16; i++)
            dot += w->q[i] * a->qs[i];
        sum += w->scale[j] * dot;
    }
    return sum;
}

static int32_t min_dot(const struct ori_unpacked256 *w, const struct ori_act_q8k *a)
{
    int32_t sum = 0;

    for (int j = 0; j < 16; j++)
        sum += w->min[j] * a->sums[j];
    return sum;
}

/* Columns that one unpacking of a row serves. */
#define COLUMNS 8

/* One row with up to COLUMNS columns. */
static void row_times(ori_unpack256_fn *unpack, size_t block_bytes, bool has_min,
                      const uint8_t *row, size_t n, const uint8_t *acts, size_t act_bytes,
                      size_t n_cols, float *out, size_t out_stride)
{
    struct ori_unpacked256 w;
    float acc[COLUMNS] = {0};

    for (size_t b = 0; b < n / ORI_SUPERBLOCK; b++) {
        unpack(row + b * block_bytes, &w);
        for (size_t c = 0; c < n_cols; c++) {
            const struct ori_act_q8k *a = (const struct ori_act_q8k *)(acts + c * act_bytes) + b;

            acc[c] = fmaf(w.d * a->d, (float)scaled_dot(&w, a), acc[c]);
            if (has_min)
                acc[c] = fmaf(-(w.dmin * a->d), (float)min_dot(&w, a), acc[c]);
        }
    }
    for (size_t c = 0; c < n_cols; c++)
        out[c * out_stride] = acc[c];
}

static void matmul(ori_unpack256_fn *unpack, size_t block_bytes, bool has_min,
                   const uint8_t *weights, size_t row_bytes, size_t n_rows, size_t n,
                   const uint8_t *acts, size_t act_bytes, size_t n_cols, float *out,
                   size_t out_stride)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t c = 0; c < n_cols; c += COLUMNS) {
            const size_t left = n_cols - c;
            row_times(unpack, block_bytes, has_min, weights + r * row_bytes, n,
                      acts + c * act_bytes, act_bytes, left < COLUMNS ? left : COLUMNS,
                      out + c * out_stride + r, out_stride);
        }
    }
}

#define DEFINE_TYPE(type, has_min)                                                                 \
    void ori_dequantize_##type(const void *row, float *out, size_t n)                              \
    {                                                                                              \
        dequantize(ori_unpack_##type, sizeof(struct ori_block_##type), has_min, row, out, n);      \
    }                                                                                              \
    void ori_matmul_##type##_scalar(const void *weights, size_t row_bytes, size_t n_rows,          \
                                    size_t n, const void *acts, size_t act_bytes, size_t n_cols,   \
                                    float *out, size_t out_stride)                                 \
    {                                                                                              \
        matmul(ori_unpack_##type, sizeof(struct ori_block_##type), has_min, weights, row_bytes,    \
               n_rows, n, acts, act_bytes, n_cols, out, out_stride);                               \
    }

DEFINE_TYPE(q2_k, true)
DEFINE_TYPE(q3_k, false)
DEFINE_TYPE(q4_k, true)
DEFINE_TYPE(q5_k, true)
DEFINE_TYPE(q6_k, false)
DEFINE_TYPE(iq4_xs, false)
DEFINE_TYPE(iq3_s, false)
DEFINE_TYPE(iq3_xxs, false)
DEFINE_TYPE(iq2_s, false)
DEFINE_TYPE(iq2_xs, false)
DEFINE_TYPE(iq2_xxs, false)
