/* The table of downloads: what its threads share. */
#include "manager/downloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

/* ---- small things; the mutex is held ---- */

void ori_downloads_lock(struct ori_downloads *d)
{
    (void)pthread_mutex_lock(&d->mutex);
}

void ori_downloads_unlock(struct ori_downloads *d)
{
    (void)pthread_mutex_unlock(&d->mutex);
}

void ori_job_lock(struct ori_job *job)
{
    ori_downloads_lock(job->all);
}

void ori_job_unlock(struct ori_job *job)
{
    ori_downloads_unlock(job->all);
}

void ori_downloads_announce(struct ori_downloads *d)
{
    d->changes++;
    (void)pthread_cond_broadcast(&d->changed);
    if (d->fetcher)
        ori_fetcher_wake(d->fetcher);
}

/* Wait for an announcement, or until `ms` have passed. */
void ori_downloads_await(struct ori_downloads *d, unsigned ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&d->changed, &d->mutex, &until);
}

bool ori_job_is_over(const struct ori_job *job)
{
    return job->stage != ORION_DOWNLOAD_QUEUED && job->stage != ORION_DOWNLOAD_RUNNING;
}

struct ori_job *ori_job_find(const struct ori_downloads *d, uint64_t id)
{
    for (struct ori_job *job = d->jobs; job; job = job->next)
        if (job->id == id)
            return job;
    return NULL;
}

orion_status ori_job_unknown(uint64_t id, orion_error *err)
{
    return ori_fail(err, ORION_E_NOT_FOUND, "there is no download %llu", (unsigned long long)id);
}

void ori_job_write_facts(const struct ori_job *job, orion_download_facts *out)
{
    const orion_progress *p = &job->progress.facts;

    *out = (orion_download_facts){
        .id = job->id,
        .stage = job->stage,
        .phase = p->phase,
        .done_bytes = p->done_bytes,
        .total_bytes = p->total_bytes,
        .resumed_bytes = p->resumed_bytes,
        .percent = p->percent,
        .bytes_per_second = job->stage == ORION_DOWNLOAD_RUNNING ? p->bytes_per_second : 0,
        .seconds_left = p->seconds_left,
        .connections = job->moving == ORI_MOVING_NOW ? job->fetch.connections : 0,
        .error = job->error,
        .kind = job->kind,
    };
    memcpy(out->model, job->model, sizeof(out->model));
    (void)snprintf(out->name, sizeof(out->name), "%s", job->name);
    memcpy(out->file, job->file, sizeof(out->file));
    memcpy(out->note, job->note, sizeof(out->note));
}

/* ---- a job's progress ---- */

/* The job's thread, or the engine, says how far it is. */
void ori_job_note_progress(struct ori_job *job, orion_phase phase, uint64_t done_bytes,
                           const char *note)
{
    const unsigned bit = 1u << (unsigned)phase;
    const bool news = !(job->phases & bit) || strcmp(note, job->note) != 0;

    (void)ori_progress_tick_at(&job->progress, phase, done_bytes, "", ori_now_ns());
    job->phases |= bit;
    job->all->changes++;
    (void)snprintf(job->note, sizeof(job->note), "%s", note);
    if (news)
        (void)pthread_cond_broadcast(&job->all->changed);
}

static int tick(void *self, orion_phase phase, uint64_t done_bytes, const char *note)
{
    struct ori_job *job = self;

    ori_downloads_lock(job->all);
    ori_job_note_progress(job, phase, job->base_bytes + done_bytes, note);
    const bool stop = job->stop != ORI_STOP_NONE;
    ori_downloads_unlock(job->all);
    return stop;
}

struct ori_watch ori_job_watch(struct ori_job *job)
{
    return (struct ori_watch){.tick = tick, .self = job};
}

void ori_job_set_file(struct ori_job *job, const char *file, const char *sha256)
{
    ori_downloads_lock(job->all);
    (void)snprintf(job->file, sizeof(job->file), "%s", file);
    (void)snprintf(job->sha256, sizeof(job->sha256), "%s", sha256);
    ori_downloads_unlock(job->all);
}

void ori_job_set_model(struct ori_job *job, const char *place)
{
    ori_downloads_lock(job->all);
    ori_manager_id_of(job->manager, place, job->model);
    ori_downloads_unlock(job->all);
}

void ori_job_set_total(struct ori_job *job, uint64_t bytes)
{
    ori_downloads_lock(job->all);
    job->progress.facts.total_bytes = bytes;
    ori_downloads_unlock(job->all);
}

void ori_job_add_base(struct ori_job *job, uint64_t bytes)
{
    ori_downloads_lock(job->all);
    job->base_bytes += bytes;
    ori_downloads_unlock(job->all);
}

orion_status ori_job_stopped(orion_error *err)
{
    return ori_fail(err, ORION_E_CANCELLED, "cancelled; what was fetched is kept");
}

orion_status ori_job_sleep(struct ori_job *job, unsigned ms, orion_error *err)
{
    struct ori_downloads *d = job->all;
    const uint64_t until = ori_now_ns() + (uint64_t)ms * ORI_NS_PER_MS;

    ori_downloads_lock(d);
    for (uint64_t now = ori_now_ns(); job->stop == ORI_STOP_NONE && now < until; now = ori_now_ns())
        ori_downloads_await(d, (unsigned)((until - now) / ORI_NS_PER_MS) + 1);
    const bool stop = job->stop != ORI_STOP_NONE;
    ori_downloads_unlock(d);
    return stop ? ori_job_stopped(err) : ORION_OK;
}

/* ---- the table ---- */

orion_status ori_downloads_new(const struct ori_manager *manager, struct ori_downloads **out,
                               orion_error *err)
{
    pthread_condattr_t monotonic;

    *out = NULL;
    struct ori_downloads *d = calloc(1, sizeof(*d));
    if (!d)
        return ori_fail_nomem(err, "the downloads");
    d->manager = manager;
    d->changes = 1;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&d->mutex, NULL);
    (void)pthread_mutex_init(&d->saving, NULL);
    d->keeping = (struct ori_lock){.dir = -1, .fd = -1};
    *out = d;
    return ORION_OK;
}

void ori_downloads_free(struct ori_downloads *d)
{
    if (!d)
        return;
    ori_downloads_lock(d);
    d->closing = true;
    for (struct ori_job *job = d->jobs; job; job = job->next) {
        job->stop = ORI_STOP_CANCEL;
        if (job->stage == ORION_DOWNLOAD_QUEUED)
            job->stage = ORION_DOWNLOAD_CANCELLED;
    }
    ori_downloads_announce(d);
    ori_downloads_unlock(d);
    if (d->has_engine)
        (void)pthread_join(d->engine, NULL);
    while (d->jobs) {
        struct ori_job *next = d->jobs->next;
        ori_job_join(d->jobs);
        ori_job_forget(d->jobs);
        d->jobs = next;
    }
    ori_fetcher_free(d->fetcher);
    ori_lock_release(&d->keeping);
    (void)pthread_mutex_destroy(&d->saving);
    (void)pthread_cond_destroy(&d->changed);
    (void)pthread_mutex_destroy(&d->mutex);
    free(d);
}
