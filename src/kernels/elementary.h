/* Constants of the double-precision exp, which vector code shares. */
#ifndef ORI_KERNELS_ELEMENTARY_H
#define ORI_KERNELS_ELEMENTARY_H

#define ORI_F64_ROUND 0x1.8p52   /* adding it rounds to an integer */
#define ORI_F64_EXP_MAX 710.0    /* e^710 > DBL_MAX */
#define ORI_F64_EXP_MIN (-746.0) /* e^-746 < 2^-1075, half the smallest subnormal */
#define ORI_F64_LOG2E 0x1.71547652b82fep0
#define ORI_F64_LN2_HIGH 0x1.62e42fefap-1 /* 35 bits: k * high is exact */
#define ORI_F64_LN2_LOW 0x1.cf79abc9e3b3ap-40

/* 1/13! down to 1/0!; for |r| <= 0.3466 the rest is below 5e-18. */
#define ORI_F64_EXP_TERMS 14
static const double ori_f64_exp_terms[ORI_F64_EXP_TERMS] = {
    1.0 / 6227020800,
    1.0 / 479001600,
    1.0 / 39916800,
    1.0 / 3628800,
    1.0 / 362880,
    1.0 / 40320,
    1.0 / 5040,
    1.0 / 720,
    1.0 / 120,
    1.0 / 24,
    1.0 / 6,
    0.5,
    1.0,
    1.0,
};

#endif
