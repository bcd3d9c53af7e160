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

#define SELECT 0xca /* of three: bits of the second where the first is set, else the third's */

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

/* The 16 bytes at p into quarter r. */
ORI_INLINE __m512i set_quarter(__m512i x, int r, const uint8_t *p)
{
    switch (r) { /* the number is part of the instruction */
    case 0:
        return _mm512_inserti32x4(x, ori_load16(p), 0);
    case 1:
        return _mm512_inserti32x4(x, ori_load16(p), 1);
    case 2:
        return _mm512_inserti32x4(x, ori_load16(p), 2);
    default:
        return _mm512_inserti32x4(x, ori_load16(p), 3);
    }
}

/* 16 bytes of each of four blocks, a block in each quarter. */
ORI_INLINE __m512i blocks_in_quarters(const uint8_t *const w[4], size_t offset)
{
    __m512i x = _mm512_setzero_si512();

    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        x = set_quarter(x, r, w[r] + offset);
    return x;
}

/* What the first 16 bytes of four blocks of Q4_K or Q5_K say.  Pairs of int16: the scales
 * of chunks 0 and 2, of chunks 1 and 3, in their quarters; the minimums of the q-th two
 * sub-blocks in quarter q.  Of d: of each block, then dmin. */
struct heads_k4 {
    __m512i scales[2], mins;
    __m256 d;
};

/* d and dmin, then 12 bytes a, b, c with scales and minimums (blocks.h): the low six bits
 * of a are the scales of the first four sub-blocks, those of b their minimums; of the
 * others c has the low four bits, a and b the two above. */
ORI_INLINE struct heads_k4 open_heads_k4(__m512i blocks)
{
    const __m512i six = _mm512_set1_epi8(0x3f), four = _mm512_set1_epi8(0x0f);
    const __m512i c = _mm512_shuffle_epi32(blocks, _MM_SHUFFLE(3, 3, 3, 3));
    const __m512i c_of_a_b = _mm512_srlv_epi32(c, _mm512_set4_epi32(0, 4, 0, 0));
    const __m512i two = _mm512_srli_epi32(blocks, 2);
    const __m512i first = _mm512_and_si512(blocks, six);
    const __m512i further =
        _mm512_and_si512(_mm512_ternarylogic_epi32(four, c_of_a_b, two, SELECT), six);
    /* Words of `first`; 32 more are those of `further`.  A block has eight: 2 and 3 are
     * scales, 4 and 5 minimums. */
    static const int16_t of_scales[32] = {2,  34, 10, 42, 18, 50, 26, 58, 2,  34, 10,
                                          42, 18, 50, 26, 58, 3,  35, 11, 43, 19, 51,
                                          27, 59, 3,  35, 11, 43, 19, 51, 27, 59};
    static const int16_t of_mins[32] = {4,  12, 20, 28, 5,  13, 21, 29,
                                        36, 44, 52, 60, 37, 45, 53, 61};
    static const int16_t of_d[32] = {0, 8, 16, 24, 1, 9, 17, 25};
    const __m512i scales = _mm512_permutex2var_epi16(first, _mm512_loadu_si512(of_scales), further);
    const __m512i mins = _mm512_permutex2var_epi16(first, _mm512_loadu_si512(of_mins), further);
    const __m512i d = _mm512_permutexvar_epi16(_mm512_loadu_si512(of_d), blocks);

    return (struct heads_k4){
        .scales = {_mm512_and_si512(scales, _mm512_set1_epi16(0xff)), _mm512_srli_epi16(scales, 8)},
        .mins = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(mins)),
        .d = _mm256_cvtph_ps(_mm512_castsi512_si128(d)),
    };
}

ORI_INLINE struct heads heads_of_k4(const struct heads_k4 *h)
{
    const __m512i low = _mm512_set1_epi32(0xffff);

    return (struct heads){
        .scales = {_mm512_and_si512(h->scales[0], low), _mm512_and_si512(h->scales[1], low),
                   _mm512_srli_epi32(h->scales[0], 16), _mm512_srli_epi32(h->scales[1], 16)},
        .sums = {h->mins},
        .d = _mm256_castps256_ps128(h->d),
        .dmin = _mm256_extractf128_ps(h->d, 1),
    };
}

ORI_INLINE struct heads heads_k4(const uint8_t *const w[4])
{
    const struct heads_k4 h = open_heads_k4(blocks_in_quarters(w, 0));

    return heads_of_k4(&h);
}

/* Q6_K: chunk c is runs c and c + 4, so it has bytes 2c, 2c + 1, 2c + 8 and 2c + 9 of
 * each block's scales. */
