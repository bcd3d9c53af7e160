/* What callers do to downloads that there are. */
#include "manager/downloads.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

orion_status ori_download_get(const struct ori_manager *manager, uint64_t id,
                              orion_download_facts *out, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    ori_downloads_lock(d);
    const struct ori_job *job = ori_job_find(d, id);
    if (job)
        ori_job_write_facts(job, out);
    ori_downloads_unlock(d);
    return job ? ORION_OK : ori_job_unknown(id, err);
}

static orion_status ask_to_stop(const struct ori_manager *manager, uint64_t id, enum ori_stop stop,
                                orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    ori_downloads_lock(d);
    struct ori_job *job = ori_job_find(d, id);
    if (job && job->stage == ORION_DOWNLOAD_RUNNING && job->stop < stop)
        job->stop = stop;
    else if (job && (job->stage == ORION_DOWNLOAD_QUEUED ||
                     (job->stage == ORION_DOWNLOAD_PAUSED && stop == ORI_STOP_CANCEL)))
        job->stage = stop == ORI_STOP_PAUSE ? ORION_DOWNLOAD_PAUSED : ORION_DOWNLOAD_CANCELLED;
    ori_downloads_announce(d);
    ori_downloads_unlock(d);
    ori_downloads_save(d);
    return job ? ORION_OK : ori_job_unknown(id, err);
}

orion_status ori_download_pause(const struct ori_manager *manager, uint64_t id, orion_error *err)
{
    return ask_to_stop(manager, id, ORI_STOP_PAUSE, err);
}

orion_status ori_download_cancel(const struct ori_manager *manager, uint64_t id, orion_error *err)
{
    return ask_to_stop(manager, id, ORI_STOP_CANCEL, err);
}

orion_status ori_download_resume(const struct ori_manager *manager, uint64_t id, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    ori_downloads_lock(d);
    struct ori_job *job = ori_job_find(d, id);
    /* Asked to pause and not there yet: it gets there first. */
    while (job && job->stage == ORION_DOWNLOAD_RUNNING && job->stop == ORI_STOP_PAUSE) {
        ori_downloads_await(d, ORI_TELL_EVERY_MS);
        job = ori_job_find(d, id);
    }
    if (job && ori_job_is_over(job) && job->stage != ORION_DOWNLOAD_DONE) {
        ori_job_join(job); /* it needs the mutex no more */
        job->stop = ORI_STOP_NONE;
        job->error = (orion_error){.offset = ORION_NO_OFFSET};
        job->stage = ORION_DOWNLOAD_QUEUED;
        ori_jobs_begin_next(d);
        ori_downloads_announce(d);
    }
    ori_downloads_unlock(d);
    ori_downloads_save(d);
    return job ? ORION_OK : ori_job_unknown(id, err);
}

orion_status ori_download_wait(const struct ori_manager *manager, uint64_t id, int timeout_ms,
                               orion_download_facts *facts, char **path, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    const uint64_t until =
        ori_now_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * ORI_NS_PER_MS;
    orion_status status = ORION_OK;

    if (path)
        *path = NULL;
    ori_downloads_lock(d);
    struct ori_job *job = ori_job_find(d, id);
    while (job && !ori_job_is_over(job)) {
        const uint64_t now = ori_now_ns();
        if (timeout_ms >= 0 && now >= until)
            break;
        ori_downloads_await(d,
                            timeout_ms < 0 ? 1000 : (unsigned)((until - now) / ORI_NS_PER_MS) + 1);
        job = ori_job_find(d, id);
    }
    if (!job)
        status = ori_job_unknown(id, err);
    if (job && facts)
        ori_job_write_facts(job, facts);
    if (job && path && job->stage == ORION_DOWNLOAD_DONE) {
        *path = strdup(job->path);
        status = *path ? ORION_OK : ori_fail_nomem(err, "a path");
    }
    ori_downloads_unlock(d);
    return status;
}

orion_status ori_download_free(const struct ori_manager *manager, uint64_t id, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    ori_downloads_lock(d);
    struct ori_job *job = ori_job_find(d, id);
    if (job && job->stage == ORION_DOWNLOAD_QUEUED)
        job->stage = ORION_DOWNLOAD_CANCELLED;
    while (job && (!ori_job_is_over(job) || job->followed ||
                   (d->calling == id && !pthread_equal(d->engine, pthread_self())))) {
        job->stop = ORI_STOP_CANCEL;
        ori_downloads_announce(d);
        ori_downloads_await(d, ORI_TELL_EVERY_MS);
        job = ori_job_find(d, id); /* someone else may have been quicker */
    }
    if (job) {
        struct ori_job **link = &d->jobs;
        while (*link != job)
            link = &(*link)->next;
        *link = job->next;
        ori_downloads_announce(d);
    }
    ori_downloads_unlock(d);
    if (!job)
        return ori_job_unknown(id, err);
    ori_job_join(job);
    ori_job_forget(job);
    ori_downloads_save(d);
    return ORION_OK;
}

orion_status ori_download_list(const struct ori_manager *manager, uint64_t **ids, size_t *n,
                               orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    size_t filled = 0;

    *n = 0;
    ori_downloads_lock(d);
    *ids = ori_calloc_array(ori_jobs_count(d), sizeof(**ids));
    if (*ids)
        for (struct ori_job *job = d->jobs; job; job = job->next)
            (*ids)[filled++] = job->id;
    ori_downloads_unlock(d);
    if (!*ids)
        return ori_fail_nomem(err, "the list of downloads");
    *n = filled;
    return ORION_OK;
}

uint64_t ori_download_changes(const struct ori_manager *manager, uint64_t seen, int timeout_ms)
{
    struct ori_downloads *d = manager->downloads;
    const uint64_t until =
        ori_now_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * ORI_NS_PER_MS;

    ori_downloads_lock(d);
    while (d->changes == seen) {
        const uint64_t now = ori_now_ns();
        if (timeout_ms >= 0 && now >= until)
            break;
        /* Progress is counted, not announced. */
        unsigned ms = d->running > 0 ? ORI_TELL_EVERY_MS : 60000;
        if (timeout_ms >= 0 && (until - now) / ORI_NS_PER_MS < ms)
            ms = (unsigned)((until - now) / ORI_NS_PER_MS) + 1;
        ori_downloads_await(d, ms);
    }
    const uint64_t changes = d->changes;
    ori_downloads_unlock(d);
    return changes;
}
