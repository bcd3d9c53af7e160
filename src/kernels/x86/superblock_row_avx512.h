/* Superblocks with one column: a row at a time, in the file's order, so that the CPU's
 * own prefetching follows.  Four blocks of the row are transposed by fours: a lane has
 * those of one block and 16 elements, all of which share a scale.
 *
 * Blocks are multiplied, the parts of each are added up, and what they come to is folded
 * into the row's sum, in order.  Each step takes as long as four blocks keep the core busy,
 * and it looks hardly further ahead than that, so the steps are taken at three places at
 * once: while four blocks are multiplied, the four before are added up, and those above,
 * in the row before, are folded. */
#ifndef ORI_KERNELS_SUPERBLOCK_ROW_AVX512_H
#define ORI_KERNELS_SUPERBLOCK_ROW_AVX512_H

#include "kernels/x86/superblock_kind_avx512.h"

#define ROW_BLOCKS 64 /* of a row at a time, whose activations lie on the stack: 22 KiB */
#define ROW_QUADS (ROW_BLOCKS / 4)

/* ---- activations ---- */

struct row_acts {
    struct quad_acts quads[ROW_QUADS];
    _Alignas(16) float d[ROW_BLOCKS];
};

/* Chunk c of a type with an offset is runs c and c + 4.  by_run has the sums of runs 0 to
 * 3, then of 4 to 7, a run in each quarter: of its first and its second 16 elements. */
ORI_INLINE void spread_starts(const struct kind *kind, const __m512i by_run[2], __m512i starts[4])
{
    const __m512i runs = _mm512_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3, 16, 17, 18, 19, 16, 17, 18, 19);

    ORI_UNROLL
    for (int c = 0; c < 4; c++) {
        const __m512i pairs = _mm512_permutex2var_epi32(
            by_run[0], _mm512_add_epi32(runs, _mm512_set1_epi32(4 * c)), by_run[1]);
        const __m512i high = _mm512_srai_epi32(pairs, 16);
        const __m512i low = _mm512_srai_epi32(_mm512_slli_epi32(pairs, 16), 16);
        const __m512i sums = _mm512_mask_blend_epi32(0xf0f0, low, high);
        starts[c] = _mm512_sub_epi32(_mm512_setzero_si512(),
                                     _mm512_slli_epi32(sums, (unsigned)kind->offset));
    }
}

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
    if (kind->offset) {
        const __m512i by_run[2] = {rows_to_quarters(low), rows_to_quarters(high)};
        spread_starts(kind, by_run, out->starts);
    } else {
        out->sums = rows_to_quarters(low);
    }
}

ORI_INLINE void spread_row(const struct kind *kind, const struct ori_act_q8k *a, size_t n_blocks,
                           struct row_acts *out)
{
    static const struct ori_act_q8k none; /* past the end */

    for (size_t b = 0; b < n_blocks; b += 4) {
        const struct ori_act_q8k *four[4];
        for (size_t i = 0; i < 4; i++) {
            four[i] = b + i < n_blocks ? a + b + i : &none;
            out->d[b + i] = four[i]->d;
        }
        spread_quad(kind, four, &out->quads[b / 4]);
    }
}

/* ---- sums ---- */

/* What four blocks come to and its units: of the first term, then of the second. */
struct quad_sums {
    _Alignas(32) float sum[8], d[8];
};

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

ORI_INLINE void add_up(const struct kind *kind, const struct quad *x, const float d_acts[4],
                       struct quad_sums *out)
{
    const __m128 da = _mm_load_ps(d_acts);

    if (kind->offset) {
        const __m256i halves = ori_join_to_8_i32(x->dot);
        const __m128i sums =
            _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
        _mm_store_ps(out->sum, _mm_cvtepi32_ps(sums));
        _mm_store_ps(out->d, _mm_mul_ps(_mm256_castps256_ps128(x->d), da));
    } else {
        const __m256i sums = sum_quarters_of_two(x->dot, x->second);
        _mm256_store_ps(out->sum, _mm256_cvtepi32_ps(sums));
        _mm256_store_ps(out->d, _mm256_mul_ps(x->d, _mm256_set_m128(da, da)));
    }
}

/* The first n <= 4 blocks folded into acc, in order. */
ORI_INLINE __m128 fold_quad(const struct kind *kind, const struct quad_sums *x, size_t n,
                            __m128 acc)
{
    ORI_UNROLL
    for (size_t b = 0; b < n; b++) {
        acc = _mm_fmadd_ss(_mm_load_ss(x->d + b), _mm_load_ss(x->sum + b), acc);
        if (!kind->offset)
            acc = _mm_fnmadd_ss(_mm_load_ss(x->d + 4 + b), _mm_load_ss(x->sum + 4 + b), acc);
    }
    return acc;
}

