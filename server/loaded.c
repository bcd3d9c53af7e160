/* Models in memory.
 *
 * One lock guards the list; one thread, the keeper, does all closing: of what has
 * been idle for its time, of what is to leave and is used no more, and of what
 * stands in the way when memory is short.  So whoever lets go of a model only says
 * so, which a callback of the model's own scheduler may.  Models are opened by the
 * thread that asks for them, one at a time, so that two can't count on the same
 * memory. */
#include "loaded_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fail.h"
#include "thread.h"

#define DEFAULT_CONTEXT 4096 /* tokens, as orion_scheduler_options has it */
#define WAIT_FOR_OTHERS_S 30

/* ---- time ---- */

static struct timespec now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return t;
}

static struct timespec after(struct timespec t, int64_t seconds)
{
    t.tv_sec += seconds;
    return t;
}

int64_t loaded_now_s(void)
{
    return now().tv_sec;
}

/* ---- the list; under the lock ---- */

static bool answers_to(const struct loaded_model *model, const char *name)
{
    return strcmp(model->file.id, name) == 0 || strcmp(model->alias, name) == 0;
}

static struct loaded_model *find_id(const struct loaded *loaded, const char *id)
{
    struct loaded_model *m = loaded->models;
    while (m && strcmp(m->file.id, id) != 0)
        m = m->next;
    return m;
}

static struct loaded_model *find_name(const struct loaded *loaded, const char *name)
{
    struct loaded_model *m = loaded->models;
    while (m && !answers_to(m, name))
        m = m->next;
    return m;
}

struct loaded_model *loaded_longest_idle(const struct loaded *loaded)
{
    struct loaded_model *longest = NULL;
    for (struct loaded_model *m = loaded->models; m; m = m->next)
        if (loaded_is_idle(m) && (!longest || m->idle_since_use < longest->idle_since_use))
            longest = m;
    return longest;
}

void loaded_send_away(struct loaded *loaded, struct loaded_model *model)
{
    model->leaving = true;
    (void)pthread_cond_broadcast(&loaded->changed);
}

/* ---- acquire and release ---- */

static uint32_t context_for(const struct loaded *loaded, const struct loaded_wish *wish)
{
    return wish && wish->context_tokens > 0 ? wish->context_tokens : loaded->options.context_tokens;
}

/* 0 asks for the model's own, which it has unless it was opened for less. */
static bool has_context(const struct loaded_model *model, uint32_t context_tokens)
{
    if (context_tokens == 0)
        context_tokens = DEFAULT_CONTEXT;
    return model->context_tokens >= context_tokens ||
           model->context_tokens == model->trained_tokens;
}

static void take(struct loaded_model *model, const struct loaded_wish *wish)
{
    model->users++;
    model->leaving = false;
    if (wish && wish->keep_alive_given)
        model->keep_alive_s = wish->keep_alive_s;
}

static orion_status wait_for_change(struct loaded *loaded, const struct timespec *until,
                                    const char *id, orion_error *err)
{
    if (pthread_cond_timedwait(&loaded->changed, &loaded->lock, until) != ETIMEDOUT)
        return ORION_OK;
    return server_fail(err, ORION_E_BUSY,
                       "'%s' can't be opened before what is under way is done; ask again later",
                       id);
}

/* Under the lock. */
static orion_status hold(struct loaded *loaded, const char *name, const struct model_file *file,
                         const struct loaded_wish *wish, struct loaded_model **out,
                         orion_error *err)
{
    const uint32_t context = context_for(loaded, wish);
    const struct timespec until = after(now(), WAIT_FOR_OTHERS_S);
    orion_status status = ORION_OK;

    while (status == ORION_OK) {
        if (loaded->stopping)
            return server_fail(err, ORION_E_CANCELLED, "the server is ending");
        struct loaded_model *model = find_id(loaded, file->id);
        if (model && !model->closing && has_context(model, context) &&
            model_file_same(&model->file.st, &file->st)) {
            take(model, wish);
            *out = model;
            return ORION_OK;
        }
        if (model)
            loaded_send_away(loaded, model); /* and wait until it is gone */
        if (model || loaded->opening)
            status = wait_for_change(loaded, &until, file->id, err);
        else
            status = loaded_open(loaded, name, file, context, err);
    }
    return status;
}

/* Spare the look into the models directory when the name is one that a model in
 * memory goes by and its file is still the same. */
