/* The quants of superblocks that hold indices: elements 32 c to 32 c + 31, signed. */
#ifndef ORI_KERNELS_IQUANT_H
#define ORI_KERNELS_IQUANT_H

#include "kernels/blocks.h"
#include "kernels/codebook.h"
#include "kernels/x86/matmul_x86.h"

ORI_INLINE __m256i ori_chunk_iq4_xs(const uint8_t *block, int c)
{
    const struct ori_block_iq4_xs *b = (const void *)block;

    return ori_decode32(ori_codes_iq4, ori_nibbles32(b->qs + 16 * c));
}

/* Minus where the bit is set. */
ORI_INLINE __m256i ori_with_signs(__m256i q, uint32_t signs)
{
    const __m256i minus = ori_spread_bits(signs);

    return _mm256_sub_epi8(_mm256_xor_si256(q, minus), minus);
}

ORI_INLINE __m256i ori_fours(const uint32_t *grid, const uint32_t index[8])
{
    return _mm256_setr_epi32((int)grid[index[0]], (int)grid[index[1]], (int)grid[index[2]],
                             (int)grid[index[3]], (int)grid[index[4]], (int)grid[index[5]],
                             (int)grid[index[6]], (int)grid[index[7]]);
}

ORI_INLINE __m256i ori_eights(const uint64_t *grid, const uint32_t index[4])
{
    return _mm256_setr_epi64x((int64_t)grid[index[0]], (int64_t)grid[index[1]],
                              (int64_t)grid[index[2]], (int64_t)grid[index[3]]);
}

ORI_INLINE __m256i ori_chunk_iq3_s(const uint8_t *block, int c)
{
    const struct ori_block_iq3_s *b = (const void *)block;
    uint32_t index[8];

    ORI_UNROLL
    for (int k = 0; k < 8; k++)
        index[k] = b->qs[8 * c + k] | (uint32_t)(b->qh[c] >> k & 1) << 8;
    return ori_with_signs(ori_fours(ori_grid_iq3_s, index), ori_load_le32(b->signs + 4 * c));
}

ORI_INLINE __m256i ori_chunk_iq3_xxs(const uint8_t *block, int c)
{
    const struct ori_block_iq3_xxs *b = (const void *)block;
    uint32_t index[8];

    ORI_UNROLL
    for (int k = 0; k < 8; k++)
        index[k] = b->qs[8 * c + k];
    return ori_with_signs(ori_fours(ori_grid_iq3_xxs, index),
                          ori_even_signs(ori_load_le32(b->signs + 4 * c)));
}

ORI_INLINE __m256i ori_chunk_iq2_s(const uint8_t *block, int c)
{
    const struct ori_block_iq2_s *b = (const void *)block;
    uint32_t index[4];

    ORI_UNROLL
    for (int k = 0; k < 4; k++)
        index[k] = b->qs[4 * c + k] | (uint32_t)(b->qh[c] >> (2 * k) & 3) << 8;
    return ori_with_signs(ori_eights(ori_grid_iq2_s, index), ori_load_le32(b->signs + 4 * c));
}

ORI_INLINE __m256i ori_chunk_iq2_xs(const uint8_t *block, int c)
{
    const struct ori_block_iq2_xs *b = (const void *)block;
    uint32_t index[4], sevens = 0;

    ORI_UNROLL
    for (int k = 0; k < 4; k++) {
        const uint32_t both = ori_load_le16(b->qs + 8 * c + 2 * k);
        index[k] = both & 511;
        sevens |= both >> 9 << (7 * k);
    }
    return ori_with_signs(ori_eights(ori_grid_iq2_xs, index), ori_even_signs(sevens));
}

ORI_INLINE __m256i ori_chunk_iq2_xxs(const uint8_t *block, int c)
{
    const struct ori_block_iq2_xxs *b = (const void *)block;
    const uint8_t *at = b->qs + 8 * c;
    const uint32_t index[4] = {at[0], at[1], at[2], at[3]};

    return ori_with_signs(ori_eights(ori_grid_iq2_xxs, index),
                          ori_even_signs(ori_load_le32(at + 4)));
}

#endif
