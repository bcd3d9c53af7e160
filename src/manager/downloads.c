/* The table of downloads, and the engine that moves their bytes. */
#include "manager/downloads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/thread.h"

#define TELL_EVERY_MS 100u
#define MS_NS 1000000u

/* ---- small things; the mutex is held ---- */

static void lock(struct ori_downloads *d)
{
    (void)pthread_mutex_lock(&d->mutex);
}

static void unlock(struct ori_downloads *d)
{
    (void)pthread_mutex_unlock(&d->mutex);
}

void ori_job_lock(struct ori_job *job)
{
    lock(job->all);
}

void ori_job_unlock(struct ori_job *job)
{
    unlock(job->all);
}

static void announce(struct ori_downloads *d)
{
    (void)pthread_cond_broadcast(&d->changed);
    if (d->fetcher)
        ori_fetcher_wake(d->fetcher);
}

/* Wait for an announcement, or until `ms` have passed. */
static void await(struct ori_downloads *d, unsigned ms)
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

static bool is_over(const struct ori_job *job)
{
    return job->stage != ORION_DOWNLOAD_QUEUED && job->stage != ORION_DOWNLOAD_RUNNING;
}

static struct ori_job *find(const struct ori_downloads *d, uint64_t id)
{
    for (struct ori_job *job = d->jobs; job; job = job->next)
        if (job->id == id)
            return job;
    return NULL;
}

static orion_status unknown(uint64_t id, orion_error *err)
{
    return ori_fail(err, ORION_E_NOT_FOUND, "there is no download %llu", (unsigned long long)id);
}

static void write_facts(const struct ori_job *job, orion_download_facts *out)
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
    };
    (void)snprintf(out->name, sizeof(out->name), "%s", job->name);
    memcpy(out->file, job->file, sizeof(out->file));
    memcpy(out->note, job->note, sizeof(out->note));
}

/* ---- a job's progress ---- */

/* The job's thread, or the engine, says how far it is. */
static void note_progress(struct ori_job *job, orion_phase phase, uint64_t done_bytes,
                          const char *note)
{
    const unsigned bit = 1u << (unsigned)phase;
    const bool news = !(job->phases & bit) || strcmp(note, job->note) != 0;

    (void)ori_progress_tick_at(&job->progress, phase, done_bytes, "", ori_now_ns());
    job->phases |= bit;
    (void)snprintf(job->note, sizeof(job->note), "%s", note);
    if (news)
        (void)pthread_cond_broadcast(&job->all->changed);
}

static int tick(void *self, orion_phase phase, uint64_t done_bytes, const char *note)
{
    struct ori_job *job = self;

    lock(job->all);
    note_progress(job, phase, job->base_bytes + done_bytes, note);
    const bool stop = job->stop != ORI_STOP_NONE;
    unlock(job->all);
    return stop;
}

struct ori_watch ori_job_watch(struct ori_job *job)
{
    return (struct ori_watch){.tick = tick, .self = job};
}

void ori_job_set_file(struct ori_job *job, const char *file)
{
    lock(job->all);
    (void)snprintf(job->file, sizeof(job->file), "%s", file);
    unlock(job->all);
}

static orion_status stopped(orion_error *err)
{
    return ori_fail(err, ORION_E_CANCELLED, "cancelled; what was fetched is kept");
}

orion_status ori_job_sleep(struct ori_job *job, unsigned ms, orion_error *err)
{
    struct ori_downloads *d = job->all;
    const uint64_t until = ori_now_ns() + (uint64_t)ms * MS_NS;

    lock(d);
    for (uint64_t now = ori_now_ns(); job->stop == ORI_STOP_NONE && now < until; now = ori_now_ns())
        await(d, (unsigned)((until - now) / MS_NS) + 1);
    const bool stop = job->stop != ORI_STOP_NONE;
    unlock(d);
    return stop ? stopped(err) : ORION_OK;
}

/* ---- the engine ---- */

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

    lock(d);
    job->partial = partial;
    job->fetch = (struct ori_fetch_job){
        .file = file,
        .have = ori_partial_have(partial),
        .in_order = ori_partial_wants_order(partial),
        .write = write_partial,
        .self = job,
    };
    job->moving = ORI_MOVING_WANTED;
    announce(d);
    while (job->moving != ORI_MOVING_NOT)
        await(d, 1000);
    job->partial = NULL;
    const bool done = job->fetch.done;
    if (done)
        why = job->fetch.error;
    const orion_status status = job->fetch.status;
    unlock(d);
    if (!done)
        return stopped(err);
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

    note_progress(job, waits ? ORION_PHASE_WAIT : ORION_PHASE_DOWNLOAD,
                  job->base_bytes + ori_partial_durable_bytes(job->partial), job->fetch.note);
}

