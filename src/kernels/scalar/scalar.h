/* The scalar tier: the specification of every kernel. */
#ifndef ORI_KERNELS_SCALAR_H
#define ORI_KERNELS_SCALAR_H

#include "kernels/kernels.h"
#include "kernels/quants.h"

/* The functions of one type, named after it. */
#define ORI_DECLARE_TYPE(type)                                                                     \
    void ori_dequantize_##type(const void *row, float *out, size_t n);                             \
    void ori_quantize_##type(const float *x, const float *importance, void *row, size_t n);        \
    void ori_matmul_##type##_scalar(const void *weights, size_t row_bytes, size_t n_rows,          \
                                    size_t n, const void *acts, size_t act_bytes, size_t n_cols,   \
                                    float *out, size_t out_stride);
#define ORI_DECLARE_QUANT(number, type, act) ORI_DECLARE_TYPE(type)

ORI_DECLARE_TYPE(f32)
ORI_DECLARE_TYPE(f16)
ORI_DECLARE_TYPE(bf16)
ORI_EACH_QUANT(ORI_DECLARE_QUANT)

void ori_quantize_act_f32(const float *x, void *out, size_t n); /* a copy */
void ori_quantize_act_q8_scalar(const float *x, void *out, size_t n);
void ori_quantize_act_q8k_scalar(const float *x, void *out, size_t n);

void ori_rms_norm_scalar(const float *x, const float *weight, float *out, size_t n, float eps);
void ori_layer_norm_scalar(const float *x, const float *weight, const float *bias, float *out,
                           size_t n, float eps);
void ori_add_scalar(float *x, const float *y, size_t n);
void ori_add_scaled_scalar(float *x, const float *y, float by, size_t n);
void ori_silu_mul_scalar(const float *gate, const float *up, float *out, size_t n);
void ori_gelu_scalar(float *x, size_t n);
void ori_gelu_mul_scalar(const float *gate, const float *up, float *out, size_t n);
void ori_clamped_swiglu_scalar(const float *gate, const float *up, float *out, size_t n);
void ori_softcap_scalar(float *x, size_t n, float cap);
void ori_rope_scalar(float *head, const float *angles, size_t n_rot, bool neox);
void ori_f32_to_f16_scalar(const float *x, uint16_t *out, size_t n);
void ori_f32_to_f16_columns_scalar(const float *rows, size_t stride, size_t n_rows, uint16_t *out,
                                   size_t n);
void ori_f16_to_f32_scalar(const uint16_t *x, float *out, size_t n);
void ori_attention_f16_scalar(const struct ori_attn *attn);
void ori_attention_q8_0_scalar(const struct ori_attn *attn);
void ori_attention_f32_scalar(const struct ori_attn *attn);
double ori_log_sum_exp_scalar(const float *x, size_t n);

uint64_t ori_sum_words_scalar(const uint64_t *words, size_t n);
uint64_t ori_spin_int8_scalar(uint64_t rounds);

#endif
