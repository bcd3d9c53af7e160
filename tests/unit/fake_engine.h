/* The parts of orion.h that keep models in memory, as a test wants them: models
 * of any size on a machine of any size, which count how often they are opened and
 * closed.  No thread of theirs; requests end when the test says so. */
#ifndef TEST_FAKE_ENGINE_H
#define TEST_FAKE_ENGINE_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <orion.h>

#define MIB (1ull << 20)
#define N_FAKES 3

/* Below the models directory lie a.gguf, b.gguf and c.gguf. */
static struct fake {
    const char *id;
    char path[512];
    uint64_t weights_bytes, kv_bytes;
    uint32_t trained_tokens;
    orion_status open_status;                         /* what opening it ends with */
    uint32_t embedding_length;                        /* not 0: it makes embeddings */
    uint32_t sequences, context_tokens, last_threads; /* of the last scheduler */
    atomic_ullong held_bytes; /* of conversations, until they are asked back */
    atomic_int opened, closed, gave_back;
} fakes[N_FAKES];

static atomic_ullong available_bytes, machine_bytes;

/* What is closed is told to who waits for it. */
static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fake_changed = PTHREAD_COND_INITIALIZER;

struct orion_model {
    struct fake *fake;
};

struct orion_scheduler {
    struct fake *fake;
    orion_done_fn on_done; /* of the one request that it has, or NULL */
    void *user;
};

static inline struct fake *fake_of(const char *name)
{
    for (size_t i = 0; i < N_FAKES; i++)
        if (strcmp(fakes[i].path, name) == 0 || strcmp(fakes[i].id, name) == 0)
            return &fakes[i];
    return NULL;
}

/* Until a count is so high.  A minute is for a machine that is very busy. */
static inline bool wait_count(const atomic_int *count, int times)
{
    struct timespec until;
    int rc = 0;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    (void)pthread_mutex_lock(&fake_lock);
    while (*count < times && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&fake_changed, &fake_lock, &until);
    (void)pthread_mutex_unlock(&fake_lock);
    return *count >= times;
}

static inline bool wait_closed(const struct fake *fake, int times)
{
    return wait_count(&fake->closed, times) && fake->closed == times;
}

static inline orion_status fake_fail(orion_error *err, orion_status status, const char *message)
{
    if (err) {
        *err = (orion_error){.status = status};
        (void)snprintf(err->message, sizeof(err->message), "%s", message);
    }
    return status;
}

/* ---- manager ---- */

void orion_free(void *memory)
{
    free(memory);
}

orion_status orion_manager_path(orion_manager *manager, const char *name, char **path,
                                orion_error *err)
{
    (void)manager;
    *path = NULL;
    for (size_t i = 0; i < N_FAKES; i++)
        if (strcmp(fakes[i].id, name) == 0 || strncmp(fakes[i].id, name, strlen(name)) == 0)
            *path = strdup(fakes[i].path);
    if (name[0] == '/') /* a file elsewhere */
        *path = strdup(name);
    return *path ? ORION_OK : fake_fail(err, ORION_E_NOT_FOUND, "not found");
}

orion_status orion_manager_downloaded(orion_manager *manager, orion_model_list **out,
                                      orion_error *err)
{
    orion_model_facts *facts = calloc(N_FAKES, sizeof(*facts));
    orion_model_list *list = calloc(1, sizeof(*list));

    (void)manager;
    (void)err;
    for (size_t i = 0; i < N_FAKES; i++)
        facts[i] = (orion_model_facts){.id = fakes[i].id, .path = fakes[i].path, .role = "model"};
    *list = (orion_model_list){N_FAKES, facts};
    *out = list;
    return ORION_OK;
}

void orion_model_list_free(orion_model_list *list)
{
    if (list)
        free((void *)list->models);
    free(list);
}

void orion_fit_options_init(orion_fit_options *options)
{
    *options = (orion_fit_options){.size = sizeof(*options), .sequences = 1};
}

orion_status orion_manager_fit(orion_manager *manager, const char *name,
                               const orion_fit_options *options, orion_fit *out, orion_error *err)
{
    const struct fake *fake = fake_of(name);
    uint32_t context_tokens = options->context_tokens;

    (void)manager;
    if (!fake)
        return fake_fail(err, ORION_E_NOT_FOUND, "no such file");
    if (context_tokens == 0)
        context_tokens = fake->trained_tokens < 4096 ? fake->trained_tokens : 4096;
    if (context_tokens > fake->trained_tokens)
        return fake_fail(err, ORION_E_ARGUMENT, "more than it was made for");
    *out = (orion_fit){.runs = true,
                       .sequences = options->sequences,
                       .context_tokens = context_tokens,
                       .trained_tokens = fake->trained_tokens,
                       .weights_bytes = fake->weights_bytes,
                       .kv_bytes = fake->kv_bytes * context_tokens / 4096 * options->sequences};
    return ORION_OK;
}

void orion_machine_get(orion_machine *out)
{
    *out = (orion_machine){.memory_bytes = machine_bytes, .available_bytes = available_bytes};
}

/* ---- model and scheduler ---- */

orion_status orion_model_open(const char *path, const orion_model_options *options,
                              orion_model **out, orion_error *err)
{
    struct fake *fake = fake_of(path);

    (void)options;
    *out = NULL;
    if (fake->open_status != ORION_OK)
        return fake_fail(err, fake->open_status, "it is broken");
    *out = calloc(1, sizeof(**out));
    (*out)->fake = fake;
    fake->opened++;
    return ORION_OK;
}

void orion_model_close(orion_model *model)
{
    if (!model)
        return;
    (void)pthread_mutex_lock(&fake_lock);
    model->fake->closed++;
    (void)pthread_cond_broadcast(&fake_changed);
    (void)pthread_mutex_unlock(&fake_lock);
    free(model);
}

