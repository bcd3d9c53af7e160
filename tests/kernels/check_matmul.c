/* Matrix products: all remainders of blocks, rows and columns, worst-case
 * weights and activations, and the same bits however the work is cut. */
#include "checker.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 35 /* more than a panel holds */
#define MAX_COLS ((size_t)9)
#define MAX_BLOCKS 9 /* for float types: up to 9 * 9 elements */
#define OUT_STRIDE ((size_t)40)
#define OUT_CELLS (MAX_COLS * OUT_STRIDE)
#define CANARY 0x5a5a5a5au /* a float that no sum of these inputs hits by chance */

struct problem {
    const struct stored_type *type;
    size_t n_blocks, n, n_rows, n_cols, row_bytes, weight_bytes;
    size_t act_bytes; /* of a column, rounded up to 64 */
    uint8_t *weights; /* guarded: the last row ends at the guard page */
    uint8_t *acts;
};

static void problem_init(struct problem *p, const struct ori_kernels *scalar, struct rng *rng,
                         const struct stored_type *type, size_t n_blocks, size_t n_rows,
                         size_t n_cols, size_t variant, enum pattern pattern)
{
    const size_t gap = type->block_elems == 1 ? 0 : rng_below(rng, 2); /* row_bytes may be odd */
    const enum ori_act act = scalar->types[type->type].act;
    size_t act_bytes = 0;

    p->type = type;
    p->n_blocks = n_blocks;
    p->n = n_blocks * type->block_elems;
    p->n_rows = n_rows;
    p->n_cols = n_cols;
    p->row_bytes = n_blocks * type->block_bytes + gap;
    p->weight_bytes = p->row_bytes * (n_rows - 1) + n_blocks * type->block_bytes;
    p->weights = guarded_new(p->weight_bytes);
    for (size_t r = 0; r < n_rows; r++)
        fill_weights(rng, type, variant, p->weights + r * p->row_bytes, n_blocks);

    float *x = ori_alloc_array(p->n, sizeof(*x));
    if (!x || !ori_act_bytes(act, p->n, &act_bytes))
        abort();
    p->act_bytes = (act_bytes + 63) / 64 * 64;
    p->acts = ori_alloc_aligned(n_cols, p->act_bytes);
    if (!p->acts)
        abort();
    for (size_t c = 0; c < n_cols; c++) {
        fill_floats(rng, pattern, x, p->n);
        scalar->quantize_act[act](x, p->acts + c * p->act_bytes, p->n);
    }
    free(x);
}

static void problem_release(struct problem *p)
{
    guarded_free(p->weights, p->weight_bytes);
    free(p->acts);
}

static void fill_canaries(float *out)
{
    const uint32_t canary = CANARY;

    for (size_t i = 0; i < OUT_CELLS; i++)
        memcpy(out + i, &canary, sizeof(canary));
}

static void multiply(const struct ori_kernels *k, const struct problem *p, size_t row,
                     size_t n_rows, size_t col, size_t n_cols, float *out)
{
    k->types[p->type->type].matmul(p->weights + row * p->row_bytes, p->row_bytes, n_rows, p->n,
                                   p->acts + col * p->act_bytes, p->act_bytes, n_cols,
                                   out + col * OUT_STRIDE + row, OUT_STRIDE);
}

/* The whole output area is compared, so a canary overwritten shows. */
static bool same_product(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                         const struct problem *p)
{
    float expect[OUT_CELLS], got[OUT_CELLS];

    fill_canaries(expect);
    fill_canaries(got);
    multiply(scalar, p, 0, p->n_rows, 0, p->n_cols, expect);
    multiply(tier, p, 0, p->n_rows, 0, p->n_cols, got);
    return same_floats(expect, got, OUT_CELLS);
}

static bool same_when_cut(const struct ori_kernels *tier, const struct problem *p, struct rng *rng)
{
    float expect[OUT_CELLS], got[OUT_CELLS];

    fill_canaries(expect);
    fill_canaries(got);
    multiply(tier, p, 0, p->n_rows, 0, p->n_cols, expect);
    for (size_t c = 0, cols; c < p->n_cols; c += cols) {
        cols = 1 + rng_below(rng, p->n_cols - c);
        for (size_t r = 0, rows; r < p->n_rows; r += rows) {
            rows = 1 + rng_below(rng, p->n_rows - r);
            multiply(tier, p, r, rows, c, cols, got);
        }
    }
    return same_floats(expect, got, OUT_CELLS);
}

