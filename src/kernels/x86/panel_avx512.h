/* The walk over a product with several columns, in panels.
 *
 * A panel is 32 rows by 256 elements of k, unpacked once for all columns:
 * unsigned quants, those of 16 rows interleaved by four consecutive k, so that
 * one vpdpbusd multiplies 16 rows with the same four activations, broadcast.
 * A family's panel begins with struct ori_panel_quants; scales follow in the
 * form that it wants them.  It stays in the first-level cache while the columns
 * pass by in groups of up to ORI_GROUP, whose sums stay in registers. */
#ifndef ORI_KERNELS_PANEL_AVX512_H
#define ORI_KERNELS_PANEL_AVX512_H

#include "kernels/x86/matmul_avx512.h"

/* Columns whose sums are in registers at a time: 6, or 7 for a family that says so. */
#ifndef ORI_GROUP
#define ORI_GROUP 6
#endif

#define ORI_PANEL_ROWS 32
#define ORI_PANEL_N 256
#define ORI_PANEL_COLS 512 /* whose sums the walk keeps: 64 KiB of stack */

/* line[k / 4][row / 16]: byte 4 (row % 16) + k % 4. */
struct ori_panel_quants {
    _Alignas(64) uint8_t line[ORI_PANEL_N / 4][2][64];
};

/* What a type does with a panel. */
struct ori_panel_ops {
    size_t block_bytes, block_n; /* of weights */
    size_t act_bytes;            /* of the activations of block_n elements */
    /* n_blocks blocks of each row -> panel */
    void (*build)(const uint8_t *const rows[ORI_PANEL_ROWS], size_t n_blocks, void *panel);
    /* acc[i][32] += the panel times column i, for n_cols of 4 to ORI_GROUP; `soon` is
     * what comes after these activations */
    void (*times)(const void *panel, size_t n_blocks, const uint8_t *acts, size_t act_bytes,
                  const uint8_t *soon, size_t n_cols, float *acc);
};

/* What 16 rows have in the quarters of four vectors, four rows each -> lines[k], quarter
 * k of all 16. */
ORI_INLINE void ori_panel_lines(__m512i a, __m512i b, __m512i c, __m512i d, __m512i lines[4])
{
    const __m512i ab_low = _mm512_shuffle_i32x4(a, b, 0x44);
    const __m512i ab_high = _mm512_shuffle_i32x4(a, b, 0xee);
    const __m512i cd_low = _mm512_shuffle_i32x4(c, d, 0x44);
    const __m512i cd_high = _mm512_shuffle_i32x4(c, d, 0xee);

    lines[0] = _mm512_shuffle_i32x4(ab_low, cd_low, 0x88);
    lines[1] = _mm512_shuffle_i32x4(ab_low, cd_low, 0xdd);
    lines[2] = _mm512_shuffle_i32x4(ab_high, cd_high, 0x88);
    lines[3] = _mm512_shuffle_i32x4(ab_high, cd_high, 0xdd);
}

/* The 64 quants of 16 rows into a half of the panel: q[r / 4] has those of four rows,
 * transposed by fours, each quarter belonging to line `at[quarter]` and the three after
 * it. */
ORI_INLINE void ori_panel_put(struct ori_panel_quants *quants, int half, __m512i q[4][4],
                              const uint8_t at[4])
{
    __m512i lines[4];

    ORI_UNROLL
    for (int i = 0; i < 4; i++) {
        ori_panel_lines(q[0][i], q[1][i], q[2][i], q[3][i], lines);
        ORI_UNROLL
        for (int k = 0; k < 4; k++)
            _mm512_store_si512(quants->line[at[k] + i][half], lines[k]);
    }
}

/* Row r and those after it; past the end the last one again, whose results
 * nobody takes. */
ORI_INLINE void ori_panel_rows(const struct ori_matmul *m, size_t r, size_t offset,
                               const uint8_t *rows[ORI_PANEL_ROWS])
{
    for (size_t i = 0; i < ORI_PANEL_ROWS; i++)
        rows[i] = m->weights + (r + i < m->n_rows ? r + i : m->n_rows - 1) * m->row_bytes + offset;
}

