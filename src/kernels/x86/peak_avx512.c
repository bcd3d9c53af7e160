#include "kernels/x86/x86.h"

#include "kernels/x86/vec16.h"

#define KEEP(x) __asm__ volatile("" : "+v"(x)) /* "this may have changed" */

/* vpdpbusd into sixteen sums, so that none waits for the one before. */
uint64_t ori_spin_int8_avx512(uint64_t rounds)
{
    __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
    __m512i sum[16] = {{0}};

    for (uint64_t round = 0; round < rounds; round++) {
#pragma GCC unroll 16 /* else the sums are in memory */
        for (size_t k = 0; k < 16; k++) {
            KEEP(a);
            sum[k] = _mm512_dpbusd_epi32(sum[k], a, b);
        }
    }
    for (size_t k = 0; k < 16; k++)
        KEEP(sum[k]);
    return rounds * 16 * 64;
}