ORI_INLINE void scales_q6_k(__m512i blocks, __m512i out[4])
{
    const __m512i words = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 2, 6, 10, 14, 2, 6, 10, 14);
    const __m512i of_two[2] = {
        _mm512_permutexvar_epi32(words, blocks),
        _mm512_permutexvar_epi32(_mm512_add_epi32(words, _mm512_set1_epi32(1)), blocks)};
    const __m512i second = _mm512_maskz_set1_epi32(0xf0f0, 8); /* bytes 2c + 1 and 2c + 9 */

    ORI_UNROLL
    for (int c = 0; c < 4; c++) {
        const __m512i to_top = _mm512_sub_epi32(_mm512_set1_epi32(c % 2 ? 8 : 24), second);
        out[c] = _mm512_srai_epi32(_mm512_sllv_epi32(of_two[c / 2], to_top), 24);
    }
}

ORI_INLINE struct heads heads_q6_k(const uint8_t *const w[4])
{
    const size_t at = offsetof(struct ori_block_q6_k, scales);
    struct heads out = {.d = ori_load4_f16(w, offsetof(struct ori_block_q6_k, d))};
    __m128i s[4];

    scales_q6_k(blocks_in_quarters(w, at), out.scales);
    load_to_lanes(w, at, s);
    out.sums[0] = pairs_in_quarters(s[0], s[1]);
    out.sums[1] = pairs_in_quarters(s[2], s[3]);
    return out;
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

/* The low word of each lane of `low`, that of `high` above it: sums of 16 products of 15
 * by 127 fit. */
ORI_INLINE __m512i pair_words(__m512i low, __m512i high)
{
    return _mm512_ternarylogic_epi32(_mm512_set1_epi32(0xffff), low, _mm512_slli_epi32(high, 16),
                                     SELECT);
}

/* High nibbles are multiplied where they stand, so those sums are 16 times too large. */
/* The i-th fours of all chunks multiplied. */
ORI_INLINE void add_to_chunks(__m512i sums[4], const __m512i chunks[4],
                              const struct quad_acts *acts, int i)
{
    ORI_UNROLL
    for (int c = 0; c < 4; c++)
        sums[c] = _mm512_dpbusd_epi32(sums[c], chunks[c], acts->fours[c][i]);
}

ORI_INLINE void quad_q4_k(const uint8_t *const w[4], const struct quad_acts *acts, struct quad *out)
{
    const __m512i low = _mm512_set1_epi8(0x0f), high = _mm512_set1_epi8((char)0xf0);
    const size_t qs = offsetof(struct ori_block_q4_k, qs);
    __m512i heads = _mm512_setzero_si512(), a[4], b[4], sums[4] = {heads, heads, heads, heads};

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        heads = set_quarter(heads, r, w[r]);
        ORI_LOADED_HERE(heads);
        a[r] = load64(w[r] + qs);
        ORI_LOADED_HERE(a[r]);
        b[r] = load64(w[r] + qs + 64);
        ORI_LOADED_HERE(b[r]);
    }
    ORI_UNROLL
    for (int half = 0; half < 2; half++) {
        __m512i x[2], y[2];

        ori_transpose4_half(a, half, x);
        ori_transpose4_half(b, half, y);
        ORI_UNROLL
        for (int i = 0; i < 2; i++) {
            const __m512i chunks[4] = {_mm512_and_si512(x[i], low), _mm512_and_si512(x[i], high),
                                       _mm512_and_si512(y[i], low), _mm512_and_si512(y[i], high)};
            add_to_chunks(sums, chunks, acts, 2 * half + i);
        }
    }

    const struct heads_k4 h = open_heads_k4(heads);
    const __m512i even = pair_words(sums[0], sums[2]);
    const __m512i odd = pair_words(_mm512_srli_epi32(sums[1], 4), _mm512_srli_epi32(sums[3], 4));
    const __m512i none = _mm512_setzero_si512();

    out->dot = _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(none, even, h.scales[0]), odd, h.scales[1]);
    out->second = _mm512_dpwssd_epi32(none, h.mins, acts->sums);
    out->d = h.d;
}

/* The chunks' sums times their scales. */
ORI_INLINE __m512i times_scales(const __m512i sums[4], const __m512i scales[4])
{
    const __m512i first = _mm512_add_epi32(_mm512_mullo_epi32(sums[0], scales[0]),
                                           _mm512_mullo_epi32(sums[1], scales[1]));
    const __m512i second = _mm512_add_epi32(_mm512_mullo_epi32(sums[2], scales[2]),
                                            _mm512_mullo_epi32(sums[3], scales[3]));

    return _mm512_add_epi32(first, second);
}

