/* A job's life: from being asked for to its end. */
#include "manager/downloads.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

static void finish(struct ori_job *job, orion_status status, const orion_error *err)
{
    if (status == ORION_OK) {
        job->stage = ORION_DOWNLOAD_DONE;
        ori_progress_done(&job->progress);
    } else if (status == ORION_E_CANCELLED) {
        job->stage = job->stop == ORI_STOP_PAUSE ? ORION_DOWNLOAD_PAUSED : ORION_DOWNLOAD_CANCELLED;
        job->error = *err;
    } else {
        job->stage = ORION_DOWNLOAD_FAILED;
        job->error = *err;
    }
    job->note[0] = '\0';
}

static void *run_job(void *self)
{
    struct ori_job *job = self;
    struct ori_downloads *d = job->all;
    orion_error err = {.status = ORION_OK, .offset = ORION_NO_OFFSET};
    const orion_status status =
        job->kind == ORION_DOWNLOAD_PULL ? ori_job_run(job, &err) : ori_job_run_verify(job, &err);

    ori_downloads_lock(d);
    finish(job, status, &err);
    d->running--;
    ori_jobs_begin_next(d);
    ori_downloads_announce(d);
    d->unsaved = true; /* for the engine: whoever joins this thread may hold the mutex */
    ori_downloads_unlock(d);
    return NULL;
}

/* The thread of an earlier run has ended, or is about to. */
void ori_job_join(struct ori_job *job)
{
    if (job->has_thread)
        (void)pthread_join(job->thread, NULL);
    job->has_thread = false;
}

static void begin(struct ori_downloads *d, struct ori_job *job)
{
    orion_error err;

    job->stage = ORION_DOWNLOAD_RUNNING;
    job->phases = 0;
    job->base_bytes = 0;
    job->progress.facts.resumed_bytes = 0;
    if (job->kind != ORION_DOWNLOAD_PULL) /* what was hashed is hashed again */
        ori_progress_init(&job->progress, NULL, "");
    d->running++;
    if (ori_thread_start(&job->thread, run_job, job) == 0) {
        job->has_thread = true;
        return;
    }
    d->running--;
    finish(job, ori_fail_nomem(&err, "the thread of a download"), &err);
}

void ori_jobs_begin_next(struct ori_downloads *d)
{
    for (struct ori_job *job = d->jobs; job; job = job->next)
        if (d->running < ORI_JOBS_AT_ONCE && !d->closing && job->stage == ORION_DOWNLOAD_QUEUED)
            begin(d, job);
}

void ori_job_forget(struct ori_job *job)
{
    free(job->name);
    free(job->place);
    free(job->path);
    free(job);
}

static void append(struct ori_downloads *d, struct ori_job *job)
{
    struct ori_job **end = &d->jobs;
    while (*end)
        end = &(*end)->next;
    job->id = ++d->last_id;
    *end = job;
}

size_t ori_jobs_count(const struct ori_downloads *d)
{
    size_t n = 0;
    for (const struct ori_job *job = d->jobs; job; job = job->next)
        n++;
    return n;
}

static struct ori_job *new_job(const struct ori_manager *manager, const char *name,
                               const orion_download_options *options)
{
    struct ori_job *job = calloc(1, sizeof(*job));
    if (!job)
        return NULL;
    job->name = strdup(name);
    if (!job->name) {
        free(job);
        return NULL;
    }
    job->all = manager->downloads;
    job->manager = manager;
    job->error.offset = ORION_NO_OFFSET;
    if (options) {
        job->on_change = options->on_change;
        job->user = options->user;
        job->kind = options->kind;
    }
    ori_progress_init(&job->progress, NULL, "");
    return job;
}

/* Takes the job over, whatever comes of it. */
static orion_status enter(struct ori_job *job, uint64_t *id, orion_error *err)
{
    struct ori_downloads *d = job->all;
    orion_status status = ORION_OK;

    ori_downloads_lock(d);
    if (ori_jobs_count(d) >= ORI_JOBS_MAX)
        status =
            ori_fail(err, ORION_E_BUSY, "there are %d downloads already; free some", ORI_JOBS_MAX);
    if (status == ORION_OK)
        status = ori_downloads_begin_engine(d, err);
    if (status == ORION_OK) {
        append(d, job);
        *id = job->id;
        ori_jobs_begin_next(d);
        ori_downloads_announce(d);
    }
    ori_downloads_unlock(d);
    if (status != ORION_OK)
        ori_job_forget(job);
    else
        ori_downloads_save(d);
    return status;
}

/* What an unfinished download of it has already: shown until it goes on. */
static orion_status show_partial(struct ori_job *job, orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];
    uint64_t done, total;

    const orion_status status =
        ori_manager_find_partial(job->manager, job->name, place, &done, &total, err);
    if (status != ORION_OK)
        return status == ORION_E_NOT_FOUND ? ORION_OK : status;
    ori_job_set_model(job, place);
    ori_job_set_total(job, total);
    ori_job_lock(job);
    ori_job_note_progress(job, ORION_PHASE_RESOLVE, done, "");
    ori_job_unlock(job);
    return ORION_OK;
}

orion_status ori_job_start(const struct ori_manager *manager, const char *name,
                           const struct ori_ref *ref, const orion_download_options *options,
                           enum ori_job_start start, uint64_t *id, orion_error *err)
{
    struct ori_job *job = new_job(manager, name, options);
    char place[ORI_STORE_PATH_MAX];

    *id = 0;
    if (!job)
        return ori_fail_nomem(err, "a download");
    job->ref = *ref;
    job->kept = start != ORI_JOB_WAITED_FOR;
    if (*ref->file && ori_store_place(ref->repo, ref->file, place, NULL) == ORION_OK)
        ori_job_set_model(job, place);
    if (start == ORI_JOB_PAUSED) {
        job->stage = ORION_DOWNLOAD_PAUSED;
        const orion_status status = show_partial(job, err);
        if (status != ORION_OK) {
            ori_job_forget(job);
            return status;
        }
    }
    return enter(job, id, err);
}

orion_status ori_job_start_at(const struct ori_manager *manager, const char *name,
                              const char *place, const orion_download_options *options,
                              uint64_t *id, orion_error *err)
{
    struct ori_job *job = new_job(manager, name, options);

    *id = 0;
    if (job)
        job->place = strdup(place);
    if (!job || !job->place) {
        if (job)
            ori_job_forget(job);
        return ori_fail_nomem(err, "a verification");
    }
    ori_job_set_model(job, place);
    return enter(job, id, err);
}