/* ---- rows ---- */

struct walk {
    const struct row_acts *acts;
    struct quad_sums *now, *before; /* of this row, of the row above */
    struct quad quad;               /* the last four blocks, to be added up with d_acts into *to */
    const float *d_acts;
    struct quad_sums *to;
    __m128 acc; /* of the row above */
};

/* The q-th four blocks of a row, at w, of which n <= 4 count. */
ORI_INLINE void next_four(const struct kind *kind, const uint8_t *w, size_t n, size_t q,
                          struct walk *walk)
{
    const uint8_t *blocks[4];

    ORI_UNROLL
    for (size_t i = 0; i < 4; i++)
        blocks[i] = w + (i < n ? i : n - 1) * kind->block_bytes;
    add_up(kind, &walk->quad, walk->d_acts, walk->to);
    kind->quad(blocks, &walk->acts->quads[q], &walk->quad);
    walk->d_acts = walk->acts->d + 4 * q;
    walk->to = walk->now + q;
    walk->acc = fold_quad(kind, walk->before + q, n, walk->acc);
}

/* Ask for what comes some way behind four blocks: once, or three times
 * (ORI_CPU_ASKS_ONCE). */
ORI_INLINE void fetch_next(const struct kind *kind, const uint8_t *w, bool once)
{
    if (once) {
        ORI_UNROLL
        for (size_t at = 0; at < 4 * kind->block_bytes; at += 64)
            ori_prefetch_far(w + at, (size_t)10 << 10);
        return;
    }
    ORI_UNROLL
    for (size_t at = 0; at < 4 * kind->block_bytes; at += 64) {
        ori_prefetch_far(w + at, (size_t)16 << 10);
        ori_prefetch_far(w + at, (size_t)10 << 10);
        ori_prefetch_far(w + at, (size_t)5 << 10);
    }
}

ORI_INLINE void next_row(const struct kind *kind, const uint8_t *w, size_t n_blocks, bool once,
                         struct walk *walk)
{
    const size_t n_whole = n_blocks / 4, left = n_blocks % 4;

    for (size_t q = 0; q < n_whole; q++, w += 4 * kind->block_bytes) {
        next_four(kind, w, 4, q, walk);
        fetch_next(kind, w, once);
    }
    if (left) {
        next_four(kind, w, left, n_whole, walk);
        fetch_next(kind, w, once);
    }
}

/* The last row, when all its blocks are multiplied. */
ORI_INLINE void finish(const struct kind *kind, size_t n_blocks, struct walk *walk)
{
    add_up(kind, &walk->quad, walk->d_acts, walk->to);
    for (size_t b = 0; b < n_blocks; b += 4)
        walk->acc =
            fold_quad(kind, walk->before + b / 4, n_blocks - b < 4 ? n_blocks - b : 4, walk->acc);
}

/* n <= ROW_BLOCKS blocks of all rows from block `from`, added to out. */
ORI_INLINE void some_blocks_times(const struct kind *kind, const struct ori_matmul *m, size_t from,
                                  size_t n, const struct row_acts *acts, bool once)
{
    struct quad_sums sums[2][ROW_QUADS] = {0};
    struct walk walk = {
        .acts = acts,
        .now = sums[0],
        .before = sums[1],
        .quad = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm256_setzero_ps()},
        .d_acts = acts->d,
        .to = sums[1],
    };

    for (size_t r = 0; r <= m->n_rows; r++) {
        walk.acc = r > 0 && from > 0 ? _mm_load_ss(m->out + r - 1) : _mm_setzero_ps();
        if (r < m->n_rows)
            next_row(kind, m->weights + r * m->row_bytes + from * kind->block_bytes, n, once,
                     &walk);
        else
            finish(kind, n, &walk);
        if (r > 0)
            _mm_store_ss(m->out + r - 1, walk.acc);
        struct quad_sums *const free = walk.before;
        walk.before = walk.now;
        walk.now = free;
    }
}

/* All rows, of which there is one at least, and of each a block. */
ORI_INLINE void one_column(const struct kind *kind, const struct ori_matmul *m, bool once)
{
    const struct ori_act_q8k *a = (const void *)m->acts;
    const size_t n_blocks = m->n / ORI_SUPERBLOCK;
    struct row_acts acts;

    for (size_t from = 0; from < n_blocks; from += ROW_BLOCKS) {
        const size_t n = n_blocks - from < ROW_BLOCKS ? n_blocks - from : ROW_BLOCKS;
        spread_row(kind, a + from, n, &acts);
        some_blocks_times(kind, m, from, n, &acts, once);
    }
}

#endif
