/* Blocks of 32 with one column: a row at a time, in the file's order, so that the CPU's
 * own prefetching follows, 16 blocks in the 16 lanes.
 *
 * A row's sum is one chain of fmaf, which takes longer than all the rest.  So what blocks
 * come to waits until the last of four rows has it, and is folded for all of them while that
 * one is multiplied. */
#ifndef ORI_KERNELS_BLOCK32_ROW_AVX512_H
#define ORI_KERNELS_BLOCK32_ROW_AVX512_H

#include "kernels/x86/block32_kind_avx512.h"

#define STEP 16        /* blocks */
#define ROW_BLOCKS 256 /* of a row at a time: activations and results take 16 KiB of stack */
#define WAITING 3      /* rows, until a fourth has its sums, too */

struct row_acts {
    struct step_acts steps[ROW_BLOCKS / STEP];
};

/* What 16 blocks of a row come to, and their units, in the order of step_acts. */
struct step_sums {
    _Alignas(64) float sum[STEP], d[STEP];
};

/* Units and starts of 16 blocks. */
ORI_INLINE void spread_units(const struct kind *kind, const struct ori_act_q8 a[STEP],
                             struct step_acts *out)
{
    const struct places places = places_of(sizeof(*a), FEW_BLOCKS);
    const uint8_t *const fours[4] = {(const void *)a, (const void *)(a + 4), (const void *)(a + 8),
                                     (const void *)(a + 12)};
    __m512i head[4]; /* d, sum and eight quants */

    fours_of(fours, &places, 0, head);
    out->d = _mm512_castsi512_ps(head[0]);
    out->start = offset_of(kind, head[1]);
}

ORI_INLINE void spread_row(const struct kind *kind, const struct ori_act_q8 *a, size_t n_blocks,
                           struct row_acts *out)
{
    for (size_t b = 0; b < n_blocks; b += STEP) {
        struct step_acts *const step = &out->steps[b / STEP];
        struct ori_act_q8 last[STEP] = {0};
        const struct ori_act_q8 *blocks = a + b;

        if (n_blocks - b < STEP)
            blocks = memcpy(last, a + b, (n_blocks - b) * sizeof(*a));
        kind->step->spread(blocks, step->quants);
        spread_units(kind, blocks, step);
    }
}

/* Four blocks of four rows, a block in each quarter. */
ORI_INLINE __m128 fold_four(__m512i units, __m512i sums, __m128 acc)
{
    const __m512 d = _mm512_castsi512_ps(units), sum = _mm512_castsi512_ps(sums);

    acc = _mm_fmadd_ps(_mm512_castps512_ps128(d), _mm512_castps512_ps128(sum), acc);
    acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(d, 1), _mm512_extractf32x4_ps(sum, 1), acc);
    acc = _mm_fmadd_ps(_mm512_extractf32x4_ps(d, 2), _mm512_extractf32x4_ps(sum, 2), acc);
    return _mm_fmadd_ps(_mm512_extractf32x4_ps(d, 3), _mm512_extractf32x4_ps(sum, 3), acc);
}

/* 16 blocks of four rows, of which the last one's are at hand. */
ORI_INLINE __m128 fold_rows(const struct step_sums waiting[WAITING], __m512 sum, __m512 d,
                            __m128 acc)
{
    __m512i sums[4], units[4];

    ORI_UNROLL
    for (int r = 0; r < WAITING; r++) {
        sums[r] = _mm512_load_si512(waiting[r].sum);
        units[r] = _mm512_load_si512(waiting[r].d);
    }
    sums[3] = _mm512_castps_si512(sum);
    units[3] = _mm512_castps_si512(d);
    ori_transpose4(sums);
    ori_transpose4(units);
    ORI_UNROLL
    for (int j = 0; j < 4; j++)
        acc = fold_four(units[j], sums[j], acc);
    return acc;
}

