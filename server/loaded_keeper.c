/* The keeper: the one thread that closes models.
 *
 * What has been idle for its time, what is to leave and is used no more, and what
 * is idle when memory is short; before that, models give back what they hold of
 * conversations.  It sleeps until the next of these is due, or something changes. */
#include "loaded_model.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

/* Memory is looked at so often while there is a model. */
#define LOOK_S 5
#define LOOK_WHEN_SHORT_S 1

#define CONVERSATION_S 300 /* is kept so long where models stay for ever */

static void unlink_model(struct loaded *loaded, const struct loaded_model *model)
{
    struct loaded_model **at = &loaded->models;
    while (*at != model)
        at = &(*at)->next;
    *at = model->next;
}

static bool has_expired(const struct loaded_model *model, int64_t time_s)
{
    return loaded_is_idle(model) && model->keep_alive_s >= 0 &&
           time_s - model->idle_since_s >= model->keep_alive_s;
}

static struct loaded_model *next_to_close(const struct loaded *loaded)
{
    const int64_t time_s = loaded_now_s();

    for (struct loaded_model *m = loaded->models; m; m = m->next)
        if (loaded->ending || (m->leaving && m->users == 0) || has_expired(m, time_s))
            return m;
    return NULL;
}

/* In the list until all of it is closed, so that who waits for its memory waits
 * long enough. */
static void close_model(struct loaded *loaded, struct loaded_model *model)
{
    model->closing = true;
    (void)pthread_mutex_unlock(&loaded->lock);
    if (model->embedder)
        loaded_close_embedder(model);
    else
        orion_scheduler_close(model->scheduler); /* cancelled requests release the model */
    orion_model_close(model->model);
    (void)pthread_mutex_lock(&loaded->lock);
    assert(model->users == 0);
    unlink_model(loaded, model);
    free(model);
    (void)pthread_cond_broadcast(&loaded->changed);
}

/* A conversation goes as a model does: when nobody has gone on with it for the keep-alive
 * time; at once when memory is short. */
static void forget_conversations(struct loaded *loaded, bool is_short)
{
    const int64_t keep_s =
        loaded->options.keep_alive_s < 0 ? CONVERSATION_S : loaded->options.keep_alive_s;
    const uint32_t idle_s = is_short ? 0 : keep_s < UINT32_MAX ? (uint32_t)keep_s : UINT32_MAX;

    for (struct loaded_model *m = loaded->models; m; m = m->next)
        orion_scheduler_give_back(m->scheduler, idle_s);
}

static void sleep_until(struct loaded *loaded, int64_t when_s)
{
    if (when_s == INT64_MAX) {
        (void)pthread_cond_wait(&loaded->changed, &loaded->lock);
    } else {
        const struct timespec when = {.tv_sec = (time_t)when_s};
        (void)pthread_cond_timedwait(&loaded->changed, &loaded->lock, &when);
    }
}

/* When the next idle model's time is up, or the memory is to be looked at again. */
static int64_t next_event_s(const struct loaded *loaded, bool is_short)
{
    int64_t when_s = INT64_MAX;

    if (loaded->models)
        when_s = loaded_now_s() + (is_short ? LOOK_WHEN_SHORT_S : LOOK_S);
    for (const struct loaded_model *m = loaded->models; m; m = m->next)
        if (loaded_is_idle(m) && m->keep_alive_s >= 0 && m->idle_since_s + m->keep_alive_s < when_s)
            when_s = m->idle_since_s + m->keep_alive_s;
    return when_s;
}

void *loaded_keep(void *user)
{
    struct loaded *loaded = user;
    bool was_short = false; /* when it was looked at last */

    (void)pthread_mutex_lock(&loaded->lock);
    while (!loaded->ending || loaded->models) {
        const bool is_short = loaded->models && loaded_memory_is_short();
        struct loaded_model *model = next_to_close(loaded);
        if (!model && is_short && was_short)
            model = loaded_longest_idle(loaded);
        if (model) {
            close_model(loaded, model);
            continue;
        }
        forget_conversations(loaded, is_short);
        was_short = is_short;
        sleep_until(loaded, next_event_s(loaded, is_short));
    }
    (void)pthread_mutex_unlock(&loaded->lock);
    return NULL;
}
