/* The table of kernels: filled with the scalar tier, then raised. */
#include "kernels/kernels.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/scalar/scalar.h"
#if defined(__x86_64__)
#include "kernels/x86/x86.h"
#endif

#define SCALAR_TYPE(type, layout)                                                                  \
    {                                                                                              \
        .act = (layout), .dequantize = ori_dequantize_##type, .quantize = ori_quantize_##type,     \
        .matmul = ori_matmul_##type##_scalar                                                       \
    }
#define SCALAR_FLOAT(type) SCALAR_TYPE(type, ORI_ACT_F32)
#define SCALAR_QUANT(number, type, layout) [ORI_##number] = SCALAR_TYPE(type, layout),

static void init_scalar(struct ori_kernels *kernels)
{
    *kernels = (struct ori_kernels){
        .name = "scalar",
        .types = {[ORI_F32] = SCALAR_FLOAT(f32),
                  [ORI_F16] = SCALAR_FLOAT(f16),
                  [ORI_BF16] = SCALAR_FLOAT(bf16),
                  ORI_EACH_QUANT(SCALAR_QUANT)},
        .quantize_act =
            {
                [ORI_ACT_F32] = ori_quantize_act_f32,
                [ORI_ACT_Q8] = ori_quantize_act_q8_scalar,
                [ORI_ACT_Q8K] = ori_quantize_act_q8k_scalar,
            },
        .rms_norm = ori_rms_norm_scalar,
        .layer_norm = ori_layer_norm_scalar,
        .add = ori_add_scalar,
        .add_scaled = ori_add_scaled_scalar,
        .gelu = ori_gelu_scalar,
        .silu_mul = ori_silu_mul_scalar,
        .gelu_mul = ori_gelu_mul_scalar,
        .clamped_swiglu = ori_clamped_swiglu_scalar,
        .softcap = ori_softcap_scalar,
        .rope = ori_rope_scalar,
        .f32_to_f16 = ori_f32_to_f16_scalar,
        .f16_to_f32 = ori_f16_to_f32_scalar,
        .f32_to_f16_columns = ori_f32_to_f16_columns_scalar,
        .attention =
            {
                [ORI_KV_F16] = ori_attention_f16_scalar,
                [ORI_KV_Q8_0] = ori_attention_q8_0_scalar,
                [ORI_KV_F32] = ori_attention_f32_scalar,
            },
        .log_sum_exp = ori_log_sum_exp_scalar,
        .sum_words = ori_sum_words_scalar,
        .spin_int8 = ori_spin_int8_scalar,
    };
}

#if defined(__x86_64__)
static void raise_to_avx2(struct ori_kernels *kernels)
{
    kernels->name = "avx2";
    kernels->types[ORI_F32].matmul = ori_matmul_f32_avx2;
    kernels->types[ORI_F16].matmul = ori_matmul_f16_avx2;
    kernels->types[ORI_BF16].matmul = ori_matmul_bf16_avx2;
    ORI_EACH_QUANT(ORI_TAKE_AVX2)
    kernels->quantize_act[ORI_ACT_Q8] = ori_quantize_act_q8_avx2;
    kernels->quantize_act[ORI_ACT_Q8K] = ori_quantize_act_q8k_avx2;
    kernels->rms_norm = ori_rms_norm_avx2;
    kernels->layer_norm = ori_layer_norm_avx2;
    kernels->add = ori_add_avx2;
    kernels->add_scaled = ori_add_scaled_avx2;
    kernels->gelu = ori_gelu_avx2;
    kernels->silu_mul = ori_silu_mul_avx2;
    kernels->gelu_mul = ori_gelu_mul_avx2;
    kernels->clamped_swiglu = ori_clamped_swiglu_avx2;
    kernels->softcap = ori_softcap_avx2;
    kernels->rope = ori_rope_avx2;
    kernels->f32_to_f16 = ori_f32_to_f16_avx2;
    kernels->f16_to_f32 = ori_f16_to_f32_avx2;
    kernels->f32_to_f16_columns = ori_f32_to_f16_columns_avx2;
    kernels->attention[ORI_KV_F16] = ori_attention_f16_avx2;
    kernels->attention[ORI_KV_Q8_0] = ori_attention_q8_0_avx2;
    kernels->attention[ORI_KV_F32] = ori_attention_f32_avx2;
    kernels->log_sum_exp = ori_log_sum_exp_avx2;
    kernels->sum_words = ori_sum_words_avx2;
    kernels->spin_int8 = ori_spin_int8_avx2;
}

