/* The walk over a product with many columns, in panels.
 *
 * A panel is 16 rows by 256 elements of k, unpacked once for all columns, which
 * pass by in groups of up to ORI_PANEL_GROUP.  Quants are unsigned, those of
 * eight rows interleaved by four consecutive k, so that one instruction
 * multiplies eight rows with the same four activations, broadcast.  A panel and
 * the activations at hand stay in the first-level cache. */
#ifndef ORI_KERNELS_PANEL_AVX2_H
#define ORI_KERNELS_PANEL_AVX2_H

#include "kernels/x86/matmul_x86.h"
#include "kernels/x86/tier_avx2.h"

#define ORI_PANEL_ROWS 16
#define ORI_PANEL_N 256
#define ORI_PANEL_GROUP 3
#define ORI_PANEL_SUMS 8192 /* floats that the walk keeps: 32 KiB of stack */

/* What a type does with a panel. */
struct ori_panel_ops {
    size_t block_bytes, block_n; /* of weights */
    size_t act_bytes;            /* of the activations of block_n elements */
    size_t n_sums;               /* floats that the 16 outputs of a column grow in */
    /* n_blocks blocks of each row -> panel */
    void (*build)(const uint8_t *const rows[ORI_PANEL_ROWS], size_t n_blocks, void *panel);
    /* sums[i][n_sums] += the panel times column i, for n_cols <= ORI_PANEL_GROUP */
    void (*times)(const void *panel, size_t n_blocks, const uint8_t *acts, size_t act_bytes,
                  size_t n_cols, float *sums);
    /* in place, sums[n_sums] -> the 16 outputs; NULL where they are that */
    void (*finish)(float *sums);
};

/* Calls fn(..., n, sums) with n a constant, so that each count of columns has
 * code of its own. */
#define ORI_PANEL_CASES(n_cols, fn, info, panel, n_blocks, acts, act_bytes, sums)                  \
    do {                                                                                           \
        if ((n_cols) == 3)                                                                         \
            fn(info, panel, n_blocks, acts, act_bytes, 3, sums);                                   \
        else if ((n_cols) == 2)                                                                    \
            fn(info, panel, n_blocks, acts, act_bytes, 2, sums);                                   \
        else                                                                                       \
            fn(info, panel, n_blocks, acts, act_bytes, 1, sums);                                   \
    } while (0)

/* Row r and those after it; past the end the last one again, whose results
 * nobody takes. */
ORI_INLINE void ori_panel_rows(const struct ori_matmul *m, size_t r, size_t offset,
                               const uint8_t *rows[ORI_PANEL_ROWS])
{
    for (size_t i = 0; i < ORI_PANEL_ROWS; i++)
        rows[i] = m->weights + (r + i < m->n_rows ? r + i : m->n_rows - 1) * m->row_bytes + offset;
}

/* Asks for `bytes` of each column of the next group: a panel takes so little of
 * a column at a time that the CPU's own prefetching doesn't start. */
ORI_INLINE void ori_panel_prefetch(const uint8_t *acts, size_t act_bytes, size_t bytes)
{
    for (size_t i = 0; i < ORI_PANEL_GROUP; i++)
        for (size_t line = 0; line < bytes; line += 64)
            ori_prefetch_soon(acts, i * act_bytes + line);
}

