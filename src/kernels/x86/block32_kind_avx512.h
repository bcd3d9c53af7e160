/* Blocks of 32 with Q8 activations: what a type is.
 *
 * Quants are multiplied unsigned; the 8, 16 or 128 that this adds to those of
 * Q4_0, of Q5_0 and MXFP4, and of Q8_0 and IQ4_NL comes out by the activations' sum.  Everything up
 * to the fold is an exact integer, once for 32 elements. */
#ifndef ORI_KERNELS_BLOCK32_KIND_AVX512_H
#define ORI_KERNELS_BLOCK32_KIND_AVX512_H

#include "kernels/blocks.h"
#include "kernels/kernels.h"
#include "kernels/x86/matmul_avx512.h"

#define FEW_BLOCKS 4
#define FOURS (ORI_BLOCK / 4) /* of a block: four elements fill a lane */

/* Where the blocks at hand stand in a row; past the end the last one again. */
struct places {
    size_t at[FEW_BLOCKS];
};

struct kind {
    size_t block_bytes;
    int offset; /* log2 of what is added to q; 0 for nothing */
    bool has_m; /* m stands after d */
    bool e8m0;  /* d is a byte, a power of two; else f16 */
    /* The 64 quants of two blocks, unsigned: the first halves of both, then the
     * second halves. */
    __m512i (*quants)(const uint8_t *first, const uint8_t *second);
    /* The quants of four blocks of four rows, unsigned: out[k] has their k-th
     * fours, a block in each quarter, a row in each of its lanes. */
    void (*fours)(const uint8_t *const w[4], const struct places *places, __m512i out[FOURS]);
    /* For one column; NULL: that goes the way of a few. */
    const struct step *step;
};

/* Activations of 16 blocks of a row.  Lane 4 * i + j is block 4 * j + i's: sums of
 * products come out like that, and are folded in that order with no more shuffling. */
struct step_acts {
    __m512i quants[FOURS]; /* in the order in which the type has its weights */
    __m512i start;         /* what a block's sum of products starts from */
    __m512 d;
};

/* 16 blocks of a row, for one column. */
struct step {
    void (*spread)(const struct ori_act_q8 a[16], __m512i quants[FOURS]);
    /* Each block's sum of products with unsigned quants, and its d. */
    __m512i (*dot)(const uint8_t *w, const __m512i quants[FOURS], __m512 *d);
};

/* Where a sum of products with unsigned quants starts, from the activations' sums.
 * In vector registers all the way: to come from a general one costs more. */
ORI_INLINE __m512i offset_of(const struct kind *kind, __m512i sums)
{
    if (!kind->offset)
        return _mm512_setzero_si512();
    return _mm512_sub_epi32(_mm512_setzero_si512(),
                            _mm512_slli_epi32(sums, (unsigned)kind->offset));
}

/* ---- four blocks of four rows ---- */

ORI_INLINE struct places places_of(size_t block_bytes, size_t n_blocks)
{
    struct places out;

    ORI_UNROLL
    for (size_t j = 0; j < FEW_BLOCKS; j++)
        out.at[j] = (j < n_blocks ? j : n_blocks - 1) * block_bytes;
    return out;
}

/* 16 bytes of each block, a block in each quarter. */
ORI_INLINE __m512i quarters(const uint8_t *p, const struct places *places)
{
    const size_t *at = places->at;
    const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(ori_load16(p + at[0])),
                                                ori_load16(p + at[1]), 1);
    const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(ori_load16(p + at[2])),
                                                 ori_load16(p + at[3]), 1);

    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

/* 16 bytes at `offset` of each block, in the order of fours(). */
ORI_INLINE void fours_of(const uint8_t *const w[4], const struct places *places, size_t offset,
                         __m512i out[4])
{
    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        out[r] = quarters(w[r] + offset, places);
    ori_transpose4(out);
}

/* The f16 at `offset` of four blocks of four rows, a block in each quarter.
 * They are put together in general registers: the vector units have no time. */
ORI_INLINE __m512 units_of(const uint8_t *const w[4], const struct places *places, size_t offset)
{
    uint64_t four[FEW_BLOCKS];

    ORI_UNROLL
    for (int j = 0; j < FEW_BLOCKS; j++) {
        const size_t at = places->at[j] + offset;
        four[j] = ori_load_le16(w[0] + at) | (uint64_t)ori_load_le16(w[1] + at) << 16 |
                  (uint64_t)ori_load_le16(w[2] + at) << 32 |
                  (uint64_t)ori_load_le16(w[3] + at) << 48;
        ORI_STAY_GENERAL(four[j]);
    }
    return _mm512_cvtph_ps(_mm256_setr_epi64x((long long)four[0], (long long)four[1],
                                              (long long)four[2], (long long)four[3]));
}

#endif
