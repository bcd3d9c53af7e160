/* Downloads in the background: the table of jobs, and the engine.
 *
 * Three kinds of threads meet here.  A caller's starts (jobs.c), watches and
 * stops jobs (control.c).  A job's own does what may block: it asks the hub,
 * hashes, syncs (job.c, verify.c).  The engine's moves the bytes of all jobs
 * through one fetcher and makes the callbacks (engine.c).  What they share is
 * guarded by one mutex and announced on one condition (downloads.c).
 */
#ifndef ORI_MANAGER_DOWNLOADS_H
#define ORI_MANAGER_DOWNLOADS_H

#include <pthread.h>

#include "base/sha256.h"
#include "hub/fetcher.h"
#include "manager/internal.h"
#include "manager/progress.h"

#define ORI_JOBS_AT_ONCE 4 /* the others wait for their turn */
#define ORI_JOBS_MAX 1024
#define ORI_TELL_EVERY_MS 100u

enum ori_stop {
    ORI_STOP_NONE,
    ORI_STOP_PAUSE,
    ORI_STOP_CANCEL,
};

/* A file's way through the engine; the job's thread waits meanwhile. */
enum ori_moving {
    ORI_MOVING_NOT,    /* the job's thread has the partial */
    ORI_MOVING_WANTED, /* handed to the engine ... */
    ORI_MOVING_NOW,    /* ... which has given it to the fetcher */
};

struct ori_job {
    /* ---- constant ---- */
    struct ori_job *next;
    struct ori_downloads *all;
    const struct ori_manager *manager;
    uint64_t id;
    orion_download_kind kind;
    char *name;         /* what was asked for */
    struct ori_ref ref; /* what it means on a hub; of a pull */
    char *place;        /* in the store; of the others */
    bool kept;          /* goes on in the next process, if this one keeps its downloads */
    orion_download_fn on_change;
    void *user;

    /* ---- guarded by all->mutex ---- */
    orion_download_stage stage;
    enum ori_stop stop;
    bool has_thread; /* to be joined */
    pthread_t thread;
    struct ori_progress progress;   /* which tells no one */
    unsigned phases;                /* bits: which the last run has been through */
    uint64_t base_bytes;            /* of its files that are done */
    char model[ORI_STORE_PATH_MAX]; /* its id, or "" */
    char file[256], note[200];
    char sha256[ORI_SHA256_HEX + 1]; /* of that file, or "" */
    char *path;                      /* of the model, once it is done */
    bool followed;                   /* by a pull, which will forget it */
    orion_error error;
    uint64_t told_ns;
    orion_download_stage told_stage;
    bool told;

    /* ---- the partial's owner: the engine while moving, else the job ---- */
    enum ori_moving moving; /* guarded */
    struct ori_partial *partial;
    struct ori_fetch_job fetch;
};

struct ori_downloads {
    const struct ori_manager *manager; /* whose they are; constant */
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    uint64_t changes;       /* counts up from 1 when anything does */
    struct ori_job *jobs;   /* oldest first */
    uint64_t last_id;
    unsigned running; /* jobs whose thread is at work */
    bool closing;
    struct ori_fetcher *fetcher; /* NULL until the first job */
    bool has_engine;
    pthread_t engine;
    uint64_t calling; /* id of the job whose callback is being made, or 0 */
    bool keeps;       /* those that are kept are written down */
    bool unsaved;     /* and a job has ended since */
    struct ori_lock keeping;
    pthread_mutex_t saving; /* taken before `mutex` */
};

orion_status ori_downloads_new(const struct ori_manager *manager, struct ori_downloads **out,
                               orion_error *err);
/* Stops everything and waits for it. */
void ori_downloads_free(struct ori_downloads *downloads); /* NULL is a no-op */

enum ori_job_start {
    ORI_JOB_WAITED_FOR, /* a pull: it ends with its caller */
    ORI_JOB_KEPT,       /* in the background */
    ORI_JOB_PAUSED,     /* the same, and not yet */
};

