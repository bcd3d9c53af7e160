/* loaded.h - models in memory.
 *
 * A model is opened when the first request asks for it, if it fits beside what is
 * there; unused ones give way, the least recently used first.  It goes when no
 * request has used it for its keep-alive time, when memory runs short, or when it
 * is told to.  A model that requests are using never goes under them: it goes after
 * the last.  What it holds of conversations goes when nobody has gone on with them for
 * the server's keep-alive time, and before any model when memory runs short.
 */
#ifndef SERVER_LOADED_H
#define SERVER_LOADED_H

#include <stdbool.h>
#include <stdint.h>

#include <orion.h>

struct loaded;       /* all of them; calls are callable from any thread */
struct loaded_model; /* one, held by whoever acquired it */

#define LOADED_SEQUENCES 4 /* unless told otherwise */

struct loaded_options {
    uint32_t threads, context_tokens;
    uint32_t sequences; /* at least 1 */
    orion_kv_type kv_type;
    int64_t keep_alive_s; /* negative: for ever */
};

orion_status loaded_new(orion_manager *manager, const struct loaded_options *options,
                        struct loaded **out, orion_error *err);
/* Open no more models: who waits for one, and who asks from here on, is told that the
 * server ends.  NULL is a no-op. */
void loaded_stop(struct loaded *loaded);
/* Close all of it.  Requests that are with a scheduler are cancelled: their on_done()
 * ends them and releases the model, so HTTP must still be there.  No handler runs any
 * more.  NULL is a no-op. */
void loaded_free(struct loaded *loaded);

/* What a request wants of the model. */
struct loaded_wish {
    uint32_t context_tokens; /* 0: the server's.  More than a loaded model has reloads it once
                              * its requests are done */
    bool keep_alive_given;
    int64_t keep_alive_s; /* from this request on, when given; 0: gone after it */
};

/* Get hold of a model by any of its names, opening it if need be (which may take
 * a while: call it from a handler, not from a callback).  wish may be NULL.
 * ORION_E_NOT_FOUND, ORION_E_NOMEM (with both figures: what it takes, what there
 * is), ORION_E_BUSY (not before requests of other models, or of this one with a
 * smaller context, are done), and what orion_model_open() and orion_scheduler_open()
 * return. */
orion_status loaded_acquire(struct loaded *loaded, const char *name, const struct loaded_wish *wish,
                            struct loaded_model **out, orion_error *err);
/* From any thread, callbacks of the model's own scheduler included. */
void loaded_release(struct loaded_model *model); /* NULL is a no-op */

/* Hand in a request and stop one, as orion_scheduler_submit() and
 * orion_scheduler_cancel(): whoever answers under that name, the scheduler of a model
 * in memory, or a `remote` entry of the configuration that the strategy chose. */
orion_status loaded_submit(const struct loaded_model *model, const orion_request *request,
                           uint64_t *id, orion_error *err);
void loaded_cancel(const struct loaded_model *model, uint64_t id);
/* Elements of the vectors that it makes; 0: it makes none. */
uint32_t loaded_embedding_length(const struct loaded_model *model);
/* orion_embed(), after those whom other requests wait for; it makes embeddings. */
orion_status loaded_embed(struct loaded_model *model, const orion_embed_input *inputs,
                          size_t n_inputs, orion_embed_fn on_progress, void *user, float *out,
                          uint32_t *n_tokens, orion_error *err);
/* The address that requests leave this machine for, or NULL: they don't. */
const char *loaded_remote(const struct loaded_model *model);

const char *loaded_id(const struct loaded_model *model); /* its canonical id, or a remote's name */
/* Of a model in memory; NULL and 0 of a remote, no scheduler of one for embeddings. */
orion_scheduler *loaded_scheduler(const struct loaded_model *model);
const orion_model *loaded_orion(const struct loaded_model *model);
uint32_t loaded_context(const struct loaded_model *model);

/* Let go of a model: it is gone after its last request, unless another one comes
 * before that.  Does not wait.  ORION_E_NOT_FOUND when it is not in memory. */
orion_status loaded_unload(struct loaded *loaded, const char *name, orion_error *err);

/* Facts of what is in memory; a copy.  free() it. */
struct loaded_facts {
    char id[256];
    char name[128];
    char path[4096]; /* of its file; with kv_type it says whose bytes an answer would have */
    orion_kv_type kv_type;
    char architecture[64], quantization[32];
    uint64_t file_bytes, memory_bytes; /* memory: mapping, cache so far and buffers */
    uint64_t n_params;
    uint32_t context_tokens, running, waiting;
    uint64_t requests, prompt_tokens, cached_tokens, output_tokens; /* ended since it is there */
    int64_t expires_unix; /* when it goes if unused; 0: never */
    bool unloading;
};
orion_status loaded_list(struct loaded *loaded, struct loaded_facts **out, size_t *n,
                         orion_error *err);

#endif
