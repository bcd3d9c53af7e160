/* F32, F16, BF16: conversion, and multiply with float activations in 16 lanes. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/bits.h"
#include "kernels/inline.h"
#include "kernels/scalar/lanes.h"

typedef float load_fn(const uint8_t *row, size_t i);

/* A weight may stand at any address, hence memcpy. */
ORI_INLINE float load_f32(const uint8_t *row, size_t i)
{
    return ori_f32_of_bits(ori_load_le32(row + 4 * i));
}

ORI_INLINE float load_f16(const uint8_t *row, size_t i)
{
    return ori_f16_to_f32(ori_load_le16(row + 2 * i));
}

ORI_INLINE float load_bf16(const uint8_t *row, size_t i)
{
    return ori_bf16_to_f32(ori_load_le16(row + 2 * i));
}

ORI_INLINE void dequantize(load_fn *load, const uint8_t *row, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = load(row, i);
}

ORI_INLINE float dot(load_fn *load, const uint8_t *row, const float *x, size_t n)
{
    float lanes[ORI_LANES] = {0};

    for (size_t i = 0; i < n; i++)
        lanes[i % ORI_LANES] = fmaf(load(row, i), x[i], lanes[i % ORI_LANES]);
    return ori_join_lanes(lanes);
}

ORI_INLINE void matmul(load_fn *load, const uint8_t *weights, size_t row_bytes, size_t n_rows,
                       size_t n, const uint8_t *acts, size_t act_bytes, size_t n_cols, float *out,
                       size_t out_stride)
{
    for (size_t c = 0; c < n_cols; c++)
        for (size_t r = 0; r < n_rows; r++)
            out[c * out_stride + r] =
                dot(load, weights + r * row_bytes, (const float *)(acts + c * act_bytes), n);
}

#define DEFINE_TYPE(type)                                                                          \
    void ori_dequantize_##type(const void *row, float *out, size_t n)                              \
    {                                                                                              \
        dequantize(load_##type, row, out, n);                                                      \
    }                                                                                              \
    void ori_matmul_##type##_scalar(const void *weights, size_t row_bytes, size_t n_rows,          \
                                    size_t n, const void *acts, size_t act_bytes, size_t n_cols,   \
                                    float *out, size_t out_stride)                                 \
    {                                                                                              \
        matmul(load_##type, weights, row_bytes, n_rows, n, acts, act_bytes, n_cols, out,           \
               out_stride);                                                                        \
    }

DEFINE_TYPE(f32)
DEFINE_TYPE(f16)
DEFINE_TYPE(bf16)

void ori_quantize_f32(const float *x, const float *importance, void *row, size_t n)
{
    uint8_t *out = row;

    (void)importance;
    for (size_t i = 0; i < n; i++)
        ori_store_le32(out + 4 * i, ori_f32_bits(x[i]));
}

void ori_quantize_f16(const float *x, const float *importance, void *row, size_t n)
{
    uint8_t *out = row;

    (void)importance;
    for (size_t i = 0; i < n; i++)
        ori_store_le16(out + 2 * i, ori_f32_to_f16(x[i]));
}

void ori_quantize_bf16(const float *x, const float *importance, void *row, size_t n)
{
    uint8_t *out = row;

    (void)importance;
    for (size_t i = 0; i < n; i++)
        ori_store_le16(out + 2 * i, ori_f32_to_bf16(x[i]));
}
