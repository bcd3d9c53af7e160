/* One source, three tiers: the products of integers are compiled for AVX2,
 * again with AVX-VNNI (tier avxvnni), and for the tests a third time with the
 * same instructions in AVX-512's encoding (evexvnni), which proves the
 * arithmetic of the second where a CPU has AVX-512 but no AVX-VNNI. */
#ifndef ORI_KERNELS_TIER_AVX2_H
#define ORI_KERNELS_TIER_AVX2_H

#include "kernels/x86/vec_avx2.h"

#if defined(__AVXVNNI__)
#define ORI_VNNI 1
#define ORI_TIER(name) name##_avxvnni
#define ORI_DPBUSD _mm256_dpbusd_avx_epi32
#define ORI_DPWSSD _mm256_dpwssd_avx_epi32
#elif defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define ORI_VNNI 1
#define ORI_TIER(name) name##_evexvnni
#define ORI_DPBUSD _mm256_dpbusd_epi32
#define ORI_DPWSSD _mm256_dpwssd_epi32
#else
#define ORI_VNNI 0
#define ORI_TIER(name) name##_avx2
#endif

/* Every lane of sum plus two products of int16. */
ORI_INLINE __m256i ori_dot_words(__m256i sum, __m256i a, __m256i b)
{
#if ORI_VNNI
    return ORI_DPWSSD(sum, a, b);
#else
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
    ORI_SUM_HERE(sum);
    return sum;
#endif
}

/* Every lane of sum plus four products of unsigned and signed bytes.  Without
 * VNNI two neighbours must fit int16. */
ORI_INLINE __m256i ori_dot_bytes(__m256i sum, __m256i u, __m256i s)
{
#if ORI_VNNI
    return ORI_DPBUSD(sum, u, s);
#else
    return ori_dot_words(sum, _mm256_maddubs_epi16(u, s), _mm256_set1_epi16(1));
#endif
}

#endif
