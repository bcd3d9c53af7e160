/* Rows of the KV cache: written here, read by attention. */
#include "kernels/kernels.h"

#include <assert.h>
#include <string.h>

#include "kernels/bits.h"
#include "kernels/kv_layout.h"

_Static_assert(sizeof(struct ori_kv_q8_keys) == ORI_ATTN_BLOCK * sizeof(struct ori_block_q8_0),
               "a block of keys takes what its values take");

bool ori_kv_row_bytes(enum ori_kv_type type, size_t head_dim, size_t *out)
{
    if (head_dim > ORI_HEAD_DIM_MAX || (type == ORI_KV_Q8_0 && head_dim % ORI_BLOCK != 0))
        return false;
    *out = ori_kv_stride(type, head_dim);
    return true;
}

/* keys: of the first position in its block; values: of the first, n floats each. */
static void store_f32(const struct ori_kv_rows *rows, size_t n, float *keys, uint8_t *values,
                      size_t value_bytes)
{
    for (size_t r = 0; r < rows->n; r++) {
        for (size_t i = 0; i < n; i++)
            keys[i * ORI_ATTN_BLOCK + r] = rows->keys[r * rows->stride + i];
        memcpy(values + r * value_bytes, rows->values + r * rows->stride, n * sizeof(float));
    }
}

static void store_f16(const struct ori_kernels *kernels, const struct ori_kv_rows *rows, size_t n,
                      uint16_t *keys, uint8_t *values, size_t value_bytes)
{
    kernels->f32_to_f16_columns(rows->keys, rows->stride, rows->n, keys, n);
    for (size_t r = 0; r < rows->n; r++)
        kernels->f32_to_f16(rows->values + r * rows->stride, (void *)(values + r * value_bytes), n);
}

/* Of one position. */
static void store_q8(const struct ori_kernels *kernels, const float *key, const float *value,
                     size_t n, size_t lane, struct ori_kv_q8_keys *keys,
                     struct ori_block_q8_0 *values)
{
    struct ori_act_q8 blocks[ORI_HEAD_DIM_MAX / ORI_BLOCK];
    const size_t n_blocks = n / ORI_BLOCK;

    kernels->quantize_act[ORI_ACT_Q8](key, blocks, n);
    for (size_t b = 0; b < n_blocks; b++) {
        ori_store_f16(keys[b].d[lane], blocks[b].d);
        for (size_t i = 0; i < ORI_BLOCK; i++)
            keys[b].qs[i][lane] = blocks[b].qs[i];
    }
    kernels->quantize_act[ORI_ACT_Q8](value, blocks, n);
    for (size_t b = 0; b < n_blocks; b++) {
        ori_store_f16(values[b].d, blocks[b].d);
        memcpy(values[b].qs, blocks[b].qs, ORI_BLOCK);
    }
}

void ori_kv_store(const struct ori_kernels *kernels, enum ori_kv_type type, size_t head_dim,
                  const struct ori_kv_rows *rows, size_t lane, uint8_t *head)
{
    const size_t stride = ori_kv_stride(type, head_dim);
    uint8_t *const values = head + ori_kv_part_bytes(type, head_dim) + lane * stride;
    void *const keys = head;

    assert(type < ORI_KV_COUNT && head_dim <= ORI_HEAD_DIM_MAX);
    assert(lane < ORI_ATTN_BLOCK && rows->n <= ORI_ATTN_BLOCK - lane);
    switch (type) {
    case ORI_KV_F32:
        store_f32(rows, head_dim, (float *)keys + lane, values, stride);
        break;
    case ORI_KV_Q8_0:
        for (size_t r = 0; r < rows->n; r++)
            store_q8(kernels, rows->keys + r * rows->stride, rows->values + r * rows->stride,
                     head_dim, lane + r, keys, (void *)(values + r * stride));
        break;
    case ORI_KV_F16:
    case ORI_KV_COUNT:
        store_f16(kernels, rows, head_dim, (uint16_t *)keys + lane, values, stride);
        break;
    }
}
