/* embed.h - one vector for each text, by a model that makes embeddings.
 *
 * Texts share batches, and what comes out for one does not depend on the others.
 * Each is computed whole, in one batch, so there is no cache to go on from.
 */
#ifndef ORI_RUNTIME_EMBED_H
#define ORI_RUNTIME_EMBED_H

#include "model/pooling.h"
#include "runtime/engine.h"

struct ori_embed_options {
    uint32_t threads;      /* 0: physical cores */
    uint32_t batch_tokens; /* the longest text; 0: the model's context, or at most: */
};
#define ORI_EMBED_USUAL_TOKENS 2048u /* scratch memory grows with it */

/* What the keys and values of a batch take at most, of all its texts. */
orion_status ori_embed_kv_bytes(const struct ori_hparams *hp, uint32_t batch_tokens, size_t *out,
                                orion_error *err);

struct ori_embedder {
    struct ori_engine engine;
    struct ori_pooling_pass pooling;
    struct ori_kv kv; /* of the layer at hand, for all texts of a batch */

    /* The batch in progress. */
    struct ori_batch_item *items; /* [engine.batch_tokens] */
    struct ori_kv *parts;         /* [max_texts] of kv */
    struct ori_kv_layer *layers;  /* [max_texts][n_layers] of the parts */
    uint32_t *lengths;            /* [max_texts] in tokens */
    uint32_t max_texts;
};

/* ORION_E_UNSUPPORTED when the model makes no vectors of texts. */
orion_status ori_embedder_new(const struct ori_model *model,
                              const struct ori_embed_options *options, struct ori_embedder **out,
                              orion_error *err);
void ori_embedder_free(struct ori_embedder *embedder); /* NULL is a no-op */

struct ori_embed {
    const orion_embed_input *inputs; /* [n_inputs] */
    size_t n_inputs;
    orion_embed_fn on_progress; /* may be NULL */
    void *user;
};

/* out[n_inputs][ori_model_embedding_length()], n_tokens[n_inputs] (may be NULL). */
orion_status ori_embed(struct ori_embedder *embedder, const struct ori_embed *what, float *out,
                       uint32_t *n_tokens, orion_error *err);

#endif
