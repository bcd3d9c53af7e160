/* Attention: head sizes with all remainders, stretches that begin and end
 * anywhere in a block and wrap round the ring, ordinary and hostile values. */
#include "checker.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_POSITIONS 200
#define MAX_DIM ORI_HEAD_DIM_MAX

static bool same_attention(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                           struct rng *rng, size_t head_dim, size_t begin, size_t end,
                           enum pattern pattern)
{
    const size_t stride = head_dim + 2 * rng_below(rng, 3);
    const size_t blocks = (end - begin + ORI_ATTN_BLOCK - 1) / ORI_ATTN_BLOCK;
    const size_t slots = (blocks + rng_below(rng, 2)) * ORI_ATTN_BLOCK;
    const size_t bytes = ((slots - 1) * stride + head_dim) * sizeof(uint16_t);
    uint8_t *const k = guarded_new(bytes), *const v = guarded_new(bytes);
    float q[MAX_DIM], row[MAX_DIM], expect[MAX_DIM + 8], got[MAX_DIM + 8];

    for (size_t t = 0; t < slots; t++) {
        fill_floats(rng, pattern, row, head_dim);
        scalar->f32_to_f16(row, (uint16_t *)(void *)k + t * stride, head_dim);
        fill_floats(rng, pattern, row, head_dim);
        scalar->f32_to_f16(row, (uint16_t *)(void *)v + t * stride, head_dim);
    }
    fill_floats(rng, pattern == PATTERN_BITS ? PATTERN_NORMAL : pattern, q, head_dim);
    for (size_t i = 0; i < MAX_DIM + 8; i++)
        expect[i] = got[i] = 77.0f;

    struct ori_attn attn = {.q = q,
                            .k = (const void *)k,
                            .v = (const void *)v,
                            .stride = stride,
                            .slots = slots,
                            .head_dim = head_dim,
                            .begin = begin,
                            .end = end,
                            .scale = 0.125f,
                            .out = expect};
    scalar->attention(&attn);
    attn.out = got;
    tier->attention(&attn);
    guarded_free(k, bytes);
    guarded_free(v, bytes);
    return same_floats(expect, got, MAX_DIM + 8);
}

static bool all_sizes(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      char *detail, size_t detail_size)
{
    static const size_t larger[] = {80, 96, 112, 128, 130, 192, 256, 258, 1022, 1024};
    struct rng rng = {4000};

    for (size_t turn = 0; turn < 36 + ORI_COUNT(larger); turn++) {
        const size_t head_dim = turn < 36 ? 2 * (turn + 1) : larger[turn - 36];

        for (int i = 0; i < 24; i++) {
            const size_t end = 1 + rng_below(&rng, MAX_POSITIONS);
            const size_t begin = i % 3 ? rng_below(&rng, end) : 0;
            const enum pattern pattern = (enum pattern)(i % PATTERN_COUNT);

            if (!same_attention(scalar, tier, &rng, head_dim, begin, end, pattern)) {
                snprintf(detail, detail_size, "head_dim %zu, positions %zu to %zu, pattern %d",
                         head_dim, begin, end, (int)pattern);
                return false;
            }
        }
    }
    return true;
}

void check_attention(const struct ori_kernels *scalar, const struct ori_kernels *tier)
{
    char detail[128] = "";

    report(all_sizes(scalar, tier, detail, sizeof(detail)), tier->name, "attention", detail);
}