/* 16 rows by n_cols columns from c, of which the sums have room. */
ORI_INLINE void ori_panel_tile(const struct ori_matmul *m, const struct ori_panel_ops *ops,
                               void *panel, size_t r, size_t c, size_t n_cols)
{
    _Alignas(64) float sums[ORI_PANEL_SUMS];
    const size_t n_blocks = m->n / ops->block_n;
    const size_t per_panel = ORI_PANEL_N / ops->block_n;
    const size_t n_rows = m->n_rows - r < ORI_PANEL_ROWS ? m->n_rows - r : ORI_PANEL_ROWS;
    const uint8_t *rows[ORI_PANEL_ROWS];

    memset(sums, 0, n_cols * ops->n_sums * sizeof(sums[0]));
    for (size_t b = 0; b < n_blocks; b += per_panel) {
        const size_t blocks = n_blocks - b < per_panel ? n_blocks - b : per_panel;

        ori_panel_rows(m, r, b * ops->block_bytes, rows);
        ops->build(rows, blocks, panel);
        for (size_t i = 0; i < n_cols; i += ORI_PANEL_GROUP) {
            const uint8_t *acts = m->acts + (c + i) * m->act_bytes + b * ops->act_bytes;

            ori_panel_prefetch(acts + ORI_PANEL_GROUP * m->act_bytes, m->act_bytes,
                               blocks * ops->act_bytes);
            ops->times(panel, blocks, acts, m->act_bytes,
                       n_cols - i < ORI_PANEL_GROUP ? n_cols - i : ORI_PANEL_GROUP,
                       sums + i * ops->n_sums);
        }
    }
    for (size_t i = 0; i < n_cols; i++) {
        if (ops->finish)
            ops->finish(sums + i * ops->n_sums);
        memcpy(m->out + (c + i) * m->out_stride + r, sums + i * ops->n_sums,
               n_rows * sizeof(sums[0]));
    }
}

ORI_INLINE void ori_panels(const struct ori_matmul *m, const struct ori_panel_ops *ops, void *panel)
{
    const size_t most = ORI_PANEL_SUMS / ops->n_sums;

    for (size_t c = 0; c < m->n_cols; c += most) {
        const size_t n_cols = m->n_cols - c < most ? m->n_cols - c : most;

        for (size_t r = 0; r < m->n_rows; r += ORI_PANEL_ROWS)
            ori_panel_tile(m, ops, panel, r, c, n_cols);
    }
}

/* ---- quants ---- */

/* line[k / 4][row / 8]: byte 4 (row % 8) + k % 4. */
struct ori_panel_quants {
    _Alignas(32) uint8_t line[ORI_PANEL_N / 4][2][32];
};

/* 32 quants of each of four rows, the first of them element k, into the places
 * of rows r to r + 3. */
ORI_INLINE void ori_panel_put4(struct ori_panel_quants *quants, size_t r, size_t k,
                               const __m256i q[4])
{
    const __m256i ab_low = _mm256_unpacklo_epi32(q[0], q[1]);
    const __m256i ab_high = _mm256_unpackhi_epi32(q[0], q[1]);
    const __m256i cd_low = _mm256_unpacklo_epi32(q[2], q[3]);
    const __m256i cd_high = _mm256_unpackhi_epi32(q[2], q[3]);
    const __m256i fours[4] = {
        _mm256_unpacklo_epi64(ab_low, cd_low),
        _mm256_unpackhi_epi64(ab_low, cd_low),
        _mm256_unpacklo_epi64(ab_high, cd_high),
        _mm256_unpackhi_epi64(ab_high, cd_high),
    };

    ORI_UNROLL
    for (size_t j = 0; j < 4; j++) {
        uint8_t *const to = &quants->line[k / 4 + j][r / 8][4 * (r % 8)];
        _mm_store_si128((__m128i *)(void *)to, _mm256_castsi256_si128(fours[j]));
        _mm_store_si128((__m128i *)(void *)(to + 4 * sizeof(quants->line[0])),
                        _mm256_extracti128_si256(fours[j], 1));
    }
}

/* The same, low nibbles and high ones in panels of their own: 16 * high + low.  So go
 * quants above 129 where there is no VNNI, whose pairs of products don't fit int16. */
ORI_INLINE void ori_panel_split4(struct ori_panel_quants *low, struct ori_panel_quants *high,
                                 size_t r, size_t k, const __m256i q[4])
{
    const __m256i mask = _mm256_set1_epi8(15);
    __m256i low_bits[4], high_bits[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        low_bits[i] = _mm256_and_si256(q[i], mask);
        high_bits[i] = _mm256_and_si256(_mm256_srli_epi16(q[i], 4), mask);
    }
    ori_panel_put4(low, r, k, low_bits);
    ori_panel_put4(high, r, k, high_bits);
}

/* The 16 bytes of each of eight rows -> dwords of four consecutive bytes, with
 * the rows in lanes. */
