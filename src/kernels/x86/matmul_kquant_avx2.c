/* k-quants with Q8K activations.
 *
 * All five types are the same sum over eight chunks of 32 unsigned quants
 * (q + 4 for Q3_K, q + 32 for Q6_K):
 *
 *   maddubs  quants u8 x activations s8 -> pairs in int16: at most
 *            63 * 127 * 2 = 16,002, so it never saturates
 *   madd     pairs x the chunk's scales in int16 -> int32
 *
 * and the sums over 16 activations times scale (Q3_K, Q6_K: shifted, they take
 * the 4 or 32 out again) or times minimum (the others).  Activations are never
 * -128.  Bounds of the int32 sums: scalar/unpack.h. */
#include "kernels/x86/x86.h"

#include "kernels/blocks.h"
#include "kernels/x86/tiles_avx2.h"

/* A superblock's small integers, as int16. */
struct scales {
    __m256i chunk; /* of 16s 0 2 4 ... in the low half, 1 3 5 ... in the high */
    __m256i sums;  /* factors of the 16 activation sums, in order */
};

typedef __m256i chunk_fn(const uint8_t *block, int k); /* quants 32 k to 32 k + 31 */
typedef struct scales scales_fn(const uint8_t *block);

struct kind {
    size_t block_bytes;
    size_t d;   /* offset of d; dmin stands after it */
    int offset; /* log2 of what is added to q; 0 for a type with minimums */
    chunk_fn *chunk;
    scales_fn *scales;
};

ORI_INLINE __m256i load(const uint8_t *p)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

/* Bits `from` and up of every byte moved to `to`, then masked.  Shifting
 * 16-bit lanes carries bits of a neighbour only outside of the mask. */
ORI_INLINE __m256i move_bits(__m256i x, int from, int to, char mask)
{
    const __m256i moved =
        from < to ? _mm256_slli_epi16(x, to - from) : _mm256_srli_epi16(x, from - to);

    return _mm256_and_si256(moved, _mm256_set1_epi8(mask));
}

/* ---- quants ---- */

ORI_INLINE __m256i chunk_q2_k(const uint8_t *block, int k)
{
    const struct ori_block_q2_k *b = (const void *)block;

    return move_bits(load(b->qs + k / 4 * 32), k % 4 * 2, 0, 3);
}

ORI_INLINE __m256i chunk_q3_k(const uint8_t *block, int k)
{
    const struct ori_block_q3_k *b = (const void *)block;
    const __m256i low = move_bits(load(b->qs + k / 4 * 32), k % 4 * 2, 0, 3);

    return _mm256_or_si256(low, move_bits(load(b->hmask), k, 2, 4));
}

ORI_INLINE __m256i chunk_q4_k(const uint8_t *block, int k)
{
    const struct ori_block_q4_k *b = (const void *)block;

    return move_bits(load(b->qs + k / 2 * 32), k % 2 * 4, 0, 15);
}

ORI_INLINE __m256i chunk_q5_k(const uint8_t *block, int k)
{
    const struct ori_block_q5_k *b = (const void *)block;
    const __m256i low = move_bits(load(b->qs + k / 2 * 32), k % 2 * 4, 0, 15);

    return _mm256_or_si256(low, move_bits(load(b->qh), k, 4, 16));
}

ORI_INLINE __m256i chunk_q6_k(const uint8_t *block, int k)
{
    const struct ori_block_q6_k *b = (const void *)block;
    const int h = k / 4, j = k % 4;
    const __m256i low = move_bits(load(b->ql + 64 * h + j % 2 * 32), j / 2 * 4, 0, 15);

    return _mm256_or_si256(low, move_bits(load(b->qh + 32 * h), 2 * j, 4, 48));
}

/* ---- scales ---- */

/* 16 bytes split into those of even 16s and those of odd ones, as int16. */
ORI_INLINE __m256i split_16(__m128i s)
{
    const __m128i order = _mm_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);

    return _mm256_cvtepi8_epi16(_mm_shuffle_epi8(s, order));
}

ORI_INLINE struct scales scales_q2_k(const uint8_t *block)
{
    const struct ori_block_q2_k *b = (const void *)block;
    const __m128i s = _mm_loadu_si128((const __m128i *)(const void *)b->scales);
    const __m128i low_bits = _mm_set1_epi8(15);

    return (struct scales){
        .chunk = split_16(_mm_and_si128(s, low_bits)),
        .sums = _mm256_cvtepi8_epi16(_mm_and_si128(_mm_srli_epi16(s, 4), low_bits)),
    };
}

