/* How keys and values lie in the cache; see kernels.h. */
#ifndef ORI_KERNELS_KV_LAYOUT_H
#define ORI_KERNELS_KV_LAYOUT_H

#include "kernels/blocks.h"
#include "kernels/kernels.h"

/* 32 dimensions of a block of positions. */
struct ori_kv_q8_keys {
    uint8_t d[ORI_ATTN_BLOCK][2]; /* f16 */
    int8_t qs[ORI_BLOCK][ORI_ATTN_BLOCK];
};

/* Bytes of one position; head_dim suits the type. */
static inline size_t ori_kv_stride(enum ori_kv_type type, size_t head_dim)
{
    const size_t whole = (head_dim + 15) / 16 * 16;

    switch (type) {
    case ORI_KV_Q8_0:
        return head_dim / ORI_BLOCK * sizeof(struct ori_block_q8_0);
    case ORI_KV_F32:
        return whole * sizeof(float);
    case ORI_KV_F16:
    case ORI_KV_COUNT:
        break;
    }
    return whole * sizeof(uint16_t);
}

/* Bytes of a head's keys, or of its values, in a block. */
static inline size_t ori_kv_part_bytes(enum ori_kv_type type, size_t head_dim)
{
    return ORI_ATTN_BLOCK * ori_kv_stride(type, head_dim);
}

#endif
