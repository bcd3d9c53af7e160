/* The walk over a product in tiles of four outputs: four rows by one column
 * (decode: activations are loaded once for four rows) or one row by four
 * columns (prompts: a row is unpacked once for four columns).  Either way the
 * four sums sit in the four lanes of one register, each folded in block order. */
#ifndef ORI_KERNELS_TILES_AVX2_H
#define ORI_KERNELS_TILES_AVX2_H

#include <stdbool.h>

#include "kernels/x86/vec_avx2.h"

#define ORI_TILE 4

/* Rows that stay in the L2 cache while all columns pass over them. */
#define ORI_TILE_PANEL 16

/* A product, as matmul's arguments give it. */
struct ori_product {
    const uint8_t *weights;
    size_t row_bytes, n_rows, n;
    const uint8_t *acts;
    size_t act_bytes, n_cols;
    float *out;
    size_t out_stride;
};

/* Four dot products of n elements: row w[i] with column a[i].  `across` says
 * (as a constant) that it is one row and four columns, else four rows and one
 * column; `info` is the family's row for the type.  Going down, each row also
 * asks for the bytes `ahead` of its own: those of the tile after this one,
 * which the CPU's own prefetching would only find row by row. */
typedef __m128 ori_dot4_fn(const void *info, const uint8_t *const w[ORI_TILE],
                           const uint8_t *const a[ORI_TILE], size_t n, bool across, size_t ahead);

/* One row by the four columns from c. */
ORI_INLINE void ori_tile_across(const struct ori_product *p, ori_dot4_fn *dot4, const void *info,
                                size_t r, size_t c)
{
    const uint8_t *row = p->weights + r * p->row_bytes;
    const uint8_t *col = p->acts + c * p->act_bytes;
    const uint8_t *const w[ORI_TILE] = {row, row, row, row};
    const uint8_t *const a[ORI_TILE] = {col, col + p->act_bytes, col + 2 * p->act_bytes,
                                        col + 3 * p->act_bytes};
    float result[ORI_TILE];

    _mm_storeu_ps(result, dot4(info, w, a, p->n, true, 0));
    for (size_t i = 0; i < ORI_TILE; i++)
        p->out[(c + i) * p->out_stride + r] = result[i];
}

/* Up to four rows from r, before `end`, by column c; the last row stands in
 * for those that are not there. */
ORI_INLINE void ori_tile_down(const struct ori_product *p, ori_dot4_fn *dot4, const void *info,
                              size_t r, size_t end, size_t c)
{
    const size_t last = end - 1;
    const size_t rows[ORI_TILE] = {r, r + 1 < end ? r + 1 : last, r + 2 < end ? r + 2 : last,
                                   r + 3 < end ? r + 3 : last};
    const uint8_t *const w[ORI_TILE] = {
        p->weights + rows[0] * p->row_bytes, p->weights + rows[1] * p->row_bytes,
        p->weights + rows[2] * p->row_bytes, p->weights + rows[3] * p->row_bytes};
    const uint8_t *col = p->acts + c * p->act_bytes;
    const uint8_t *const a[ORI_TILE] = {col, col, col, col};
    float result[ORI_TILE];

    _mm_storeu_ps(result, dot4(info, w, a, p->n, false, ORI_TILE * p->row_bytes));
    for (size_t i = 0; r + i < end && i < ORI_TILE; i++)
        p->out[c * p->out_stride + r + i] = result[i];
}

ORI_INLINE void ori_tiles(const struct ori_product *p, ori_dot4_fn *dot4, const void *info)
{
    for (size_t begin = 0; begin < p->n_rows; begin += ORI_TILE_PANEL) {
        const size_t left = p->n_rows - begin;
        const size_t end = begin + (left < ORI_TILE_PANEL ? left : ORI_TILE_PANEL);
        size_t c = 0;

        for (; p->n_cols - c >= ORI_TILE; c += ORI_TILE)
            for (size_t r = begin; r < end; r++)
                ori_tile_across(p, dot4, info, r, c);
        for (; c < p->n_cols; c++)
            for (size_t r = begin; r < end; r += ORI_TILE)
                ori_tile_down(p, dot4, info, r, end, c);
    }
}

/* Defines ori_matmul_<type>_avx2 from a family's dot4 and the type's row. */
#define ORI_DEFINE_MATMUL_AVX2(type, dot4, info)                                                   \
    void ori_matmul_##type##_avx2(const void *weights, size_t row_bytes, size_t n_rows, size_t n,  \
                                  const void *acts, size_t act_bytes, size_t n_cols, float *out,   \
                                  size_t out_stride)                                               \
    {                                                                                              \
        const struct ori_product product = {weights,   row_bytes, n_rows, n,         acts,         \
                                            act_bytes, n_cols,    out,    out_stride};             \
        ori_tiles(&product, dot4, info);                                                           \
    }

#endif
