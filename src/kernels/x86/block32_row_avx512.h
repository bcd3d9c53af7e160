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
#define ROW_BLOCKS 256 /* of a row at a time: activations and results take 26 KiB of stack */

struct row_acts {
    struct step_acts steps[ROW_BLOCKS / STEP];
};

/* What 16 blocks of each of four rows come to, and their units. */
struct step_sums {
    _Alignas(64) float sum[4][STEP], d[4][STEP];
};

ORI_INLINE void spread_row(const struct kind *kind, const struct ori_act_q8 *a, size_t n_blocks,
                           struct row_acts *out)
{
    for (size_t b = 0; b < n_blocks; b += STEP) {
        struct ori_act_q8 last[STEP] = {0};

        if (n_blocks - b < STEP)
            memcpy(last, a + b, (n_blocks - b) * sizeof(*a));
        kind->step->spread(n_blocks - b < STEP ? last : a + b, &out->steps[b / STEP]);
    }
}

/* 16 blocks of row r of four. */
ORI_INLINE void multiply(const struct kind *kind, const uint8_t *w, const struct step_acts *a,
                         size_t r, struct step_sums *out)
{
    __m512 d;
    const __m512i dot = kind->step->dot(w, a, &d);
    const __m512i exact = _mm512_add_epi32(dot, offset_of(kind, a->sum));

    _mm512_store_ps(out->sum[r], _mm512_cvtepi32_ps(exact));
    _mm512_store_ps(out->d[r], _mm512_mul_ps(d, a->d));
}

/* x[r][b + i] becomes element r of out[i]. */
ORI_INLINE void load_columns(const float x[4][STEP], size_t b, __m128 out[4])
{
    ORI_UNROLL
    for (int r = 0; r < 4; r++)
        out[r] = _mm_load_ps(x[r] + b);
    _MM_TRANSPOSE4_PS(out[0], out[1], out[2], out[3]);
}

/* Four blocks from b on of four rows, as many as there are before n, folded into acc. */
ORI_INLINE __m128 fold_four(const struct step_sums *rows, size_t b, size_t n, __m128 acc)
{
    __m128 sum[4], d[4];

    load_columns(rows[b / STEP].sum, b % STEP, sum);
    load_columns(rows[b / STEP].d, b % STEP, d);
    ORI_UNROLL
    for (size_t i = 0; i < 4; i++)
        if (b + i < n)
            acc = _mm_fmadd_ps(d[i], sum[i], acc);
    return acc;
}

/* Ask twice for the line that comes next but some: of requests that find no place the
 * CPU forgets. */
ORI_INLINE void fetch_line(const uint8_t *p)
{
    ori_prefetch_far(p, (size_t)16 << 10);
    ori_prefetch_far(p, (size_t)6 << 10);
}

/* n <= ROW_BLOCKS blocks of four rows, to be folded. */
struct waiting {
    struct step_sums *sums;
    size_t n, folded; /* blocks */
    __m128 acc;       /* of those that are folded */
};

ORI_INLINE void fold_next(struct waiting *x)
{
    if (x->folded < x->n)
        x->acc = fold_four(x->sums, x->folded, x->n, x->acc);
    x->folded += 4;
}

/* n blocks of row r of four; meanwhile the four before are folded. */
ORI_INLINE void multiply_row(const struct kind *kind, const uint8_t *w, size_t n,
                             const struct row_acts *acts, size_t r, struct step_sums *out,
                             struct waiting *before)
{
    const size_t whole = n - n % STEP;

    for (size_t b = 0; b < whole; b += STEP, w += STEP * kind->block_bytes) {
        multiply(kind, w, &acts->steps[b / STEP], r, out + b / STEP);
        fold_next(before);
        ORI_UNROLL
        for (size_t at = 0; at < STEP * kind->block_bytes; at += 64)
            fetch_line(w + at);
    }
    if (whole < n) {
        uint8_t last[STEP * sizeof(struct ori_block_q8_0)] = {0};

        memcpy(last, w, (n - whole) * kind->block_bytes);
        multiply(kind, last, &acts->steps[whole / STEP], r, out + whole / STEP);
        fold_next(before);
        for (size_t at = 0; at < (n - whole) * kind->block_bytes; at += 64)
            fetch_line(w + at);
    }
}

/* n <= ROW_BLOCKS blocks of all rows from block `from`, added to out. */
ORI_INLINE void some_blocks_times(const struct kind *kind, const struct ori_matmul *m, size_t from,
                                  size_t n, const struct row_acts *acts)
{
    struct step_sums sums[2][ROW_BLOCKS / STEP];
    struct waiting before = {.sums = sums[1]}; /* nothing */

    for (size_t r = 0; r < m->n_rows + 4; r += 4) {
        struct step_sums *const now = before.sums == sums[0] ? sums[1] : sums[0];

        for (size_t i = 0; i < 4 && r + i < m->n_rows; i++)
            multiply_row(kind, m->weights + (r + i) * m->row_bytes + from * kind->block_bytes, n,
                         acts, i, now, &before);
        while (before.folded < before.n)
            fold_next(&before);
        if (before.n > 0)
            ori_store4(m, r - 4, 0, before.acc);
        if (r < m->n_rows)
            before = (struct waiting){now, n, 0, from > 0 ? ori_load4(m, r, 0) : _mm_setzero_ps()};
    }
}

/* All rows, of which there is one at least, and of each a block. */
ORI_INLINE void one_column(const struct kind *kind, const struct ori_matmul *m)
{
    const struct ori_act_q8 *a = (const void *)m->acts;
    const size_t n_blocks = m->n / ORI_BLOCK;
    struct row_acts acts;

    for (size_t from = 0; from < n_blocks; from += ROW_BLOCKS) {
        const size_t n = n_blocks - from < ROW_BLOCKS ? n_blocks - from : ROW_BLOCKS;
        spread_row(kind, a + from, n, &acts);
        some_blocks_times(kind, m, from, n, &acts);
    }
}

#endif