ORI_INLINE void ori_across_rows(const __m128i bytes[8], __m256i fours[4])
{
    __m256i both[4];

    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        both[r] = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes[r]), bytes[r + 4], 1);
    const __m256i ab_low = _mm256_unpacklo_epi32(both[0], both[1]);
    const __m256i ab_high = _mm256_unpackhi_epi32(both[0], both[1]);
    const __m256i cd_low = _mm256_unpacklo_epi32(both[2], both[3]);
    const __m256i cd_high = _mm256_unpackhi_epi32(both[2], both[3]);
    fours[0] = _mm256_unpacklo_epi64(ab_low, cd_low);
    fours[1] = _mm256_unpackhi_epi64(ab_low, cd_low);
    fours[2] = _mm256_unpacklo_epi64(ab_high, cd_high);
    fours[3] = _mm256_unpackhi_epi64(ab_high, cd_high);
}

/* The f16 at `offset` of the blocks of eight rows. */
ORI_INLINE __m256 ori_load8_f16(const uint8_t *const w[8], size_t offset)
{
    uint16_t h[8];

    ORI_UNROLL
    for (int r = 0; r < 8; r++)
        h[r] = ori_load_le16(w[r] + offset);
    return _mm256_cvtph_ps(ori_load16(h));
}

/* The four bytes at p in every lane. */
ORI_INLINE __m256i ori_broadcast4(const void *p)
{
    int32_t x;

    memcpy(&x, p, sizeof(x));
    return _mm256_set1_epi32(x);
}

/* acc + d * da * sum */
ORI_INLINE __m256 ori_add_scaled(__m256 acc, const float d[8], float da, __m256i sum)
{
    return _mm256_fmadd_ps(_mm256_mul_ps(_mm256_load_ps(d), _mm256_set1_ps(da)),
                           _mm256_cvtepi32_ps(sum), acc);
}

/* acc plus, in int16, the products of four neighbouring bytes in pairs; with
 * VNNI in int32, all four. */
ORI_INLINE __m256i ori_gather(__m256i acc, __m256i u, __m256i s)
{
    if (ORI_VNNI)
        return ori_dot_bytes(acc, u, s);
    acc = _mm256_add_epi16(acc, _mm256_maddubs_epi16(u, s));
    ORI_SUM_HERE(acc);
    return acc;
}

/* sum plus what was gathered, times factor (NULL is 1). */
ORI_INLINE __m256i ori_add_gathered(__m256i sum, __m256i acc, const __m256i *factor)
{
    if (!ORI_VNNI)
        return ori_dot_words(sum, acc, factor ? *factor : _mm256_set1_epi16(1));
    return _mm256_add_epi32(sum, factor ? _mm256_mullo_epi32(acc, *factor) : acc);
}

/* sum[i] += the lines of `steps` fours of k times column x[i] times factor (NULL
 * is 1), for n columns; n, steps and gather are constants.  Two sums a column, two
 * that are gathered, two lines, a broadcast and a product fill the 16 registers
 * with three columns.
 *
 * With VNNI the factors are int32.  Without, pairs of products are gathered in
 * int16 over as many fours of k as it holds, `gather`; the multiplication by
 * the factors, int16 twice in a lane, joins the pairs. */
ORI_INLINE void ori_panel_dots(const uint8_t (*lines)[2][32], const int8_t *const x[], int n,
                               int steps, int gather, const __m256i factor[2], __m256i sum[][2])
{
    if (ORI_VNNI)
        gather = steps;
    ORI_UNROLL
    for (int first = 0; first < steps; first += gather) {
        __m256i part[ORI_PANEL_GROUP][2];

        ORI_UNROLL
        for (int i = 0; i < n; i++)
            part[i][0] = part[i][1] = _mm256_setzero_si256();
        ORI_UNROLL
        for (int k = first; k < first + gather; k++) {
            const __m256i low = ori_load32(lines[k][0]);
            const __m256i high = ori_load32(lines[k][1]);
            ORI_UNROLL
            for (int i = 0; i < n; i++) {
                const __m256i a = ori_broadcast4(x[i] + 4 * k);
                part[i][0] = ori_gather(part[i][0], low, a);
                part[i][1] = ori_gather(part[i][1], high, a);
            }
        }
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            sum[i][0] = ori_add_gathered(sum[i][0], part[i][0], factor);
            sum[i][1] = ori_add_gathered(sum[i][1], part[i][1], factor ? factor + 1 : NULL);
        }
    }
}

#endif
