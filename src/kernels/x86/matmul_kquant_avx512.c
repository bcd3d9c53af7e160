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

ORI_INLINE __m512i chunk_q3_k(const uint8_t *block, int c)
{
    const struct ori_block_q3_k *b = (const void *)block;

    return WITH_BITS(move_bits(load64(b->qs), 2 * c, 2 * c, 0, 3), load32_twice(b->hmask), c, 4 + c,
                     2, 4);
}

ORI_INLINE __m512i chunk_q5_k(const uint8_t *block, int c)
{
    const struct ori_block_q5_k *b = (const void *)block;
    const __m512i both = load64(b->qs + c / 2 * 64);
    const int first = c / 2 * 4 + c % 2; /* of the two runs; the other is two further */

    return WITH_BITS(c % 2 ? high_nibbles(both) : low_nibbles(both), load32_twice(b->qh), first,
                     first + 2, 4, 16);
}

/* low | (x & mask) */
ORI_INLINE __m512i with_bits(__m512i low, __m512i x, char mask)
{
    return _mm512_ternarylogic_epi32(low, x, _mm512_set1_epi8(mask), 0xf8);
}

/* Of Q6_K's words `even` (the first 32 of each 64 bytes of ql), `odd` and `high`. */
ORI_INLINE __m512i chunk_of_q6_k(__m512i even, __m512i odd, __m512i high, int c)
{
    const __m512i both = c % 2 ? odd : even;
    const __m512i low = c < 2 ? low_nibbles(both) : high_nibbles(both);

    return with_bits(low,
                     c == 0   ? _mm512_slli_epi16(high, 4)
                     : c == 1 ? _mm512_slli_epi16(high, 2)
                     : c == 2 ? high
                              : _mm512_srli_epi16(high, 2),
                     48);
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

/* The words of four blocks, transposed by fours. */
struct words_q6_k {
    __m512i even[4], odd[4], high[4];
};

ORI_INLINE void load_words_q6_k(const uint8_t *block, int r, struct words_q6_k *out)
{
    const struct ori_block_q6_k *b = (const void *)block;

    out->even[r] = ori_load32x2(b->ql, b->ql + 64);
    out->odd[r] = ori_load32x2(b->ql + 32, b->ql + 96);
    out->high[r] = load64(b->qh);
}

ORI_INLINE void transpose_words_q6_k(struct words_q6_k *x)
{
    ori_transpose4(x->even);
    ori_transpose4(x->odd);
    ori_transpose4(x->high);
}

ORI_INLINE void chunk_of_words_q6_k(const struct words_q6_k *x, int c, __m512i out[4])
{
    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        out[i] = chunk_of_q6_k(x->even[i], x->odd[i], x->high[i], c);
}

ORI_INLINE void fours_q6_k(const uint8_t *const w[4], int h, __m512i out[2][4])
{
    struct words_q6_k words;

    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        load_words_q6_k(w[r], r, &words);
    transpose_words_q6_k(&words);
    chunk_of_words_q6_k(&words, 2 * h, out[0]);
    chunk_of_words_q6_k(&words, 2 * h + 1, out[1]);
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
ORI_INLINE struct heads heads_k4_of(const __m128i rows[4])
{
    __m128i words[4];
    rows_to_lanes(rows, words);
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

ORI_INLINE struct heads heads_k4(const uint8_t *const w[4])
{
    const __m128i rows[4] = {ori_load16(w[0]), ori_load16(w[1]), ori_load16(w[2]),
                             ori_load16(w[3])};

    return heads_k4_of(rows);
}

/* Q6_K: chunk c is runs c and c + 4. */
ORI_INLINE struct heads heads_q6_k_of(const __m128i rows[4], __m128 d)
{
    __m128i s[4];
    rows_to_lanes(rows, s);
    const __m128i m[4] = {
        _mm_blend_epi16(s[0], _mm_slli_epi32(s[2], 16), 0xaa),
        _mm_blend_epi16(_mm_srli_epi32(s[0], 16), s[2], 0xaa),
        _mm_blend_epi16(s[1], _mm_slli_epi32(s[3], 16), 0xaa),
        _mm_blend_epi16(_mm_srli_epi32(s[1], 16), s[3], 0xaa),
    };

    return (struct heads){
        .scales = {in_quarters(m[0], 0, 1, 2, 3), in_quarters(m[1], 0, 1, 2, 3),
                   in_quarters(m[2], 0, 1, 2, 3), in_quarters(m[3], 0, 1, 2, 3)},
        .sums = {pairs_in_quarters(s[0], s[1]), pairs_in_quarters(s[2], s[3])},
        .d = d,
    };
}

ORI_INLINE struct heads heads_q6_k(const uint8_t *const w[4])
{
    const size_t at = offsetof(struct ori_block_q6_k, scales);
    const __m128i rows[4] = {ori_load16(w[0] + at), ori_load16(w[1] + at), ori_load16(w[2] + at),
                             ori_load16(w[3] + at)};

    return heads_q6_k_of(rows, ori_load4_f16(w, offsetof(struct ori_block_q6_k, d)));
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

/* ---- four blocks in their order, for one column ---- */

ORI_INLINE void quad_q4_k(const uint8_t *const w[4], struct quad *out)
{
    __m128i heads[4];
    __m512i a[4], b[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        heads[r] = ori_load16(w[r]);
        ORI_LOADED_HERE(heads[r]);
        a[r] = load64(w[r] + offsetof(struct ori_block_q4_k, qs));
        ORI_LOADED_HERE(a[r]);
        b[r] = load64(w[r] + offsetof(struct ori_block_q4_k, qs) + 64);
        ORI_LOADED_HERE(b[r]);
    }
    out->heads = heads_k4_of(heads);
    ori_transpose4(a);
    ori_transpose4(b);
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        out->fours[0][i] = low_nibbles(a[i]);
        out->fours[1][i] = high_nibbles(a[i]);
        out->fours[2][i] = low_nibbles(b[i]);
        out->fours[3][i] = high_nibbles(b[i]);
    }
}

ORI_INLINE void quad_q5_k(const uint8_t *const w[4], struct quad *out)
{
    const __m512i two = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi64x(2), 1);
    __m128i heads[4];
    __m512i a[4], b[4], high[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        heads[r] = ori_load16(w[r]);
        ORI_LOADED_HERE(heads[r]);
        high[r] = load32_twice(w[r] + offsetof(struct ori_block_q5_k, qh));
        ORI_LOADED_HERE(high[r]);
        a[r] = load64(w[r] + offsetof(struct ori_block_q5_k, qs));
        ORI_LOADED_HERE(a[r]);
        b[r] = load64(w[r] + offsetof(struct ori_block_q5_k, qs) + 64);
        ORI_LOADED_HERE(b[r]);
    }
    out->heads = heads_k4_of(heads);
    ori_transpose4(a);
    ori_transpose4(b);
    ori_transpose4(high);
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        /* a chunk's second run is two after the first: bits 0, 1, 4, 5 are the chunks' */
        const __m512i h = _mm512_srlv_epi64(high[i], two);
        out->fours[0][i] = with_bits(low_nibbles(a[i]), _mm512_slli_epi16(h, 4), 16);
        out->fours[1][i] = with_bits(high_nibbles(a[i]), _mm512_slli_epi16(h, 3), 16);
        out->fours[2][i] = with_bits(low_nibbles(b[i]), h, 16);
        out->fours[3][i] = with_bits(high_nibbles(b[i]), _mm512_srli_epi16(h, 1), 16);
    }
}

ORI_INLINE void quad_q6_k(const uint8_t *const w[4], struct quad *out)
{
    struct words_q6_k words;
    __m128i scales[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        load_words_q6_k(w[r], r, &words);
        ORI_LOADED_HERE(words.even[r]);
        ORI_LOADED_HERE(words.odd[r]);
        ORI_LOADED_HERE(words.high[r]);
        scales[r] = ori_load16(w[r] + offsetof(struct ori_block_q6_k, scales));
        ORI_LOADED_HERE(scales[r]);
    }
    out->heads = heads_q6_k_of(scales, ori_load4_f16(w, offsetof(struct ori_block_q6_k, d)));
    transpose_words_q6_k(&words);
    ORI_UNROLL
    for (int c = 0; c < 4; c++)
        chunk_of_words_q6_k(&words, c, out->fours[c]);
}

/* ---- the types ---- */

DEFINE_TYPE(q2_k, 1, 0, 16, heads_q2_k, NULL, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q3_k, 1, 2, 16, heads_q3_k, NULL, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q4_k, 1, 0, 32, heads_k4, quad_q4_k, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q5_k, 1, 0, 32, heads_k4, quad_q5_k, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q6_k, 1, 5, 16, heads_q6_k, quad_q6_k, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
