/* k-quants in AVX-512. */
#include "kernels/x86/x86.h"

#include "kernels/x86/superblock_avx512.h"

/* ---- quants ---- */

ORI_INLINE __m512i load64(const uint8_t *p)
{
    return _mm512_loadu_si512(p);
}

/* 32 bytes twice, to take bits for two runs from. */
ORI_INLINE __m512i load32_twice(const uint8_t *p)
{
    return _mm512_broadcast_i64x4(ori_load32(p));
}

/* Every byte's bits `low` and up (in the low 32 bytes) or `high` and up (in
 * the others) moved to `to`, then masked.  Shifting 16-bit lanes carries bits
 * of a neighbour only outside of the mask. */
ORI_INLINE __m512i move_bits(__m512i x, int low, int high, int to, char mask)
{
    const __m512i left = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_set1_epi16((short)(to > low ? to - low : 0))),
        _mm256_set1_epi16((short)(to > high ? to - high : 0)), 1);
    const __m512i right = _mm512_inserti64x4(
        _mm512_castsi256_si512(_mm256_set1_epi16((short)(low > to ? low - to : 0))),
        _mm256_set1_epi16((short)(high > to ? high - to : 0)), 1);

    if (to > low || to > high)
        x = _mm512_sllv_epi16(x, left);
    if (low > to || high > to)
        x = _mm512_srlv_epi16(x, right);
    return _mm512_and_si512(x, _mm512_set1_epi8(mask));
}

ORI_INLINE __m512i low_nibbles(__m512i x)
{
    return _mm512_and_si512(x, _mm512_set1_epi8(15));
}

ORI_INLINE __m512i high_nibbles(__m512i x)
{
    return low_nibbles(_mm512_srli_epi16(x, 4));
}

/* A constant fifth bit and the like, on top of the low ones. */
#define WITH_BITS(low, x, first, second, to, mask)                                                 \
    _mm512_or_si512((low), move_bits((x), (first), (second), (to), (mask)))

ORI_INLINE __m512i chunk_q2_k(const uint8_t *block, int c)
{
    const struct ori_block_q2_k *b = (const void *)block;

    return move_bits(load64(b->qs), 2 * c, 2 * c, 0, 3);
}

ORI_INLINE __m512i chunk_q3_k(const uint8_t *block, int c)
{
    const struct ori_block_q3_k *b = (const void *)block;

    return WITH_BITS(move_bits(load64(b->qs), 2 * c, 2 * c, 0, 3), load32_twice(b->hmask), c, 4 + c,
                     2, 4);
}

ORI_INLINE __m512i chunk_q4_k(const uint8_t *block, int c)
{
    const struct ori_block_q4_k *b = (const void *)block;
    const __m512i both = load64(b->qs + c / 2 * 64);

    return c % 2 ? high_nibbles(both) : low_nibbles(both);
}

ORI_INLINE __m512i chunk_q5_k(const uint8_t *block, int c)
{
    const struct ori_block_q5_k *b = (const void *)block;
    const __m512i both = load64(b->qs + c / 2 * 64);
    const int first = c / 2 * 4 + c % 2; /* of the two runs; the other is two further */

    return WITH_BITS(c % 2 ? high_nibbles(both) : low_nibbles(both), load32_twice(b->qh), first,
                     first + 2, 4, 16);
}

ORI_INLINE __m512i chunk_q6_k(const uint8_t *block, int c)
{
    const struct ori_block_q6_k *b = (const void *)block;
    const __m512i both = load64(b->ql + c / 2 * 64);
    const int first = c % 2 * 4; /* bit of the first run's high bits */

    return WITH_BITS(c % 2 ? high_nibbles(both) : low_nibbles(both),
                     load32_twice(b->qh + c / 2 * 32), first, first + 2, 4, 48);
}

/* ---- by fours, for a few columns ---- */

ORI_INLINE void fours_q3_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    fours_of_chunks(chunk_q3_k, w, h, out);
}

ORI_INLINE void fours_q5_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    fours_of_chunks(chunk_q5_k, w, h, out);
}

ORI_INLINE void fours_q6_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    fours_of_chunks(chunk_q6_k, w, h, out);
}

/* Both chunks come from the same bytes: transposed once, parted then. */
ORI_INLINE void fours_q4_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        out[0][r] = load64(w[r] + offsetof(struct ori_block_q4_k, qs) + 64 * (size_t)h);
    ori_transpose4(out[0]);
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        out[1][i] = high_nibbles(out[0][i]);
        out[0][i] = low_nibbles(out[0][i]);
    }
}

ORI_INLINE void fours_q2_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    __m512i all[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        all[r] = load64(w[r] + offsetof(struct ori_block_q2_k, qs));
    ori_transpose4(all);
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        out[0][i] = move_bits(all[i], 4 * h, 4 * h, 0, 3);
        out[1][i] = move_bits(all[i], 4 * h + 2, 4 * h + 2, 0, 3);
    }
}

