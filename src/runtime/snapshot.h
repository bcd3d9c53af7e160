/* A sequence's prefix in blocks that outlive it.
 *
 * A block is the keys and values of ORI_PREFIX_BLOCK positions.  What they are
 * depends on the tokens up to them, the model, and how it is computed; a
 * block's name is made of all that, so that a block of anything else is simply
 * not found.  Prompts that begin alike share their first blocks.
 */
#ifndef ORI_RUNTIME_SNAPSHOT_H
#define ORI_RUNTIME_SNAPSHOT_H

#include "runtime/sequence.h"

/* Make the engine's sequences find and keep blocks there; kv is the cache of any
 * of them, which all have the same shape. */
orion_status ori_snapshot_attach(struct ori_engine *engine, const struct ori_kv *kv,
                                 const struct ori_prefixes *prefixes, orion_error *err);

/* Keep the whole blocks that the cache still holds and the folder lacks. */
orion_status ori_snapshot_save(const struct ori_engine *engine, const struct ori_sequence *sequence,
                               orion_error *err);

/* tokens[0, limit) of the sequence are set, of which the cache holds n_tokens.
 * Take more of them from the folder if it has more; n_tokens tells how far it
 * went, and may be 0 when blocks were damaged.  ORION_E_NOMEM only. */
orion_status ori_snapshot_restore(const struct ori_engine *engine, struct ori_sequence *sequence,
                                  uint32_t limit, orion_error *err);

#endif
