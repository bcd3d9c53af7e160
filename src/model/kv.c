#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "model/kv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint32_t count_local(const struct ori_hparams *hp)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < hp->n_layers; i++)
        n += ori_layer_is_local(hp, i);
    return n;
}

bool ori_kv_needs_window_only(const struct ori_hparams *hp)
{
    return hp->window_tokens > 0 && count_local(hp) == hp->n_layers;
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
    if (count_local(hp) < hp->n_layers && need < (uint64_t)batch_tokens + ORI_ATTN_BLOCK - 1)
        need = (uint64_t)batch_tokens + ORI_ATTN_BLOCK - 1;
    return need < context_tokens ? need : context_tokens;
}

/* The layers with a window and those without: how many there are, and slots of each. */
struct shape {
    uint32_t n_local, n_global;
    uint32_t ring, all;
};

static struct shape shape_of(const struct ori_hparams *hp, uint32_t context_tokens,
                             uint32_t batch_tokens)
{
    const uint32_t n_local = count_local(hp);

    return (struct shape){
        .n_local = n_local,
        .n_global = hp->n_layers - n_local,
        .ring = ori_kv_whole_blocks(ring_slots(hp, context_tokens, batch_tokens)),
        .all = ori_kv_whole_blocks(context_tokens), /* contexts are at most 2^26 */
    };
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
    const struct shape shape = shape_of(hp, context_tokens, batch_tokens);
    const uint64_t n_slots =
        (uint64_t)shape.n_local * shape.ring + (uint64_t)shape.n_global * shape.all;

    return bytes_of(hp, type, n_slots, context_tokens, out, err);
}

/* Block 0 of all layers with a window, block 1 of them and so on; then those of the
 * layers without.  It fits: the bytes of all did. */
static void make_layers(struct ori_kv *kv, const struct ori_hparams *hp, uint32_t context_tokens,
                        uint32_t batch_tokens)
{
    const struct shape shape = shape_of(hp, context_tokens, batch_tokens);
    const size_t bytes = ori_kv_block_bytes(kv);
    size_t local = 0, global = shape.n_local * bytes * (shape.ring / ORI_ATTN_BLOCK);

    kv->n_slots = shape.n_local > 0 ? shape.ring : shape.all;
    for (uint32_t i = 0; i < hp->n_layers; i++) {
        const bool is_local = ori_layer_is_local(hp, i);
        size_t *const next = is_local ? &local : &global;

        kv->layers[i] = (struct ori_kv_layer){
            .offset = *next,
            .stride = bytes * (is_local ? shape.n_local : shape.n_global),
            .n_slots = is_local ? shape.ring : shape.all,
        };
        *next += bytes;
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
    /* Positions take their memory in turn, so a huge page is soon full. */
    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* a hint: without, it is only slower */
    *kv = (struct ori_kv){
        .layers = layers,
        .memory = memory,
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
    const size_t bytes = ori_kv_block_bytes(passing);
    struct ori_kv part = *passing;

    for (uint32_t i = 0; i < part.n_layers; i++)
        layers[i] = (struct ori_kv_layer){
            .offset = first / ORI_ATTN_BLOCK * bytes, .stride = bytes, .n_slots = n_slots};
    part.layers = layers;
    part.n_slots = n_slots;
    return part;
}

void ori_kv_release(struct ori_kv *kv)
{
    if (kv->memory)
        (void)munmap(kv->memory, kv->bytes);
    free(kv->layers);
    *kv = (struct ori_kv){0};
}

void ori_kv_give_back(struct ori_kv *kv)
{
    (void)madvise(kv->memory, kv->bytes, MADV_DONTNEED);
}

void ori_kv_spoil(struct ori_kv *kv)
{
    memset(kv->memory, 0xFF, kv->bytes);
}

size_t ori_kv_resident_bytes(const struct ori_kv *kv, uint32_t positions)
{
    const uint32_t written = ori_kv_whole_blocks(positions);
    size_t blocks = 0;

    for (uint32_t i = 0; i < kv->n_layers; i++)
        blocks +=
            (written < kv->layers[i].n_slots ? written : kv->layers[i].n_slots) / ORI_ATTN_BLOCK;
    return blocks * ori_kv_block_bytes(kv);
}

void ori_kv_copy_blocks(struct ori_kv *to, const struct ori_kv *from, uint32_t layer,
                        uint32_t first, uint32_t end)
{
    for (uint32_t block = first; block < end; block++)
        memcpy(ori_kv_block(to, layer, 0, block), ori_kv_block(from, layer, 0, block),
               ori_kv_block_bytes(to));
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
