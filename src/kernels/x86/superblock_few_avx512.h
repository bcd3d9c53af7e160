/* Superblocks with a few columns: eight rows at a time.  Four rows' quants are
 * transposed by fours, so that a lane has those of one row and 16 elements, all of
 * which share a scale. */
#ifndef ORI_KERNELS_SUPERBLOCK_FEW_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_FEW_AVX512_H

#include "kernels/x86/superblock_kind_avx512.h"

#define FEW_ROWS 8

/* The fours of a chunk of activations, for all four rows. */
ORI_INLINE void spread_fours(const struct kind *kind, const struct ori_act_q8k *a, int c,
                             __m512i out[4])
{
    const __m512i x = ori_load32x2(a->qs + 32 * kind->runs[c][0], a->qs + 32 * kind->runs[c][1]);

    out[0] = _mm512_shuffle_epi32(x, 0x00);
    out[1] = _mm512_shuffle_epi32(x, 0x55);
    out[2] = _mm512_shuffle_epi32(x, 0xaa);
    out[3] = _mm512_shuffle_epi32(x, 0xff);
}

/* The quarters of each of four vectors added up: a sum in each quarter. */
ORI_INLINE __m512i sum_quarters(__m512i a, __m512i b, __m512i c, __m512i d)
{
    const __m512i ab = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(1, 0, 1, 0)),
                                        _mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(3, 2, 3, 2)));
    const __m512i cd = _mm512_add_epi32(_mm512_shuffle_i32x4(c, d, _MM_SHUFFLE(1, 0, 1, 0)),
                                        _mm512_shuffle_i32x4(c, d, _MM_SHUFFLE(3, 2, 3, 2)));

    return _mm512_add_epi32(_mm512_shuffle_i32x4(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)),
                            _mm512_shuffle_i32x4(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* The activations' sums for all four rows, as second_term() wants them. */
struct spread_sums {
    __m512i pairs[2];
};

ORI_INLINE struct spread_sums spread_sums(const struct kind *kind, const struct ori_act_q8k *a)
{
    const __m512i quarter = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m512i further = _mm512_add_epi32(quarter, _mm512_set1_epi32(4));
    const __m512i all = _mm512_castsi256_si512(act_sums(kind, a));

    return (struct spread_sums){
        {_mm512_permutexvar_epi32(quarter, all), _mm512_permutexvar_epi32(further, all)}};
}

/* One superblock of eight rows with one column folded into acc. */
ORI_INLINE __m256 fold_heads(const struct kind *kind, const struct heads w[2],
                             const __m512i dots[2], const struct ori_act_q8k *a, __m256 acc)
{
    const __m256 da = _mm256_set1_ps(a->d);
    const __m256 units = _mm256_set_m128(w[1].d, w[0].d);
    const __m256 d = _mm256_mul_ps(_mm256_mul_ps(units, _mm256_set1_ps(kind->unit)), da);
    const struct spread_sums sums = spread_sums(kind, a);
    const __m512i both = sum_quarters(dots[0], dots[1], second_term(kind, &w[0], sums.pairs),
                                      second_term(kind, &w[1], sums.pairs));
    const __m256i dot = _mm512_castsi512_si256(both), second = _mm512_extracti64x4_epi64(both, 1);

    if (kind->offset) {
        const __m256i without = _mm256_sub_epi32(dot, _mm256_slli_epi32(second, kind->offset));
        return _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(without), acc);
    }
    const __m256 dmin = _mm256_mul_ps(_mm256_set_m128(w[1].dmin, w[0].dmin), da);
    acc = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(dot), acc);
    return _mm256_fnmadd_ps(dmin, _mm256_cvtepi32_ps(second), acc);
}

/* One superblock of eight rows with n_cols columns folded into acc. */
ORI_INLINE void fold8(const struct kind *kind, const uint8_t *const w[FEW_ROWS],
                      const struct ori_act_q8k *const a[ORI_FEW_GROUP], int n_cols,
                      __m256 acc[ORI_FEW_GROUP])
{
    const struct heads heads[2] = {kind->heads(w), kind->heads(w + 4)};
    __m512i dots[ORI_FEW_GROUP][2];

    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        dots[i][0] = dots[i][1] = _mm512_setzero_si512();
    ORI_UNROLL
    for (int h = 0; h < 2; h++) {
        __m512i fours[2][2][4]; /* of each four rows, of both chunks */

        kind->fours(w, h, fours[0]);
        kind->fours(w + 4, h, fours[1]);
        ORI_UNROLL
        for (int odd = 0; odd < 2; odd++) {
            const int c = 2 * h + odd;
            ORI_UNROLL
            for (int i = 0; i < n_cols; i++) {
                __m512i x[4];

                spread_fours(kind, a[i], c, x);
                ORI_UNROLL
                for (int g = 0; g < 2; g++) {
                    const __m512i part = dot_fours(fours[g][odd], x);
                    dots[i][g] =
                        _mm512_add_epi32(dots[i][g], _mm512_mullo_epi32(part, heads[g].scales[c]));
                }
            }
        }
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        acc[i] = fold_heads(kind, heads, dots[i], a[i], acc[i]);
}

/* Eight rows from r by n_cols columns from c, n_cols a constant. */
ORI_INLINE void rows_times(const struct kind *kind, const struct ori_matmul *m, size_t r, size_t c,
                           int n_cols)
{
    const size_t ahead = ori_ahead(m, FEW_ROWS);
    const uint8_t *w[FEW_ROWS];
    const struct ori_act_q8k *a[ORI_FEW_GROUP];
    __m256 acc[ORI_FEW_GROUP];

    ori_rows(m, r, FEW_ROWS, w);
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++) {
        a[i] = (const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        acc[i] = _mm256_setzero_ps();
    }
    for (size_t b = 0; b < m->n / ORI_SUPERBLOCK; b++) {
        fold8(kind, w, a, n_cols, acc);
        ORI_UNROLL
        for (int i = 0; i < FEW_ROWS; i++) {
            for (size_t line = 0; line < kind->block_bytes; line += 64)
                ori_prefetch_far(w[i], ahead + line);
            w[i] += kind->block_bytes;
        }
        ORI_UNROLL
        for (int i = 0; i < n_cols; i++)
            a[i]++;
    }
    ORI_UNROLL
    for (int i = 0; i < n_cols; i++)
        ori_store8(m, r, c + (size_t)i, acc[i]);
}

#endif
