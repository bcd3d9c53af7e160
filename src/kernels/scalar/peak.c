#include "kernels/scalar/scalar.h"

#define KEEP(x) __asm__ volatile("" : "+r"(x)) /* "this may have changed" */

uint64_t ori_sum_words_scalar(const uint64_t *words, size_t n)
{
    uint64_t sum[4] = {0};

    for (size_t i = 0; i < n; i += 4)
        for (size_t k = 0; k < 4; k++)
            sum[k] += words[i + k];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

uint64_t ori_spin_int8_scalar(uint64_t rounds)
{
    int32_t sum[8] = {0};
    int8_t a = 3, b = 5;

    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 8 /* else the sums are in memory */
        for (size_t k = 0; k < 8; k++) {
            KEEP(a);
            sum[k] = (int32_t)((uint32_t)sum[k] + (uint32_t)(a * b));
            KEEP(sum[k]);
        }
    }
    return rounds * 8;
}
