/* Superblocks with one column: a row at a time, in the file's order, so that the CPU's
 * own prefetching follows.  Four blocks of the row are transposed by fours: a lane has
 * those of one block and 16 elements, all of which share a scale.
 *
 * What blocks come to is folded while the four after them are computed: else all would
 * wait for that chain of sums. */
#ifndef ORI_KERNELS_SUPERBLOCK_ROW_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_ROW_AVX512_H

#include "kernels/x86/superblock_kind_avx512.h"

#define ROW_BLOCKS 64 /* of a row at a time, whose activations lie on the stack: 19 KiB */

/* Activations of four blocks, as their weights lie in struct quad. */
struct quad_acts {
    __m512i fours[4][4];
    __m512i sums[2];
};

struct row_acts {
    struct quad_acts quads[ROW_BLOCKS / 4];
    _Alignas(16) float d[ROW_BLOCKS];
};

ORI_INLINE void spread_quad(const struct kind *kind, const struct ori_act_q8k *const a[4],
                            struct quad_acts *out)
{
    __m128i low[4], high[4];

    ORI_UNROLL
    for (int c = 0; c < 4; c++) {
        ORI_UNROLL
        for (int b = 0; b < 4; b++)
            out->fours[c][b] =
                ori_load32x2(a[b]->qs + 32 * kind->runs[c][0], a[b]->qs + 32 * kind->runs[c][1]);
        ori_transpose4(out->fours[c]);
    }
    ORI_UNROLL
    for (int b = 0; b < 4; b++) {
        const __m256i sums = act_sums(kind, a[b]);
        low[b] = _mm256_castsi256_si128(sums);
        high[b] = _mm256_extracti128_si256(sums, 1);
    }
    out->sums[0] = rows_to_quarters(low);
    out->sums[1] = rows_to_quarters(high);
}

ORI_INLINE void spread_row(const struct kind *kind, const struct ori_act_q8k *a, size_t n_blocks,
                           struct row_acts *out)
{
    static const struct ori_act_q8k none; /* past the end: adds nothing */

    for (size_t b = 0; b < n_blocks; b += 4) {
        const struct ori_act_q8k *four[4];
        for (size_t i = 0; i < 4; i++) {
            four[i] = b + i < n_blocks ? a + b + i : &none;
            out->d[b + i] = four[i]->d;
        }
        spread_quad(kind, four, &out->quads[b / 4]);
    }
}

/* What four blocks come to and its units: of the first term, then of the second. */
struct quad_sums {
    _Alignas(32) float sum[8], d[8];
};

ORI_INLINE __m128 fold_block(const struct kind *kind, const struct quad_sums *x, int b, __m128 acc)
{
    acc = _mm_fmadd_ss(_mm_load_ss(x->d + b), _mm_load_ss(x->sum + b), acc);
    if (!kind->offset)
        acc = _mm_fnmadd_ss(_mm_load_ss(x->d + 4 + b), _mm_load_ss(x->sum + 4 + b), acc);
    return acc;
}