ORI_INLINE void quad_q5_k(const uint8_t *const w[4], const struct quad_acts *acts, struct quad *out)
{
    /* Of the fifth bits, 32 bytes a block: a fours of both halves of each block, twice. */
    const __m512i fours =
        _mm512_setr_epi32(0, 8, 16, 24, 4, 12, 20, 28, 0, 8, 16, 24, 4, 12, 20, 28);
    /* A chunk's second run is two after the first: then bits 0, 1, 4 and 5 are the chunks'. */
    const __m512i two = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi64x(2), 1);
    const size_t qs = offsetof(struct ori_block_q5_k, qs), qh = offsetof(struct ori_block_q5_k, qh);
    __m512i heads = _mm512_setzero_si512(), sums[4] = {heads, heads, heads, heads};
    __m512i a[4], b[4], bits[2] = {heads, heads};

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        heads = set_quarter(heads, r, w[r]);
        ORI_LOADED_HERE(heads);
        bits[r / 2] = r % 2 ? _mm512_inserti64x4(bits[r / 2], ori_load32(w[r] + qh), 1)
                            : _mm512_castsi256_si512(ori_load32(w[r] + qh));
        ORI_LOADED_HERE(bits[r / 2]);
        a[r] = load64(w[r] + qs);
        ORI_LOADED_HERE(a[r]);
        b[r] = load64(w[r] + qs + 64);
        ORI_LOADED_HERE(b[r]);
    }
    ORI_UNROLL
    for (int half = 0; half < 2; half++) {
        __m512i x[2], y[2];

        ori_transpose4_half(a, half, x);
        ori_transpose4_half(b, half, y);
        ORI_UNROLL
        for (int i = 0; i < 2; i++) {
            const __m512i these = _mm512_add_epi32(fours, _mm512_set1_epi32(2 * half + i));
            const __m512i h =
                _mm512_srlv_epi64(_mm512_permutex2var_epi32(bits[0], these, bits[1]), two);
            const __m512i chunks[4] = {with_bits(low_nibbles(x[i]), _mm512_slli_epi16(h, 4), 16),
                                       with_bits(high_nibbles(x[i]), _mm512_slli_epi16(h, 3), 16),
                                       with_bits(low_nibbles(y[i]), h, 16),
                                       with_bits(high_nibbles(y[i]), _mm512_srli_epi16(h, 1), 16)};
            add_to_chunks(sums, chunks, acts, 2 * half + i);
        }
    }

    const struct heads_k4 h = open_heads_k4(heads);
    const struct heads all = heads_of_k4(&h);

    out->dot = times_scales(sums, all.scales);
    out->second = _mm512_dpwssd_epi32(_mm512_setzero_si512(), h.mins, acts->sums);
    out->d = h.d;
}

ORI_INLINE void quad_q6_k(const uint8_t *const w[4], const struct quad_acts *acts, struct quad *out)
{
    const size_t scales_at = offsetof(struct ori_block_q6_k, scales);
    struct words_q6_k words;
    __m512i heads = _mm512_setzero_si512(), scales[4], sums[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        load_words_q6_k(w[r], r, &words);
        ORI_LOADED_HERE(words.even[r]);
        ORI_LOADED_HERE(words.odd[r]);
        ORI_LOADED_HERE(words.high[r]);
        heads = set_quarter(heads, r, w[r] + scales_at);
        ORI_LOADED_HERE(heads);
    }
    ORI_UNROLL
    for (int c = 0; c < 4; c++)
        sums[c] = acts->starts[c];
    ORI_UNROLL
    for (int half = 0; half < 2; half++) {
        __m512i even[2], odd[2], high[2];

        ori_transpose4_half(words.high, half, high);
        ori_transpose4_half(words.even, half, even);
        ori_transpose4_half(words.odd, half, odd);
        ORI_UNROLL
        for (int i = 0; i < 2; i++) {
            const __m512i chunks[4] = {chunk_of_q6_k(even[i], odd[i], high[i], 0),
                                       chunk_of_q6_k(even[i], odd[i], high[i], 1),
                                       chunk_of_q6_k(even[i], odd[i], high[i], 2),
                                       chunk_of_q6_k(even[i], odd[i], high[i], 3)};
            add_to_chunks(sums, chunks, acts, 2 * half + i);
        }
    }
    scales_q6_k(heads, scales);
    out->dot = times_scales(sums, scales);
    out->second = _mm512_setzero_si512();
    out->d = _mm256_castps128_ps256(ori_load4_f16(w, offsetof(struct ori_block_q6_k, d)));
}

/* ---- the types ---- */

DEFINE_TYPE(q2_k, 1, 0, 16, heads_q2_k, NULL, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q3_k, 1, 2, 16, heads_q3_k, NULL, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})
DEFINE_TYPE(q4_k, 1, 0, 32, heads_k4, quad_q4_k, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q5_k, 1, 0, 32, heads_k4, quad_q5_k, {{0, 2}, {1, 3}, {4, 6}, {5, 7}})
DEFINE_TYPE(q6_k, 1, 5, 16, heads_q6_k, quad_q6_k, {{0, 4}, {1, 5}, {2, 6}, {3, 7}})

ORI_DEFINE_MATMUL_ONCE(q4_k)
ORI_DEFINE_MATMUL_ONCE(q5_k)
ORI_DEFINE_MATMUL_ONCE(q6_k)
