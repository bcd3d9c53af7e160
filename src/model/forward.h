/* The forward pass: a batch of tokens with positions in, hidden states inside,
 * logits for the positions asked out.
 *
 * What comes out for a position depends on the tokens up to it, and on nothing
 * else: not on how the tokens were cut into batches, not on what else is in
 * the batch, not on the number of threads or the CPU tier.
 */
#ifndef ORI_MODEL_FORWARD_H
#define ORI_MODEL_FORWARD_H

#include <stdatomic.h>

#include "model/kv.h"
#include "model/linear.h"
#include "model/rope.h"

struct ori_forward;

/* One token of a batch.  Items of the same sequence come in order of position,
 * and a position's predecessors are in the cache or earlier in the batch. */
struct ori_batch_item {
    int32_t token; /* within the vocabulary */
    uint32_t position;
    struct ori_kv *kv;    /* of its sequence; the item's key and value go in here */
    uint32_t text_tokens; /* of encoders: all of a text is in one batch, so many items */
};

/* Scratch memory for batches of up to max_batch items.  model, compute and
 * rope are borrowed and must outlive it. */
orion_status ori_forward_new(const struct ori_model *model, const struct ori_compute *compute,
                             const struct ori_rope *rope, uint32_t max_batch,
                             struct ori_forward **out, orion_error *err);
void ori_forward_free(struct ori_forward *forward);          /* NULL is a no-op */
size_t ori_forward_bytes(const struct ori_forward *forward); /* of that memory */

/* Compute the hidden states of n <= max_batch items.  ORION_E_IO when the
 * model's file shrank.  ORION_E_CANCELLED when *stop is true before one of the
 * layers; stop may be NULL.  After a failure the cache has some of the items' keys
 * and values, in the place of what a ring gave up for them. */
orion_status ori_forward_run(struct ori_forward *forward, const struct ori_batch_item *items,
                             uint32_t n, const atomic_bool *stop, orion_error *err);

/* [n][n_embd]: the hidden states of the batch just run, valid until the next one. */
const float *ori_forward_hidden(const struct ori_forward *forward);

/* Logits of items [first, first+n) of the batch just run:
 * out[n][n_vocab].  May be called repeatedly, for other items. */
orion_status ori_forward_logits(struct ori_forward *forward, uint32_t first, uint32_t n, float *out,
                                orion_error *err);

#endif
