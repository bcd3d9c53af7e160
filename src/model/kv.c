#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "model/kv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static bool sees_all_somewhere(const struct ori_hparams *hp)
{
    for (uint32_t i = 0; i < hp->n_layers; i++)
        if (!ori_layer_is_local(hp, i))
            return true;
    return false;
}

bool ori_kv_needs_window_only(const struct ori_hparams *hp)
{
    return hp->window_tokens > 0 && !sees_all_somewhere(hp);
}

/* Of the layers with a window, if there is one; else of all.  A stretch is written
 * before its first query looks back a whole window.  Beside layers that see all, a
 * ring also holds each block that a batch completes until the batch is computed:
 * a prefix is kept in blocks of all layers, and the others need them all. */
static uint64_t ring_slots(const struct ori_hparams *hp, uint32_t context_tokens,
                           uint32_t batch_tokens)
{
    const uint32_t stretch = batch_tokens < ORI_KV_STRETCH ? batch_tokens : ORI_KV_STRETCH;
    uint64_t need = (uint64_t)hp->window_tokens + stretch - 1;

    if (hp->window_tokens == 0)
        return context_tokens;
    if (sees_all_somewhere(hp) && need < (uint64_t)batch_tokens + ORI_ATTN_BLOCK - 1)
        need = (uint64_t)batch_tokens + ORI_ATTN_BLOCK - 1;
    return need < context_tokens ? need : context_tokens;
}

/* Slots of all layers together; the layers are filled in unless NULL, with offsets in slots. */
static uint64_t lay_out(const struct ori_hparams *hp, uint32_t context_tokens,
                        uint32_t batch_tokens, struct ori_kv_layer *layers)
{
    const uint32_t ring = ori_kv_whole_blocks(ring_slots(hp, context_tokens, batch_tokens));
    const uint32_t all = ori_kv_whole_blocks(context_tokens); /* contexts are at most 2^26 */
    uint64_t sum = 0;

    for (uint32_t i = 0; i < hp->n_layers; i++) {
        const uint32_t n_slots = ori_layer_is_local(hp, i) ? ring : all;
        if (layers)
            layers[i] = (struct ori_kv_layer){.offset = (size_t)sum, .n_slots = n_slots};
        sum += n_slots;
    }
    return sum;
}

/* Of so many slots, in whichever layers. */
static orion_status bytes_of(const struct ori_hparams *hp, enum ori_kv_type type, uint64_t n_slots,
                             uint32_t context_tokens, size_t *out, orion_error *err)
{
    size_t bytes;

    if (!ori_kv_row_bytes(type, hp->head_dim, &bytes))
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "a q8_0 cache holds heads of a multiple of 32 dimensions, but this "
                        "model's have %u; use f16",
                        hp->head_dim);
    if (!ori_mul(bytes, 2, &bytes) || /* keys and values */
        !ori_mul(bytes, hp->n_heads_kv, &bytes) || !ori_mul(bytes, n_slots, &bytes))
        return ori_fail(err, ORION_E_NOMEM, "a cache for %u tokens is larger than any memory",
                        context_tokens);
    *out = bytes;
    return ORION_OK;
}

orion_status ori_kv_bytes(const struct ori_hparams *hp, enum ori_kv_type type,
                          uint32_t context_tokens, uint32_t batch_tokens, size_t *out,
                          orion_error *err)
{
    return bytes_of(hp, type, lay_out(hp, context_tokens, batch_tokens, NULL), context_tokens, out,
                    err);
}

static void make_layers(struct ori_kv *kv, const struct ori_hparams *hp, uint32_t context_tokens,
                        uint32_t batch_tokens)
{
    (void)lay_out(hp, context_tokens, batch_tokens, kv->layers);
    kv->n_slots = kv->layers[0].n_slots;
    for (uint32_t i = 0; i < hp->n_layers; i++) {
        kv->layers[i].offset *= kv->n_heads_kv * kv->row_bytes; /* it fits: bytes did */
        if (kv->layers[i].n_slots < kv->n_slots)
            kv->n_slots = kv->layers[i].n_slots;
    }
}