static void raise_to_avxvnni(struct ori_kernels *kernels)
{
    kernels->name = "avxvnni";
    ORI_EACH_QUANT(ORI_TAKE_AVXVNNI)
}

/* What is not named here stays what the tier below has. */
static void raise_to_avx512(struct ori_kernels *kernels)
{
    kernels->name = "avx512";
    kernels->types[ORI_F32].matmul = ori_matmul_f32_avx512;
    kernels->types[ORI_F16].matmul = ori_matmul_f16_avx512;
    kernels->types[ORI_BF16].matmul = ori_matmul_bf16_avx512;
    ORI_EACH_QUANT(ORI_TAKE_AVX512)
    kernels->silu_mul = ori_silu_mul_avx512;
    kernels->gelu = ori_gelu_avx512;
    kernels->gelu_mul = ori_gelu_mul_avx512;
    kernels->clamped_swiglu = ori_clamped_swiglu_avx512;
    kernels->softcap = ori_softcap_avx512;
    kernels->log_sum_exp = ori_log_sum_exp_avx512;
    kernels->attention[ORI_KV_F16] = ori_attention_f16_avx512;
    kernels->attention[ORI_KV_Q8_0] = ori_attention_q8_0_avx512;
    kernels->attention[ORI_KV_F32] = ori_attention_f32_avx512;
    kernels->spin_int8 = ori_spin_int8_avx512;
}

/* Of the types that gain by it. */
static void ask_once(struct ori_kernels *kernels)
{
    kernels->types[ORI_Q4_0].matmul = ori_matmul_q4_0_avx512_once;
    kernels->types[ORI_IQ4_NL].matmul = ori_matmul_iq4_nl_avx512_once;
    kernels->types[ORI_Q8_0].matmul = ori_matmul_q8_0_avx512_once;
    kernels->types[ORI_Q4_K].matmul = ori_matmul_q4_k_avx512_once;
    kernels->types[ORI_Q5_K].matmul = ori_matmul_q5_k_avx512_once;
    kernels->types[ORI_Q6_K].matmul = ori_matmul_q6_k_avx512_once;
}
#endif

void ori_kernels_init(struct ori_kernels *kernels, uint32_t cpu)
{
    init_scalar(kernels);
#if defined(__x86_64__)
    if (!(cpu & ORI_CPU_AVX2))
        return;
    raise_to_avx2(kernels);
    if (cpu & ORI_CPU_AVXVNNI)
        raise_to_avxvnni(kernels);
    if (cpu & ORI_CPU_AVX512)
        raise_to_avx512(kernels);
    if (cpu & ORI_CPU_AVX512 && cpu & ORI_CPU_ASKS_ONCE)
        ask_once(kernels);
#else
    (void)cpu;
#endif
}

/* The values of ORION_CPU. */
static const struct {
    const char *name;
    uint32_t cpu;
    const char *needs;
} tiers[] = {
    {"scalar", 0, ""},
    {"avx2", ORI_CPU_AVX2, "AVX2, FMA or F16C"},
    {"avxvnni", ORI_CPU_AVX2 | ORI_CPU_AVXVNNI, "AVX-VNNI"},
    {"avx512", ORI_CPU_AVX2 | ORI_CPU_AVX512, "AVX-512 F, BW, DQ, VL or VNNI"},
};

/* The bits of the tier that is asked for, which must be among those of cpu. */
static orion_status lower(uint32_t *cpu, const char *name, orion_error *err)
{
    for (size_t i = 0; i < ORI_COUNT(tiers); i++) {
        if (strcmp(tiers[i].name, name) != 0)
            continue;
        if ((*cpu & tiers[i].cpu) != tiers[i].cpu)
            return ori_fail(err, ORION_E_ARGUMENT,
                            "ORION_CPU=%s, but this CPU or system lacks %s; unset ORION_CPU to "
                            "use what it has",
                            name, tiers[i].needs);
        *cpu = tiers[i].cpu | (*cpu & ORI_CPU_ASKS_ONCE);
        return ORION_OK;
    }
    return ori_fail(err, ORION_E_ARGUMENT,
                    "ORION_CPU='%.64s' names no CPU tier; use scalar, avx2, avxvnni or avx512, or "
                    "unset it",
                    name);
}

orion_status ori_kernels_choose(struct ori_kernels *kernels, orion_error *err)
{
    const char *tier = getenv("ORION_CPU");
    uint32_t cpu = ori_cpu_detect();
    orion_status status = ORION_OK;

    *kernels = (struct ori_kernels){0};
    if (tier)
        status = lower(&cpu, tier, err);
    if (status == ORION_OK)
        ori_kernels_init(kernels, cpu);
    return status;
}
