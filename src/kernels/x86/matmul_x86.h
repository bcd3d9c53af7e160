/* What the products of all x86-64 tiers share. */
#ifndef ORI_KERNELS_MATMUL_X86_H
#define ORI_KERNELS_MATMUL_X86_H

#include <stdbool.h>
#include <string.h>

#include "kernels/x86/vec_avx2.h"

/* A product, as matmul's arguments give it. */
struct ori_matmul {
    const uint8_t *weights;
    size_t row_bytes, n_rows, n;
    const uint8_t *acts;
    size_t act_bytes, n_cols;
    float *out;
    size_t out_stride;
};

/* Defines ori_matmul_<type>_<tier>, which does `call` with the product in m. */
#define ORI_DEFINE_MATMUL(name, call)                                                              \
    void name(const void *weights, size_t row_bytes, size_t n_rows, size_t n, const void *acts,    \
              size_t act_bytes, size_t n_cols, float *out, size_t out_stride)                      \
    {                                                                                              \
        const struct ori_matmul m = {weights,   row_bytes, n_rows, n,         acts,                \
                                     act_bytes, n_cols,    out,    out_stride};                    \
        call;                                                                                      \
    }

ORI_INLINE __m128i ori_load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

ORI_INLINE __m256i ori_load32(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

/* The f16 at `offset` of each of four blocks. */
ORI_INLINE __m128 ori_load4_f16(const uint8_t *const w[4], size_t offset)
{
    return _mm_cvtph_ps(_mm_setr_epi16(
        (short)ori_load_le16(w[0] + offset), (short)ori_load_le16(w[1] + offset),
        (short)ori_load_le16(w[2] + offset), (short)ori_load_le16(w[3] + offset), 0, 0, 0, 0));
}

/* 16 bytes of nibbles -> 32 bytes, low ones first. */
ORI_INLINE __m256i ori_nibbles32(const uint8_t qs[16])
{
    const __m128i packed = ori_load16(qs);
    const __m256i both =
        _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);

    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* The codes that nibbles stand for. */
ORI_INLINE __m256i ori_decode32(const int8_t codes[16], __m256i q)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(ori_load16(codes)), q);
}

/* 32 bits -> all ones in each byte whose bit is set. */
ORI_INLINE __m256i ori_spread_bits(uint32_t bits)
{
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                            2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)bits), spread);

    return _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
}

/* ori_half_e8m0 of eight bytes in the lanes of an int32. */
ORI_INLINE __m256 ori_half_e8m0_8(__m256i e)
{
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    /* as many as there are below 2; from there 2^-126, which is not above the normal ones */
    const __m256i small =
        _mm256_sllv_epi32(_mm256_set1_epi32(0x200000), _mm256_min_epi32(e, _mm256_set1_epi32(2)));

    return _mm256_castsi256_ps(_mm256_max_epi32(normal, small));
}

#endif