/* Memory of so many bytes, and layers that are yet to be filled in. */
static orion_status reserve(struct ori_kv *kv, const struct ori_hparams *hp, enum ori_kv_type type,
                            size_t bytes, uint32_t context_tokens, orion_error *err)
{
    struct ori_kv_layer *layers = ori_calloc_array(hp->n_layers, sizeof(*layers));
    if (!layers)
        return ori_fail_nomem(err, "a cache");
    /* Mapped, not allocated: pages come zeroed when they are first written. */
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        free(layers);
        return ori_fail(err, ORION_E_NOMEM,
                        "not enough memory for a cache of %u tokens (%zu MiB); use a smaller "
                        "context",
                        context_tokens, bytes >> 20);
    }
    *kv = (struct ori_kv){
        .layers = layers,
        .keys = memory,
        .values = (uint8_t *)memory + bytes / 2,
        .bytes = bytes,
        .type = type,
        .n_layers = hp->n_layers,
        .n_heads_kv = hp->n_heads_kv,
    };
    (void)ori_kv_row_bytes(type, hp->head_dim, &kv->row_bytes);
    return ORION_OK;
}

orion_status ori_kv_init(struct ori_kv *kv, const struct ori_hparams *hp, enum ori_kv_type type,
                         uint32_t context_tokens, uint32_t batch_tokens, orion_error *err)
{
    size_t bytes;

    *kv = (struct ori_kv){0};
    orion_status status = ori_kv_bytes(hp, type, context_tokens, batch_tokens, &bytes, err);
    if (status == ORION_OK)
        status = reserve(kv, hp, type, bytes, context_tokens, err);
    if (status == ORION_OK)
        make_layers(kv, hp, context_tokens, batch_tokens);
    return status;
}

orion_status ori_kv_passing_bytes(const struct ori_hparams *hp, enum ori_kv_type type,
                                  uint32_t n_slots, size_t *out, orion_error *err)
{
    return bytes_of(hp, type, n_slots, n_slots, out, err);
}

orion_status ori_kv_init_passing(struct ori_kv *kv, const struct ori_hparams *hp,
                                 enum ori_kv_type type, uint32_t n_slots, orion_error *err)
{
    size_t bytes;

    *kv = (struct ori_kv){0};
    orion_status status = ori_kv_passing_bytes(hp, type, n_slots, &bytes, err);
    if (status == ORION_OK)
        status = reserve(kv, hp, type, bytes, n_slots, err);
    if (status == ORION_OK)
        *kv = ori_kv_part(kv, 0, n_slots, kv->layers);
    return status;
}

struct ori_kv ori_kv_part(const struct ori_kv *passing, uint32_t first, uint32_t n_slots,
                          struct ori_kv_layer *layers)
{
    const size_t offset = (size_t)first * passing->n_heads_kv * passing->row_bytes;
    struct ori_kv part = *passing;

    for (uint32_t i = 0; i < part.n_layers; i++)
        layers[i] = (struct ori_kv_layer){.offset = offset, .n_slots = n_slots};
    part.layers = layers;
    part.n_slots = n_slots;
    return part;
}

void ori_kv_release(struct ori_kv *kv)
{
    if (kv->keys)
        (void)munmap(kv->keys, kv->bytes);
    free(kv->layers);
    *kv = (struct ori_kv){0};
}

void ori_kv_give_back(struct ori_kv *kv)
{
    (void)madvise(kv->keys, kv->bytes, MADV_DONTNEED); /* keys and values lie together */
}

void ori_kv_spoil(struct ori_kv *kv)
{
    memset(kv->keys, 0xFF, kv->bytes); /* keys and values lie together */
}

size_t ori_kv_resident_bytes(const struct ori_kv *kv, uint32_t positions)
{
    size_t slots = 0;

    for (uint32_t i = 0; i < kv->n_layers; i++)
        slots += positions < kv->layers[i].n_slots ? positions : kv->layers[i].n_slots;
    return slots * kv->n_heads_kv * kv->row_bytes * 2;
}

void ori_kv_copy_blocks(struct ori_kv *to, const struct ori_kv *from, uint32_t layer,
                        uint32_t first, uint32_t end)
{
    const size_t bytes = ori_kv_block_bytes(to);

    for (uint32_t block = first; block < end; block++)
        for (uint32_t head = 0; head < to->n_heads_kv; head++)
            for (int values = 0; values < 2; values++)
                memcpy(ori_kv_block(to, values != 0, layer, head, block),
                       ori_kv_block(from, values != 0, layer, head, block), bytes);
}

bool ori_kv_can_rewind(const struct ori_kv *kv, const struct ori_hparams *hp, uint32_t n_written,
                       uint32_t keep)
{
    const uint32_t oldest_kept = n_written > kv->n_slots ? n_written - kv->n_slots : 0;
    const uint32_t window = hp->window_tokens;
    uint32_t oldest_needed = 0;

    if (window > 0 && keep + 1 > window)
        oldest_needed = keep + 1 - window;
    return keep <= n_written && oldest_needed >= oldest_kept;
}
