#include "runtime/engine.h"

#define DEFAULT_MAX_CONTEXT 4096u

static orion_status choose_context(struct ori_engine *e, uint32_t asked, orion_error *err)
{
    const uint32_t trained = e->model->hp.context_tokens;

    e->context_tokens = asked;
    if (asked == 0)
        e->context_tokens = trained < DEFAULT_MAX_CONTEXT ? trained : DEFAULT_MAX_CONTEXT;
    if (e->context_tokens > trained)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "a context of %u tokens was asked for, but the model was made for %u; ask "
                        "for at most that",
                        e->context_tokens, trained);
    return ORION_OK;
}

/* A batch has room for a token of each sequence, and no more than all of them
 * can hold. */
static orion_status choose_batch(struct ori_engine *e, uint32_t asked, uint32_t sequences,
                                 orion_error *err)
{
    const uint64_t most = (uint64_t)e->context_tokens * sequences;

    const uint32_t usual = sequences > 1 ? ORI_SHARED_BATCH_TOKENS : ORI_BATCH_TOKENS;

    e->batch_tokens = asked > 0 ? asked : usual;
    if (e->batch_tokens > ORI_MAX_BATCH_TOKENS)
        return ori_fail(err, ORION_E_ARGUMENT, "batches of %u tokens are too large; at most %u",
                        e->batch_tokens, ORI_MAX_BATCH_TOKENS);
    if (e->batch_tokens > most)
        e->batch_tokens = (uint32_t)most;
    if (e->batch_tokens < sequences)
        e->batch_tokens = sequences;
    return ORION_OK;
}

/* A model that makes embeddings gives no answers, and the other way round. */
static orion_status check_use(const struct ori_model *model, bool embeds, orion_error *err)
{
    const char *name = model->arch->name;

    if (!embeds && ori_model_embeds(model))
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "this is a model for embeddings (%s): it turns texts into vectors and "
                        "can't answer; use 'orion embed', or a model for chats",
                        name);
    if (embeds && model->hp.pooling == ORI_POOLING_NONE)
        return ori_fail(
            err, ORION_E_UNSUPPORTED,
            "the model's file does not say how a text becomes one vector "
            "('%s.pooling_type'), so it makes no embeddings; use a model that was made "
            "for them, or, if its publisher says how, 'orion embed --pooling' mean, cls "
            "or last",
            name);
    return ORION_OK;
}

orion_status ori_engine_init(struct ori_engine *e, const struct ori_model *model,
                             const struct ori_engine_options *options, orion_error *err)
{
    const uint32_t sequences = options->sequences > 0 ? options->sequences : 1;
    orion_status status;

    *e = (struct ori_engine){.model = model, .kv_type = options->kv_type};
    if (model->vocab_only)
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "the model was opened for its vocabulary only; it cannot generate");
    if ((status = check_use(model, options->embeds, err)) != ORION_OK ||
        (status = choose_context(e, options->context_tokens, err)) != ORION_OK ||
        (status = choose_batch(e, options->batch_tokens, sequences, err)) != ORION_OK ||
        (status = ori_kernels_choose(&e->kernels, err)) != ORION_OK ||
        (status = ori_pool_new(options->threads, &e->pool, err)) != ORION_OK)
        return status;
    e->compute = (struct ori_compute){&e->kernels, e->pool};
    if ((status = ori_rope_init(&e->rope, model, e->context_tokens, err)) != ORION_OK ||
        (status = ori_forward_new(model, &e->compute, &e->rope, e->batch_tokens, &e->forward,
                                  err)) != ORION_OK)
        return status;
    ori_readahead_init(&e->ahead, model);
    return ORION_OK;
}

void ori_engine_release(struct ori_engine *e)
{
    ori_readahead_release(&e->ahead);
    ori_forward_free(e->forward);
    ori_rope_release(&e->rope);
    ori_pool_free(e->pool);
    *e = (struct ori_engine){0};
}

float *ori_engine_new_logits(const struct ori_engine *e, size_t n_rows)
{
    size_t n;
    return ori_mul(e->model->hp.n_vocab, n_rows, &n) ? ori_alloc_aligned_raw(n, sizeof(float))
                                                     : NULL;
}