/* ---- what stands beside the quants ---- */

/* Q4_K, Q5_K: d, dmin and the 12 bytes of scales are the first 16 bytes of a block; how
 * the six bits lie is said in blocks.h. */
ORI_INLINE struct heads heads_k4(const uint8_t *const w[4])
{
    __m128i words[4];
    load_to_lanes(w, 0, words);
    const __m128i a = words[1], b = words[2], c = words[3];
    const __m128i six = _mm_set1_epi8(0x3f), four = _mm_set1_epi8(0x0f);
    const __m128i two = _mm_set1_epi8(0x30);
    const __m128i scales[2] = {
        _mm_and_si128(a, six),
        _mm_or_si128(_mm_and_si128(c, four), _mm_and_si128(_mm_srli_epi16(a, 2), two)),
    };
    const __m128i mins[2] = {
        _mm_and_si128(b, six),
        _mm_or_si128(_mm_and_si128(_mm_srli_epi16(c, 4), four),
                     _mm_and_si128(_mm_srli_epi16(b, 2), two)),
    };
    const __m256 d = _mm256_cvtph_ps(by_pairs(words[0])); /* d of all, then dmin */

    return (struct heads){
        .scales = {in_quarters(scales[0], 0, 0, 2, 2), in_quarters(scales[0], 1, 1, 3, 3),
                   in_quarters(scales[1], 0, 0, 2, 2), in_quarters(scales[1], 1, 1, 3, 3)},
        .sums = {pairs_in_quarters(mins[0], mins[1])},
        .d = _mm256_castps256_ps128(d),
        .dmin = _mm256_extractf128_ps(d, 1),
    };
}

/* Q6_K: a chunk is 64 elements in order. */
ORI_INLINE struct heads heads_q6_k(const uint8_t *const w[4])
{
    __m128i s[4];
    load_to_lanes(w, offsetof(struct ori_block_q6_k, scales), s);

    return (struct heads){
        .scales = {in_quarters(s[0], 0, 1, 2, 3), in_quarters(s[1], 0, 1, 2, 3),
                   in_quarters(s[2], 0, 1, 2, 3), in_quarters(s[3], 0, 1, 2, 3)},
        .sums = {pairs_in_quarters(s[0], s[1]), pairs_in_quarters(s[2], s[3])},
        .d = ori_load4_f16(w, offsetof(struct ori_block_q6_k, d)),
    };
}

/* Chunk c is runs c and c + 4: sub-blocks 2c, 2c + 1, 8 + 2c, 9 + 2c.  Of words of four
 * sub-blocks each. */
ORI_INLINE __m512i scales_of_halves(const __m128i s[4], int c)
{
    const __m128i both = c % 2 ? _mm_unpackhi_epi64(by_pairs(s[c / 2]), by_pairs(s[2 + c / 2]))
                               : _mm_unpacklo_epi64(by_pairs(s[c / 2]), by_pairs(s[2 + c / 2]));
    const __m128i order = _mm_setr_epi8(0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15);

    return _mm512_cvtepi8_epi32(_mm_shuffle_epi8(both, order));
}

/* Q2_K, Q3_K, whose chunks are such: from each row's scales. */
ORI_INLINE struct heads heads_of_halves(struct ori_kquant_scales (*scales)(const uint8_t *block),
                                        const uint8_t *const w[4], size_t d, bool has_min)
{
    const struct ori_kquant_scales row[4] = {scales(w[0]), scales(w[1]), scales(w[2]),
                                             scales(w[3])};
    __m128i scale[4], sums[4];
    struct heads out = {.d = ori_load4_f16(w, d)};

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        scale[r] = row[r].scale;
        sums[r] = row[r].sums;
    }
    rows_to_lanes(scale, scale);
    rows_to_lanes(sums, sums);
    ORI_UNROLL
    for (int c = 0; c < 4; c++)
        out.scales[c] = scales_of_halves(scale, c);
    out.sums[0] = pairs_in_quarters(sums[0], sums[1]);
    out.sums[1] = pairs_in_quarters(sums[2], sums[3]);
    if (has_min)
        out.dmin = ori_load4_f16(w, d + 2);
    return out;
}

ORI_INLINE struct heads heads_q2_k(const uint8_t *const w[4])
{
    return heads_of_halves(ori_scales_q2_k, w, offsetof(struct ori_block_q2_k, d), true);
}

ORI_INLINE struct heads heads_q3_k(const uint8_t *const w[4])
{
    return heads_of_halves(ori_scales_q3_k, w, offsetof(struct ori_block_q3_k, d), false);
}

/* ---- the types ---- */

DEFINE_TYPE(q2_k, 1, 0, 16, heads_q2_k, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q3_k, 1, 2, 16, heads_q3_k, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q4_k, 1, 0, 32, heads_k4, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q5_k, 1, 0, 32, heads_k4, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q6_k, 1, 5, 16, heads_q6_k, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
