/* The engine: one thread that moves the bytes of all downloads through one
 * fetcher, and makes the callbacks. */
#include "manager/downloads.h"

#include "base/clock.h"
#include "base/thread.h"

static orion_status write_partial(void *self, uint64_t offset, const void *data, size_t len,
                                  orion_error *err)
{
    return ori_partial_write(((struct ori_job *)self)->partial, offset, data, len, err);
}

orion_status ori_job_move(struct ori_job *job, struct ori_partial *partial,
                          struct ori_hub_file *file, orion_error *err)
{
    struct ori_downloads *d = job->all;
    orion_error why = {.status = ORION_OK};

    ori_downloads_lock(d);
    job->partial = partial;
    job->fetch = (struct ori_fetch_job){
        .file = file,
        .have = ori_partial_have(partial),
        .in_order = ori_partial_wants_order(partial),
        .write = write_partial,
        .self = job,
    };
    job->moving = ORI_MOVING_WANTED;
    ori_downloads_announce(d);
    while (job->moving != ORI_MOVING_NOT)
        ori_downloads_await(d, 1000);
    job->partial = NULL;
    const bool done = job->fetch.done;
    if (done)
        why = job->fetch.error;
    const orion_status status = job->fetch.status;
    ori_downloads_unlock(d);
    if (!done)
        return ori_job_stopped(err);
    if (status != ORION_OK && err)
        *err = why;
    return status;
}

/* The engine lets go; the job's thread goes on. */
static void hand_back(struct ori_job *job)
{
    job->moving = ORI_MOVING_NOT;
    job->note[0] = '\0';
    (void)pthread_cond_broadcast(&job->all->changed);
}

/* Jobs come and go. */
static void exchange(struct ori_downloads *d, struct ori_job *job)
{
    orion_error err;

    if (job->moving == ORI_MOVING_NOW && (job->stop != ORI_STOP_NONE || job->fetch.done)) {
        ori_fetcher_remove(d->fetcher, &job->fetch);
        hand_back(job);
    }
    if (job->moving != ORI_MOVING_WANTED)
        return;
    if (job->stop != ORI_STOP_NONE) {
        hand_back(job);
        return;
    }
    const orion_status status = ori_fetcher_add(d->fetcher, &job->fetch, &err);
    if (status == ORION_OK) {
        job->moving = ORI_MOVING_NOW;
    } else {
        job->fetch.done = true;
        job->fetch.status = status;
        job->fetch.error = err;
        hand_back(job);
    }
}

static void measure(struct ori_job *job)
{
    const bool waits = job->fetch.note[0] && job->fetch.connections == 0;

    ori_job_note_progress(job, waits ? ORION_PHASE_WAIT : ORION_PHASE_DOWNLOAD,
                          job->base_bytes + ori_partial_durable_bytes(job->partial),
                          job->fetch.note);
}

static bool is_due(const struct ori_job *job, uint64_t now_ns)
{
    if (!job->on_change)
        return false;
    if (!job->told || job->stage != job->told_stage)
        return true;
    return job->stage == ORION_DOWNLOAD_RUNNING &&
           now_ns - job->told_ns >= (uint64_t)ORI_TELL_EVERY_MS * ORI_NS_PER_MS;
}

/* Make the callbacks that are due, without the mutex. */
static void tell(struct ori_downloads *d)
{
    const uint64_t now_ns = ori_now_ns();
    orion_download_facts facts;

    for (struct ori_job *job = d->jobs; job;) {
        const uint64_t id = job->id;
        if (is_due(job, now_ns)) {
            const orion_download_fn on_change = job->on_change;
            void *user = job->user;
            ori_job_write_facts(job, &facts);
            job->told = true;
            job->told_ns = now_ns;
            job->told_stage = job->stage;
            d->calling = id;
            ori_downloads_unlock(d);
            on_change(&facts, user);
            ori_downloads_lock(d);
            d->calling = 0;
            (void)pthread_cond_broadcast(&d->changed);
        }
        job = d->jobs; /* the list may be another by now */
        while (job && job->id <= id)
            job = job->next;
    }
}

static bool step(struct ori_downloads *d)
{
    bool moving = false;

    for (struct ori_job *job = d->jobs; job; job = job->next) {
        exchange(d, job);
        moving |= job->moving == ORI_MOVING_NOW;
    }
    if (!moving)
        return false;
    ori_downloads_unlock(d);
    ori_fetcher_step(d->fetcher, ORI_TELL_EVERY_MS);
    ori_downloads_lock(d);
    for (struct ori_job *job = d->jobs; job; job = job->next)
        if (job->moving == ORI_MOVING_NOW)
            measure(job);
    return true;
}

/* Write down, without the mutex, that a job has ended. */
static bool save(struct ori_downloads *d)
{
    if (!d->unsaved)
        return false;
    d->unsaved = false;
    ori_downloads_unlock(d);
    ori_downloads_save(d);
    ori_downloads_lock(d);
    return true;
}

static void *run_engine(void *self)
{
    struct ori_downloads *d = self;

    ori_downloads_lock(d);
    while (!d->closing || d->running > 0) {
        const bool moved = step(d);
        tell(d);
        const bool saved = save(d);
        if (!moved && !saved && (!d->closing || d->running > 0))
            ori_downloads_await(d, d->running > 0 ? ORI_TELL_EVERY_MS : 60000);
    }
    tell(d);
    ori_downloads_unlock(d);
    return NULL;
}

orion_status ori_downloads_begin_engine(struct ori_downloads *d, orion_error *err)
{
    if (d->has_engine)
        return ORION_OK;
    const struct ori_fetch_limits limits = ori_manager_limits(d->manager);
    const orion_status status =
        d->fetcher ? ORION_OK : ori_fetcher_new(d->manager->hub, &limits, &d->fetcher, err);
    if (status != ORION_OK)
        return status;
    if (ori_thread_start(&d->engine, run_engine, d) != 0)
        return ori_fail_nomem(err, "the thread of the downloads");
    d->has_engine = true;
    return ORION_OK;
}
