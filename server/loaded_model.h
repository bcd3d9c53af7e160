/* loaded_model.h - models in memory, as the files of loaded*.c share them.
 *
 *   loaded.c         acquire, release, unload
 *   loaded_open.c    room is made and a model opened, by the thread that asks
 *   loaded_keeper.c  the thread that closes
 *   loaded_room.c    is there memory for it
 *   loaded_list.c    facts of what is in memory
 *   loaded_embed.c   those that make embeddings
 *   loaded_remote.c  what answers elsewhere, and where a request goes
 */
#ifndef SERVER_LOADED_MODEL_H
#define SERVER_LOADED_MODEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "loaded.h"
#include "model_file.h"

struct loaded_model {
    struct loaded *owner;
    struct loaded_model *next; /* in the owner's list */
    struct model_file file;
    char alias[256]; /* the name that it was opened by */

    orion_model *model;
    orion_scheduler *scheduler;
    orion_embedder *embedder;  /* instead of the scheduler: it makes embeddings */
    orion_endpoint *endpoint;  /* instead of all these: it is a remote */
    pthread_mutex_t embedding; /* with an embedder: which is one thread's at a time */
    uint32_t context_tokens;
    uint32_t trained_tokens;
    uint64_t weights_bytes; /* mapped: the system counts them as available all the same */
    uint64_t planned_bytes; /* cache and buffers when all its sequences are full */

    /* Under the owner's lock: */
    uint32_t users;
    bool leaving; /* goes when no one uses it; a request that comes before that makes it stay */
    bool closing; /* the keeper is at it: no longer to be touched, only waited for */
    int64_t keep_alive_s;    /* negative: for ever */
    int64_t idle_since_s;    /* monotonic; of the last release */
    uint64_t idle_since_use; /* the same, counted in releases of all models */
};

struct loaded {
    orion_manager *manager; /* borrowed */
    struct loaded_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something came, went, became idle, or is to go */
    pthread_t keeper;

    /* Under the lock: */
    struct loaded_model *models;
    struct loaded_model *remotes; /* each from its first request to the end */
    uint64_t uses;                /* releases so far */
    bool opening;                 /* a thread opens a model */
    bool stopping;                /* no request is to wait for a model any more */
    bool ending;                  /* all models are to be closed */
};

/* ---- under the lock (loaded.c) ---- */

static inline bool loaded_is_idle(const struct loaded_model *model)
{
    return model->users == 0 && !model->leaving;
}

struct loaded_model *loaded_longest_idle(const struct loaded *loaded); /* or NULL */
void loaded_send_away(struct loaded *loaded, struct loaded_model *model);
int64_t loaded_now_s(void); /* monotonic */

/* Open a model and add it to the list, idle.  The lock is given up meanwhile; one
 * thread at a time (loaded->opening). */
orion_status loaded_open(struct loaded *loaded, const char *name, const struct model_file *file,
                         uint32_t context_tokens, orion_error *err);

/* ---- embeddings (loaded_embed.c) ---- */

orion_status loaded_open_embedder(struct loaded_model *model, uint32_t threads, orion_error *err);
void loaded_close_embedder(struct loaded_model *model);

/* ---- models elsewhere (loaded_remote.c) ---- */

/* The remote that `name` means by the strategy, in *out; NULL, and ORION_OK, when it
 * means a model here. */
orion_status loaded_acquire_remote(struct loaded *loaded, const char *name,
                                   struct loaded_model **out, orion_error *err);
void loaded_close_remotes(struct loaded *loaded);

/* The keeper's thread: ends when `ending` is set and all is closed. */
void *loaded_keep(void *loaded);

/* ---- memory (loaded_room.c) ---- */

/* What a model will take, found before it is opened. */
struct loaded_need {
    uint32_t context_tokens, trained_tokens;
    uint64_t weights_bytes;
    uint64_t
        buffer_bytes;  /* with as many sequences as may be had; a few less take as good as that */
    uint64_t kv_bytes; /* of one sequence */
    bool embeds;       /* one text after the other, so it is one sequence */
};

/* context_tokens 0: the model's own, at most 4096; more than it was made for: that. */
orion_status loaded_need(const struct loaded *loaded, const char *id, uint32_t context_tokens,
                         struct loaded_need *out, orion_error *err);
/* With a number of sequences. */
uint64_t loaded_need_bytes(const struct loaded_need *need, uint32_t sequences);
/* As many sequences as there is room for: at least 1, at most `wanted`. */
uint32_t loaded_sequences(const struct loaded_need *need, uint32_t wanted, uint64_t room_bytes);

/* Memory that nothing in the list has or will come to need; UINT64_MAX when the
 * system does not tell. */
uint64_t loaded_room_bytes(const struct loaded_model *list);
/* What comes free when it goes. */
uint64_t loaded_total_bytes(const struct loaded_model *model);
/* The system is short of memory: less than a sixteenth is available. */
bool loaded_memory_is_short(void);

#endif
