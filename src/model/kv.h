/* The KV cache of one sequence.
 *
 * A ring: position t lies in slot t mod n_slots.  A model whose layers all
 * have an attention window needs no more slots than the window and one stretch;
 * any other needs its whole context.  Memory is taken as positions are written, not before.
 */
#ifndef ORI_MODEL_KV_H
#define ORI_MODEL_KV_H

#include "kernels/kernels.h"
#include "model/model.h"

struct ori_kv {
    uint8_t *keys; /* [n_layers][n_heads_kv][n_slots][row_bytes], within a head as kernels.h says */
    uint8_t *values; /* the same shape */
    size_t bytes;    /* of both together */
    enum ori_kv_type type;
    size_t row_bytes; /* of one position of one head, in either */
    uint32_t n_heads_kv;
    uint32_t n_slots; /* a multiple of ORI_ATTN_BLOCK */
};

/* A batch is written and attended to in stretches of so many items, so that a
 * ring need not hold a window and a whole batch. */
#define ORI_KV_STRETCH 64

/* For positions < context_tokens, computed at most batch_tokens at a time.
 * ORION_E_UNSUPPORTED when the type can't hold heads of the model's size. */
orion_status ori_kv_init(struct ori_kv *kv, const struct ori_hparams *hp, enum ori_kv_type type,
                         uint32_t context_tokens, uint32_t batch_tokens, orion_error *err);
void ori_kv_release(struct ori_kv *kv);

/* Fill it with what is no number. */
void ori_kv_spoil(struct ori_kv *kv);

/* Bytes that ori_kv_init() would reserve.  ORION_E_UNSUPPORTED as above,
 * ORION_E_NOMEM on overflow. */
orion_status ori_kv_bytes(const struct ori_hparams *hp, enum ori_kv_type type,
                          uint32_t context_tokens, uint32_t batch_tokens, size_t *out,
                          orion_error *err);

/* Start of the slots of one layer and head, in bytes. */
static inline size_t ori_kv_offset(const struct ori_kv *kv, uint32_t layer, uint32_t head)
{
    return ((size_t)layer * kv->n_heads_kv + head) * kv->n_slots * kv->row_bytes;
}

/* Bytes of the keys, or the values, of ORI_ATTN_BLOCK positions in a layer and head. */
static inline size_t ori_kv_block_bytes(const struct ori_kv *kv)
{
    return ORI_ATTN_BLOCK * kv->row_bytes;
}

/* Where those of block b begin, positions [b, b+1) * ORI_ATTN_BLOCK: one stretch. */
static inline uint8_t *ori_kv_block(const struct ori_kv *kv, bool values, uint32_t layer,
                                    uint32_t head, uint32_t block)
{
    const size_t in_ring = block % (kv->n_slots / ORI_ATTN_BLOCK);

    return (values ? kv->values : kv->keys) + ori_kv_offset(kv, layer, head) +
           in_ring * ori_kv_block_bytes(kv);
}

/* Copy the keys and values of block b between caches of the same shape. */
void ori_kv_copy_block(struct ori_kv *to, const struct ori_kv *from, uint32_t n_layers,
                       uint32_t block);

/* With positions up to n_written written at some time, may one go back to
 * `keep` positions and continue?  Not when the ring has overwritten keys that
 * the next query's window reaches.  Going back does not bring keys back: the
 * caller passes the furthest that was written, not where it stands. */
bool ori_kv_can_rewind(const struct ori_kv *kv, const struct ori_hparams *hp, uint32_t n_written,
                       uint32_t keep);

#endif
