/* What the AVX2 kernels share: sums across lanes in the specified order, exp,
 * and the walk over tiles of a product. */
#ifndef ORI_KERNELS_VEC_AVX2_H
#define ORI_KERNELS_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/approx.h"
#include "kernels/bits.h"
#include "kernels/inline.h"

/* Makes the sum v be formed here.  Compilers see that integer sums may be
 * reordered and build trees of them, whose leaves then wait in memory. */
#define ORI_SUM_HERE(v) __asm__("" : "+x"(v))

/* Keeps v in a general register.  Compilers would build it in a vector register,
 * by instructions of the pipes that are short. */
#define ORI_STAY_GENERAL(v) __asm__("" : "+r"(v))

/* Ask for the bytes `ahead` of p; past the end of a mapping this does nothing.
 * Soon: what is wanted within the microsecond, into the first cache.  Far:
 * weights that a decoding row reaches later, into the second.  In the first they
 * would drive each other out before they are used: a third less from memory. */
ORI_INLINE void ori_prefetch_soon(const uint8_t *p, size_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)p + ahead), _MM_HINT_T0);
}

ORI_INLINE void ori_prefetch_far(const uint8_t *p, size_t ahead)
{
    _mm_prefetch((const char *)((uintptr_t)p + ahead), _MM_HINT_T1);
}

/* The sums of four vectors of eight integers, in four lanes. */
ORI_INLINE __m128i ori_sum4_i32(__m256i a, __m256i b, __m256i c, __m256i d)
{
    const __m256i ab = _mm256_hadd_epi32(a, b);
    const __m256i cd = _mm256_hadd_epi32(c, d);
    const __m256i abcd = _mm256_hadd_epi32(ab, cd);

    return _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
}

/* The 16 lanes of a float reduction: 0 to 7 in low, 8 to 15 in high. */
struct ori_lanes {
    __m256 low, high;
};

/* Lanes 8 apart, then 4. */
ORI_INLINE __m128 ori_join_to_4(struct ori_lanes a)
{
    const __m256 eight = _mm256_add_ps(a.low, a.high);

    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
}

/* Four reductions joined at once: then 2, then 1. */
ORI_INLINE __m128 ori_join4(const struct ori_lanes a[4])
{
    const __m128 s0 = ori_join_to_4(a[0]), s1 = ori_join_to_4(a[1]);
    const __m128 s2 = ori_join_to_4(a[2]), s3 = ori_join_to_4(a[3]);
    const __m128 t01 = _mm_add_ps(_mm_movelh_ps(s0, s1), _mm_movehl_ps(s1, s0));
    const __m128 t23 = _mm_add_ps(_mm_movelh_ps(s2, s3), _mm_movehl_ps(s3, s2));

    return _mm_add_ps(_mm_shuffle_ps(t01, t23, _MM_SHUFFLE(2, 0, 2, 0)),
                      _mm_shuffle_ps(t01, t23, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* a + x * y in the first `count` lanes only: adding a zero product to the
 * others could turn a -0 into +0. */
ORI_INLINE struct ori_lanes ori_fma_partial(const float x[16], const float y[16], size_t count,
                                            struct ori_lanes a)
{
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i n = _mm256_set1_epi32((int)count);
    const __m256i n_high = _mm256_sub_epi32(n, _mm256_set1_epi32(8));
    const __m256 low = _mm256_fmadd_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(y), a.low);
    const __m256 high = _mm256_fmadd_ps(_mm256_loadu_ps(x + 8), _mm256_loadu_ps(y + 8), a.high);

    a.low = _mm256_blendv_ps(a.low, low, _mm256_castsi256_ps(_mm256_cmpgt_epi32(n, index)));
    a.high = _mm256_blendv_ps(a.high, high, _mm256_castsi256_ps(_mm256_cmpgt_epi32(n_high, index)));
    return a;
}

/* 2^n, n as in ori_pow2. */
ORI_INLINE __m256 ori_pow2_8(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}

/* ori_expf in eight lanes, step by step. */
ORI_INLINE __m256 ori_exp8(__m256 x)
{
    const __m256 round = _mm256_set1_ps(ORI_EXP_ROUND);

    x = _mm256_min_ps(_mm256_set1_ps(ORI_EXP_MAX), x); /* both give x if it is NaN */
    x = _mm256_max_ps(_mm256_set1_ps(ORI_EXP_MIN), x);

    const __m256 rounded = _mm256_fmadd_ps(x, _mm256_set1_ps(ORI_EXP_LOG2E), round);
    const __m256 whole = _mm256_sub_ps(rounded, round);
    const __m256i n =
        _mm256_sub_epi32(_mm256_castps_si256(rounded), _mm256_set1_epi32(ORI_EXP_ROUND_BITS));
    __m256 r = _mm256_fnmadd_ps(whole, _mm256_set1_ps(ORI_EXP_LN2_HIGH), x);
    r = _mm256_fnmadd_ps(whole, _mm256_set1_ps(ORI_EXP_LN2_LOW), r);

    __m256 p = _mm256_set1_ps(ORI_EXP_C7);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(ORI_EXP_C6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(ORI_EXP_C5));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(ORI_EXP_C4));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(ORI_EXP_C3));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(ORI_EXP_C2));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));

    const __m256i half = _mm256_srai_epi32(n, 1);
    p = _mm256_mul_ps(p, ori_pow2_8(half));
    return _mm256_mul_ps(p, ori_pow2_8(_mm256_sub_epi32(n, half)));
}

#endif