/* 16 blocks of row r of four, and with the last one those of all. */
ORI_INLINE __m128 multiply(const struct kind *kind, const uint8_t *w, const struct step_acts *a,
                           int r, struct step_sums waiting[WAITING], __m128 acc)
{
    __m512 d;
    const __m512i dot = kind->step->dot(w, a->quants, &d);
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_add_epi32(dot, a->start));

    d = _mm512_mul_ps(d, a->d);
    if (r == WAITING)
        return fold_rows(waiting, sum, d, acc);
    _mm512_store_ps(waiting[r].sum, sum);
    _mm512_store_ps(waiting[r].d, d);
    return acc;
}

/* Ask for what comes some way behind 16 blocks: once, or twice (ORI_CPU_ASKS_ONCE). */
ORI_INLINE void fetch_next(const struct kind *kind, const uint8_t *w, bool once)
{
    if (once) {
        ORI_UNROLL
        for (size_t at = 0; at < STEP * kind->block_bytes; at += 64)
            ori_prefetch_far(w + at, (size_t)10 << 10);
        return;
    }
    ORI_UNROLL
    for (size_t at = 0; at < STEP * kind->block_bytes; at += 64) {
        ori_prefetch_far(w + at, (size_t)16 << 10);
        ori_prefetch_far(w + at, (size_t)6 << 10);
    }
}

/* n blocks of row r of four. */
ORI_INLINE __m128 multiply_row(const struct kind *kind, const uint8_t *w, size_t n,
                               const struct row_acts *acts, int r, bool once,
                               struct step_sums waiting[][WAITING], __m128 acc)
{
    const size_t whole = n / STEP, left = n % STEP;

    for (size_t s = 0; s < whole; s++, w += STEP * kind->block_bytes) {
        acc = multiply(kind, w, &acts->steps[s], r, waiting[s], acc);
        fetch_next(kind, w, once);
    }
    if (left > 0) { /* the rest of the 16 are zeros, which a sum does not change by */
        uint8_t last[STEP * sizeof(struct ori_block_q8_0)] = {0};

        memcpy(last, w, left * kind->block_bytes);
        acc = multiply(kind, last, &acts->steps[whole], r, waiting[whole], acc);
        fetch_next(kind, w, once);
    }
    return acc;
}

/* n <= ROW_BLOCKS blocks of all rows from block `from`, added to out.  Past the last row
 * that one again, whose results nobody takes. */
ORI_INLINE void some_blocks_times(const struct kind *kind, const struct ori_matmul *m, size_t from,
                                  size_t n, const struct row_acts *acts, bool once)
{
    struct step_sums waiting[ROW_BLOCKS / STEP][WAITING];

    for (size_t r = 0; r < m->n_rows; r += ORI_ROWS) {
        __m128 acc = from > 0 ? ori_load4(m, r, 0) : _mm_setzero_ps();

        ORI_UNROLL
        for (int i = 0; i < ORI_ROWS; i++) {
            const size_t row = r + (size_t)i < m->n_rows ? r + (size_t)i : m->n_rows - 1;
            acc = multiply_row(kind, m->weights + row * m->row_bytes + from * kind->block_bytes, n,
                               acts, i, once, waiting, acc);
        }
        ori_store4(m, r, 0, acc);
    }
}

/* All rows, of which there is one at least, and of each a block. */
ORI_INLINE void one_column(const struct kind *kind, const struct ori_matmul *m, bool once)
{
    const struct ori_act_q8 *a = (const void *)m->acts;
    const size_t n_blocks = m->n / ORI_BLOCK;
    struct row_acts acts;

    for (size_t from = 0; from < n_blocks; from += ROW_BLOCKS) {
        const size_t n = n_blocks - from < ROW_BLOCKS ? n_blocks - from : ROW_BLOCKS;
        spread_row(kind, a + from, n, &acts);
        some_blocks_times(kind, m, from, n, &acts, once);
    }
}

#endif
