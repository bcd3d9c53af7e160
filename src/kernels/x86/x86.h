/* The x86-64 tiers.  Callable only where ori_cpu_detect() says so. */
#ifndef ORI_KERNELS_X86_H
#define ORI_KERNELS_X86_H

#include "kernels/kernels.h"

#define ORI_DECLARE_MATMUL(type, tier)                                                             \
    void ori_matmul_##type##_##tier(const void *weights, size_t row_bytes, size_t n_rows,          \
                                    size_t n, const void *acts, size_t act_bytes, size_t n_cols,   \
                                    float *out, size_t out_stride)
/* One product a tensor type: those of floats, and those of quants. */
#define ORI_DECLARE_FLOAT_MATMULS(tier)                                                            \
    ORI_DECLARE_MATMUL(f32, tier);                                                                 \
    ORI_DECLARE_MATMUL(f16, tier);                                                                 \
    ORI_DECLARE_MATMUL(bf16, tier)
#define ORI_DECLARE_QUANT_MATMULS(tier)                                                            \
    ORI_DECLARE_MATMUL(q4_0, tier);                                                                \
    ORI_DECLARE_MATMUL(q4_1, tier);                                                                \
    ORI_DECLARE_MATMUL(q5_0, tier);                                                                \
    ORI_DECLARE_MATMUL(q5_1, tier);                                                                \
    ORI_DECLARE_MATMUL(q8_0, tier);                                                                \
    ORI_DECLARE_MATMUL(q2_k, tier);                                                                \
    ORI_DECLARE_MATMUL(q3_k, tier);                                                                \
    ORI_DECLARE_MATMUL(q4_k, tier);                                                                \
    ORI_DECLARE_MATMUL(q5_k, tier);                                                                \
    ORI_DECLARE_MATMUL(q6_k, tier)

ORI_DECLARE_FLOAT_MATMULS(avx2);
ORI_DECLARE_QUANT_MATMULS(avx2);
ORI_DECLARE_QUANT_MATMULS(avxvnni);
ORI_DECLARE_QUANT_MATMULS(evexvnni); /* in the tests alone: tier_avx2.h */
ORI_DECLARE_FLOAT_MATMULS(avx512);
ORI_DECLARE_QUANT_MATMULS(avx512);

/* The quants' products of a tier into the table. */
#define ORI_TAKE_QUANT_MATMULS(kernels, tier)                                                      \
    do {                                                                                           \
        (kernels)->types[ORI_Q4_0].matmul = ori_matmul_q4_0_##tier;                                \
        (kernels)->types[ORI_Q4_1].matmul = ori_matmul_q4_1_##tier;                                \
        (kernels)->types[ORI_Q5_0].matmul = ori_matmul_q5_0_##tier;                                \
        (kernels)->types[ORI_Q5_1].matmul = ori_matmul_q5_1_##tier;                                \
        (kernels)->types[ORI_Q8_0].matmul = ori_matmul_q8_0_##tier;                                \
        (kernels)->types[ORI_Q2_K].matmul = ori_matmul_q2_k_##tier;                                \
        (kernels)->types[ORI_Q3_K].matmul = ori_matmul_q3_k_##tier;                                \
        (kernels)->types[ORI_Q4_K].matmul = ori_matmul_q4_k_##tier;                                \
        (kernels)->types[ORI_Q5_K].matmul = ori_matmul_q5_k_##tier;                                \
        (kernels)->types[ORI_Q6_K].matmul = ori_matmul_q6_k_##tier;                                \
    } while (0)

void ori_quantize_act_q8_avx2(const float *x, void *out, size_t n);
void ori_quantize_act_q8k_avx2(const float *x, void *out, size_t n);

void ori_rms_norm_avx2(const float *x, const float *weight, float *out, size_t n, float eps);
void ori_layer_norm_avx2(const float *x, const float *weight, const float *bias, float *out,
                         size_t n, float eps);
void ori_add_avx2(float *x, const float *y, size_t n);
void ori_silu_mul_avx2(const float *gate, const float *up, float *out, size_t n);
void ori_gelu_avx2(float *x, size_t n);
void ori_gelu_mul_avx2(const float *gate, const float *up, float *out, size_t n);
void ori_softcap_avx2(float *x, size_t n, float cap);
void ori_rope_avx2(float *head, const float *angles, size_t n_rot, bool neox);
void ori_f32_to_f16_avx2(const float *x, uint16_t *out, size_t n);
void ori_f16_to_f32_avx2(const uint16_t *x, float *out, size_t n);
void ori_attention_f16_avx2(const struct ori_attn *attn);
void ori_attention_q8_0_avx2(const struct ori_attn *attn);
void ori_attention_f32_avx2(const struct ori_attn *attn);
double ori_log_sum_exp_avx2(const float *x, size_t n);
uint64_t ori_sum_words_avx2(const uint64_t *words, size_t n);
uint64_t ori_spin_int8_avx2(uint64_t rounds);

void ori_silu_mul_avx512(const float *gate, const float *up, float *out, size_t n);
void ori_gelu_avx512(float *x, size_t n);
void ori_gelu_mul_avx512(const float *gate, const float *up, float *out, size_t n);
void ori_softcap_avx512(float *x, size_t n, float cap);
double ori_log_sum_exp_avx512(const float *x, size_t n);
void ori_attention_f16_avx512(const struct ori_attn *attn);
void ori_attention_q8_0_avx512(const struct ori_attn *attn);
void ori_attention_f32_avx512(const struct ori_attn *attn);
uint64_t ori_spin_int8_avx512(uint64_t rounds);

#endif
