/* 16 blocks of a row of Q4_0, IQ4_NL and Q8_0 with one column. */
#ifndef ORI_KERNELS_BLOCK32_STEP_AVX512_H
#define ORI_KERNELS_BLOCK32_STEP_AVX512_H

#include "kernels/codebook.h"
#include "kernels/x86/block32_kind_avx512.h"

/* In each quarter, the sums of elements 0 and 2 and of 1 and 3: of a, b, a, b. */
ORI_INLINE __m512i sum_of_lanes(__m512i a, __m512i b)
{
    return _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
}

/* In each quarter, the sums of the four elements of each of four. */
ORI_INLINE __m512i sum_of_fours(const __m512i x[4])
{
    const __m512i ab = sum_of_lanes(x[0], x[1]), cd = sum_of_lanes(x[2], x[3]);

    return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

/* ---- Q8_0: two blocks in a register ---- */

/* Blocks 0 and 1, 4 and 5, 8 and 9, 12 and 13, then the pairs between them. */
ORI_INLINE void spread_pairs(const struct ori_act_q8 a[16], __m512i quants[FOURS])
{
    ORI_UNROLL
    for (int i = 0; i < FOURS; i++)
        quants[i / 2 + i % 2 * 4] = ori_load32x2(a[2 * i].qs, a[2 * i + 1].qs);
}

ORI_INLINE __m512i dot_q8_0(const uint8_t *w, const __m512i quants[FOURS], __m512 *d)
{
    const size_t bytes = sizeof(struct ori_block_q8_0), at = offsetof(struct ori_block_q8_0, qs);
    const struct places places = places_of(bytes, FEW_BLOCKS);
    const uint8_t *const fours[4] = {w, w + 4 * bytes, w + 8 * bytes, w + 12 * bytes};
    __m512i x[FOURS];

    ORI_UNROLL
    for (size_t i = 0; i < FOURS; i++) {
        const size_t place = i / 2 + i % 2 * 4;
        const __m512i q = ori_load32x2(w + 2 * i * bytes + at, w + (2 * i + 1) * bytes + at);
        x[place] = _mm512_dpbusd_epi32(_mm512_setzero_si512(),
                                       _mm512_xor_si512(q, _mm512_set1_epi8(-128)), quants[place]);
    }
    *d = units_of(fours, &places, 0);
    /* two quarters are a block: the first and second of each four, the third and fourth */
    const __m512i first = sum_of_fours(x), second = sum_of_fours(x + 4);
    return _mm512_add_epi32(_mm512_shuffle_i32x4(first, second, _MM_SHUFFLE(2, 0, 2, 0)),
                            _mm512_shuffle_i32x4(first, second, _MM_SHUFFLE(3, 1, 3, 1)));
}

/* ---- Q4_0 and IQ4_NL: four blocks in a register, 16 bytes of nibbles each ---- */

/* The first halves of four blocks each, then the second halves. */
ORI_INLINE void spread_halves(const struct ori_act_q8 a[16], __m512i quants[FOURS])
{
    const struct places places = places_of(sizeof(*a), FEW_BLOCKS);

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const uint8_t *const four = (const void *)(a + 4 * i);
        quants[i] = quarters(four + offsetof(struct ori_act_q8, qs), &places);
        quants[4 + i] = quarters(four + offsetof(struct ori_act_q8, qs) + 16, &places);
    }
}

/* 16 blocks of d and 16 bytes as they lie: 288 bytes, in the last register 32. */
struct stream18 {
    __m512i x[5];
};

ORI_INLINE struct stream18 load_stream18(const uint8_t *w)
{
    struct stream18 s;

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        s.x[i] = ori_load32x2(w + 64 * i, w + 64 * i + 32);
        ORI_LOADED_HERE(s.x[i]);
    }
    s.x[4] = _mm512_castsi256_si512(ori_load32(w + 256));
    return s;
}

/* The 16 bytes of each of the i-th four blocks, which are 72 bytes: they begin 8 * i bytes
 * behind the start of a register, and end in the next. */
ORI_INLINE __m512i bytes_of18(const struct stream18 *s, int i)
{
    static const int16_t first[32] = {1,  2,  3,  4,  5,  6,  7,  8,  10, 11, 12,
                                      13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24,
                                      25, 26, 28, 29, 30, 31, 32, 33, 34, 35};
    const __m512i words =
        _mm512_add_epi16(_mm512_loadu_si512(first), _mm512_set1_epi16((short)(4 * i)));

    return _mm512_permutex2var_epi16(s->x[i], words, s->x[i + 1]);
}

/* Block b's d is word 9 * b. */
ORI_INLINE __m512 d_of18(const struct stream18 *s)
{
    static const int16_t words[16] = {0, 36, 8, 44, 9, 45, 17, 53, 18, 54, 26, 62, 27, 63, 35, 7};
    const __m512i at = _mm512_castsi256_si512(ori_load32(words));
    const __m512i low = _mm512_permutex2var_epi16(s->x[0], at, s->x[1]);
    const __m512i high = _mm512_permutex2var_epi16(s->x[2], at, s->x[3]);
    const __m512i d = _mm512_mask_permutexvar_epi16(_mm512_mask_blend_epi16(0x4ccc, low, high),
                                                    0x8000, at, s->x[4]);

    return _mm512_cvtph_ps(_mm512_castsi512_si256(d));
}

/* High nibbles are multiplied where they stand, so those sums are 16 times too large. */
ORI_INLINE __m512i dot_q4_0(const uint8_t *w, const __m512i quants[FOURS], __m512 *d)
{
    const __m512i low = _mm512_set1_epi8(0x0f), high = _mm512_set1_epi8((char)0xf0);
    const struct stream18 s = load_stream18(w);
    __m512i sum[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const __m512i q = bytes_of18(&s, i);
        const __m512i second =
            _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_and_si512(q, high), quants[4 + i]);
        sum[i] =
            _mm512_dpbusd_epi32(_mm512_srai_epi32(second, 4), _mm512_and_si512(q, low), quants[i]);
    }
    *d = d_of18(&s);
    return sum_of_fours(sum);
}

ORI_INLINE __m512i dot_iq4_nl(const uint8_t *w, const __m512i quants[FOURS], __m512 *d)
{
    const __m512i low = _mm512_set1_epi8(0x0f);
    const struct stream18 s = load_stream18(w);
    __m512i sum[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const __m512i q = bytes_of18(&s, i);
        const __m512i first = _mm512_and_si512(q, low);
        const __m512i second = _mm512_and_si512(_mm512_srli_epi16(q, 4), low);
        sum[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), ori_decode64(ori_codes_iq4, 7, first),
                                     quants[i]);
        sum[i] = _mm512_dpbusd_epi32(sum[i], ori_decode64(ori_codes_iq4, 7, second), quants[4 + i]);
    }
    *d = d_of18(&s);
    return sum_of_fours(sum);
}

static const struct step step_q4_0 = {spread_halves, dot_q4_0};
static const struct step step_iq4_nl = {spread_halves, dot_iq4_nl};
static const struct step step_q8_0 = {spread_pairs, dot_q8_0};

#endif
