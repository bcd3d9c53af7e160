/* 16 blocks of a row of Q4_0, IQ4_NL and Q8_0 with one column. */
#ifndef ORI_KERNELS_BLOCK32_STEP_AVX512_H
#define ORI_KERNELS_BLOCK32_STEP_AVX512_H

#include "kernels/codebook.h"
#include "kernels/x86/block32_kind_avx512.h"

/* A fours of each block, a block in each lane. */
ORI_INLINE void spread_fours(const struct ori_act_q8 a[16], struct step_acts *out)
{
    const struct places four_apart = places_of(4 * sizeof(*a), FEW_BLOCKS);
    const uint8_t *const p[4] = {(const void *)a, (const void *)(a + 1), (const void *)(a + 2),
                                 (const void *)(a + 3)};
    __m512i head[4]; /* d, sum and two fours */

    fours_of(p, &four_apart, 0, head);
    out->d = _mm512_castsi512_ps(head[0]);
    out->sum = head[1];
    fours_of(p, &four_apart, offsetof(struct ori_act_q8, qs), out->quants);
    fours_of(p, &four_apart, offsetof(struct ori_act_q8, qs) + 16, out->quants + 4);
}

/* 16 blocks of d and 16 bytes: 288 bytes, loaded as five registers, of which the first two
 * have seven blocks, the next two as many, and the last has two. */
struct stream18 {
    __m512i a, b, c, d, e;
};

ORI_INLINE struct stream18 load_stream18(const uint8_t *w)
{
    struct stream18 x;

    x.a = _mm512_loadu_si512(w);
    ORI_LOADED_HERE(x.a);
    x.b = _mm512_loadu_si512(w + 64);
    ORI_LOADED_HERE(x.b);
    x.c = _mm512_loadu_si512(w + 126);
    ORI_LOADED_HERE(x.c);
    x.d = _mm512_loadu_si512(w + 190);
    ORI_LOADED_HERE(x.d);
    x.e = _mm512_loadu_si512(w + 224);
    ORI_LOADED_HERE(x.e);
    return x;
}

/* Words of the stream: counted from a, where the masks say so from c or from e. */
ORI_INLINE __m512i words_of18(const struct stream18 *x, __m512i words, __mmask32 c, __mmask32 e)
{
    const __m512i of_a = _mm512_permutex2var_epi16(x->a, words, x->b);
    const __m512i of_c = _mm512_permutex2var_epi16(x->c, words, x->d);

    return _mm512_mask_permutexvar_epi16(_mm512_mask_blend_epi16(c, of_a, of_c), e, words, x->e);
}

ORI_INLINE __m512 d_of18(const struct stream18 *x)
{
    static const int16_t words[32] = {0, 9, 18, 27, 36, 45, 54, 0, 9, 18, 27, 36, 45, 54, 14, 23};
    const __m512i d = words_of18(x, _mm512_loadu_si512(words), 0x3f80, 0xc000);

    return _mm512_cvtph_ps(_mm512_castsi512_si256(d));
}

/* The i-th four bytes of nibbles of each block. */
ORI_INLINE __m512i fours_of18(const struct stream18 *x, int i)
{
    static const int16_t first[32] = {1,  2,  10, 11, 19, 20, 28, 29, 37, 38, 46,
                                      47, 55, 56, 1,  2,  10, 11, 19, 20, 28, 29,
                                      37, 38, 46, 47, 55, 56, 15, 16, 24, 25};
    const __m512i words =
        _mm512_add_epi16(_mm512_loadu_si512(first), _mm512_set1_epi16((short)(2 * i)));

    return words_of18(x, words, 0x0fffc000, 0xf0000000);
}

/* High nibbles are multiplied where they stand, so those sums are 16 times too large. */
ORI_INLINE __m512i dot_q4_0(const uint8_t *w, const struct step_acts *acts, __m512 *d)
{
    const __m512i low = _mm512_set1_epi8(0x0f), high = _mm512_set1_epi8((char)0xf0);
    const struct stream18 x = load_stream18(w);
    __m512i sum[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const __m512i q = fours_of18(&x, i);
        sum[0] = _mm512_dpbusd_epi32(sum[0], _mm512_and_si512(q, low), acts->quants[i]);
        sum[1] = _mm512_dpbusd_epi32(sum[1], _mm512_and_si512(q, high), acts->quants[4 + i]);
    }
    *d = d_of18(&x);
    return _mm512_add_epi32(sum[0], _mm512_srai_epi32(sum[1], 4));
}

ORI_INLINE __m512i dot_iq4_nl(const uint8_t *w, const struct step_acts *acts, __m512 *d)
{
    const __m512i low = _mm512_set1_epi8(0x0f);
    const struct stream18 x = load_stream18(w);
    __m512i sum[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const __m512i q = fours_of18(&x, i);
        const __m512i first = _mm512_and_si512(q, low);
        const __m512i second = _mm512_and_si512(_mm512_srli_epi16(q, 4), low);
        sum[0] =
            _mm512_dpbusd_epi32(sum[0], ori_decode64(ori_codes_iq4, 7, first), acts->quants[i]);
        sum[1] = _mm512_dpbusd_epi32(sum[1], ori_decode64(ori_codes_iq4, 7, second),
                                     acts->quants[4 + i]);
    }
    *d = d_of18(&x);
    return _mm512_add_epi32(sum[0], sum[1]);
}

/* Two blocks in a register, as they are loaded. */
ORI_INLINE void spread_pairs(const struct ori_act_q8 a[16], struct step_acts *out)
{
    struct step_acts fours;

    spread_fours(a, &fours);
    out->d = fours.d;
    out->sum = fours.sum;
    ORI_UNROLL
    for (int i = 0; i < FOURS; i++)
        out->quants[i] = ori_load32x2(a[2 * i].qs, a[2 * i + 1].qs);
}

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

ORI_INLINE __m512i dot_q8_0(const uint8_t *w, const struct step_acts *acts, __m512 *d)
{
    const size_t bytes = sizeof(struct ori_block_q8_0), at = offsetof(struct ori_block_q8_0, qs);
    const struct places four_apart = places_of(4 * bytes, FEW_BLOCKS);
    const uint8_t *const rows[4] = {w, w + bytes, w + 2 * bytes, w + 3 * bytes};
    __m512i x[8];

    ORI_UNROLL
    for (size_t i = 0; i < 8; i++) {
        const __m512i q = ori_load32x2(w + 2 * i * bytes + at, w + (2 * i + 1) * bytes + at);
        x[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(),
                                   _mm512_xor_si512(q, _mm512_set1_epi8(-128)), acts->quants[i]);
    }
    *d = units_of(rows, &four_apart, 0);
    /* two quarters are a block: 0, 2, 4, 6 and 1, 3, 5, 7, then eight more */
    const __m512i first = sum_of_fours(x), second = sum_of_fours(x + 4);
    const __m512i sums =
        _mm512_add_epi32(_mm512_shuffle_i32x4(first, second, _MM_SHUFFLE(2, 0, 2, 0)),
                         _mm512_shuffle_i32x4(first, second, _MM_SHUFFLE(3, 1, 3, 1)));
    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15), sums);
}

static const struct step step_q4_0 = {spread_fours, dot_q4_0};
static const struct step step_iq4_nl = {spread_fours, dot_iq4_nl};
static const struct step step_q8_0 = {spread_pairs, dot_q8_0};

#endif