static bool find_loaded(struct loaded *loaded, const char *name, struct model_file *out)
{
    struct stat st;

    (void)pthread_mutex_lock(&loaded->lock);
    const struct loaded_model *model = find_name(loaded, name);
    if (model)
        *out = model->file;
    (void)pthread_mutex_unlock(&loaded->lock);
    return model && stat(out->path, &st) == 0 && model_file_same(&st, &out->st);
}

orion_status loaded_acquire(struct loaded *loaded, const char *name, const struct loaded_wish *wish,
                            struct loaded_model **out, orion_error *err)
{
    struct model_file file;

    orion_status status = loaded_acquire_remote(loaded, name, out, err);
    if (status != ORION_OK || *out)
        return status;
    if (!find_loaded(loaded, name, &file))
        status = model_file_find(loaded->manager, name, &file, err);
    if (status != ORION_OK)
        return status;
    (void)pthread_mutex_lock(&loaded->lock);
    status = hold(loaded, name, &file, wish, out, err);
    (void)pthread_mutex_unlock(&loaded->lock);
    return status;
}

void loaded_release(struct loaded_model *model)
{
    if (!model)
        return;
    struct loaded *loaded = model->owner;
    (void)pthread_mutex_lock(&loaded->lock);
    model->users--;
    model->idle_since_s = loaded_now_s();
    model->idle_since_use = ++loaded->uses;
    if (model->users == 0)
        (void)pthread_cond_broadcast(&loaded->changed);
    (void)pthread_mutex_unlock(&loaded->lock);
}

orion_status loaded_unload(struct loaded *loaded, const char *name, orion_error *err)
{
    struct model_file file;

    /* A model whose file is gone is still known by its id. */
    const bool found = model_file_find(loaded->manager, name, &file, NULL) == ORION_OK;
    (void)pthread_mutex_lock(&loaded->lock);
    struct loaded_model *model = found ? find_id(loaded, file.id) : find_name(loaded, name);
    if (model)
        loaded_send_away(loaded, model);
    (void)pthread_mutex_unlock(&loaded->lock);
    return model ? ORION_OK
                 : server_fail(err, ORION_E_NOT_FOUND, "'%.200s' is not in memory", name);
}

/* ---- facts ---- */

orion_scheduler *loaded_scheduler(const struct loaded_model *model)
{
    return model->scheduler;
}

const orion_model *loaded_orion(const struct loaded_model *model)
{
    return model->model;
}

const char *loaded_id(const struct loaded_model *model)
{
    return model->file.id;
}

uint32_t loaded_context(const struct loaded_model *model)
{
    return model->context_tokens;
}

/* ---- the whole ---- */

static bool init_waiting(struct loaded *loaded)
{
    pthread_condattr_t attr;

    if (pthread_condattr_init(&attr) != 0)
        return false;
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    const bool ok = pthread_cond_init(&loaded->changed, &attr) == 0;
    (void)pthread_condattr_destroy(&attr);
    return ok && pthread_mutex_init(&loaded->lock, NULL) == 0;
}

orion_status loaded_new(orion_manager *manager, const struct loaded_options *options,
                        struct loaded **out, orion_error *err)
{
    struct loaded *loaded = calloc(1, sizeof(*loaded));

    *out = NULL;
    if (!loaded || !init_waiting(loaded)) {
        free(loaded);
        return server_fail(err, ORION_E_NOMEM, "not enough memory for a server");
    }
    loaded->manager = manager;
    loaded->options = *options;
    if (thread_start(&loaded->keeper, loaded_keep, loaded) != 0) {
        (void)pthread_cond_destroy(&loaded->changed);
        (void)pthread_mutex_destroy(&loaded->lock);
        free(loaded);
        return server_fail(err, ORION_E_NOMEM, "no thread could be started to keep models");
    }
    *out = loaded;
    return ORION_OK;
}

void loaded_stop(struct loaded *loaded)
{
    if (!loaded)
        return;
    (void)pthread_mutex_lock(&loaded->lock);
    loaded->stopping = true;
    (void)pthread_cond_broadcast(&loaded->changed);
    (void)pthread_mutex_unlock(&loaded->lock);
}

void loaded_free(struct loaded *loaded)
{
    if (!loaded)
        return;
    (void)pthread_mutex_lock(&loaded->lock);
    loaded->ending = true;
    (void)pthread_cond_broadcast(&loaded->changed);
    (void)pthread_mutex_unlock(&loaded->lock);
    (void)pthread_join(loaded->keeper, NULL);
    loaded_close_remotes(loaded);
    (void)pthread_cond_destroy(&loaded->changed);
    (void)pthread_mutex_destroy(&loaded->lock);
    free(loaded);
}
