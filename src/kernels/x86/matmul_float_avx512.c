/* F32, F16, BF16 with float activations: 16 lanes along the row, in tiles of
 * four rows by up to six columns, each product in an accumulator of its own. */
#include "kernels/x86/x86.h"

#include "kernels/x86/matmul_avx512.h"

#define PANEL 16 /* rows that stay in the second-level cache while columns pass by */
#define LANES 16
#define TILE_COLS 6

/* How a type's weights become floats. */
struct kind {
    size_t bytes; /* of a weight */
    __m512 (*load)(const uint8_t *p);
    __m512 (*load_first)(const uint8_t *p, __mmask16 lanes); /* 0 in the others */
};

ORI_INLINE __m512 load_f32(const uint8_t *p)
{
    return _mm512_loadu_ps(p);
}

ORI_INLINE __m512 load_first_f32(const uint8_t *p, __mmask16 lanes)
{
    return _mm512_maskz_loadu_ps(lanes, p);
}

ORI_INLINE __m512 load_f16(const uint8_t *p)
{
    return _mm512_cvtph_ps(ori_load32(p));
}

ORI_INLINE __m512 load_first_f16(const uint8_t *p, __mmask16 lanes)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, p));
}

ORI_INLINE __m512 widen_bf16(__m256i x)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

ORI_INLINE __m512 load_bf16(const uint8_t *p)
{
    return widen_bf16(ori_load32(p));
}

ORI_INLINE __m512 load_first_bf16(const uint8_t *p, __mmask16 lanes)
{
    return widen_bf16(_mm256_maskz_loadu_epi16(lanes, p));
}

ORI_INLINE struct ori_lanes halves(__m512 x)
{
    return (struct ori_lanes){_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)};
}

/* Four rows from r by n columns from c, n a constant. */
ORI_INLINE void tile(const struct kind *kind, const struct ori_matmul *m, size_t r, size_t c, int n)
{
    const size_t whole = m->n - m->n % LANES;
    const __mmask16 rest = ori_first_lanes(m->n % LANES);
    const size_t ahead = ori_ahead(m, ORI_ROWS);
    const uint8_t *w[ORI_ROWS];
    const float *x[TILE_COLS];
    __m512 acc[TILE_COLS][ORI_ROWS];

    ori_rows(m, r, ORI_ROWS, w);
    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        x[i] = (const float *)(const void *)(m->acts + (c + (size_t)i) * m->act_bytes);
        ORI_UNROLL
        for (int j = 0; j < ORI_ROWS; j++)
            acc[i][j] = _mm512_setzero_ps();
    }
    for (size_t k = 0; k < whole; k += LANES) {
        __m512 row[ORI_ROWS];

        ORI_UNROLL
        for (int j = 0; j < ORI_ROWS; j++) {
            if (n == 1)
                ori_prefetch_far(w[j] + k * kind->bytes, ahead);
            row[j] = kind->load(w[j] + k * kind->bytes);
        }
        ORI_UNROLL
        for (int i = 0; i < n; i++) {
            const __m512 a = _mm512_loadu_ps(x[i] + k);
            ORI_UNROLL
            for (int j = 0; j < ORI_ROWS; j++)
                acc[i][j] = _mm512_fmadd_ps(row[j], a, acc[i][j]);
        }
    }
    ORI_UNROLL
    for (int i = 0; i < n; i++) {
        /* Lanes past the end keep their sums: a zero product could turn -0
         * into +0. */
        const __m512 a = _mm512_maskz_loadu_ps(rest, x[i] + whole);
        struct ori_lanes lanes[ORI_ROWS];
        ORI_UNROLL
        for (int j = 0; j < ORI_ROWS; j++)
            lanes[j] = halves(_mm512_mask3_fmadd_ps(
                kind->load_first(w[j] + whole * kind->bytes, rest), a, acc[i][j], rest));
        ori_store4(m, r, c + (size_t)i, ori_join4(lanes));
    }
}

/* Rows [begin, end) by n columns from c, n a constant. */
ORI_INLINE void tiles(const struct kind *kind, const struct ori_matmul *m, size_t begin, size_t end,
                      size_t c, int n)
{
    for (size_t r = begin; r < end; r += ORI_ROWS)
        tile(kind, m, r, c, n);
}

/* Rows [begin, end) by all columns, with code of its own for each number of them. */
ORI_INLINE void panel(const struct kind *kind, const struct ori_matmul *m, size_t begin, size_t end)
{
    for (size_t c = 0; c < m->n_cols; c += TILE_COLS)
        switch (m->n_cols - c) {
        case 1:
            tiles(kind, m, begin, end, c, 1);
            break;
        case 2:
            tiles(kind, m, begin, end, c, 2);
            break;
        case 3:
            tiles(kind, m, begin, end, c, 3);
            break;
        case 4:
            tiles(kind, m, begin, end, c, 4);
            break;
        case 5:
            tiles(kind, m, begin, end, c, 5);
            break;
        default:
            tiles(kind, m, begin, end, c, TILE_COLS);
        }
}

#define DEFINE_TYPE(type, bytes)                                                                   \
    static const struct kind kind_##type = {bytes, load_##type, load_first_##type};                \
    static void matmul_##type(const struct ori_matmul *m)                                          \
    {                                                                                              \
        for (size_t r = 0; r < m->n_rows; r += PANEL)                                              \
            panel(&kind_##type, m, r, m->n_rows - r < PANEL ? m->n_rows : r + PANEL);              \
    }                                                                                              \
    ORI_DEFINE_MATMUL(ori_matmul_##type##_avx512, matmul_##type(&m))

DEFINE_TYPE(f32, 4)
DEFINE_TYPE(f16, 2)
DEFINE_TYPE(bf16, 2)
