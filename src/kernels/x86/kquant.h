/* The scales of k-quants, which lie in the blocks in five ways. */
#ifndef ORI_KERNELS_KQUANT_H
#define ORI_KERNELS_KQUANT_H

#include "kernels/blocks.h"
#include "kernels/x86/matmul_x86.h"

/* A superblock's 16 scales and the 16 factors of its activation sums, in
 * order, int8: the factors are the minimums, or (Q3_K, Q6_K) the scales again,
 * which take out what makes a quant unsigned.  Sub-blocks of 32 have each
 * twice. */
struct ori_kquant_scales {
    __m128i scale, sums;
};

ORI_INLINE struct ori_kquant_scales ori_scales_q2_k(const uint8_t *block)
{
    const struct ori_block_q2_k *b = (const void *)block;
    const __m128i both = ori_load16(b->scales);
    const __m128i low_bits = _mm_set1_epi8(15);

    return (struct ori_kquant_scales){
        .scale = _mm_and_si128(both, low_bits),
        .sums = _mm_and_si128(_mm_srli_epi16(both, 4), low_bits),
    };
}

ORI_INLINE struct ori_kquant_scales ori_scales_q3_k(const uint8_t *block)
{
    const struct ori_block_q3_k *b = (const void *)block;
    uint64_t low;
    uint32_t high;
    memcpy(&low, b->scales, sizeof(low));
    memcpy(&high, b->scales + 8, sizeof(high));

    /* Bytes 0-7 and 8-15: a nibble each, and two bits of `high` on top. */
    const uint64_t pairs = high | (uint64_t)(high >> 2) << 32;
    const uint64_t first = (low & 0x0f0f0f0f0f0f0f0fu) | (pairs & 0x0303030303030303u) << 4;
    const uint64_t second = (low >> 4 & 0x0f0f0f0f0f0f0f0fu) | (pairs >> 4 & 0x0303030303030303u)
                                                                   << 4;
    const __m128i s =
        _mm_sub_epi8(_mm_set_epi64x((int64_t)second, (int64_t)first), _mm_set1_epi8(32));
    return (struct ori_kquant_scales){.scale = s, .sums = s};
}

/* Q4_K and Q5_K: eight scales and minimums, each for two 16s. */
ORI_INLINE struct ori_kquant_scales ori_scales_k4(const uint8_t s[12])
{
    uint32_t a, b, c;
    memcpy(&a, s, sizeof(a));
    memcpy(&b, s + 4, sizeof(b));
    memcpy(&c, s + 8, sizeof(c));

    const uint32_t scales_low = a & 0x3f3f3f3f;
    const uint32_t scales_high = (c & 0x0f0f0f0f) | (a >> 6 & 0x03030303) << 4;
    const uint32_t mins_low = b & 0x3f3f3f3f;
    const uint32_t mins_high = (c >> 4 & 0x0f0f0f0f) | (b >> 6 & 0x03030303) << 4;
    const __m128i both =
        _mm_setr_epi32((int)scales_low, (int)scales_high, (int)mins_low, (int)mins_high);
    return (struct ori_kquant_scales){
        .scale = _mm_unpacklo_epi8(both, both),
        .sums = _mm_unpackhi_epi8(both, both),
    };
}

ORI_INLINE struct ori_kquant_scales ori_scales_q4_k(const uint8_t *block)
{
    return ori_scales_k4(((const struct ori_block_q4_k *)(const void *)block)->scales);
}

ORI_INLINE struct ori_kquant_scales ori_scales_q5_k(const uint8_t *block)
{
    return ori_scales_k4(((const struct ori_block_q5_k *)(const void *)block)->scales);
}

ORI_INLINE struct ori_kquant_scales ori_scales_q6_k(const uint8_t *block)
{
    const struct ori_block_q6_k *b = (const void *)block;
    const __m128i s = ori_load16(b->scales);

    return (struct ori_kquant_scales){.scale = s, .sums = s};
}

#endif
