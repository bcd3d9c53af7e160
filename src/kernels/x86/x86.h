/* The x86-64 tiers.  Callable only where ori_cpu_detect() says so. */
#ifndef ORI_KERNELS_X86_H
#define ORI_KERNELS_X86_H

#include "kernels/kernels.h"
#include "kernels/quants.h"

#define ORI_DECLARE_MATMUL(type, tier)                                                             \
    void ori_matmul_##type##_##tier(const void *weights, size_t row_bytes, size_t n_rows,          \
                                    size_t n, const void *acts, size_t act_bytes, size_t n_cols,   \
                                    float *out, size_t out_stride);
/* One product a tensor type: those of floats, and those of quants. */
#define ORI_DECLARE_FLOAT_MATMULS(tier)                                                            \
    ORI_DECLARE_MATMUL(f32, tier)                                                                  \
    ORI_DECLARE_MATMUL(f16, tier)                                                                  \
    ORI_DECLARE_MATMUL(bf16, tier)
#define ORI_DECLARE_QUANT_MATMUL(number, type, act)                                                \
    ORI_DECLARE_MATMUL(type, avx2)                                                                 \
    ORI_DECLARE_MATMUL(type, avxvnni)                                                              \
    ORI_DECLARE_MATMUL(type, evexvnni) /* in the tests alone: tier_avx2.h */                       \
    ORI_DECLARE_MATMUL(type, avx512)

ORI_DECLARE_FLOAT_MATMULS(avx2)
ORI_DECLARE_FLOAT_MATMULS(avx512)
/* ORI_CPU_ASKS_ONCE */
ORI_DECLARE_MATMUL(q4_0, avx512_once)
ORI_DECLARE_MATMUL(iq4_nl, avx512_once)
ORI_DECLARE_MATMUL(q8_0, avx512_once)
ORI_DECLARE_MATMUL(q4_k, avx512_once)
ORI_DECLARE_MATMUL(q5_k, avx512_once)
ORI_DECLARE_MATMUL(q6_k, avx512_once)
ORI_EACH_QUANT(ORI_DECLARE_QUANT_MATMUL)

/* A quant's product of a tier into the table. */
#define ORI_TAKE_AVX2(number, type, act)                                                           \
    kernels->types[ORI_##number].matmul = ori_matmul_##type##_avx2;
#define ORI_TAKE_AVXVNNI(number, type, act)                                                        \
    kernels->types[ORI_##number].matmul = ori_matmul_##type##_avxvnni;
#define ORI_TAKE_EVEXVNNI(number, type, act)                                                       \
    kernels->types[ORI_##number].matmul = ori_matmul_##type##_evexvnni;
#define ORI_TAKE_AVX512(number, type, act)                                                         \
    kernels->types[ORI_##number].matmul = ori_matmul_##type##_avx512;

void ori_quantize_act_q8_avx2(const float *x, void *out, size_t n);
void ori_quantize_act_q8k_avx2(const float *x, void *out, size_t n);

void ori_rms_norm_avx2(const float *x, const float *weight, float *out, size_t n, float eps);
void ori_layer_norm_avx2(const float *x, const float *weight, const float *bias, float *out,
                         size_t n, float eps);
void ori_add_avx2(float *x, const float *y, size_t n);
void ori_add_scaled_avx2(float *x, const float *y, float by, size_t n);
void ori_silu_mul_avx2(const float *gate, const float *up, float *out, size_t n);
void ori_gelu_avx2(float *x, size_t n);
void ori_gelu_mul_avx2(const float *gate, const float *up, float *out, size_t n);
void ori_clamped_swiglu_avx2(const float *gate, const float *up, float *out, size_t n);
void ori_softcap_avx2(float *x, size_t n, float cap);
void ori_rope_avx2(float *head, const float *angles, size_t n_rot, bool neox);
void ori_f32_to_f16_avx2(const float *x, uint16_t *out, size_t n);
void ori_f16_to_f32_avx2(const uint16_t *x, float *out, size_t n);
void ori_f32_to_f16_columns_avx2(const float *rows, size_t stride, size_t n_rows, uint16_t *out,
                                 size_t n);
void ori_attention_f16_avx2(const struct ori_attn *attn);
void ori_attention_q8_0_avx2(const struct ori_attn *attn);
void ori_attention_f32_avx2(const struct ori_attn *attn);
double ori_log_sum_exp_avx2(const float *x, size_t n);
uint64_t ori_sum_words_avx2(const uint64_t *words, size_t n);
uint64_t ori_spin_int8_avx2(uint64_t rounds);

void ori_silu_mul_avx512(const float *gate, const float *up, float *out, size_t n);
void ori_gelu_avx512(float *x, size_t n);
void ori_gelu_mul_avx512(const float *gate, const float *up, float *out, size_t n);
void ori_clamped_swiglu_avx512(const float *gate, const float *up, float *out, size_t n);
void ori_softcap_avx512(float *x, size_t n, float cap);
double ori_log_sum_exp_avx512(const float *x, size_t n);
void ori_attention_f16_avx512(const struct ori_attn *attn);
void ori_attention_q8_0_avx512(const struct ori_attn *attn);
void ori_attention_f32_avx512(const struct ori_attn *attn);
uint64_t ori_spin_int8_avx512(uint64_t rounds);

#endif
