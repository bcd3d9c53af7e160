/* The walk over a product with few columns, in tiles of four outputs that sit
 * in the four lanes of one register, each folded in block order: four rows by
 * one column, two by two, or one by four, so that as many columns as there are
 * share the unpacking of a row. */
#ifndef ORI_KERNELS_TILES_AVX2_H
#define ORI_KERNELS_TILES_AVX2_H

#include "kernels/x86/matmul_x86.h"

#define ORI_TILE 4

/* Rows that stay in the L2 cache while all columns pass over them. */
#define ORI_TILE_ROWS 16

/* Four dot products of n elements: w[i] with a[i].  `cols`, a constant, says
 * how many of them follow each other with the same row.  `info` is the family's
 * row for the type.  Each row also asks for the bytes `ahead` of its own: those
 * of the tile after this one, which the CPU's own prefetching would only find
 * row by row. */
typedef __m128 ori_dot4_fn(const void *info, const uint8_t *const w[ORI_TILE],
                           const uint8_t *const a[ORI_TILE], size_t n, int cols, size_t ahead);

ORI_INLINE size_t ori_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The f16 at `offset` of the block of each of the four. */
ORI_INLINE __m128 ori_tile_f16(const uint8_t *const w[ORI_TILE], size_t offset, int cols)
{
    if (cols == ORI_TILE)
        return _mm_cvtph_ps(_mm_set1_epi16((short)ori_load_le16(w[0] + offset)));
    return ori_load4_f16(w, offset);
}

/* The tile at row r and column c.  Rows from `end` and columns that are not
 * there repeat the last one. */
ORI_INLINE void ori_tile(const struct ori_matmul *m, ori_dot4_fn *dot4, const void *info, size_t r,
                         size_t end, size_t c, size_t cols)
{
    const size_t rows = ORI_TILE / cols;
    const uint8_t *w[ORI_TILE], *a[ORI_TILE];
    float result[ORI_TILE];

    ORI_UNROLL
    for (size_t i = 0; i < rows; i++) {
        const uint8_t *row = m->weights + ori_min(r + i, end - 1) * m->row_bytes;
        ORI_UNROLL
        for (size_t j = 0; j < cols; j++) {
            w[i * cols + j] = row;
            a[i * cols + j] = m->acts + ori_min(c + j, m->n_cols - 1) * m->act_bytes;
        }
    }
    _mm_storeu_ps(result, dot4(info, w, a, m->n, (int)cols, rows * m->row_bytes));
    for (size_t i = 0; i < rows && r + i < end; i++)
        for (size_t j = 0; j < cols && c + j < m->n_cols; j++)
            m->out[(c + j) * m->out_stride + r + i] = result[i * cols + j];
}

ORI_INLINE void ori_tiles_of(const struct ori_matmul *m, ori_dot4_fn *dot4, const void *info,
                             size_t r, size_t end, size_t c, size_t cols)
{
    for (; r < end; r += ORI_TILE / cols)
        ori_tile(m, dot4, info, r, end, c, cols);
}

ORI_INLINE void ori_tiles(const struct ori_matmul *m, ori_dot4_fn *dot4, const void *info)
{
    for (size_t r = 0; r < m->n_rows; r += ORI_TILE_ROWS) {
        const size_t end = ori_min(r + ORI_TILE_ROWS, m->n_rows);

        for (size_t c = 0; c < m->n_cols; c += ORI_TILE) {
            const size_t left = m->n_cols - c;
            if (left == 1)
                ori_tiles_of(m, dot4, info, r, end, c, 1);
            else if (left == 2)
                ori_tiles_of(m, dot4, info, r, end, c, 2);
            else
                ori_tiles_of(m, dot4, info, r, end, c, 4);
        }
    }
}

#endif