/* Every count of blocks, rows and columns from 1 to 9; what is in them varies
 * from one to the next. */
static bool all_sizes(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      const struct stored_type *type, char *detail, size_t detail_size)
{
    struct rng rng = {type->type};
    const size_t top = type->block_elems == 1 ? MAX_BLOCKS * 9 : MAX_BLOCKS;
    size_t turn = 0;

    for (size_t blocks = 1; blocks <= top; blocks++) {
        for (size_t rows = 1; rows <= 9; rows += top > 9 ? 2 : 1) {
            for (size_t cols = 1; cols <= MAX_COLS; cols++, turn++) {
                const size_t variant = turn % N_WEIGHT_VARIANTS;
                const enum pattern pattern = (enum pattern)(turn / 3 % PATTERN_COUNT);
                struct problem p;

                problem_init(&p, scalar, &rng, type, blocks, rows, cols, variant, pattern);
                const bool same = same_product(scalar, tier, &p);
                problem_release(&p);
                if (!same) {
                    snprintf(detail, detail_size,
                             "%zu blocks, %zu rows, %zu columns, weights %zu, activations %d",
                             blocks, rows, cols, variant, (int)pattern);
                    return false;
                }
            }
        }
    }
    return true;
}

/* Every pair of weights and activations, over more rows than a panel holds, by one column,
 * by some that don't make a panel worth while and by those that do. */
static bool all_contents(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                         const struct stored_type *type, char *detail, size_t detail_size)
{
    struct rng rng = {1000 + type->type};

    for (size_t variant = 0; variant < N_WEIGHT_VARIANTS; variant++) {
        for (int turn = 0; turn < 3 * PATTERN_COUNT; turn++) {
            const size_t blocks = type->block_elems == 1 ? 67 : 2;
            const enum pattern pattern = (enum pattern)(turn / 3);
            const size_t cols = turn % 3 == 0 ? 1 : turn % 3 == 1 ? 5 : MAX_COLS;
            struct problem p;

            problem_init(&p, scalar, &rng, type, blocks, MAX_ROWS, cols, variant, pattern);
            const bool same = same_product(scalar, tier, &p);
            problem_release(&p);
            if (!same) {
                snprintf(detail, detail_size, "weights %zu, activations %d", variant, (int)pattern);
                return false;
            }
        }
    }
    return true;
}

/* A product that is larger in one way than what any kernel keeps. */
static bool large(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                  const struct stored_type *type, size_t blocks, size_t rows, size_t cols)
{
    float *expect = ori_alloc_aligned(cols * OUT_STRIDE, sizeof(float));
    float *got = ori_alloc_aligned(cols * OUT_STRIDE, sizeof(float));
    struct rng rng = {3000 + type->type};
    struct problem p;

    if (!expect || !got)
        abort();
    memset(expect, 0x5a, cols * OUT_STRIDE * sizeof(float));
    memset(got, 0x5a, cols * OUT_STRIDE * sizeof(float));
    problem_init(&p, scalar, &rng, type, blocks, rows, cols, 0, PATTERN_MIXED);
    multiply(scalar, &p, 0, rows, 0, cols, expect);
    multiply(tier, &p, 0, rows, 0, cols, got);
    problem_release(&p);
    const bool same = same_floats(expect, got, cols * OUT_STRIDE);
    free(expect);
    free(got);
    return same;
}

/* Rows of no elements give sums of none. */
static bool empty_rows(const struct ori_kernels *tier, const struct stored_type *type)
{
    const uint8_t nothing[64] = {0};
    float out[OUT_CELLS];

    for (size_t cols = 1; cols <= MAX_COLS; cols++) {
        fill_canaries(out);
        tier->types[type->type].matmul(nothing, 0, 3, 0, nothing, 0, cols, out, OUT_STRIDE);
        for (size_t at = 0; at < 3 * cols; at++)
            if (out[at / 3 * OUT_STRIDE + at % 3] != 0)
                return false;
    }
    return true;
}