static bool is_due(const struct ori_job *job, uint64_t now_ns)
{
    if (!job->on_change)
        return false;
    if (!job->told || job->stage != job->told_stage)
        return true;
    return job->stage == ORION_DOWNLOAD_RUNNING &&
           now_ns - job->told_ns >= (uint64_t)TELL_EVERY_MS * MS_NS;
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
            write_facts(job, &facts);
            job->told = true;
            job->told_ns = now_ns;
            job->told_stage = job->stage;
            d->calling = id;
            unlock(d);
            on_change(&facts, user);
            lock(d);
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
    unlock(d);
    ori_fetcher_step(d->fetcher, TELL_EVERY_MS);
    lock(d);
    for (struct ori_job *job = d->jobs; job; job = job->next)
        if (job->moving == ORI_MOVING_NOW)
            measure(job);
    return true;
}

static void *run_engine(void *self)
{
    struct ori_downloads *d = self;

    lock(d);
    while (!d->closing || d->running > 0) {
        const bool moved = step(d);
        tell(d);
        if (!moved && (!d->closing || d->running > 0))
            await(d, d->running > 0 ? TELL_EVERY_MS : 60000);
    }
    tell(d);
    unlock(d);
    return NULL;
}

static orion_status begin_engine(struct ori_downloads *d, const struct ori_manager *manager,
                                 orion_error *err)
{
    if (d->has_engine)
        return ORION_OK;
    const struct ori_fetch_limits limits = ori_manager_limits(manager);
    const orion_status status =
        d->fetcher ? ORION_OK : ori_fetcher_new(manager->hub, &limits, &d->fetcher, err);
    if (status != ORION_OK)
        return status;
    if (ori_thread_start(&d->engine, run_engine, d) != 0)
        return ori_fail_nomem(err, "the thread of the downloads");
    d->has_engine = true;
    return ORION_OK;
}

/* ---- a job's life ---- */

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

static void begin_next(struct ori_downloads *d);

static void *run_job(void *self)
{
    struct ori_job *job = self;
    struct ori_downloads *d = job->all;
    orion_error err = {.status = ORION_OK, .offset = ORION_NO_OFFSET};
    const orion_status status =
        job->repair ? ori_job_run_repair(job, &err) : ori_job_run(job, &err);

    lock(d);
    finish(job, status, &err);
    d->running--;
    begin_next(d);
    announce(d);
    unlock(d);
    return NULL;
}

/* The thread of an earlier run has ended, or is about to. */
static void join(struct ori_job *job)
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
    d->running++;
    if (ori_thread_start(&job->thread, run_job, job) == 0) {
        job->has_thread = true;
        return;
    }
    d->running--;
    finish(job, ori_fail_nomem(&err, "the thread of a download"), &err);
}

static void begin_next(struct ori_downloads *d)
{
    for (struct ori_job *job = d->jobs; job; job = job->next)
        if (d->running < ORI_JOBS_AT_ONCE && !d->closing && job->stage == ORION_DOWNLOAD_QUEUED)
            begin(d, job);
}

static void forget(struct ori_job *job)
{
    free(job->name);
    free(job->repair);
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

static size_t count(const struct ori_downloads *d)
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
    }
    ori_progress_init(&job->progress, NULL, "");
    return job;
}

/* Takes the job over, whatever comes of it. */
static orion_status enter(struct ori_job *job, uint64_t *id, orion_error *err)
{
    struct ori_downloads *d = job->all;
    orion_status status = ORION_OK;

    lock(d);
    if (count(d) >= ORI_JOBS_MAX)
        status =
            ori_fail(err, ORION_E_BUSY, "there are %d downloads already; free some", ORI_JOBS_MAX);
    if (status == ORION_OK)
        status = begin_engine(d, job->manager, err);
    if (status == ORION_OK) {
        append(d, job);
        *id = job->id;
        begin_next(d);
        announce(d);
    }
    unlock(d);
    if (status != ORION_OK)
        forget(job);
    return status;
}

