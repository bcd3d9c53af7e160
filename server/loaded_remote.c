/* Models elsewhere, among those in memory: an endpoint that is opened by the first
 * request for it and stays, since it takes next to nothing. */
#include "loaded_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* Under the lock. */
static struct loaded_model *find(const struct loaded *loaded, const char *name)
{
    struct loaded_model *m = loaded->remotes;
    while (m && strcmp(m->file.id, name) != 0)
        m = m->next;
    return m;
}

/* The same. */
static orion_status add(struct loaded *loaded, const char *name, struct loaded_model **out,
                        orion_error *err)
{
    struct loaded_model *model = calloc(1, sizeof(*model));
    if (!model)
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a model");
    model->owner = loaded;
    (void)snprintf(model->file.id, sizeof(model->file.id), "%s", name);
    const orion_status status =
        orion_endpoint_open_remote(loaded->manager, name, &model->endpoint, err);
    if (status != ORION_OK) {
        free(model);
        return status;
    }
    model->next = loaded->remotes;
    loaded->remotes = model;
    *out = model;
    return ORION_OK;
}

orion_status loaded_acquire_remote(struct loaded *loaded, const char *name,
                                   struct loaded_model **out, orion_error *err)
{
    bool remote = false;

    *out = NULL;
    orion_status status = orion_manager_choose(loaded->manager, name, &remote, err);
    if (status != ORION_OK || !remote)
        return status;
    (void)pthread_mutex_lock(&loaded->lock);
    struct loaded_model *model = find(loaded, name);
    if (!model)
        status = add(loaded, name, &model, err);
    if (model) {
        model->users++;
        *out = model;
    }
    (void)pthread_mutex_unlock(&loaded->lock);
    return status;
}

void loaded_close_remotes(struct loaded *loaded)
{
    for (struct loaded_model *m = loaded->remotes, *next; m; m = next) {
        next = m->next;
        orion_endpoint_close(m->endpoint); /* ends what is under way, which lets go of it */
        free(m);
    }
    loaded->remotes = NULL;
}

/* ---- a request, wherever it goes ---- */

orion_status loaded_submit(const struct loaded_model *model, const orion_request *request,
                           uint64_t *id, orion_error *err)
{
    if (model->endpoint)
        return orion_endpoint_submit(model->endpoint, NULL, request, id, err);
    if (model->scheduler)
        return orion_scheduler_submit(model->scheduler, request, id, err);
    return server_fail(err, ORION_E_UNSUPPORTED,
                       "'%.200s' is a model for embeddings and can't answer; use a model for chats",
                       model->file.id);
}

void loaded_cancel(const struct loaded_model *model, uint64_t id)
{
    if (model->endpoint)
        orion_endpoint_cancel(model->endpoint, id);
    else
        orion_scheduler_cancel(model->scheduler, id);
}

const char *loaded_remote(const struct loaded_model *model)
{
    return model->endpoint ? orion_endpoint_url(model->endpoint) : NULL;
}
