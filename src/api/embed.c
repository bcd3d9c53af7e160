/* orion_embedder_*, orion_embed. */
#include "api/handles.h"

#include <stdlib.h>

#include "runtime/embed.h"

struct orion_embedder {
    struct ori_embedder *embedder;
};

void orion_embedder_options_init(orion_embedder_options *options)
{
    *options = (orion_embedder_options){.size = sizeof(*options)};
}

orion_status orion_embedder_new(const orion_model *model, const orion_embedder_options *options,
                                orion_embedder **out, orion_error *err)
{
    orion_embedder_options o;

    if (out)
        *out = NULL;
    if (!model || !out)
        return ori_api_null_argument(err, __func__);
    orion_embedder_options_init(&o);
    if (options && !ori_api_take_options(&o, sizeof(o), options))
        return ori_api_not_set_up(err, "orion_embedder_options_init");

    orion_embedder *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the embedder");
    const struct ori_embed_options inner = {.threads = o.threads, .batch_tokens = o.batch_tokens};
    const orion_status status = ori_embedder_new(model->model, &inner, &handle->embedder, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_embedder_free(orion_embedder *embedder)
{
    if (!embedder)
        return;
    ori_embedder_free(embedder->embedder);
    free(embedder);
}

orion_status orion_embed(orion_embedder *embedder, const orion_embed_input *inputs, size_t n_inputs,
                         orion_embed_fn on_progress, void *user, float *out, uint32_t *n_tokens,
                         orion_error *err)
{
    if (!embedder || !inputs || n_inputs == 0 || !out)
        return ori_api_null_argument(err, __func__);
    for (size_t i = 0; i < n_inputs; i++)
        if (!inputs[i].text && !inputs[i].tokens)
            return ori_api_null_argument(err, __func__);
    const struct ori_embed what = {inputs, n_inputs, on_progress, user};
    return ori_embed(embedder->embedder, &what, out, n_tokens, err);
}
