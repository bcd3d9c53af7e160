/* The x86-64 tiers.  Callable only where ori_cpu_detect() says so. */
#ifndef ORI_KERNELS_X86_H
#define ORI_KERNELS_X86_H

#include "kernels/kernels.h"

#define ORI_DECLARE_MATMUL_AVX2(type)                                                              \
    void ori_matmul_##type##_avx2(const void *weights, size_t row_bytes, size_t n_rows, size_t n,  \
                                  const void *acts, size_t act_bytes, size_t n_cols, float *out,   \
                                  size_t out_stride)

ORI_DECLARE_MATMUL_AVX2(f32);
ORI_DECLARE_MATMUL_AVX2(f16);
ORI_DECLARE_MATMUL_AVX2(bf16);
ORI_DECLARE_MATMUL_AVX2(q4_0);
ORI_DECLARE_MATMUL_AVX2(q4_1);
ORI_DECLARE_MATMUL_AVX2(q5_0);
ORI_DECLARE_MATMUL_AVX2(q5_1);
ORI_DECLARE_MATMUL_AVX2(q8_0);
ORI_DECLARE_MATMUL_AVX2(q2_k);
ORI_DECLARE_MATMUL_AVX2(q3_k);
ORI_DECLARE_MATMUL_AVX2(q4_k);
ORI_DECLARE_MATMUL_AVX2(q5_k);
ORI_DECLARE_MATMUL_AVX2(q6_k);

void ori_quantize_act_q8_avx2(const float *x, void *out, size_t n);
void ori_quantize_act_q8k_avx2(const float *x, void *out, size_t n);

void ori_rms_norm_avx2(const float *x, const float *weight, float *out, size_t n, float eps);
void ori_add_avx2(float *x, const float *y, size_t n);
void ori_silu_mul_avx2(const float *gate, const float *up, float *out, size_t n);
void ori_rope_avx2(float *head, const float *angles, size_t n_rot, bool neox);
void ori_f32_to_f16_avx2(const float *x, uint16_t *out, size_t n);
void ori_f16_to_f32_avx2(const uint16_t *x, float *out, size_t n);
void ori_attention_avx2(const struct ori_attn *attn);
double ori_log_sum_exp_avx2(const float *x, size_t n);

void ori_add_avx512(float *x, const float *y, size_t n);

#endif
