#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "model/kv.h"

#include <string.h>
#include <sys/mman.h>

static uint32_t slots_for(const struct ori_hparams *hp, uint32_t context_tokens,
                          uint32_t batch_tokens)
{
    const uint32_t stretch = batch_tokens < ORI_KV_STRETCH ? batch_tokens : ORI_KV_STRETCH;
    const uint32_t window = ori_ring_window(hp);
    uint64_t need = context_tokens;

    /* A stretch is written before its first query looks back a whole window. */
    if (window > 0 && (uint64_t)window + stretch - 1 < need)
        need = (uint64_t)window + stretch - 1;
    need = (need + ORI_ATTN_BLOCK - 1) / ORI_ATTN_BLOCK * ORI_ATTN_BLOCK;
    return (uint32_t)need; /* contexts are at most 2^26 */
}

orion_status ori_kv_bytes(const struct ori_hparams *hp, enum ori_kv_type type,
                          uint32_t context_tokens, uint32_t batch_tokens, size_t *out,
                          orion_error *err)
{
    size_t bytes;

    if (!ori_kv_row_bytes(type, hp->head_dim, &bytes))
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "a q8_0 cache holds heads of a multiple of 32 dimensions, but this "
                        "model's have %u; use f16",
                        hp->head_dim);
    if (!ori_mul(bytes, 2, &bytes) || /* keys and values */
        !ori_mul(bytes, hp->n_layers, &bytes) || !ori_mul(bytes, hp->n_heads_kv, &bytes) ||
        !ori_mul(bytes, slots_for(hp, context_tokens, batch_tokens), &bytes))
        return ori_fail(err, ORION_E_NOMEM, "a cache for %u tokens is larger than any memory",
                        context_tokens);
    *out = bytes;
    return ORION_OK;
}

orion_status ori_kv_init(struct ori_kv *kv, const struct ori_hparams *hp, enum ori_kv_type type,
                         uint32_t context_tokens, uint32_t batch_tokens, orion_error *err)
{
    size_t bytes;

    *kv = (struct ori_kv){0};
    const orion_status status = ori_kv_bytes(hp, type, context_tokens, batch_tokens, &bytes, err);
    if (status != ORION_OK)
        return status;
    /* Mapped, not allocated: pages come zeroed when they are first written. */
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return ori_fail(err, ORION_E_NOMEM,
                        "not enough memory for a cache of %u tokens (%zu MiB); use a smaller "
                        "context",
                        context_tokens, bytes >> 20);
    *kv = (struct ori_kv){
        .keys = memory,
        .values = (uint8_t *)memory + bytes / 2,
        .bytes = bytes,
        .type = type,
        .n_heads_kv = hp->n_heads_kv,
        .n_slots = slots_for(hp, context_tokens, batch_tokens),
    };
    (void)ori_kv_row_bytes(type, hp->head_dim, &kv->row_bytes);
    return ORION_OK;
}

void ori_kv_release(struct ori_kv *kv)
{
    if (kv->keys)
        (void)munmap(kv->keys, kv->bytes);
    *kv = (struct ori_kv){0};
}

void ori_kv_spoil(struct ori_kv *kv)
{
    memset(kv->keys, 0xFF, kv->bytes); /* keys and values lie together */
}

void ori_kv_copy_block(struct ori_kv *to, const struct ori_kv *from, uint32_t n_layers,
                       uint32_t block)
{
    const size_t bytes = ori_kv_block_bytes(to);

    for (uint32_t layer = 0; layer < n_layers; layer++)
        for (uint32_t head = 0; head < to->n_heads_kv; head++)
            for (int values = 0; values < 2; values++)
                memcpy(ori_kv_block(to, values != 0, layer, head, block),
                       ori_kv_block(from, values != 0, layer, head, block), bytes);
}

bool ori_kv_can_rewind(const struct ori_kv *kv, const struct ori_hparams *hp, uint32_t n_written,
                       uint32_t keep)
{
    const uint32_t oldest_kept = n_written > kv->n_slots ? n_written - kv->n_slots : 0;
    const uint32_t window = ori_ring_window(hp);
    uint32_t oldest_needed = 0;

    if (window > 0 && keep + 1 > window)
        oldest_needed = keep + 1 - window;
    return keep <= n_written && oldest_needed >= oldest_kept;
}
