/* Blocks of 32 with one column: a row at a time, in the file's order, so that the CPU's
 * own prefetching follows, 16 blocks in the 16 lanes.
 *
 * A row's sum is one chain of fmaf, which takes longer than all the rest.  So what blocks
 * come to waits until four rows have it, and is folded for the four at once, a little while
 * each 16 blocks of the next rows are multiplied. */
#ifndef ORI_KERNELS_BLOCK32_ROW_AVX512_H
#define ORI_KERNELS_BLOCK32_ROW_AVX512_H

#include "kernels/x86/block32_kind_avx512.h"

#define STEP 16        /* blocks */
#define ROW_BLOCKS 256 /* of a row at a time: activations and results take 24 KiB of stack */

struct row_acts {
    struct step_acts steps[ROW_BLOCKS / STEP];
};

/* What 16 blocks of the first three of four rows come to, and their units, in the order of
 * step_acts. */
struct step_rows {
    _Alignas(64) float sum[3][STEP], d[3][STEP];
};

/* The same of four blocks of four rows, [block][row]. */
struct four {
    _Alignas(64) float sum[4][4], d[4][4];
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

/* In each quarter, which is four blocks: three rows, and the last of four, turned round. */
ORI_INLINE void turn_round(float rows[3][STEP], __m512 last, __m512i out[4])
{
    ORI_UNROLL
    for (int r = 0; r < 3; r++)
        out[r] = _mm512_load_si512(rows[r]);
    out[3] = _mm512_castps_si512(last);
    ori_transpose4(out);
}

/* 16 blocks of row r of four; with the last row they are done. */
ORI_INLINE void multiply(const struct kind *kind, const uint8_t *w, const struct step_acts *a,
                         size_t r, struct step_rows *rows, struct four done[4])
{
    __m512i sums[4], units[4];
    __m512 d;
    const __m512i dot = kind->step->dot(w, a->quants, &d);
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_add_epi32(dot, a->start));

    d = _mm512_mul_ps(d, a->d);
    if (r < 3) {
        _mm512_store_ps(rows->sum[r], sum);
        _mm512_store_ps(rows->d[r], d);
        return;
    }
    turn_round(rows->sum, sum, sums);
    turn_round(rows->d, d, units);
    ORI_UNROLL
    for (int j = 0; j < 4; j++) {
        _mm512_store_si512(done[j].sum, sums[j]);
        _mm512_store_si512(done[j].d, units[j]);
    }
}

ORI_INLINE __m128 fold_four(const struct four *four, __m128 acc)
{
    ORI_UNROLL
    for (int i = 0; i < 4; i++)
        acc = _mm_fmadd_ps(_mm_load_ps(four->d[i]), _mm_load_ps(four->sum[i]), acc);
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

/* n blocks of row r of four; four of the rows before are folded into acc for each 16, before
 * those are multiplied, so that all 16 are folded by the time that the last row's take
 * their place. */
ORI_INLINE __m128 multiply_row(const struct kind *kind, const uint8_t *w, size_t n,
                               const struct row_acts *acts, size_t r, bool once,
                               struct step_rows *rows, struct four *fours, __m128 acc)
{
    const size_t whole = n / STEP, left = n % STEP;
    const struct four *before = fours + r * ((n + STEP - 1) / STEP);

    for (size_t s = 0; s < whole; s++, w += STEP * kind->block_bytes) {
        acc = fold_four(before + s, acc);
        multiply(kind, w, &acts->steps[s], r, &rows[s], &fours[4 * s]);
        fetch_next(kind, w, once);
    }
    if (left > 0) { /* the rest of the 16 are zeros, which a sum does not change by */
        uint8_t last[STEP * sizeof(struct ori_block_q8_0)] = {0};

        memcpy(last, w, left * kind->block_bytes);
        acc = fold_four(before + whole, acc);
        multiply(kind, last, &acts->steps[whole], r, &rows[whole], &fours[4 * whole]);
        fetch_next(kind, w, once);
    }
    return acc;
}

/* n <= ROW_BLOCKS blocks of all rows from block `from`, added to out.  Past the last row
 * that one again, whose results nobody takes. */
ORI_INLINE void some_blocks_times(const struct kind *kind, const struct ori_matmul *m, size_t from,
                                  size_t n, const struct row_acts *acts, bool once)
{
    struct step_rows rows[ROW_BLOCKS / STEP];
    struct four fours[ROW_BLOCKS / 4];
    const size_t n_fours = (n + STEP - 1) / STEP * 4;
    __m128 acc = _mm_setzero_ps();

    memset(fours, 0, n_fours * sizeof(*fours)); /* nothing before the first rows */
    for (size_t r = 0; r < m->n_rows; r += 4) {
        for (size_t i = 0; i < 4; i++) {
            const size_t row = r + i < m->n_rows ? r + i : m->n_rows - 1;
            acc = multiply_row(kind, m->weights + row * m->row_bytes + from * kind->block_bytes, n,
                               acts, i, once, rows, fours, acc);
        }
        if (r > 0)
            ori_store4(m, r - 4, 0, acc);
        acc = from > 0 ? ori_load4(m, r, 0) : _mm_setzero_ps();
    }
    for (size_t i = 0; i < n_fours; i++)
        acc = fold_four(&fours[i], acc);
    ori_store4(m, (m->n_rows - 1) / 4 * 4, 0, acc);
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
