/* The work of one download, on its own thread: what is it, is it here, fetch
 * it, put it in its place. */
#include "manager/downloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/files.h"

#define LOOK_AGAIN_MS 250 /* at another process's download */
#define MAX_ROUNDS 3      /* of fetching what turned out to be damaged */

struct work {
    struct ori_job *job;
    const struct ori_manager *manager;
    struct ori_ref ref;
    struct ori_watch watch; /* what arrives */
    struct ori_watch quiet; /* hashing what is here: no progress */
    struct ori_wanted_set set;
    char place[ORI_STORE_PATH_MAX]; /* of the model */
};

static int tick_quietly(void *self, orion_phase phase, uint64_t done_bytes, const char *note)
{
    const struct ori_watch *watch = self;
    (void)done_bytes;
    return watch->tick(watch->self, phase, 0, note);
}

static void add_resumed(struct ori_job *job, uint64_t bytes)
{
    ori_job_lock(job);
    job->progress.facts.resumed_bytes += bytes;
    ori_job_unlock(job);
}

/* ---- one file ---- */

/* Take the partial, following whoever has it until they have finished or died. */
static orion_status open_partial(struct work *w, const struct ori_blob *blob,
                                 struct ori_partial **out, orion_error *err)
{
    enum ori_partial_state state;

    for (;;) {
        orion_status status =
            ori_partial_open(w->manager->store, blob, &w->quiet, &state, out, err);
        if (status != ORION_OK || state == ORI_PARTIAL_OURS)
            return status;
        char note[96] = "another download of it is under way";
        uint64_t done = 0;
        long process = 0;
        if (ori_partial_peek(w->manager->store, blob, &done, &process) == ORION_OK && process > 0)
            (void)snprintf(note, sizeof(note), "process %ld is downloading it", process);
        status = ori_watch_tick(&w->watch, ORION_PHASE_WAIT, done, note, err);
        if (status == ORION_OK)
            status = ori_job_sleep(w->job, LOOK_AGAIN_MS, err);
        if (status != ORION_OK)
            return status;
    }
}

static orion_status complete(struct work *w, struct ori_partial *partial, orion_error *err)
{
    return w->set.n > 1 ? ori_partial_hold(partial, &w->watch, err)
                        : ori_partial_publish(partial, &w->watch, err);
}

/* Fetch what is missing, check, and once more what turned out to be damaged:
 * unless all of it came just now, which would be no better the next time. */
static orion_status fill(struct work *w, struct ori_wanted *file, struct ori_partial *partial,
                         orion_error *err)
{
    orion_status status = ori_partial_make_room(partial, err);

    for (int round = 1; status == ORION_OK; round++) {
        const uint64_t had = ori_ranges_total(ori_partial_have(partial));
        if (had < file->hub.size_bytes)
            status = ori_job_move(w->job, partial, &file->hub, err);
        if (status == ORION_OK)
            status = ori_watch_tick(&w->watch, ORION_PHASE_VERIFY,
                                    ori_partial_durable_bytes(partial), "", err);
        if (status == ORION_OK)
            status = complete(w, partial, err);
        if (status != ORION_E_INTEGRITY)
            return status;
        const bool hopeless = had == 0 && ori_ranges_total(ori_partial_have(partial)) == 0;
        if (!hopeless && round < MAX_ROUNDS)
            status = ORION_OK;
    }
    return status;
}

static orion_status fetch_file(struct work *w, struct ori_wanted *file, orion_error *err)
{
    const struct ori_blob blob = ori_wanted_blob(w->manager, file);
    struct ori_partial *partial = NULL;
    bool here = false;

    ori_job_set_file(w->job, file->hub.path,
                     file->hub.digest.kind == ORI_DIGEST_SHA256 ? file->hub.digest.hex : "");
    orion_status status = ori_store_has(w->manager->store, &blob, &w->quiet, &here, err);
    if (status == ORION_OK && !here)
        status = open_partial(w, &blob, &partial, err);
    /* Whoever had the lock before us may have finished it. */
    if (status == ORION_OK && !here)
        status = ori_store_has(w->manager->store, &blob, &w->quiet, &here, err);
    if (status == ORION_OK && !here) {
        add_resumed(w->job, ori_ranges_total(ori_partial_have(partial)));
        /* Held: whole and checked, by an attempt at a set that it was part of. */
        status =
            ori_partial_is_held(partial) ? complete(w, partial, err) : fill(w, file, partial, err);
    }
    ori_partial_close(partial);
    if (status == ORION_OK)
        ori_job_add_base(w->job, file->hub.size_bytes);
    return status;
}

