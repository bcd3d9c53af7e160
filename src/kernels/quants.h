/* The list of quantized types, for what must be said of each. */
#ifndef ORI_KERNELS_QUANTS_H
#define ORI_KERNELS_QUANTS_H

/* x(its number's name, its functions' name, activations) */
// clang-format off
#define ORI_EACH_QUANT(x) \
    x(Q4_0,    q4_0,    ORI_ACT_Q8)    \
    x(Q4_1,    q4_1,    ORI_ACT_Q8)    \
    x(Q5_0,    q5_0,    ORI_ACT_Q8)    \
    x(Q5_1,    q5_1,    ORI_ACT_Q8)    \
    x(Q8_0,    q8_0,    ORI_ACT_Q8)    \
    x(IQ4_NL,  iq4_nl,  ORI_ACT_Q8)    \
    x(MXFP4,   mxfp4,   ORI_ACT_Q8)    \
    x(Q2_K,    q2_k,    ORI_ACT_Q8K)   \
    x(Q3_K,    q3_k,    ORI_ACT_Q8K)   \
    x(Q4_K,    q4_k,    ORI_ACT_Q8K)   \
    x(Q5_K,    q5_k,    ORI_ACT_Q8K)   \
    x(Q6_K,    q6_k,    ORI_ACT_Q8K)   \
    x(IQ4_XS,  iq4_xs,  ORI_ACT_Q8K)   \
    x(IQ3_S,   iq3_s,   ORI_ACT_Q8K)   \
    x(IQ3_XXS, iq3_xxs, ORI_ACT_Q8K)   \
    x(IQ2_S,   iq2_s,   ORI_ACT_Q8K)   \
    x(IQ2_XS,  iq2_xs,  ORI_ACT_Q8K)   \
    x(IQ2_XXS, iq2_xxs, ORI_ACT_Q8K)
// clang-format on

#endif
