/* Attention over the KV cache, with online softmax in blocks of absolute
 * positions: the same arithmetic however the prompt was cut, whatever queries
 * come together, and wherever a sliding window begins. */
#include "kernels/scalar/scalar.h"

#include <math.h>

#include "kernels/approx.h"
#include "kernels/bits.h"
#include "kernels/inline.h"
#include "kernels/kv_layout.h"
#include "kernels/scalar/lanes.h"

/* One dimension of one of a block's keys, and of a value. */
struct kind {
    enum ori_kv_type type;
    float (*key)(const void *block, size_t i, size_t lane);
    float (*value)(const void *row, size_t i);
};

ORI_INLINE float key_f16(const void *block, size_t i, size_t lane)
{
    return ori_f16_to_f32(((const uint16_t *)block)[i * ORI_ATTN_BLOCK + lane]);
}

ORI_INLINE float value_f16(const void *row, size_t i)
{
    return ori_f16_to_f32(((const uint16_t *)row)[i]);
}

ORI_INLINE float key_f32(const void *block, size_t i, size_t lane)
{
    return ((const float *)block)[i * ORI_ATTN_BLOCK + lane];
}

ORI_INLINE float value_f32(const void *row, size_t i)
{
    return ((const float *)row)[i];
}

/* d has 11 bits and q 8, so the product is exact. */
ORI_INLINE float key_q8_0(const void *block, size_t i, size_t lane)
{
    const struct ori_kv_q8_keys *keys = (const struct ori_kv_q8_keys *)block + i / ORI_BLOCK;

    return ori_load_f16(keys->d[lane]) * (float)keys->qs[i % ORI_BLOCK][lane];
}

ORI_INLINE float value_q8_0(const void *row, size_t i)
{
    const struct ori_block_q8_0 *values = (const struct ori_block_q8_0 *)row + i / ORI_BLOCK;

    return ori_load_f16(values->d) * (float)values->qs[i % ORI_BLOCK];
}

/* What a query has seen so far; acc stands in its out. */
struct running {
    float max;
    float sum[ORI_LANES];
};

/* Where the slot's block begins, of the query's head. */
ORI_INLINE size_t offset_of(const struct ori_attn *a, const struct kind *kind, size_t head,
                            size_t slot)
{
    const size_t head_bytes = 2 * ori_kv_part_bytes(kind->type, a->head_dim);

    return slot / ORI_ATTN_BLOCK * a->block_stride + head * head_bytes;
}

ORI_INLINE float score(const struct ori_attn *a, const struct kind *kind,
                       const struct ori_attn_query *query, size_t slot)
{
    const uint8_t *block = a->cache + offset_of(a, kind, query->head, slot);
    const size_t lane = slot % ORI_ATTN_BLOCK;
    float sum = 0;

    for (size_t i = 0; i < a->head_dim; i++)
        sum = fmaf(query->q[i], kind->key(block, i, lane), sum);
    sum *= a->scale;
    return a->softcap > 0 ? ori_softcapf(sum, a->softcap, 2.0f / a->softcap) : sum;
}

/* Positions [begin, end) of one block. */
ORI_INLINE void attend_block(const struct ori_attn *a, const struct kind *kind,
                             const struct ori_attn_query *query, size_t begin, size_t end,
                             struct running *run)
{
    const uint8_t *const values = a->cache + ori_kv_part_bytes(kind->type, a->head_dim);
    const size_t stride = ori_kv_stride(kind->type, a->head_dim);
    float s[ORI_ATTN_BLOCK];
    float max = run->max;

    for (size_t t = begin; t < end; t++) {
        s[t - begin] = score(a, kind, query, t % a->slots);
        max = s[t - begin] > max ? s[t - begin] : max;
    }

    const float correction = ori_expf(run->max - max);
    for (size_t l = 0; l < ORI_LANES; l++)
        run->sum[l] *= correction;
    for (size_t i = 0; i < a->head_dim; i++)
        query->out[i] *= correction;

    for (size_t t = begin; t < end; t++) {
        const size_t slot = t % a->slots, lane = slot % ORI_ATTN_BLOCK;
        const uint8_t *row = values + offset_of(a, kind, query->head, slot) + lane * stride;
        const float p = ori_expf(s[t - begin] - max);

        run->sum[t % ORI_LANES] += p;
        for (size_t i = 0; i < a->head_dim; i++)
            query->out[i] = fmaf(p, kind->value(row, i), query->out[i]);
    }
    run->max = max;
}

ORI_INLINE void attend(const struct ori_attn *a, const struct kind *kind)
{
    for (size_t j = 0; j < a->n_queries; j++) {
        const struct ori_attn_query *query = &a->queries[j];
        struct running run = {.max = query->sink ? *query->sink : -INFINITY,
                              .sum[0] = query->sink ? 1.0f : 0.0f};

        for (size_t i = 0; i < a->head_dim; i++)
            query->out[i] = 0;
        for (size_t t = query->begin, stop; t < query->end; t = stop) {
            stop = t - t % ORI_ATTN_BLOCK + ORI_ATTN_BLOCK;
            stop = stop < query->end ? stop : query->end;
            attend_block(a, kind, query, t, stop, &run);
        }
        const float sum = ori_join_lanes(run.sum);
        for (size_t i = 0; i < a->head_dim; i++)
            query->out[i] /= sum;
    }
}

void ori_attention_f16_scalar(const struct ori_attn *a)
{
    attend(a, &(const struct kind){ORI_KV_F16, key_f16, value_f16});
}

void ori_attention_q8_0_scalar(const struct ori_attn *a)
{
    attend(a, &(const struct kind){ORI_KV_Q8_0, key_q8_0, value_q8_0});
}

void ori_attention_f32_scalar(const struct ori_attn *a)
{
    attend(a, &(const struct kind){ORI_KV_F32, key_f32, value_f32});
}