void orion_model_get_info(const orion_model *model, orion_model_info *out)
{
    *out = (orion_model_info){.name = model->fake->id,
                              .architecture = "fake",
                              .quantization = "Q4_0",
                              .file_bytes = model->fake->weights_bytes,
                              .n_params = 7,
                              .embedding_length = model->fake->embedding_length};
}

void orion_scheduler_options_init(orion_scheduler_options *options)
{
    *options = (orion_scheduler_options){.size = sizeof(*options)};
}

orion_status orion_scheduler_open(const orion_model *model, const orion_scheduler_options *options,
                                  orion_scheduler **out, orion_error *err)
{
    (void)err;
    *out = calloc(1, sizeof(**out));
    (*out)->fake = model->fake;
    model->fake->sequences = options->sequences;
    model->fake->context_tokens = options->context_tokens;
    return ORION_OK;
}

void orion_scheduler_close(orion_scheduler *scheduler)
{
    const orion_error stopped = {.status = ORION_E_CANCELLED};

    if (scheduler->on_done)
        scheduler->on_done(ORION_E_CANCELLED, NULL, &stopped, scheduler->user);
    free(scheduler);
}

orion_status orion_scheduler_submit(orion_scheduler *scheduler, const orion_request *request,
                                    uint64_t *id, orion_error *err)
{
    (void)err;
    scheduler->on_done = request->on_done;
    scheduler->user = request->user;
    *id = 1;
    return ORION_OK;
}

void orion_scheduler_cancel(orion_scheduler *scheduler, uint64_t id)
{
    (void)scheduler;
    (void)id;
}

void orion_scheduler_give_back(orion_scheduler *scheduler, uint32_t idle_s)
{
    if (!scheduler || idle_s > 0)
        return;
    (void)pthread_mutex_lock(&fake_lock);
    available_bytes += scheduler->fake->held_bytes;
    scheduler->fake->held_bytes = 0;
    scheduler->fake->gave_back++;
    (void)pthread_cond_broadcast(&fake_changed);
    (void)pthread_mutex_unlock(&fake_lock);
}

void orion_scheduler_get_load(const orion_scheduler *scheduler, orion_scheduler_load *out)
{
    *out = scheduler ? (orion_scheduler_load){.running = 1, .kv_bytes = 3, .buffer_bytes = 4}
                     : (orion_scheduler_load){0};
}

/* ---- an embedder: vectors of ones, of as many tokens as the text has bytes ---- */

struct orion_embedder {
    struct fake *fake;
};

void orion_embedder_options_init(orion_embedder_options *options)
{
    *options = (orion_embedder_options){.size = sizeof(*options)};
}

orion_status orion_embedder_new(const orion_model *model, const orion_embedder_options *options,
                                orion_embedder **out, orion_error *err)
{
    (void)err;
    *out = calloc(1, sizeof(**out));
    (*out)->fake = model->fake;
    model->fake->last_threads = options->threads;
    return ORION_OK;
}

void orion_embedder_free(orion_embedder *embedder)
{
    free(embedder);
}

orion_status orion_embed(orion_embedder *embedder, const orion_embed_input *inputs, size_t n_inputs,
                         orion_embed_fn on_progress, void *user, float *out, uint32_t *n_tokens,
                         orion_error *err)
{
    const size_t length = embedder->fake->embedding_length;

    for (size_t i = 0; i < n_inputs; i++) {
        n_tokens[i] = (uint32_t)inputs[i].text_bytes;
        for (size_t k = 0; k < length; k++)
            out[i * length + k] = 1;
    }
    return on_progress && on_progress(n_inputs, n_inputs, user)
               ? fake_fail(err, ORION_E_CANCELLED, "cancelled")
               : ORION_OK;
}

/* ---- a model elsewhere, called "far"; with `far_refused` it may not be used ---- */

struct orion_endpoint {
    struct orion_scheduler asked; /* the one request that it has */
};

static orion_status far_refused;
static atomic_int far_opened, far_closed;

orion_status orion_manager_choose(orion_manager *manager, const char *name, bool *remote,
                                  orion_error *err)
{
    (void)manager;
    const bool is_far = strcmp(name, "far") == 0;
    if (is_far && far_refused != ORION_OK)
        *err = (orion_error){.status = far_refused};
    *remote = is_far && far_refused == ORION_OK;
    return is_far ? far_refused : ORION_OK;
}

orion_status orion_endpoint_open_remote(orion_manager *manager, const char *name,
                                        orion_endpoint **out, orion_error *err)
{
    (void)manager;
    (void)name;
    (void)err;
    *out = calloc(1, sizeof(**out));
    far_opened += *out != NULL;
    return *out ? ORION_OK : ORION_E_NOMEM;
}

void orion_endpoint_close(orion_endpoint *endpoint)
{
    const orion_error stopped = {.status = ORION_E_CANCELLED};

    far_closed++;
    if (endpoint->asked.on_done)
        endpoint->asked.on_done(ORION_E_CANCELLED, NULL, &stopped, endpoint->asked.user);
    free(endpoint);
}

const char *orion_endpoint_url(const orion_endpoint *endpoint)
{
    (void)endpoint;
    return "https://far.example/v1";
}

orion_status orion_endpoint_submit(orion_endpoint *endpoint, const char *model,
                                   const orion_request *request, uint64_t *id, orion_error *err)
{
    (void)model;
    return orion_scheduler_submit(&endpoint->asked, request, id, err);
}

void orion_endpoint_cancel(orion_endpoint *endpoint, uint64_t id)
{
    (void)endpoint;
    (void)id;
}

#endif
