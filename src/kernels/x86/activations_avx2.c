/* Activations quantized to 8 bits, eight lanes at a time. */
#include "kernels/x86/x86.h"

#include "kernels/activations.h"
#include "kernels/blocks.h"
#include "kernels/x86/vec_avx2.h"

/* The largest magnitude's bits. */
ORI_INLINE uint32_t top_bits(const float *x, size_t n)
{
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    __m256i top = _mm256_setzero_si256();

    for (size_t i = 0; i < n; i += 8) {
        const __m256i bits = _mm256_castps_si256(_mm256_loadu_ps(x + i));
        top = _mm256_max_epu32(top, _mm256_and_si256(bits, mask));
    }
    __m128i t = _mm_max_epu32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
    t = _mm_max_epu32(t, _mm_unpackhi_epi64(t, t));
    t = _mm_max_epu32(t, _mm_shuffle_epi32(t, 1));
    return (uint32_t)_mm_cvtsi128_si32(t);
}

/* 32 quants, in order. */
ORI_INLINE __m256i quantize_32(const float *x, __m256 inverse)
{
    __m256i q[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        q[i] = _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_loadu_ps(x + 8 * i), inverse));
    /* Packing works within halves: what comes out is in runs of four. */
    const __m256i runs =
        _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
    return _mm256_permutevar8x32_epi32(runs, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/* Stores the quants of a block; returns d. */
ORI_INLINE float quantize_block(const float *x, int8_t *qs, size_t n)
{
    const uint32_t top = top_bits(x, n);

    if (top < ORI_ACT_TINY || top >= ORI_ACT_INFINITE) {
        memset(qs, 0, n);
        return top < ORI_ACT_TINY ? 0.0f : ori_f32_of_bits(ORI_ACT_NAN);
    }
    const float amax = ori_f32_of_bits(top);
    const __m256 inverse = _mm256_set1_ps(127.0f / amax);
    for (size_t i = 0; i < n; i += 32)
        _mm256_storeu_si256((__m256i *)(void *)(qs + i), quantize_32(x + i, inverse));
    return amax / 127.0f;
}

/* Sums of 32 quants' two halves, in lanes 0 and 4. */
ORI_INLINE __m256i half_sums(const int8_t *qs)
{
    const __m256i q = _mm256_loadu_si256((const __m256i *)(const void *)qs);
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_set1_epi8(1), q);
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    const __m256i eights = _mm256_add_epi32(fours, _mm256_shuffle_epi32(fours, 0x4e));

    return _mm256_add_epi32(eights, _mm256_shuffle_epi32(eights, 0xb1));
}

void ori_quantize_act_q8_avx2(const float *x, void *out, size_t n)
{
    struct ori_act_q8 *a = out;

    for (size_t b = 0; b < n / ORI_BLOCK; b++) {
        a[b].d = quantize_block(x + b * ORI_BLOCK, a[b].qs, ORI_BLOCK);
        const __m256i sums = half_sums(a[b].qs);
        a[b].sum = _mm256_extract_epi32(sums, 0) + _mm256_extract_epi32(sums, 4);
    }
}

void ori_quantize_act_q8k_avx2(const float *x, void *out, size_t n)
{
    struct ori_act_q8k *a = out;

    for (size_t b = 0; b < n / ORI_SUPERBLOCK; b++) {
        a[b].d = quantize_block(x + b * ORI_SUPERBLOCK, a[b].qs, ORI_SUPERBLOCK);
        for (int j = 0; j < 16; j += 2) {
            const __m256i sums = half_sums(a[b].qs + 16 * j);
            a[b].sums[j] = (int16_t)_mm256_extract_epi32(sums, 0);
            a[b].sums[j + 1] = (int16_t)_mm256_extract_epi32(sums, 4);
        }
    }
}
