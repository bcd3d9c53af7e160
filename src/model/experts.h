/* The feed-forward block of a mixture of experts (Shazeer et al., 2017).
 *
 * A router scores all experts for each token.  The best few compute, and what
 * they give is added up, weighted by the softmax of their scores.  That is what
 * a softmax over all experts gives, too, when its best are made to add up to 1.
 *
 * Tokens of a batch that chose the same expert are put side by side, so that its
 * weights are read once for all of them.  What comes out for a token depends on
 * the token alone: it ranks its experts by score, of equal ones the lower index
 * first, and adds up in that order.
 */
#ifndef ORI_MODEL_EXPERTS_H
#define ORI_MODEL_EXPERTS_H

#include "model/linear.h"

struct ori_experts;

/* Scratch memory for up to max_batch tokens; model and compute are borrowed and
 * must outlive it.  NULL: not enough memory. */
struct ori_experts *ori_experts_new(const struct ori_model *model,
                                    const struct ori_compute *compute, uint32_t max_batch);
void ori_experts_free(struct ori_experts *experts); /* NULL is a no-op */

/* Of that memory for one token.  No overflow: hyper-parameters are bounded. */
size_t ori_experts_token_bytes(const struct ori_hparams *hp);

/* out[n][n_embd] = the layer's block of x[n][n_embd], n <= max_batch. */
void ori_experts_run(struct ori_experts *experts, const struct ori_layer *layer, const float *x,
                     uint32_t n, float *out);

#endif
