/* IQ4_XS, IQ3 and IQ2 in AVX-512: quants are indices (iquant.h). */
#include "kernels/x86/x86.h"

#include "kernels/x86/iquant.h"
#include "kernels/x86/superblock_avx512.h"

/* A chunk is 64 elements in order, with 2^offset added. */

/* 16 bytes hold 32 elements, the first 16 in the low nibbles. */
ORI_INLINE __m512i chunk_iq4_xs(const uint8_t *block, int c)
{
    const struct ori_block_iq4_xs *b = (const void *)block;
    const __m512i twice =
        _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 1, 0, 1, 2, 3, 2, 3),
                                 _mm512_castsi256_si512(ori_load32(b->qs + 32 * c)));
    const __m512i halves = _mm512_srlv_epi64(twice, _mm512_setr_epi64(0, 0, 4, 4, 0, 0, 4, 4));

    return ori_decode64(ori_codes_iq4, 7, _mm512_and_si512(halves, _mm512_set1_epi8(15)));
}

/* What looks quants up is a function: inlined it would be some hundred times, which
 * takes compilers a minute and is no faster. */
#define DEFINE_CHUNK(type, offset)                                                                 \
    static __attribute__((noinline)) __m512i chunk_##type(const uint8_t *block, int c)             \
    {                                                                                              \
        const __m256i first = ori_chunk_##type(block, 2 * c);                                      \
        const __m256i second = ori_chunk_##type(block, 2 * c + 1);                                 \
        const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);         \
                                                                                                   \
        return _mm512_add_epi8(both, _mm512_set1_epi8((char)(1 << (offset))));                     \
    }

DEFINE_CHUNK(iq3_s, 4)
DEFINE_CHUNK(iq3_xxs, 6)
DEFINE_CHUNK(iq2_s, 6)
DEFINE_CHUNK(iq2_xs, 6)
DEFINE_CHUNK(iq2_xxs, 6)

/* From each row's scales. */
ORI_INLINE struct heads heads_in_order(struct ori_kquant_scales (*scales)(const uint8_t *block),
                                       const uint8_t *const w[4], size_t d, int sub)
{
    const __m128i evens = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 0, 2, 4, 6, 8, 10, 12, 14);
    __m128i scale[4], sums[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++) {
        scale[r] = scales(w[r]).scale;
        sums[r] = sub == 32 ? _mm_shuffle_epi8(scale[r], evens) : scale[r];
    }
    rows_to_lanes(scale, scale);
    rows_to_lanes(sums, sums);
    return (struct heads){
        .scales = {in_quarters(scale[0], 0, 1, 2, 3), in_quarters(scale[1], 0, 1, 2, 3),
                   in_quarters(scale[2], 0, 1, 2, 3), in_quarters(scale[3], 0, 1, 2, 3)},
        .sums = {pairs_in_quarters(sums[0], sums[1]), pairs_in_quarters(sums[2], sums[3])},
        .d = ori_load4_f16(w, d),
    };
}

#define DEFINE_IN_ORDER(type, sub)                                                                 \
    ORI_INLINE void fours_##type(const uint8_t *const w[4], int h, __m512i out[2][4])              \
    {                                                                                              \
        fours_of_chunks(chunk_##type, w, h, out);                                                  \
    }                                                                                              \
    ORI_INLINE struct heads heads_##type(const uint8_t *const w[4])                                \
    {                                                                                              \
        return heads_in_order(ori_scales_##type, w, offsetof(struct ori_block_##type, d), sub);    \
    }

DEFINE_IN_ORDER(iq4_xs, 32)
DEFINE_IN_ORDER(iq3_s, 32)
DEFINE_IN_ORDER(iq3_xxs, 32)
DEFINE_IN_ORDER(iq2_s, 16)
DEFINE_IN_ORDER(iq2_xs, 16)
DEFINE_IN_ORDER(iq2_xxs, 32)

DEFINE_TYPE(iq4_xs, 1, 7, 32, heads_iq4_xs, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
DEFINE_TYPE(iq3_s, 1, 4, 32, heads_iq3_s, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
DEFINE_TYPE(iq3_xxs, 0.25f, 6, 32, heads_iq3_xxs, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
DEFINE_TYPE(iq2_s, 0.125f, 6, 16, heads_iq2_s, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
DEFINE_TYPE(iq2_xs, 0.125f, 6, 16, heads_iq2_xs, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
DEFINE_TYPE(iq2_xxs, 0.125f, 6, 32, heads_iq2_xxs, NULL, {{0, 1}, {2, 3}, {4, 5}, {6, 7}})
