/* Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, IQ4_NL, MXFP4: dequantize, and multiply with Q8 activations.
 *
 * An exact integer sum a block of 32: at most 32 * 128 * 127 < 2^24, which a
 * float holds exactly too. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/blocks.h"
#include "kernels/scalar/unpack.h"

/* A value is exact: an 11-bit d, or a power of two, times an 8-bit q needs 19
 * bits; adding m rounds once. */
static void dequantize(ori_unpack32_fn *unpack, size_t block_bytes, bool has_m, const uint8_t *row,
                       float *out, size_t n)
{
    struct ori_unpacked32 b;

    for (; n >= ORI_BLOCK; n -= ORI_BLOCK, row += block_bytes, out += ORI_BLOCK) {
        unpack(row, &b);
        for (int i = 0; i < ORI_BLOCK; i++)
            out[i] = has_m ? fmaf(b.d, b.q[i], b.m) : b.d * b.q[i];
    }
}

static int32_t dot(const int8_t *q, const int8_t *a)
{
    int32_t sum = 0;

    for (int i = 0; i < ORI_BLOCK; i++)
        sum += q[i] * a[i];
    return sum;
}

/* Columns that one unpacking of a row serves. */
#define COLUMNS 8

/* One row with up to COLUMNS columns. */
static void row_times(ori_unpack32_fn *unpack, size_t block_bytes, bool has_m, const uint8_t *row,
                      size_t n, const uint8_t *acts, size_t act_bytes, size_t n_cols, float *out,
                      size_t out_stride)
{
    struct ori_unpacked32 w;
    float acc[COLUMNS] = {0};

    for (size_t b = 0; b < n / ORI_BLOCK; b++) {
        unpack(row + b * block_bytes, &w);
        for (size_t c = 0; c < n_cols; c++) {
            const struct ori_act_q8 *a = (const struct ori_act_q8 *)(acts + c * act_bytes) + b;

            acc[c] = fmaf(w.d * a->d, (float)dot(w.q, a->qs), acc[c]);
            if (has_m)
                acc[c] = fmaf(w.m * a->d, (float)a->sum, acc[c]);
        }
    }
    for (size_t c = 0; c < n_cols; c++)
        out[c * out_stride] = acc[c];
}

static void matmul(ori_unpack32_fn *unpack, size_t block_bytes, bool has_m, const uint8_t *weights,
                   size_t row_bytes, size_t n_rows, size_t n, const uint8_t *acts, size_t act_bytes,
                   size_t n_cols, float *out, size_t out_stride)
{
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t c = 0; c < n_cols; c += COLUMNS) {
            const size_t left = n_cols - c;
            row_times(unpack, block_bytes, has_m, weights + r * row_bytes, n, acts + c * act_bytes,
                      act_bytes, left < COLUMNS ? left : COLUMNS, out + c * out_stride + r,
                      out_stride);
        }
    }
}

#define DEFINE_TYPE(type, has_m)                                                                   \
    void ori_dequantize_##type(const void *row, float *out, size_t n)                              \
    {                                                                                              \
        dequantize(ori_unpack_##type, sizeof(struct ori_block_##type), has_m, row, out, n);        \
    }                                                                                              \
    void ori_matmul_##type##_scalar(const void *weights, size_t row_bytes, size_t n_rows,          \
                                    size_t n, const void *acts, size_t act_bytes, size_t n_cols,   \
                                    float *out, size_t out_stride)                                 \
    {                                                                                              \
        matmul(ori_unpack_##type, sizeof(struct ori_block_##type), has_m, weights, row_bytes,      \
               n_rows, n, acts, act_bytes, n_cols, out, out_stride);                               \
    }

DEFINE_TYPE(q4_0, false)
DEFINE_TYPE(q4_1, true)
DEFINE_TYPE(q5_0, false)
DEFINE_TYPE(q5_1, true)
DEFINE_TYPE(q8_0, false)
DEFINE_TYPE(iq4_nl, false)
DEFINE_TYPE(mxfp4, false)
