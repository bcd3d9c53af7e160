/* sequence.h - one timeline: tokens, and the cache of their keys and values.
 *
 * Invariant: cache position t belongs to tokens[t] for every t < n_tokens that
 * the layer's ring still holds.
 */
#ifndef ORI_RUNTIME_SEQUENCE_H
#define ORI_RUNTIME_SEQUENCE_H

#include "runtime/engine.h"

/* What is kept, copied and restored is whole blocks, attention's own: the keys
 * of one lie side by side, and no less of them lies in one stretch. */
#define ORI_PREFIX_BLOCK ((uint32_t)ORI_ATTN_BLOCK)

struct ori_sequence {
    const struct ori_hparams *hp; /* borrowed */
    struct ori_kv kv;
    uint32_t context_tokens;
    int32_t *tokens; /* [context_tokens], of which n_tokens are in the cache */
    uint32_t n_tokens;
    uint32_t n_reached; /* >= n_tokens: positions written since position 0 last was; what the
                         * rings have overwritten follows from it, also after going back */
    uint32_t n_touched; /* positions that were written since memory was given back: it is taken */
};

/* May be released after a failure, too; and all zeros is a no-op. */
orion_status ori_sequence_init(struct ori_sequence *sequence, const struct ori_engine *engine,
                               orion_error *err);
void ori_sequence_release(struct ori_sequence *sequence);
void ori_sequence_reset(struct ori_sequence *sequence);
/* Reset it, and give the memory of its cache back. */
void ori_sequence_give_back(struct ori_sequence *sequence);

/* How many of the first `limit` of tokens[] the cache holds, and may go on from. */
uint32_t ori_sequence_common(const struct ori_sequence *sequence, const int32_t *tokens,
                             uint32_t limit);
/* Go back to them.  All of tokens[n] is set then, but what lies beyond n_tokens
 * does not count until it is computed. */
void ori_sequence_turn_to(struct ori_sequence *sequence, const int32_t *tokens, uint32_t n,
                          uint32_t limit);

/* Put the next n tokens, which are set, into a batch: items[n].  The cache counts
 * as holding them only after ori_sequence_computed(). */
void ori_sequence_enter(struct ori_sequence *sequence, uint32_t n, struct ori_batch_item *items);
void ori_sequence_computed(struct ori_sequence *sequence, uint32_t n);

/* Forget the tokens after the first n.  No more of them than were in one batch:
 * so many the ring can always give back. */
void ori_sequence_drop(struct ori_sequence *sequence, uint32_t n);

/* ---- whole blocks ---- */

/* The oldest position that all layers still hold. */
uint32_t ori_sequence_oldest(const struct ori_sequence *sequence);
/* The first block that must be put into the cache for it to hold n_blocks: what
 * it holds is there, and where all layers have a window it reaches back only so far. */
uint32_t ori_sequence_first_needed(const struct ori_sequence *sequence, uint32_t n_blocks);
/* Of the blocks [first, n) that were needed, those before `end` were put in. */
void ori_sequence_took_blocks(struct ori_sequence *sequence, uint32_t first, uint32_t n,
                              uint32_t end);

/* How many of the first `limit` of tokens[] another sequence could take from this
 * one, in whole blocks. */
uint32_t ori_sequence_to_share(const struct ori_sequence *sequence, const int32_t *tokens,
                               uint32_t limit);
/* Take them: `to` was turned to tokens that begin with the n that `from` has to
 * share, and holds fewer. */
void ori_sequence_share(struct ori_sequence *to, const struct ori_sequence *from, uint32_t n);

/* Memory of keys and values so far, in bytes. */
size_t ori_sequence_bytes(const struct ori_sequence *sequence);

#endif
