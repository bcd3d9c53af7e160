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

static void store_f32(const float *key, const float *value, size_t n, size_t lane, float *keys,
                      float *values)
{
    for (size_t i = 0; i < n; i++)
        keys[i * ORI_ATTN_BLOCK + lane] = key[i];
    memcpy(values, value, n * sizeof(*value));
}

static void store_f16(const struct ori_kernels *kernels, const float *key, const float *value,
                      size_t n, size_t lane, uint16_t *keys, uint16_t *values)
{
    uint16_t half[ORI_HEAD_DIM_MAX];

    kernels->f32_to_f16(key, half, n);
    for (size_t i = 0; i < n; i++)
        keys[i * ORI_ATTN_BLOCK + lane] = half[i];
    kernels->f32_to_f16(value, values, n);
}

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
                  const float *key, const float *value, size_t lane, uint8_t *head)
{
    uint8_t *const values = head + ori_kv_part_bytes(type, head_dim);
    void *const keys = head, *const row = values + lane * ori_kv_stride(type, head_dim);

    assert(type < ORI_KV_COUNT && head_dim <= ORI_HEAD_DIM_MAX && lane < ORI_ATTN_BLOCK);
    switch (type) {
    case ORI_KV_F32:
        store_f32(key, value, head_dim, lane, keys, row);
        break;
    case ORI_KV_Q8_0:
        store_q8(kernels, key, value, head_dim, lane, keys, row);
        break;
    case ORI_KV_F16:
    case ORI_KV_COUNT:
        store_f16(kernels, key, value, head_dim, lane, keys, row);
        break;
    }
}