orion_status ori_job_start(const struct ori_manager *manager, const char *name,
                           const struct ori_ref *ref, const orion_download_options *options,
                           uint64_t *id, orion_error *err)
{
    struct ori_job *job = new_job(manager, name, options);

    *id = 0;
    if (!job)
        return ori_fail_nomem(err, "a download");
    job->ref = *ref;
    return enter(job, id, err);
}

orion_status ori_job_start_repair(const struct ori_manager *manager, const char *name,
                                  const char *place, uint64_t *id, orion_error *err)
{
    struct ori_job *job = new_job(manager, name, NULL);

    *id = 0;
    if (job)
        job->repair = strdup(place);
    if (!job || !job->repair) {
        if (job)
            forget(job);
        return ori_fail_nomem(err, "a repair");
    }
    return enter(job, id, err);
}

orion_status ori_downloads_new(struct ori_downloads **out, orion_error *err)
{
    pthread_condattr_t monotonic;

    *out = NULL;
    struct ori_downloads *d = calloc(1, sizeof(*d));
    if (!d)
        return ori_fail_nomem(err, "the downloads");
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    (void)pthread_mutex_init(&d->mutex, NULL);
    *out = d;
    return ORION_OK;
}

void ori_downloads_free(struct ori_downloads *d)
{
    if (!d)
        return;
    lock(d);
    d->closing = true;
    for (struct ori_job *job = d->jobs; job; job = job->next) {
        job->stop = ORI_STOP_CANCEL;
        if (job->stage == ORION_DOWNLOAD_QUEUED)
            job->stage = ORION_DOWNLOAD_CANCELLED;
    }
    announce(d);
    unlock(d);
    if (d->has_engine)
        (void)pthread_join(d->engine, NULL);
    while (d->jobs) {
        struct ori_job *next = d->jobs->next;
        join(d->jobs);
        forget(d->jobs);
        d->jobs = next;
    }
    ori_fetcher_free(d->fetcher);
    (void)pthread_cond_destroy(&d->changed);
    (void)pthread_mutex_destroy(&d->mutex);
    free(d);
}

/* ---- what callers do ---- */

orion_status ori_download_get(const struct ori_manager *manager, uint64_t id,
                              orion_download_facts *out, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    lock(d);
    const struct ori_job *job = find(d, id);
    if (job)
        write_facts(job, out);
    unlock(d);
    return job ? ORION_OK : unknown(id, err);
}

static orion_status ask_to_stop(const struct ori_manager *manager, uint64_t id, enum ori_stop stop,
                                orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    lock(d);
    struct ori_job *job = find(d, id);
    if (job && job->stage == ORION_DOWNLOAD_RUNNING && job->stop < stop)
        job->stop = stop;
    else if (job && (job->stage == ORION_DOWNLOAD_QUEUED ||
                     (job->stage == ORION_DOWNLOAD_PAUSED && stop == ORI_STOP_CANCEL)))
        job->stage = stop == ORI_STOP_PAUSE ? ORION_DOWNLOAD_PAUSED : ORION_DOWNLOAD_CANCELLED;
    announce(d);
    unlock(d);
    return job ? ORION_OK : unknown(id, err);
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

    lock(d);
    struct ori_job *job = find(d, id);
    /* Asked to pause and not there yet: it gets there first. */
    while (job && job->stage == ORION_DOWNLOAD_RUNNING && job->stop == ORI_STOP_PAUSE) {
        await(d, TELL_EVERY_MS);
        job = find(d, id);
    }
    if (job && is_over(job) && job->stage != ORION_DOWNLOAD_DONE) {
        join(job); /* it needs the mutex no more */
        job->stop = ORI_STOP_NONE;
        job->error = (orion_error){.offset = ORION_NO_OFFSET};
        job->stage = ORION_DOWNLOAD_QUEUED;
        begin_next(d);
        announce(d);
    }
    unlock(d);
    return job ? ORION_OK : unknown(id, err);
}

orion_status ori_download_wait(const struct ori_manager *manager, uint64_t id, int timeout_ms,
                               orion_download_facts *facts, char **path, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    const uint64_t until = ori_now_ns() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms) * MS_NS;
    orion_status status = ORION_OK;

    if (path)
        *path = NULL;
    lock(d);
    struct ori_job *job = find(d, id);
    while (job && !is_over(job)) {
        const uint64_t now = ori_now_ns();
        if (timeout_ms >= 0 && now >= until)
            break;
        await(d, timeout_ms < 0 ? 1000 : (unsigned)((until - now) / MS_NS) + 1);
        job = find(d, id);
    }
    if (!job)
        status = unknown(id, err);
    if (job && facts)
        write_facts(job, facts);
    if (job && path && job->stage == ORION_DOWNLOAD_DONE) {
        *path = strdup(job->path);
        status = *path ? ORION_OK : ori_fail_nomem(err, "a path");
    }
    unlock(d);
    return status;
}

