/* A forward pass with its surroundings, chosen piece by piece: kernels tier,
 * threads, batch, context.  What a session does, without a session.  Include
 * after cmocka.h. */
#ifndef TEST_ENGINE_H
#define TEST_ENGINE_H

#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "model/forward.h"

struct engine {
    const struct ori_model *model;
    struct ori_kernels kernels;
    struct ori_pool *pool;
    struct ori_compute compute;
    struct ori_rope rope;
    struct ori_kv kv;
    struct ori_forward *forward;
    uint32_t batch;
};

static inline struct ori_model *open_model(const char *path)
{
    struct ori_model *model;
    orion_error err = {0};
    const struct ori_model_options options = {0};
    if (ori_model_open(path, options, &model, &err) != ORION_OK)
        fail_msg("%s: %s", path, err.message);
    return model;
}

/* kv_batch: how far the cache's ring may be written ahead (a batch, or a stretch
 * of one); 0: it holds the whole context, whatever the window. */
static inline void engine_open_kv(struct engine *e, const struct ori_model *model,
                                  enum ori_kv_type kv_type, uint32_t cpu, uint32_t threads,
                                  uint32_t context, uint32_t batch, uint32_t kv_batch)
{
    *e = (struct engine){.model = model, .batch = batch};
    ori_kernels_init(&e->kernels, cpu);
    assert_int_equal(ori_pool_new(threads, &e->pool, NULL), ORION_OK);
    e->compute = (struct ori_compute){&e->kernels, e->pool};
    assert_int_equal(ori_rope_init(&e->rope, model, context, NULL), ORION_OK);
    struct ori_hparams hp = model->hp;
    if (kv_batch == 0)
        hp.window_tokens = 0;
    assert_int_equal(ori_kv_init(&e->kv, &hp, kv_type, context, kv_batch, NULL), ORION_OK);
    assert_int_equal(ori_forward_new(model, &e->compute, &e->rope, batch, &e->forward, NULL),
                     ORION_OK);
}

static inline void engine_open(struct engine *e, const struct ori_model *model, uint32_t cpu,
                               uint32_t threads, uint32_t context, uint32_t batch,
                               uint32_t kv_batch)
{
    engine_open_kv(e, model, ORI_KV_F16, cpu, threads, context, batch, kv_batch);
}

static inline void engine_close(struct engine *e)
{
    ori_forward_free(e->forward);
    ori_kv_release(&e->kv);
    ori_rope_release(&e->rope);
    ori_pool_free(e->pool);
}

/* Run tokens[from, to), whose predecessors are in the cache, and put the
 * logits of each into logits[position][n_vocab]. */
static inline void engine_run(struct engine *e, const int32_t *tokens, uint32_t from, uint32_t to,
                              float *logits)
{
    const size_t n_vocab = e->model->hp.n_vocab;
    struct ori_batch_item *items = calloc(e->batch, sizeof(*items));

    assert_non_null(items);
    while (from < to) {
        const uint32_t n = to - from < e->batch ? to - from : e->batch;
        for (uint32_t i = 0; i < n; i++)
            items[i] = (struct ori_batch_item){
                .token = tokens[from + i], .position = from + i, .kv = &e->kv};
        assert_int_equal(ori_forward_run(e->forward, items, n, NULL, NULL), ORION_OK);
        assert_int_equal(ori_forward_logits(e->forward, 0, n, logits + from * n_vocab, NULL),
                         ORION_OK);
        from += n;
    }
    free(items);
}

static inline float *new_logits(const struct ori_model *model, uint32_t n)
{
    float *logits = ori_alloc_aligned((size_t)n * model->hp.n_vocab, sizeof(*logits));
    assert_non_null(logits);
    return logits;
}

/* Token ids that repeat after a long while only. */
static inline void some_tokens(int32_t *tokens, uint32_t n, uint32_t n_vocab, uint32_t seed)
{
    uint32_t state = seed * 2654435761u + 1;
    for (uint32_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        tokens[i] = (int32_t)((state >> 8) % n_vocab);
    }
}

/* The tiers that this machine has; scalar is always the first. */
#define MAX_TIERS 4
static inline size_t all_tiers(uint32_t tiers[MAX_TIERS])
{
    static const uint32_t all[MAX_TIERS] = {0, ORI_CPU_AVX2, ORI_CPU_AVX2 | ORI_CPU_AVXVNNI,
                                            ORI_CPU_AVX2 | ORI_CPU_AVX512};
    const uint32_t cpu = ori_cpu_detect();
    size_t n = 0;

    for (size_t i = 0; i < MAX_TIERS; i++)
        if ((cpu & all[i]) == all[i])
            tiers[n++] = all[i];
    return n;
}

/* Scalar, one thread, one token at a time: what all others must equal. */
static inline float *reference_kv(const struct ori_model *model, enum ori_kv_type kv_type,
                                  const int32_t *tokens, uint32_t n)
{
    float *logits = new_logits(model, n);
    struct engine e;
    engine_open_kv(&e, model, kv_type, 0, 1, model->hp.context_tokens, 1, 1);
    engine_run(&e, tokens, 0, n, logits);
    engine_close(&e);
    return logits;
}

static inline float *reference(const struct ori_model *model, const int32_t *tokens, uint32_t n)
{
    return reference_kv(model, ORI_KV_F16, tokens, n);
}

#endif
