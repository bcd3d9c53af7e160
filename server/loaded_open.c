/* Making room for a model, and opening it. */
#include "loaded_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* ---- room; under the lock ---- */

#define GIB(bytes) ((double)(bytes) / (1u << 30))

static orion_status no_room(const struct loaded *loaded, const char *id, uint64_t need,
                            uint64_t room, orion_error *err)
{
    uint64_t all = room;

    for (const struct loaded_model *m = loaded->models; m; m = m->next)
        all += m->closing ? 0 : loaded_total_bytes(m);
    if (need <= all)
        return server_fail(
            err, ORION_E_BUSY,
            "'%s' takes %.2f GiB of memory and %.2f GiB are free while other models answer "
            "requests; ask again when they are done",
            id, GIB(need), GIB(room));
    return server_fail(
        err, ORION_E_NOMEM,
        "'%s' takes %.2f GiB of memory and %.2f GiB can be had; ask for a smaller context, "
        "use a smaller model, or end other programs",
        id, GIB(need), GIB(all));
}

/* What idle models would give. */
static uint64_t idle_bytes(const struct loaded *loaded)
{
    uint64_t bytes = 0;
    for (const struct loaded_model *m = loaded->models; m; m = m->next)
        bytes += loaded_is_idle(m) ? loaded_total_bytes(m) : 0;
    return bytes;
}

static bool anything_closes(const struct loaded *loaded)
{
    for (const struct loaded_model *m = loaded->models; m; m = m->next)
        if (m->leaving && m->users == 0)
            return true;
    return false;
}

/* Send idle models away until there is room; none if that would not be enough. */
static orion_status make_room(struct loaded *loaded, const char *id, uint64_t need, uint64_t *room,
                              orion_error *err)
{
    while ((*room = loaded_room_bytes(loaded->models)) < need) {
        if (!anything_closes(loaded)) {
            if (need - *room > idle_bytes(loaded))
                return no_room(loaded, id, need, *room, err);
            loaded_send_away(loaded, loaded_longest_idle(loaded));
        }
        (void)pthread_cond_wait(&loaded->changed, &loaded->lock);
    }
    return ORION_OK;
}

/* ---- opening; without the lock ---- */

static orion_status open_scheduler(const struct loaded *loaded, struct loaded_model *model,
                                   uint32_t sequences, orion_error *err)
{
    orion_scheduler_options options;

    orion_scheduler_options_init(&options);
    options.context_tokens = model->context_tokens;
    options.threads = loaded->options.threads;
    options.sequences = sequences;
    options.kv_type = loaded->options.kv_type;
    return orion_scheduler_open(model->model, &options, &model->scheduler, err);
}

static orion_status open_engine(const struct loaded *loaded, struct loaded_model *model,
                                uint32_t sequences, orion_error *err)
{
    orion_model_info info;

    orion_status status = orion_model_open(model->file.path, NULL, &model->model, err);
    if (status != ORION_OK)
        return status;
    orion_model_get_info(model->model, &info);
    status = info.embedding_length > 0 ? loaded_open_embedder(model, loaded->options.threads, err)
                                       : open_scheduler(loaded, model, sequences, err);
    if (status != ORION_OK)
        orion_model_close(model->model);
    return status;
}

static orion_status open_model(struct loaded *loaded, struct loaded_model *model,
                               uint32_t context_tokens, orion_error *err)
{
    struct loaded_need need;
    uint64_t room = 0;

    orion_status status = loaded_need(loaded, model->file.id, context_tokens, &need, err);
    if (status != ORION_OK)
        return status;
    (void)pthread_mutex_lock(&loaded->lock);
    status = make_room(loaded, model->file.id, loaded_need_bytes(&need, 1), &room, err);
    (void)pthread_mutex_unlock(&loaded->lock);
    if (status != ORION_OK)
        return status;
    const uint32_t sequences = loaded_sequences(&need, loaded->options.sequences, room);
    model->context_tokens = need.context_tokens;
    model->trained_tokens = need.trained_tokens;
    model->weights_bytes = need.weights_bytes;
    model->planned_bytes = loaded_need_bytes(&need, sequences) - need.weights_bytes;
    return open_engine(loaded, model, sequences, err);
}

static struct loaded_model *new_model(struct loaded *loaded, const char *name,
                                      const struct model_file *file)
{
    struct loaded_model *model = calloc(1, sizeof(*model));
    if (!model)
        return NULL;
    model->owner = loaded;
    model->file = *file;
    model->keep_alive_s = loaded->options.keep_alive_s;
    (void)snprintf(model->alias, sizeof(model->alias), "%s", name);
    return model;
}

orion_status loaded_open(struct loaded *loaded, const char *name, const struct model_file *file,
                         uint32_t context_tokens, orion_error *err)
{
    struct loaded_model *model = new_model(loaded, name, file);
    if (!model)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a model");

    loaded->opening = true;
    (void)pthread_mutex_unlock(&loaded->lock);
    const orion_status status = open_model(loaded, model, context_tokens, err);
    (void)pthread_mutex_lock(&loaded->lock);
    loaded->opening = false;
    (void)pthread_cond_broadcast(&loaded->changed);
    if (status == ORION_OK) {
        model->next = loaded->models;
        loaded->models = model;
    } else {
        free(model);
    }
    return status;
}
