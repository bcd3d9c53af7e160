/* The scales of superblocks, which lie in the blocks in as many ways as there are types. */
#ifndef ORI_KERNELS_KQUANT_H
#define ORI_KERNELS_KQUANT_H

#include "kernels/blocks.h"
#include "kernels/x86/matmul_x86.h"

/* A superblock's 16 scales and the 16 factors of its activation sums, in
 * order, int8: the factors are the minimums, or (types without) the scales again,
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

/* The scales of a type without minimums: of 16 elements each, or eight of 32. */
ORI_INLINE struct ori_kquant_scales ori_scales_of_16(__m128i s)
{
    return (struct ori_kquant_scales){.scale = s, .sums = s};
}

ORI_INLINE struct ori_kquant_scales ori_scales_of_32(uint64_t eight)
{
    const __m128i s = _mm_cvtsi64_si128((int64_t)eight);

    return ori_scales_of_16(_mm_unpacklo_epi8(s, s));
}

/* Nibble j -> byte j. */
ORI_INLINE uint64_t ori_spread_nibbles(const uint8_t p[4])
{
    uint64_t x = ori_load_le32(p);

    x = (x | x << 16) & 0x0000ffff0000ffffu;
    x = (x | x << 8) & 0x00ff00ff00ff00ffu;
    return (x | x << 4) & 0x0f0f0f0f0f0f0f0fu;
}

/* Bits 2j, 2j + 1 -> byte j. */
ORI_INLINE uint64_t ori_spread_pairs(const uint8_t p[2])
{
    uint64_t x = ori_load_le16(p);

    x = (x | x << 24) & 0x000000ff000000ffu;
    x = (x | x << 12) & 0x000f000f000f000fu;
    return (x | x << 6) & 0x0303030303030303u;
}

ORI_INLINE struct ori_kquant_scales ori_scales_iq4_xs(const uint8_t *block)
{
    const struct ori_block_iq4_xs *b = (const void *)block;
    const uint64_t six = ori_spread_nibbles(b->scales_l) | ori_spread_pairs(b->scales_h) << 4;
    const struct ori_kquant_scales s = ori_scales_of_32(six);

    return ori_scales_of_16(_mm_sub_epi8(s.scale, _mm_set1_epi8(32)));
}

/* Bytes x below 128 -> 2 x + 1. */
#define ORI_ODD(x) ((x) << 1 | 0x0101010101010101u)

ORI_INLINE struct ori_kquant_scales ori_scales_iq3_s(const uint8_t *block)
{
    const struct ori_block_iq3_s *b = (const void *)block;

    return ori_scales_of_32(ORI_ODD(ori_spread_nibbles(b->scales)));
}

/* The scale is the high nibble of the last byte of every `step` for 32 elements. */
ORI_INLINE struct ori_kquant_scales ori_scales_of_last(const uint8_t *p, size_t step)
{
    uint64_t scales = 0;

    ORI_UNROLL
    for (size_t j = 0; j < 8; j++)
        scales |= (uint64_t)(p[j * step + step - 1] >> 4) << (8 * j);
    return ori_scales_of_32(ORI_ODD(scales));
}

ORI_INLINE struct ori_kquant_scales ori_scales_iq3_xxs(const uint8_t *block)
{
    return ori_scales_of_last(((const struct ori_block_iq3_xxs *)(const void *)block)->signs, 4);
}

ORI_INLINE struct ori_kquant_scales ori_scales_iq2_xxs(const uint8_t *block)
{
    return ori_scales_of_last(((const struct ori_block_iq2_xxs *)(const void *)block)->qs, 8);
}

/* IQ2_S and IQ2_XS: 16 nibbles. */
ORI_INLINE struct ori_kquant_scales ori_scales_iq2(const uint8_t scales[8])
{
    return ori_scales_of_16(_mm_set_epi64x((int64_t)ORI_ODD(ori_spread_nibbles(scales + 4)),
                                           (int64_t)ORI_ODD(ori_spread_nibbles(scales))));
}

ORI_INLINE struct ori_kquant_scales ori_scales_iq2_s(const uint8_t *block)
{
    return ori_scales_iq2(((const struct ori_block_iq2_s *)(const void *)block)->scales);
}

ORI_INLINE struct ori_kquant_scales ori_scales_iq2_xs(const uint8_t *block)
{
    return ori_scales_iq2(((const struct ori_block_iq2_xs *)(const void *)block)->scales);
}

#endif
