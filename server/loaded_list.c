/* Facts of what is in memory. */
#include "loaded_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fail.h"

static int64_t expires_unix(const struct loaded_model *model)
{
    const int64_t idle_s = model->users > 0 ? 0 : loaded_now_s() - model->idle_since_s;
    if (model->leaving)
        return (int64_t)time(NULL);
    return model->keep_alive_s < 0 ? 0 : (int64_t)time(NULL) + model->keep_alive_s - idle_s;
}

static void tell(const struct loaded_model *model, struct loaded_facts *out)
{
    orion_model_info info;
    orion_scheduler_load load;

    orion_model_get_info(model->model, &info);
    orion_scheduler_get_load(model->scheduler, &load);
    *out = (struct loaded_facts){
        .kv_type = model->owner->options.kv_type,
        .file_bytes = info.file_bytes,
        .memory_bytes = model->weights_bytes + load.kv_bytes + load.buffer_bytes,
        .n_params = info.n_params,
        .context_tokens = model->context_tokens,
        .running = load.running,
        .waiting = load.waiting,
        .requests = load.requests,
        .prompt_tokens = load.prompt_tokens,
        .cached_tokens = load.cached_tokens,
        .output_tokens = load.output_tokens,
        .expires_unix = expires_unix(model),
        .unloading = model->leaving,
    };
    (void)snprintf(out->id, sizeof(out->id), "%s", model->file.id);
    (void)snprintf(out->path, sizeof(out->path), "%s", model->file.path);
    (void)snprintf(out->name, sizeof(out->name), "%s", info.name);
    (void)snprintf(out->architecture, sizeof(out->architecture), "%s", info.architecture);
    (void)snprintf(out->quantization, sizeof(out->quantization), "%s", info.quantization);
}

orion_status loaded_list(struct loaded *loaded, struct loaded_facts **out, size_t *n,
                         orion_error *err)
{
    size_t count = 0, used = 0;

    *out = NULL;
    *n = 0;
    (void)pthread_mutex_lock(&loaded->lock);
    for (const struct loaded_model *m = loaded->models; m; m = m->next)
        count++;
    struct loaded_facts *facts = calloc(count + 1, sizeof(*facts)); /* never of nothing */
    for (const struct loaded_model *m = loaded->models; m && facts; m = m->next)
        if (!m->closing)
            tell(m, &facts[used++]);
    (void)pthread_mutex_unlock(&loaded->lock);
    if (!facts)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for the list of models");
    *out = facts;
    *n = used;
    return ORION_OK;
}