/* Start a job for `name`, which means `ref` on a hub. */
orion_status ori_job_start(const struct ori_manager *manager, const char *name,
                           const struct ori_ref *ref, const orion_download_options *options,
                           enum ori_job_start start, uint64_t *id, orion_error *err);

/* Start one that verifies or mends what `name` means on disk, or what is at
 * `place` in the store. */
orion_status ori_job_start_verify(const struct ori_manager *manager, const char *name,
                                  const orion_download_options *options, uint64_t *id,
                                  orion_error *err);
orion_status ori_job_start_at(const struct ori_manager *manager, const char *name,
                              const char *place, const orion_download_options *options,
                              uint64_t *id, orion_error *err);

/* Wait for a job as a pull does, with its progress reported on this thread;
 * then forget it. */
orion_status ori_job_follow(const struct ori_manager *manager, uint64_t id,
                            const orion_pull_options *options, char **path, orion_error *err);

/* ---- among the files of downloads; the mutex is held unless said ---- */

void ori_downloads_lock(struct ori_downloads *downloads);
void ori_downloads_unlock(struct ori_downloads *downloads);
void ori_job_lock(struct ori_job *job);
void ori_job_unlock(struct ori_job *job);

/* Something is not as it was: wake whoever waits, the engine too. */
void ori_downloads_announce(struct ori_downloads *downloads);
/* Wait for an announcement, or until `ms` have passed. */
void ori_downloads_await(struct ori_downloads *downloads, unsigned ms);

struct ori_job *ori_job_find(const struct ori_downloads *downloads, uint64_t id);
orion_status ori_job_unknown(uint64_t id, orion_error *err);
bool ori_job_is_over(const struct ori_job *job);
void ori_job_write_facts(const struct ori_job *job, orion_download_facts *out);
/* The job's thread, or the engine, says how far it is. */
void ori_job_note_progress(struct ori_job *job, orion_phase phase, uint64_t done_bytes,
                           const char *note);
orion_status ori_job_stopped(orion_error *err); /* ORION_E_CANCELLED, with a sentence */

size_t ori_jobs_count(const struct ori_downloads *downloads);
/* Start those whose turn it is. */
void ori_jobs_begin_next(struct ori_downloads *downloads);
/* The thread of an earlier run has ended, or is about to; with or without the mutex. */
void ori_job_join(struct ori_job *job);
void ori_job_forget(struct ori_job *job); /* taken off the list, and joined */

/* Write down what is wanted, if that is kept (kept.c); without the mutex. */
void ori_downloads_save(struct ori_downloads *downloads);

/* Have the thread that moves bytes. */
orion_status ori_downloads_begin_engine(struct ori_downloads *downloads, orion_error *err);

/* ---- for a job's own thread, which does not hold the mutex ---- */

/* The work of a job. */
orion_status ori_job_run(struct ori_job *job, orion_error *err);
orion_status ori_job_run_verify(struct ori_job *job, orion_error *err);

/* Let the engine bring what the partial lacks.  Returns when it is over:
 * ORION_OK, the fetcher's status, or ORION_E_CANCELLED. */
orion_status ori_job_move(struct ori_job *job, struct ori_partial *partial,
                          struct ori_hub_file *file, orion_error *err);

/* A pause that ends early when the job is to stop: ORION_E_CANCELLED then. */
orion_status ori_job_sleep(struct ori_job *job, unsigned ms, orion_error *err);

/* Reports to the job. */
struct ori_watch ori_job_watch(struct ori_job *job);
/* The file at hand, for people, and its hash, "" if there is none. */
void ori_job_set_file(struct ori_job *job, const char *file, const char *sha256);
/* It has turned out which model it is: the one at `place`. */
void ori_job_set_model(struct ori_job *job, const char *place);
void ori_job_set_total(struct ori_job *job, uint64_t bytes);
void ori_job_add_base(struct ori_job *job, uint64_t bytes); /* of a file that is done */

#endif