/* ---- all files ---- */

/* Bytes that are neither in place nor in an unfinished download. */
static orion_status missing_bytes(struct work *w, uint64_t *missing, orion_error *err)
{
    *missing = 0;
    for (size_t i = 0; i < w->set.n; i++) {
        const struct ori_blob blob = ori_wanted_blob(w->manager, &w->set.files[i]);
        uint64_t done = 0;
        struct ori_stored model;
        long process;
        orion_status status =
            ori_store_look(w->manager->store, w->set.files[i].place, &model, NULL);
        const bool same = status == ORION_OK && model.link != ORI_LINK_GONE &&
                          model.size_bytes == blob.size_bytes;
        ori_stored_release(&model);
        if (same)
            continue;
        if (status != ORION_E_NOMEM)
            status = ori_partial_peek(w->manager->store, &blob, &done, &process);
        if (status == ORION_E_NOMEM)
            return ori_fail_nomem(err, "a download");
        *missing += blob.size_bytes - (done < blob.size_bytes ? done : blob.size_bytes);
    }
    return ORION_OK;
}

static orion_status publish_set(struct work *w, orion_error *err)
{
    struct ori_blob *blobs = ori_calloc_array(w->set.n, sizeof(*blobs));
    if (!blobs)
        return ori_fail_nomem(err, "the list of files");
    for (size_t i = 0; i < w->set.n; i++)
        blobs[i] = ori_wanted_blob(w->manager, &w->set.files[i]);
    const orion_status status = ori_store_publish_set(w->manager->store, blobs, w->set.n, err);
    free(blobs);
    return status;
}

static orion_status fetch(struct work *w, orion_error *err)
{
    uint64_t missing;

    orion_status status = ori_wanted_resolve(w->manager, &w->ref, &w->watch, &w->set, err);
    if (status != ORION_OK)
        return status;
    memcpy(w->place, w->set.files[0].place, sizeof(w->place));
    ori_job_set_model(w->job, w->place);
    ori_job_set_total(w->job, w->set.size_bytes);
    status = missing_bytes(w, &missing, err);
    if (status == ORION_OK)
        status =
            ori_store_check_quota(w->manager->store, w->manager->config.max_bytes, missing, err);
    for (size_t i = 0; i < w->set.n && status == ORION_OK; i++)
        status = fetch_file(w, &w->set.files[i], err);
    if (status == ORION_OK && w->set.n > 1)
        status = publish_set(w, err);
    return status;
}

static orion_status run(struct work *w, orion_error *err)
{
    uint64_t size_bytes = 0;
    bool here = false;

    orion_status status = ori_watch_tick(&w->watch, ORION_PHASE_RESOLVE, 0, "", err);
    if (status == ORION_OK)
        status =
            ori_wanted_is_here(w->manager, &w->ref, &w->quiet, w->place, &size_bytes, &here, err);
    if (status == ORION_OK && here) {
        ori_job_set_model(w->job, w->place);
        ori_job_set_total(w->job, size_bytes);
    }
    return status == ORION_OK && !here ? fetch(w, err) : status;
}

orion_status ori_job_run(struct ori_job *job, orion_error *err)
{
    struct work *w = calloc(1, sizeof(*w));
    if (!w)
        return ori_fail_nomem(err, "a download");
    w->job = job;
    w->manager = job->manager;
    w->ref = job->ref;
    w->watch = ori_job_watch(job);
    w->quiet = (struct ori_watch){.tick = tick_quietly, .self = &w->watch};

    orion_status status = run(w, err);
    char *path = status == ORION_OK ? ori_manager_absolute(w->manager, w->place) : NULL;
    if (status == ORION_OK && !path)
        status = ori_fail_nomem(err, "a path");
    ori_job_lock(job);
    free(job->path);
    job->path = path;
    ori_job_unlock(job);
    ori_wanted_release(&w->set);
    free(w);
    return status;
}
