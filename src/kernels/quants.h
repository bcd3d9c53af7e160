/* The list of quantized types, for what must be said of each. */
#ifndef ORI_KERNELS_QUANTS_H
#define ORI_KERNELS_QUANTS_H

/* x(its number's name, its functions' name, activations, encoder or NULL) */
// clang-format off
#define ORI_EACH_QUANT(x) \
    x(Q4_0,    q4_0,    ORI_ACT_Q8,  ori_quantize_q4_0) \
    x(Q4_1,    q4_1,    ORI_ACT_Q8,  ori_quantize_q4_1) \
    x(Q5_0,    q5_0,    ORI_ACT_Q8,  ori_quantize_q5_0) \
    x(Q5_1,    q5_1,    ORI_ACT_Q8,  ori_quantize_q5_1) \
    x(Q8_0,    q8_0,    ORI_ACT_Q8,  ori_quantize_q8_0) \
    x(IQ4_NL,  iq4_nl,  ORI_ACT_Q8,  NULL)              \
    x(MXFP4,   mxfp4,   ORI_ACT_Q8,  NULL)              \
    x(Q2_K,    q2_k,    ORI_ACT_Q8K, ori_quantize_q2_k) \
    x(Q3_K,    q3_k,    ORI_ACT_Q8K, ori_quantize_q3_k) \
    x(Q4_K,    q4_k,    ORI_ACT_Q8K, ori_quantize_q4_k) \
    x(Q5_K,    q5_k,    ORI_ACT_Q8K, ori_quantize_q5_k) \
    x(Q6_K,    q6_k,    ORI_ACT_Q8K, ori_quantize_q6_k) \
    x(IQ4_XS,  iq4_xs,  ORI_ACT_Q8K, NULL)              \
    x(IQ3_S,   iq3_s,   ORI_ACT_Q8K, NULL)              \
    x(IQ3_XXS, iq3_xxs, ORI_ACT_Q8K, NULL)              \
    x(IQ2_S,   iq2_s,   ORI_ACT_Q8K, NULL)              \
    x(IQ2_XS,  iq2_xs,  ORI_ACT_Q8K, NULL)              \
    x(IQ2_XXS, iq2_xxs, ORI_ACT_Q8K, NULL)
// clang-format on

#endif
