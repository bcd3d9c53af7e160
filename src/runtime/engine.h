/* engine.h - what computes: kernels, threads, scratch memory, and the sizes that
 * follow from how it was asked for.  It computes batches for any number of
 * sequences, and belongs to one thread at a time. */
#ifndef ORI_RUNTIME_ENGINE_H
#define ORI_RUNTIME_ENGINE_H

#include "base/base.h"
#include "model/forward.h"
#include "model/readahead.h"
#include "runtime/prefixes.h"

struct ori_engine_options {
    bool embeds;             /* for embeddings; else for answers */
    uint32_t context_tokens; /* of each sequence; 0: the model's, at most 4096 */
    uint32_t threads;        /* 0: physical cores */
    uint32_t batch_tokens;   /* 0: as below */
    uint32_t sequences;      /* that share batches; 0: 1 */
    enum ori_kv_type kv_type;
    const struct ori_prefixes *prefixes; /* may be NULL; outlives the engine */
};
/* The larger a batch, the less often the weights are read; but where sequences
 * share batches, the answers of some wait for the prompts of others. */
#define ORI_BATCH_TOKENS 512
#define ORI_SHARED_BATCH_TOKENS 256
#define ORI_MAX_BATCH_TOKENS 8192u

struct ori_engine {
    const struct ori_model *model; /* borrowed */
    struct ori_kernels kernels;
    struct ori_pool *pool;
    struct ori_compute compute;
    struct ori_rope rope;
    struct ori_forward *forward;
    struct ori_readahead ahead;
    enum ori_kv_type kv_type;
    uint32_t context_tokens;
    uint32_t batch_tokens; /* items of a batch, of all sequences together */

    /* Set by ori_snapshot_attach(); prefixes NULL: none are kept. */
    const struct ori_prefixes *prefixes;    /* borrowed */
    uint8_t prefix_facts[ORI_SHA256_BYTES]; /* what a prefix depends on besides tokens */
    size_t prefix_block_bytes;
};

/* The engine must stay where it is: its parts point at each other.  May be
 * released after a failure, too; and all zeros is a no-op.  Prefixes are for
 * ori_snapshot_attach(). */
orion_status ori_engine_init(struct ori_engine *engine, const struct ori_model *model,
                             const struct ori_engine_options *options, orion_error *err);
void ori_engine_release(struct ori_engine *engine);

/* Room for n_rows of logits, or NULL.  Rows that are never written never become
 * resident. */
float *ori_engine_new_logits(const struct ori_engine *engine, size_t n_rows);

#endif
