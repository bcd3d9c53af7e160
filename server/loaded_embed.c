/* Models in memory that make embeddings: an embedder in the place of a scheduler, and
 * one request after the other. */
#include "loaded_model.h"

#include "fail.h"

orion_status loaded_open_embedder(struct loaded_model *model, uint32_t threads, orion_error *err)
{
    orion_embedder_options options;

    orion_embedder_options_init(&options);
    options.threads = threads;
    if (pthread_mutex_init(&model->embedding, NULL) != 0)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a lock");
    const orion_status status = orion_embedder_new(model->model, &options, &model->embedder, err);
    if (status != ORION_OK)
        (void)pthread_mutex_destroy(&model->embedding);
    return status;
}

void loaded_close_embedder(struct loaded_model *model)
{
    orion_embedder_free(model->embedder);
    (void)pthread_mutex_destroy(&model->embedding);
}

uint32_t loaded_embedding_length(const struct loaded_model *model)
{
    orion_model_info info = {0};

    if (model->embedder)
        orion_model_get_info(model->model, &info);
    return info.embedding_length;
}

orion_status loaded_embed(struct loaded_model *model, const orion_embed_input *inputs,
                          size_t n_inputs, orion_embed_fn on_progress, void *user, float *out,
                          uint32_t *n_tokens, orion_error *err)
{
    (void)pthread_mutex_lock(&model->embedding);
    const orion_status status =
        orion_embed(model->embedder, inputs, n_inputs, on_progress, user, out, n_tokens, err);
    (void)pthread_mutex_unlock(&model->embedding);
    return status;
}