/* While step k of n, all of them a block or sub-block s, is at hand, lines of the next
 * group's activations are asked for: columns lie further apart than the CPU's own
 * prefetching looks, and all at once they would hold up what is needed now. */
ORI_INLINE void ori_panel_ask(const uint8_t *soon, size_t act_bytes, size_t bytes, size_t s, int k,
                              int n)
{
    if (64 * s < bytes)
        for (int column = k; column < ORI_GROUP; column += n)
            ori_prefetch_soon(soon, (size_t)column * act_bytes + 64 * s);
}

/* Ask for the next panel's rows.  All at once, right after this panel's, whose
 * pages they lie in: spread over the groups they cost more. */
ORI_INLINE void ori_panel_fetch_rows(const uint8_t *const rows[ORI_PANEL_ROWS], size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        for (size_t i = 0; i < ORI_PANEL_ROWS; i++)
            ori_prefetch_far(rows[i], line);
}

/* The first part of n columns that are divided into as few parts of at most `most` as
 * will do, and evenly: of more than ORI_FEW_COLUMNS none has less than four. */
ORI_INLINE size_t ori_panel_part(size_t n, size_t most)
{
    const size_t parts = (n + most - 1) / most;

    return (n + parts - 1) / parts;
}

/* Ask for the places of the results of n columns from c. */
ORI_INLINE void ori_panel_ask_places(const struct ori_matmul *m, size_t r, size_t c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t line = 0; line < ORI_PANEL_ROWS * sizeof(float); line += 64)
            ori_prefetch_soon((const uint8_t *)(m->out + (c + i) * m->out_stride + r), line);
}

/* The sums of n columns from c into their places from row r. */
ORI_INLINE void ori_panel_store(const struct ori_matmul *m, size_t r, size_t c, size_t n,
                                float acc[][ORI_PANEL_ROWS])
{
    const size_t n_rows = m->n_rows - r;
    const uint32_t mask = n_rows < ORI_PANEL_ROWS ? (1u << n_rows) - 1 : UINT32_MAX;

    for (size_t i = 0; i < n; i++) {
        float *out = m->out + (c + i) * m->out_stride + r;
        _mm512_mask_storeu_ps(out, (__mmask16)mask, _mm512_load_ps(acc[i]));
        if (mask >> 16)
            _mm512_mask_storeu_ps(out + 16, (__mmask16)(mask >> 16), _mm512_load_ps(acc[i] + 16));
    }
}

/* 32 rows by n_cols <= ORI_PANEL_COLS columns from c.  Sums are stored a group at a time
 * while the CPU still multiplies: after the last one it would do nothing else. */
ORI_INLINE void ori_panel_tile(const struct ori_matmul *m, const struct ori_panel_ops *ops,
                               void *panel, size_t r, size_t c, size_t n_cols)
{
    _Alignas(64) float acc[ORI_PANEL_COLS][ORI_PANEL_ROWS];
    const size_t n_blocks = m->n / ops->block_n;
    const size_t per_panel = ORI_PANEL_N / ops->block_n;
    const uint8_t *const acts = m->acts + c * m->act_bytes;
    const uint8_t *rows[ORI_PANEL_ROWS];

    ori_panel_rows(m, r, 0, rows);
    for (size_t b = 0; b < n_blocks; b += per_panel) {
        const bool last = n_blocks - b <= per_panel;
        const size_t blocks = last ? n_blocks - b : per_panel, next = last ? 0 : b + per_panel;

        ops->build(rows, blocks, panel);
        ori_panel_rows(m, last ? r + ORI_PANEL_ROWS : r, next * ops->block_bytes, rows);
        ori_panel_fetch_rows(rows, per_panel * ops->block_bytes);
        for (size_t i = 0, n; i < n_cols; i += n) {
            const uint8_t *a = acts + i * m->act_bytes + b * ops->act_bytes;
            n = ori_panel_part(n_cols - i, ORI_GROUP);
            const uint8_t *soon =
                i + n < n_cols ? a + n * m->act_bytes : acts + next * ops->act_bytes;

            if (b == 0)
                memset(acc[i], 0, n * sizeof(acc[0]));
            if (last)
                ori_panel_ask_places(m, r, c + i, n);
            ops->times(panel, blocks, a, m->act_bytes, soon, n, acc[i]);
            if (last)
                ori_panel_store(m, r, c + i, n, acc + i);
        }
    }
}

