#include "kernels/x86/x86.h"

#include "kernels/x86/vec_avx2.h"

#define KEEP(x) __asm__ volatile("" : "+x"(x)) /* "this may have changed" */

uint64_t ori_sum_words_avx2(const uint64_t *words, size_t n)
{
    const __m256i *from = (const __m256i *)(const void *)words;
    __m256i sum[4] = {{0}};
    uint64_t lanes[4];

    for (size_t i = 0; i < n / 4; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] = _mm256_add_epi64(sum[k], _mm256_load_si256(from + i + k));
    for (size_t k = 1; k < 4; k++)
        sum[0] = _mm256_add_epi64(sum[0], sum[k]);
    _mm256_storeu_si256((__m256i *)(void *)lanes, sum[0]);
    return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/* What a product of bytes takes here: to pairs of 16 bits, to four of 32, and
 * into a sum.  Eight sums, so that none waits for the one before. */
uint64_t ori_spin_int8_avx2(uint64_t rounds)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
    __m256i sum[8] = {{0}};

    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8 /* else the sums are in memory */
        for (size_t k = 0; k < 8; k++) {
            KEEP(a);
            const __m256i pairs = _mm256_maddubs_epi16(a, b);
            sum[k] = _mm256_add_epi32(sum[k], _mm256_madd_epi16(pairs, ones));
        }
    }
    for (size_t k = 0; k < 8; k++)
        KEEP(sum[k]);
    return rounds * 8 * 32;
}
