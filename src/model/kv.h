/* The KV cache of one sequence.
 *
 * Each layer is a ring: position t lies in slot t mod its number of slots.  A layer
 * with an attention window needs no more slots than the window and one stretch;
 * any other needs the whole context.  What all layers (of those with a window, and of
 * those without) hold of a block of positions lies together, so memory is taken as
 * positions are written, in huge pages. */
#ifndef ORI_MODEL_KV_H
#define ORI_MODEL_KV_H

#include "kernels/kernels.h"
#include "model/model.h"

struct ori_kv_layer {
    size_t offset;    /* of its first block */
    size_t stride;    /* bytes from a block to the next one */
    uint32_t n_slots; /* a multiple of ORI_ATTN_BLOCK */
};

struct ori_kv {
    struct ori_kv_layer *layers; /* [n_layers], owned */
    uint8_t *memory; /* a block of a layer: [n_heads_kv][keys, values], as kernels.h says */
    size_t bytes;
    enum ori_kv_type type;
    size_t row_bytes; /* of the key, or the value, of one position in one head */
    uint32_t n_layers;
    uint32_t n_heads_kv;
    uint32_t n_slots; /* of the smallest layer: positions that all layers hold */
};

/* Slots for so many positions, at most 2^26. */
static inline uint32_t ori_kv_whole_blocks(uint64_t positions)
{
    return (uint32_t)((positions + ORI_ATTN_BLOCK - 1) / ORI_ATTN_BLOCK * ORI_ATTN_BLOCK);
}

/* Do all layers have a window?  Then what lies before it is never needed again. */
bool ori_kv_needs_window_only(const struct ori_hparams *hp);

/* A batch is written and attended to in stretches of so many items, so that a
 * ring need not hold a window and a whole batch. */
#define ORI_KV_STRETCH 64

/* For positions < context_tokens, computed at most batch_tokens at a time.
 * ORION_E_UNSUPPORTED when the type can't hold heads of the model's size. */
orion_status ori_kv_init(struct ori_kv *kv, const struct ori_hparams *hp, enum ori_kv_type type,
                         uint32_t context_tokens, uint32_t batch_tokens, orion_error *err);
void ori_kv_release(struct ori_kv *kv);

/* For texts that are computed whole, in one batch: no layer needs another one's
 * keys and values, so all lie in the same n_slots, a multiple of ORI_ATTN_BLOCK. */
orion_status ori_kv_init_passing(struct ori_kv *kv, const struct ori_hparams *hp,
                                 enum ori_kv_type type, uint32_t n_slots, orion_error *err);
orion_status ori_kv_passing_bytes(const struct ori_hparams *hp, enum ori_kv_type type,
                                  uint32_t n_slots, size_t *out, orion_error *err);
/* n_slots of such a one from `first` on, multiples of ORI_ATTN_BLOCK, as the cache of
 * one text.  Borrows its memory, and layers[n_layers]; not to be released. */
struct ori_kv ori_kv_part(const struct ori_kv *passing, uint32_t first, uint32_t n_slots,
                          struct ori_kv_layer *layers);

/* Give its memory back to the system: it is as never written. */
void ori_kv_give_back(struct ori_kv *kv);

/* Fill it with what is no number. */
void ori_kv_spoil(struct ori_kv *kv);

/* Bytes that ori_kv_init() would reserve.  ORION_E_UNSUPPORTED as above,
 * ORION_E_NOMEM on overflow. */
orion_status ori_kv_bytes(const struct ori_hparams *hp, enum ori_kv_type type,
                          uint32_t context_tokens, uint32_t batch_tokens, size_t *out,
                          orion_error *err);

/* Of those, what is resident when `positions` were written since it was made: whole blocks. */
size_t ori_kv_resident_bytes(const struct ori_kv *kv, uint32_t positions);

/* Bytes of the keys and values of ORI_ATTN_BLOCK positions in a layer and head. */
static inline size_t ori_kv_head_bytes(const struct ori_kv *kv)
{
    return (size_t)2 * ORI_ATTN_BLOCK * kv->row_bytes;
}

/* The same of all its heads, which lie one after the other. */
static inline size_t ori_kv_block_bytes(const struct ori_kv *kv)
{
    return kv->n_heads_kv * ori_kv_head_bytes(kv);
}

/* A head of block b of a layer, positions [b, b+1) * ORI_ATTN_BLOCK. */
static inline uint8_t *ori_kv_block(const struct ori_kv *kv, uint32_t layer, uint32_t head,
                                    uint32_t block)
{
    const struct ori_kv_layer *l = &kv->layers[layer];
    const size_t in_ring = block % (l->n_slots / ORI_ATTN_BLOCK);

    return kv->memory + l->offset + in_ring * l->stride + head * ori_kv_head_bytes(kv);
}

/* Copy the keys and values of blocks [first, end) of a layer between caches of the
 * same shape. */
void ori_kv_copy_blocks(struct ori_kv *to, const struct ori_kv *from, uint32_t layer,
                        uint32_t first, uint32_t end);

/* With positions up to n_written written at some time, may one go back to
 * `keep` positions and continue?  Not when a ring has overwritten keys that
 * the next query's window reaches.  Going back does not bring keys back: the
 * caller passes the furthest that was written, not where it stands. */
bool ori_kv_can_rewind(const struct ori_kv *kv, const struct ori_hparams *hp, uint32_t n_written,
                       uint32_t keep);

#endif