ORI_INLINE void ori_panels(const struct ori_matmul *m, const struct ori_panel_ops *ops, void *panel)
{
    for (size_t r = 0; r < m->n_rows; r += ORI_PANEL_ROWS)
        for (size_t c = 0, n; c < m->n_cols; c += n) {
            n = ori_panel_part(m->n_cols - c, ORI_PANEL_COLS);
            ori_panel_tile(m, ops, panel, r, c, n);
        }
}

/* times(..., n) with code of its own for each n that a part may have. */
#define ORI_PANEL_TIMES(n, times, ...)                                                             \
    switch (n) {                                                                                   \
    case 4:                                                                                        \
        times(__VA_ARGS__, 4);                                                                     \
        break;                                                                                     \
    case 5:                                                                                        \
        times(__VA_ARGS__, 5);                                                                     \
        break;                                                                                     \
    default:                                                                                       \
        if (ORI_GROUP > 6 && (n) == 6)                                                             \
            times(__VA_ARGS__, 6);                                                                 \
        else                                                                                       \
            times(__VA_ARGS__, ORI_GROUP);                                                         \
    }

/* Defines ori_matmul_<type>_avx512 from the type's kind_<type> and its family's
 * struct panel, build(), times(), and few_columns() for up to ORI_FEW_COLUMNS. */
#define ORI_DEFINE_MATMUL_AVX512(type, elems, act)                                                 \
    static void build_##type(const uint8_t *const rows[ORI_PANEL_ROWS], size_t n_blocks,           \
                             void *panel)                                                          \
    {                                                                                              \
        build(&kind_##type, rows, n_blocks, panel);                                                \
    }                                                                                              \
    static void times_##type(const void *panel, size_t n_blocks, const uint8_t *acts,              \
                             size_t act_bytes, const uint8_t *soon, size_t n_cols, float *acc)     \
    {                                                                                              \
        ORI_PANEL_TIMES(n_cols, times, &kind_##type, panel, n_blocks, acts, act_bytes, soon, acc); \
    }                                                                                              \
    static void matmul_##type(const struct ori_matmul *m)                                          \
    {                                                                                              \
        static const struct ori_panel_ops ops = {sizeof(struct ori_block_##type), elems,           \
                                                 sizeof(act), build_##type, times_##type};         \
        struct panel panel;                                                                        \
                                                                                                   \
        if (m->n_cols > ORI_FEW_COLUMNS && m->n > 0)                                               \
            ori_panels(m, &ops, &panel);                                                           \
        else                                                                                       \
            few_columns(&kind_##type, m);                                                          \
    }                                                                                              \
    ORI_DEFINE_MATMUL(ori_matmul_##type##_avx512, matmul_##type(&m))

/* The same for CPUs that ask for a line once (ORI_CPU_ASKS_ONCE). */
#define ORI_DEFINE_MATMUL_ONCE(type)                                                               \
    static void matmul_once_##type(const struct ori_matmul *m)                                     \
    {                                                                                              \
        if (m->n_cols == 1 && m->n_rows > 0 && m->n > 0)                                           \
            one_column(&kind_##type, m, true);                                                     \
        else                                                                                       \
            matmul_##type(m);                                                                      \
    }                                                                                              \
    ORI_DEFINE_MATMUL(ori_matmul_##type##_avx512_once, matmul_once_##type(&m))

#endif
