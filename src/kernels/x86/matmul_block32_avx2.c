/* Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 with Q8 activations.
 *
 * 4- and 5-bit quants are multiplied unsigned; the 8 or 16 that Q4_0 and Q5_0
 * take off comes out by the activations' sum.  For Q8_0 the weight's sign moves
 * to the activation: |w| <= 128 as unsigned, the activation is never -128, and
 * a pair sums to at most 2 * 128 * 127 = 32,512, so int16 never saturates. */
#include "kernels/x86/x86.h"

#include "kernels/blocks.h"
#include "kernels/x86/tiles_avx2.h"

/* Pairs of products of a block with 32 activations, in int16. */
typedef __m256i pairs_fn(const uint8_t *block, __m256i a);

struct kind {
    size_t block_bytes;
    int offset; /* log2 of what is added to q; 0 for nothing */
    bool has_m; /* m stands after d */
    pairs_fn *pairs;
};

/* 16 bytes of nibbles -> 32 bytes in element order. */
ORI_INLINE __m256i nibbles(const uint8_t qs[16])
{
    const __m128i packed = _mm_loadu_si128((const __m128i *)(const void *)qs);
    const __m256i both =
        _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);

    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* 32 bits -> 16 in each byte whose bit is set. */
ORI_INLINE __m256i fifth_bits(const uint8_t qh[4])
{
    const __m256i spread = _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                            2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
    const __m256i bit = _mm256_set1_epi64x((int64_t)0x8040201008040201u);
    const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32((int)ori_load_le32(qh)), spread);
    const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);

    return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

ORI_INLINE __m256i pairs_q4_0(const uint8_t *block, __m256i a)
{
    const struct ori_block_q4_0 *b = (const void *)block;

    return _mm256_maddubs_epi16(nibbles(b->qs), a);
}

ORI_INLINE __m256i pairs_q4_1(const uint8_t *block, __m256i a)
{
    const struct ori_block_q4_1 *b = (const void *)block;

    return _mm256_maddubs_epi16(nibbles(b->qs), a);
}

ORI_INLINE __m256i pairs_q5_0(const uint8_t *block, __m256i a)
{
    const struct ori_block_q5_0 *b = (const void *)block;

    return _mm256_maddubs_epi16(_mm256_or_si256(nibbles(b->qs), fifth_bits(b->qh)), a);
}

ORI_INLINE __m256i pairs_q5_1(const uint8_t *block, __m256i a)
{
    const struct ori_block_q5_1 *b = (const void *)block;

    return _mm256_maddubs_epi16(_mm256_or_si256(nibbles(b->qs), fifth_bits(b->qh)), a);
}

ORI_INLINE __m256i pairs_q8_0(const uint8_t *block, __m256i a)
{
    const struct ori_block_q8_0 *b = (const void *)block;
    const __m256i w = _mm256_loadu_si256((const __m256i *)(const void *)b->qs);

    return _mm256_maddubs_epi16(_mm256_sign_epi8(w, w), _mm256_sign_epi8(a, w));
}

/* An f16 at `offset` of each of four blocks, in four lanes. */
ORI_INLINE __m128 load_units(const uint8_t *const w[4], size_t offset, bool across)
{
    if (across)
        return _mm_cvtph_ps(_mm_set1_epi16((short)ori_load_le16(w[0] + offset)));
    return _mm_cvtph_ps(_mm_setr_epi16(
        (short)ori_load_le16(w[0] + offset), (short)ori_load_le16(w[1] + offset),
        (short)ori_load_le16(w[2] + offset), (short)ori_load_le16(w[3] + offset), 0, 0, 0, 0));
}

/* One block of four products folded into acc. */
ORI_INLINE __m128 fold(const struct kind *kind, const uint8_t *const w[4],
                       const struct ori_act_q8 *const a[4], bool across, __m128 acc)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i dots[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        const __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)a[i]->qs);
        dots[i] = _mm256_madd_epi16(kind->pairs(w[i], x), ones);
    }

    __m128i isum = ori_sum4_i32(dots[0], dots[1], dots[2], dots[3]);
    const __m128 da =
        across ? _mm_setr_ps(a[0]->d, a[1]->d, a[2]->d, a[3]->d) : _mm_set1_ps(a[0]->d);
    const __m128i asum = across ? _mm_setr_epi32(a[0]->sum, a[1]->sum, a[2]->sum, a[3]->sum)
                                : _mm_set1_epi32(a[0]->sum);
    if (kind->offset)
        isum = _mm_sub_epi32(isum, _mm_slli_epi32(asum, kind->offset));
    const __m128 d = load_units(w, 0, across);
    acc = _mm_fmadd_ps(_mm_mul_ps(d, da), _mm_cvtepi32_ps(isum), acc);
    if (kind->has_m) {
        const __m128 m = load_units(w, 2, across);
        acc = _mm_fmadd_ps(_mm_mul_ps(m, da), _mm_cvtepi32_ps(asum), acc);
    }
    return acc;
}

ORI_INLINE __m128 dot4(const void *info, const uint8_t *const w[4], const uint8_t *const a[4],
                       size_t n, bool across, size_t ahead)
{
    const struct kind *kind = info;
    __m128 acc = _mm_setzero_ps();

    for (size_t b = 0; b < n / ORI_BLOCK; b++) {
        const size_t at = b * kind->block_bytes;
        const size_t at_a = b * sizeof(struct ori_act_q8);
        const uint8_t *const wb[4] = {w[0] + at, w[1] + at, w[2] + at, w[3] + at};
        const struct ori_act_q8 *const ab[4] = {
            (const void *)(a[0] + at_a), (const void *)(a[1] + at_a), (const void *)(a[2] + at_a),
            (const void *)(a[3] + at_a)};

        if (b % 2 == 0) { /* two blocks are about a line, or less */
            for (int i = 0; i < 4 && !across; i++)
                ori_prefetch(wb[i], ahead);
        }
        acc = fold(kind, wb, ab, across, acc);
    }
    return acc;
}

#define DEFINE_TYPE(type, offset, has_m)                                                           \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type), offset, has_m,        \
                                            pairs_##type};                                         \
    ORI_DEFINE_MATMUL_AVX2(type, dot4, &kind_##type)

DEFINE_TYPE(q4_0, 3, false)
DEFINE_TYPE(q4_1, 0, true)
DEFINE_TYPE(q5_0, 4, false)
DEFINE_TYPE(q5_1, 0, true)
DEFINE_TYPE(q8_0, 0, false)
