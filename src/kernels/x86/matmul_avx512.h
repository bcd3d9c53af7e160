/* What the AVX-512 products share. */
#ifndef ORI_KERNELS_MATMUL_AVX512_H
#define ORI_KERNELS_MATMUL_AVX512_H

#include <string.h>

#include "kernels/x86/vec_avx512.h"

/* A product, as matmul's arguments give it. */
struct ori_matmul {
    const uint8_t *weights;
    size_t row_bytes, n_rows, n;
    const uint8_t *acts;
    size_t act_bytes, n_cols;
    float *out;
    size_t out_stride;
};

ORI_INLINE __m256i ori_load32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* Two halves of 32 bytes from two places. */
ORI_INLINE __m512i ori_load32x2(const void *low, const void *high)
{
    return _mm512_inserti64x4(_mm512_castsi256_si512(ori_load32(low)), ori_load32(high), 1);
}

/* The four bytes at p in every lane. */
ORI_INLINE __m512i ori_broadcast4(const void *p)
{
    int32_t x;

    memcpy(&x, p, sizeof(x));
    return _mm512_set1_epi32(x);
}

/* Lanes 8 apart. */
ORI_INLINE __m256i ori_join_to_8_i32(__m512i x)
{
    return _mm256_add_epi32(_mm512_castsi512_si256(x), _mm512_extracti64x4_epi64(x, 1));
}

#endif