/* The quarters of each added up: those of a in the low half, those of b in the high one. */
ORI_INLINE __m256i sum_quarters_of_two(__m512i a, __m512i b)
{
    const __m512i halves = _mm512_add_epi32(_mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(2, 0, 2, 0)),
                                            _mm512_shuffle_i32x4(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
    const __m512i sums =
        _mm512_add_epi32(_mm512_shuffle_i32x4(halves, halves, _MM_SHUFFLE(3, 1, 2, 0)),
                         _mm512_shuffle_i32x4(halves, halves, _MM_SHUFFLE(2, 0, 3, 1)));

    return _mm512_castsi512_si256(sums);
}

/* Of the first n blocks; others add nothing, whatever stands in them. */
ORI_INLINE void put_sums(const struct kind *kind, const struct heads *w, __m512i dot,
                         __m512i second, const float d_acts[4], size_t n, struct quad_sums *out)
{
    const __mmask8 these = (__mmask8)((n < 4 ? (1u << n) - 1 : 15) * 0x11);
    const __m256i sums = sum_quarters_of_two(dot, second);
    const __m128 da = _mm_load_ps(d_acts);
    const __m128 d = _mm_mul_ps(w->d, _mm_set1_ps(kind->unit));

    if (kind->offset) {
        const __m128i added = _mm_slli_epi32(_mm256_extracti128_si256(sums, 1), kind->offset);
        const __m128i without = _mm_sub_epi32(_mm256_castsi256_si128(sums), added);
        _mm_store_ps(out->sum, _mm_cvtepi32_ps(without));
        _mm_store_ps(out->d, _mm_maskz_mul_ps(these, d, da));
    } else {
        _mm256_store_ps(out->sum, _mm256_cvtepi32_ps(sums));
        _mm256_store_ps(out->d, _mm256_maskz_mul_ps(these, _mm256_set_m128(w->dmin, d),
                                                    _mm256_set_m128(da, da)));
    }
}

/* The next four blocks of a row, of which n <= 4 count; meanwhile those before are
 * folded into acc, which is returned. */
ORI_INLINE __m128 quad_times(const struct kind *kind, const uint8_t *const w[4],
                             const struct quad_acts *a, const float d_acts[4], size_t n,
                             const struct quad_sums *before, struct quad_sums *now, __m128 acc)
{
    struct quad quad;
    __m512i dots[2];

    kind->quad(w, &quad);
    ORI_UNROLL
    for (int c = 0; c < 4; c++) {
        const __m512i part =
            _mm512_mullo_epi32(dot_fours(quad.fours[c], a->fours[c]), quad.heads.scales[c]);
        dots[c % 2] = c < 2 ? part : _mm512_add_epi32(dots[c % 2], part);
        acc = fold_block(kind, before, c, acc);
    }
    put_sums(kind, &quad.heads, _mm512_add_epi32(dots[0], dots[1]),
             second_term(kind, &quad.heads, a->sums), d_acts, n, now);
    return acc;
}

/* Ask twice for the bytes that come next but some: of requests that find no place the
 * CPU forgets. */
ORI_INLINE void fetch_ahead(const uint8_t *p, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        ori_prefetch_far(p, ((size_t)16 << 10) + line);
    for (size_t line = 0; line < bytes; line += 64)
        ori_prefetch_far(p, ((size_t)6 << 10) + line);
}

/* n <= ROW_BLOCKS blocks of all rows from block `from`, added to out. */
ORI_INLINE void some_blocks_times(const struct kind *kind, const struct ori_matmul *m, size_t from,
                                  size_t n, const struct row_acts *acts)
{
    struct quad_sums sums[2] = {0};
    size_t now = 0;
    __m128 acc = _mm_setzero_ps();

    for (size_t r = 0; r < m->n_rows; r++) {
        const uint8_t *row = m->weights + r * m->row_bytes + from * kind->block_bytes;
        for (size_t b = 0; b < n; b += 4, now ^= 1) {
            const uint8_t *w[4];
            ORI_UNROLL
            for (size_t i = 0; i < 4; i++)
                w[i] = row + (b + i < n ? b + i : n - 1) * kind->block_bytes;
            acc = quad_times(kind, w, &acts->quads[b / 4], acts->d + b, n - b, &sums[now ^ 1],
                             &sums[now], acc);
            fetch_ahead(w[0], 4 * kind->block_bytes);
            if (b > 0)
                continue;
            if (r > 0) /* that was the end of the row before */
                _mm_store_ss(m->out + r - 1, acc);
            acc = from > 0 ? _mm_load_ss(m->out + r) : _mm_setzero_ps();
        }
    }
    ORI_UNROLL
    for (int b = 0; b < 4; b++)
        acc = fold_block(kind, &sums[now ^ 1], b, acc);
    _mm_store_ss(m->out + m->n_rows - 1, acc);
}

/* All rows, of which there is one at least, and of each a block. */
ORI_INLINE void one_column(const struct kind *kind, const struct ori_matmul *m)
{
    const struct ori_act_q8k *a = (const void *)m->acts;
    const size_t n_blocks = m->n / ORI_SUPERBLOCK;
    struct row_acts acts;

    for (size_t from = 0; from < n_blocks; from += ROW_BLOCKS) {
        const size_t n = n_blocks - from < ROW_BLOCKS ? n_blocks - from : ROW_BLOCKS;
        spread_row(kind, a + from, n, &acts);
        some_blocks_times(kind, m, from, n, &acts);
    }
}

#endif