/* A lane that has underflowed to -0 stays so where the row has ended: adding a
 * zero for a missing element would make it +0. */
static bool keeps_minus_zero(const struct ori_kernels *tier, const struct stored_type *type)
{
    _Alignas(64) float x[2 * 16];
    uint8_t row[2 * 16 * 4];
    float w[2 * 16];

    for (size_t i = 0; i < 32; i++) {
        w[i] = -0x1p-20f;
        x[i] = 0x1p-135f;
    }
    tier->types[type->type].quantize(w, NULL, row, 32);
    for (size_t n = 16; n <= 32; n++) {
        float out = 1;
        tier->types[type->type].matmul(row, 0, 1, n, x, 0, 1, &out, 1);
        if (!(out == 0 && signbit(out)))
            return false;
    }
    return true;
}

static bool all_cuts(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                     const struct stored_type *type)
{
    struct rng rng = {2000 + type->type};
    bool same = true;

    for (int turn = 0; turn < 20 && same; turn++) {
        struct problem p;

        problem_init(&p, scalar, &rng, type, 1 + rng_below(&rng, 5), 1 + rng_below(&rng, MAX_ROWS),
                     1 + rng_below(&rng, MAX_COLS), 0, PATTERN_NORMAL);
        same = same_when_cut(tier, &p, &rng);
        problem_release(&p);
    }
    return same;
}

/* One column, which goes row by row: lengths on both sides of what is multiplied at once
 * and of what is kept, and counts of rows on both sides of what is folded together. */
static bool long_rows(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      const struct stored_type *type, char *detail, size_t detail_size)
{
    static const size_t blocks[] = {15, 16, 17, 31, 32, 33, 63, 64, 65, 133, 255, 256, 257, 300};
    static const size_t rows[] = {1, 3, 4, 5, 9};

    for (size_t b = 0; b < sizeof(blocks) / sizeof(blocks[0]); b++)
        for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
            if (!large(scalar, tier, type, blocks[b], rows[r], 1)) {
                snprintf(detail, detail_size, "%zu blocks, %zu rows", blocks[b], rows[r]);
                return false;
            }
    return true;
}

void check_matmuls(const struct ori_kernels *scalar, const struct ori_kernels *tier)
{
    char what[64], detail[128] = "";

    for (size_t i = 0; i < N_STORED_TYPES; i++) {
        const struct stored_type *type = &stored_types[i];

        if (tier != scalar) {
            const bool own = tier->types[type->type].matmul != scalar->types[type->type].matmul;
            snprintf(what, sizeof(what), "%s matmul, 1 to 9 blocks, rows, columns", type->name);
            report(own && all_sizes(scalar, tier, type, detail, sizeof(detail)), tier->name, what,
                   own ? detail : "not the tier's own kernel");
            snprintf(what, sizeof(what), "%s matmul, worst cases", type->name);
            report(all_contents(scalar, tier, type, detail, sizeof(detail)), tier->name, what,
                   detail);
        }
        if (tier != scalar) {
            snprintf(what, sizeof(what), "%s matmul, many columns", type->name);
            report(large(scalar, tier, type, type->block_elems == 1 ? 37 : 1, 34, 1030), tier->name,
                   what, "");
            snprintf(what, sizeof(what), "%s matmul, long rows", type->name);
            report(long_rows(scalar, tier, type, detail, sizeof(detail)), tier->name, what, detail);
        }
        snprintf(what, sizeof(what), "%s matmul, empty rows", type->name);
        report(empty_rows(tier, type), tier->name, what, "");
        if (type->block_elems == 1) {
            snprintf(what, sizeof(what), "%s matmul, minus zero", type->name);
            report(keeps_minus_zero(tier, type), tier->name, what, "");
        }
        snprintf(what, sizeof(what), "%s matmul, cut differently", type->name);
        report(all_cuts(scalar, tier, type), tier->name, what, "");
    }
}
