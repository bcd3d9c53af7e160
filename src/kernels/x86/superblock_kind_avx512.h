/* Superblocks (k-quants, IQ4_XS, IQ3 and IQ2) with Q8K activations: what a type is.
 *
 * Quants come out of the file's blocks 64 at a time, unsigned (4 is added for Q3_K,
 * 32 for Q6_K, 16 to 128 for the others), as two runs of 32 that the type's `runs`
 * names.
 *
 * The sums over 16 activations, times the minimums or (types without) times the
 * scales, give the second term, or take out again what was added; in a panel the
 * latter is what sums start from.  Bounds of the int32 sums: scalar/unpack.h. */
#ifndef ORI_KERNELS_SUPERBLOCK_KIND_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_KIND_AVX512_H

#include "kernels/kernels.h"
#include "kernels/x86/kquant.h"
#include "kernels/x86/matmul_avx512.h"

/* What four blocks say beside their quants: lane r of a quarter belongs to block r. */
struct heads {
    __m512i scales[4]; /* [c], of the four 16s of chunk c, one in each quarter */
    __m512i sums[2];   /* int16: the factors of two of the activations' sums; the second
                        * for a type whose scales are for 16 elements */
    __m128 d, dmin;
};

/* Activations of four blocks: fours[c][i] has the i-th fours of each 16 elements of
 * chunk c, which are a quarter, a block in each of its lanes. */
struct quad_acts {
    __m512i fours[4][4];
    __m512i sums;      /* int16, of a type with minimums: of two sub-blocks in each lane */
    __m512i starts[4]; /* of one without: what chunk c's sums start from, see put_starts() */
};

/* What four blocks come to with a column, a block in each lane of a quarter; the
 * quarters are yet to be added up. */
struct quad {
    __m512i dot, second;
    __m256 d; /* of each block, then dmin */
};

struct kind {
    size_t block_bytes;
    size_t d;           /* offset of d; dmin stands after it */
    float unit;         /* what d counts, 1 over a power of two */
    int offset;         /* log2 of what is added to q; 0 for a type with minimums */
    int sub;            /* elements that share a scale: 16 or 32 */
    uint8_t runs[4][2]; /* which runs of 32 elements chunk c holds */
    /* Chunks 2h and 2h + 1 of four blocks, as in struct quad_acts. */
    void (*fours)(const uint8_t *const w[4], int h, __m512i out[2][4]);
    struct heads (*heads)(const uint8_t *const w[4]);
    /* Four blocks, read in their order, with one column, of a type whose unit is 1.  NULL
     * for a type whose unpacking is most of the work: that goes the way of a few. */
    void (*quad)(const uint8_t *const w[4], const struct quad_acts *a, struct quad *out);
};

/* ---- four blocks in lanes ---- */

/* Of any type. */
ORI_INLINE void fours_of_chunks(__m512i (*chunk)(const uint8_t *block, int c),
                                const uint8_t *const w[4], int h, __m512i out[2][4])
{
    ORI_UNROLL
    for (int odd = 0; odd < 2; odd++) {
        ORI_UNROLL
        for (int r = 0; r < 4; r++)
            out[odd][r] = chunk(w[r], 2 * h + odd);
        ori_transpose4(out[odd]);
    }
}

/* 16 bytes of each of four rows -> four bytes of each in a quarter, a row in each lane. */
ORI_INLINE __m512i rows_to_quarters(const __m128i rows[4])
{
    const __m512i by_row =
        _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_set_m128i(rows[1], rows[0])),
                           _mm256_set_m128i(rows[3], rows[2]), 1);

    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), by_row);
}

/* The same as four vectors. */
ORI_INLINE void rows_to_lanes(const __m128i rows[4], __m128i out[4])
{
    const __m512i by_word = rows_to_quarters(rows);

    out[0] = _mm512_castsi512_si128(by_word);
    out[1] = _mm512_extracti32x4_epi32(by_word, 1);
    out[2] = _mm512_extracti32x4_epi32(by_word, 2);
    out[3] = _mm512_extracti32x4_epi32(by_word, 3);
}

ORI_INLINE void load_to_lanes(const uint8_t *const w[4], size_t offset, __m128i out[4])
{
    const __m128i rows[4] = {ori_load16(w[0] + offset), ori_load16(w[1] + offset),
                             ori_load16(w[2] + offset), ori_load16(w[3] + offset)};

    rows_to_lanes(rows, out);
}

/* Bytes of four sub-blocks in each row's lane -> integers: those of sub-blocks
 * a, b, c, d in the quarters. */
ORI_INLINE __m512i in_quarters(__m128i bytes, char a, char b, char c, char d)
{
    const __m128i rows = _mm_setr_epi8(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    const __m128i sub_blocks = _mm_setr_epi8(a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d);

    return _mm512_cvtepi8_epi32(_mm_shuffle_epi8(bytes, _mm_add_epi8(rows, sub_blocks)));
}

/* For pairs of int16 out of each row's lane of four bytes: the first pair of all
 * rows, then the second. */
ORI_INLINE __m128i by_pairs(__m128i bytes)
{
    return _mm_shuffle_epi8(bytes,
                            _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
}

ORI_INLINE __m512i pairs_in_quarters(__m128i first, __m128i second)
{
    return _mm512_cvtepi8_epi16(_mm256_set_m128i(by_pairs(second), by_pairs(first)));
}

/* ---- activations and products ---- */

/* The activations' sums of each scale's elements, int16. */
ORI_INLINE __m256i act_sums(const struct kind *kind, const struct ori_act_q8k *a)
{
    const __m256i sums = ori_load32(a->sums);

    if (kind->sub == 16)
        return sums;
    const __m256i pairs = _mm256_madd_epi16(sums, _mm256_set1_epi16(1));
    return _mm256_castsi128_si256(_mm256_cvtepi32_epi16(pairs)); /* at most 32 * 127 */
}

ORI_INLINE __m512i dot_fours(const __m512i w[4], const __m512i x[4])
{
    __m512i sum = _mm512_setzero_si512();

    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        sum = _mm512_dpbusd_epi32(sum, w[i], x[i]);
    return sum;
}

/* The second terms of four blocks, in quarters, from their activations' sums, two in
 * each lane: the first two of sub-blocks in quarter 0 and so on. */
ORI_INLINE __m512i second_term(const struct kind *kind, const struct heads *w,
                               const __m512i sums[2])
{
    const __m512i first = _mm512_dpwssd_epi32(_mm512_setzero_si512(), w->sums[0], sums[0]);

    return kind->sub == 32 ? first : _mm512_dpwssd_epi32(first, w->sums[1], sums[1]);
}

#endif