ORI_INLINE struct scales scales_q3_k(const uint8_t *block)
{
    const struct ori_block_q3_k *b = (const void *)block;
    uint64_t low;
    uint32_t high;
    memcpy(&low, b->scales, sizeof(low));
    memcpy(&high, b->scales + 8, sizeof(high));

    /* Bytes 0-7 and 8-15: a nibble each, and two bits of `high` on top. */
    const uint64_t pairs = high | (uint64_t)(high >> 2) << 32;
    const uint64_t first = (low & 0x0f0f0f0f0f0f0f0fu) | (pairs & 0x0303030303030303u) << 4;
    const uint64_t second = (low >> 4 & 0x0f0f0f0f0f0f0f0fu) | (pairs >> 4 & 0x0303030303030303u)
                                                                   << 4;
    const __m128i s =
        _mm_sub_epi8(_mm_set_epi64x((int64_t)second, (int64_t)first), _mm_set1_epi8(32));
    return (struct scales){.chunk = split_16(s), .sums = _mm256_cvtepi8_epi16(s)};
}

/* Q4_K and Q5_K: eight scales, the same for even and odd 16s; each minimum
 * twice. */
ORI_INLINE struct scales scales_k4(const uint8_t s[12])
{
    uint32_t a, b, c;
    memcpy(&a, s, sizeof(a));
    memcpy(&b, s + 4, sizeof(b));
    memcpy(&c, s + 8, sizeof(c));

    const uint32_t scales_low = a & 0x3f3f3f3f;
    const uint32_t scales_high = (c & 0x0f0f0f0f) | (a >> 6 & 0x03030303) << 4;
    const uint32_t mins_low = b & 0x3f3f3f3f;
    const uint32_t mins_high = (c >> 4 & 0x0f0f0f0f) | (b >> 6 & 0x03030303) << 4;
    const __m128i both =
        _mm_setr_epi32((int)scales_low, (int)scales_high, (int)mins_low, (int)mins_high);
    return (struct scales){
        .chunk = _mm256_broadcastsi128_si256(_mm_cvtepu8_epi16(both)),
        .sums = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(both, both)),
    };
}

ORI_INLINE struct scales scales_q4_k(const uint8_t *block)
{
    return scales_k4(((const struct ori_block_q4_k *)(const void *)block)->scales);
}

ORI_INLINE struct scales scales_q5_k(const uint8_t *block)
{
    return scales_k4(((const struct ori_block_q5_k *)(const void *)block)->scales);
}

ORI_INLINE struct scales scales_q6_k(const uint8_t *block)
{
    const struct ori_block_q6_k *b = (const void *)block;
    const __m128i s = _mm_loadu_si128((const __m128i *)(const void *)b->scales);

    return (struct scales){.chunk = split_16(s), .sums = _mm256_cvtepi8_epi16(s)};
}

/* ---- dot products ---- */

/* One chunk of one product: its 32 pairs scaled, in eight int32. */
ORI_INLINE __m256i chunk_dot(const struct kind *kind, const uint8_t *w, const struct scales *s,
                             const struct ori_act_q8k *a, int k)
{
    const __m256i pick = _mm256_set1_epi16((short)(2 * k | (2 * k + 1) << 8));
    const __m256i scale = _mm256_shuffle_epi8(s->chunk, pick);
    const __m256i x = load((const uint8_t *)a->qs + 32 * k);

    return _mm256_madd_epi16(_mm256_maddubs_epi16(kind->chunk(w, k), x), scale);
}

/* Four chunks, half a superblock, of one product. */
ORI_INLINE __m256i half_dot(const struct kind *kind, const uint8_t *w, const struct scales *s,
                            const struct ori_act_q8k *a, int h)
{
    const __m256i d0 = chunk_dot(kind, w, s, a, 4 * h);
    const __m256i d1 = chunk_dot(kind, w, s, a, 4 * h + 1);
    const __m256i d2 = chunk_dot(kind, w, s, a, 4 * h + 2);
    const __m256i d3 = chunk_dot(kind, w, s, a, 4 * h + 3);

    return _mm256_add_epi32(_mm256_add_epi32(d0, d1), _mm256_add_epi32(d2, d3));
}