orion_status ori_download_free(const struct ori_manager *manager, uint64_t id, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;

    lock(d);
    struct ori_job *job = find(d, id);
    if (job && job->stage == ORION_DOWNLOAD_QUEUED)
        job->stage = ORION_DOWNLOAD_CANCELLED;
    while (job &&
           (!is_over(job) || (d->calling == id && !pthread_equal(d->engine, pthread_self())))) {
        job->stop = ORI_STOP_CANCEL;
        announce(d);
        await(d, TELL_EVERY_MS);
        job = find(d, id); /* someone else may have been quicker */
    }
    if (job) {
        struct ori_job **link = &d->jobs;
        while (*link != job)
            link = &(*link)->next;
        *link = job->next;
    }
    unlock(d);
    if (!job)
        return unknown(id, err);
    join(job);
    forget(job);
    return ORION_OK;
}

orion_status ori_download_list(const struct ori_manager *manager, uint64_t **ids, size_t *n,
                               orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    size_t filled = 0;

    *n = 0;
    lock(d);
    *ids = ori_calloc_array(count(d), sizeof(**ids));
    if (*ids)
        for (struct ori_job *job = d->jobs; job; job = job->next)
            (*ids)[filled++] = job->id;
    unlock(d);
    if (!*ids)
        return ori_fail_nomem(err, "the list of downloads");
    *n = filled;
    return ORION_OK;
}

/* ---- as a pull ---- */

/* The phases in the order in which a pull goes through them. */
static const orion_phase order[] = {ORION_PHASE_RESOLVE, ORION_PHASE_WAIT, ORION_PHASE_DOWNLOAD,
                                    ORION_PHASE_VERIFY};

/* Pass the progress on, without the mutex: each phase that was begun since the
 * last time, then the one it is at. */
static int pass_on(const struct ori_job *job, unsigned *told, const orion_pull_options *options)
{
    orion_progress facts = job->progress.facts;
    char file[sizeof(job->file)], note[sizeof(job->note)];
    const orion_phase now = facts.phase;
    const unsigned phases = job->phases;
    int stop = 0;

    memcpy(file, job->file, sizeof(file));
    memcpy(note, job->note, sizeof(note));
    facts.file = file;
    facts.note = "";
    unlock(job->all);
    for (size_t i = 0; i < ORI_COUNT(order); i++) {
        const unsigned bit = 1u << (unsigned)order[i];
        if (order[i] == now || !(phases & bit) || (*told & bit))
            continue;
        facts.phase = order[i];
        stop |= options->on_progress(&facts, options->user);
    }
    facts.phase = now;
    facts.note = note;
    stop |= options->on_progress(&facts, options->user);
    *told = phases;
    lock(job->all);
    return stop;
}

orion_status ori_job_follow(const struct ori_manager *manager, uint64_t id,
                            const orion_pull_options *options, char **path, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    const bool reports = options && options->on_progress;
    uint64_t told_ns = 0;
    unsigned told = 0;

    lock(d);
    struct ori_job *job = find(d, id); /* ours: no one else frees it */
    for (bool over = false; !over;) {
        over = is_over(job);
        const uint64_t now = ori_now_ns();
        const bool due = now - told_ns >= (uint64_t)TELL_EVERY_MS * MS_NS;
        const bool news = (job->phases & ~told) != 0;
        if (reports && (due || news || over) && job->phases != 0) {
            told_ns = now;
            if (pass_on(job, &told, options) != 0 && job->stop == ORI_STOP_NONE) {
                job->stop = ORI_STOP_CANCEL;
                announce(d);
            }
            over = is_over(job);
        }
        if (!over)
            await(d, TELL_EVERY_MS);
    }
    orion_status status = ORION_OK;
    if (job->stage != ORION_DOWNLOAD_DONE) {
        status = job->error.status;
        if (err)
            *err = job->error;
    } else if (path) {
        *path = strdup(job->path);
        status = *path ? ORION_OK : ori_fail_nomem(err, "a path");
    }
    unlock(d);
    (void)ori_download_free(manager, id, NULL);
    return status;
}