/* d (and dmin) of four superblocks as floats, in four lanes. */
ORI_INLINE void load_units(const struct kind *kind, const uint8_t *const w[4], bool across,
                           __m128 *d, __m128 *dmin)
{
    uint16_t h[8];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        h[i] = ori_load_le16(w[across ? 0 : i] + kind->d);
        h[i + 4] = kind->offset ? 0 : ori_load_le16(w[across ? 0 : i] + kind->d + 2);
    }
    const __m128i halves = _mm_setr_epi16((short)h[0], (short)h[1], (short)h[2], (short)h[3],
                                          (short)h[4], (short)h[5], (short)h[6], (short)h[7]);
    *d = _mm_cvtph_ps(halves);
    *dmin = _mm_cvtph_ps(_mm_unpackhi_epi64(halves, halves));
}

ORI_INLINE void prefetch_block(const struct kind *kind, const uint8_t *w, size_t ahead)
{
    for (size_t line = 0; line < kind->block_bytes; line += 64)
        ori_prefetch(w, ahead + line);
}

/* One superblock of four products folded into acc. */
ORI_INLINE __m128 fold(const struct kind *kind, const uint8_t *const w[4],
                       const struct ori_act_q8k *const a[4], bool across, __m128 acc)
{
    struct scales s[4];
    __m256i dots[4], sums[4];
    __m128 d, dmin;

    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        s[i] = kind->scales(w[i]);
    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        dots[i] = half_dot(kind, w[i], &s[i], a[i], 0);
    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        dots[i] = _mm256_add_epi32(dots[i], half_dot(kind, w[i], &s[i], a[i], 1));
    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        sums[i] = _mm256_madd_epi16(s[i].sums, load((const uint8_t *)a[i]->sums));
        if (kind->offset)
            dots[i] = _mm256_sub_epi32(dots[i], _mm256_slli_epi32(sums[i], kind->offset));
    }

    load_units(kind, w, across, &d, &dmin);
    const __m128 da =
        across ? _mm_setr_ps(a[0]->d, a[1]->d, a[2]->d, a[3]->d) : _mm_set1_ps(a[0]->d);
    const __m128i isum = ori_sum4_i32(dots[0], dots[1], dots[2], dots[3]);
    acc = _mm_fmadd_ps(_mm_mul_ps(d, da), _mm_cvtepi32_ps(isum), acc);
    if (!kind->offset) {
        const __m128i msum = ori_sum4_i32(sums[0], sums[1], sums[2], sums[3]);
        acc = _mm_fnmadd_ps(_mm_mul_ps(dmin, da), _mm_cvtepi32_ps(msum), acc);
    }
    return acc;
}

ORI_INLINE __m128 dot4(const void *info, const uint8_t *const w[4], const uint8_t *const a[4],
                       size_t n, bool across, size_t ahead)
{
    const struct kind *kind = info;
    __m128 acc = _mm_setzero_ps();

    for (size_t b = 0; b < n / ORI_SUPERBLOCK; b++) {
        const size_t at = b * kind->block_bytes;
        const size_t at_a = b * sizeof(struct ori_act_q8k);
        const uint8_t *const wb[4] = {w[0] + at, w[1] + at, w[2] + at, w[3] + at};
        const struct ori_act_q8k *const ab[4] = {
            (const void *)(a[0] + at_a), (const void *)(a[1] + at_a), (const void *)(a[2] + at_a),
            (const void *)(a[3] + at_a)};

        for (int i = 0; i < 4 && !across; i++)
            prefetch_block(kind, wb[i], ahead);
        acc = fold(kind, wb, ab, across, acc);
    }
    return acc;
}

#define DEFINE_TYPE(type, offset)                                                                  \
    static const struct kind kind_##type = {sizeof(struct ori_block_##type),                       \
                                            offsetof(struct ori_block_##type, d), offset,          \
                                            chunk_##type, scales_##type};                          \
    ORI_DEFINE_MATMUL_AVX2(type, dot4, &kind_##type)

DEFINE_TYPE(q2_k, 0)
DEFINE_TYPE(q3_k, 2)
DEFINE_TYPE(q4_k, 0)
DEFINE_TYPE(q5_k, 0)
DEFINE_TYPE(q6_k, 5)
