/* A pull is a download that is waited for. */
#include "manager/downloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* The phases in the order in which a pull goes through them. */
static const orion_phase order[] = {ORION_PHASE_RESOLVE, ORION_PHASE_WAIT, ORION_PHASE_DOWNLOAD,
                                    ORION_PHASE_VERIFY};

/* Pass the progress on, without the mutex: each phase that was begun since the
 * last time, then the one it is at. */
static int pass_on(const struct ori_job *job, unsigned *told, const orion_pull_options *options)
{
    orion_progress facts = job->progress.facts;
    char file[sizeof(job->file)], note[sizeof(job->note)], sha256[sizeof(job->sha256)];
    const orion_phase now = facts.phase;
    const unsigned phases = job->phases;
    int stop = 0;

    memcpy(file, job->file, sizeof(file));
    memcpy(note, job->note, sizeof(note));
    memcpy(sha256, job->sha256, sizeof(sha256));
    facts.file = file;
    facts.sha256 = sha256;
    facts.note = "";
    ori_downloads_unlock(job->all);
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
    ori_downloads_lock(job->all);
    return stop;
}

orion_status ori_job_follow(const struct ori_manager *manager, uint64_t id,
                            const orion_pull_options *options, char **path, orion_error *err)
{
    struct ori_downloads *d = manager->downloads;
    const bool reports = options && options->on_progress;
    uint64_t told_ns = 0;
    unsigned told = 0;

    ori_downloads_lock(d);
    struct ori_job *job = ori_job_find(d, id);
    if (!job) { /* whoever shows all of them was quick to forget it */
        ori_downloads_unlock(d);
        return ori_fail(err, ORION_E_CANCELLED, "the download was stopped");
    }
    job->followed = true; /* no one else forgets it now */
    for (bool over = false; !over;) {
        over = ori_job_is_over(job);
        const uint64_t now = ori_now_ns();
        const bool due = now - told_ns >= (uint64_t)ORI_TELL_EVERY_MS * ORI_NS_PER_MS;
        const bool news = (job->phases & ~told) != 0;
        if (reports && (due || news || over) && job->phases != 0) {
            told_ns = now;
            if (pass_on(job, &told, options) != 0 && job->stop == ORI_STOP_NONE) {
                job->stop = ORI_STOP_CANCEL;
                ori_downloads_announce(d);
            }
            over = ori_job_is_over(job);
        }
        if (!over)
            ori_downloads_await(d, ORI_TELL_EVERY_MS);
    }
    orion_status status = ORION_OK;
    if (job->stage == ORION_DOWNLOAD_PAUSED) {
        status = ori_fail(err, ORION_E_CANCELLED,
                          "the download was paused; what was fetched is "
                          "kept");
    } else if (job->stage != ORION_DOWNLOAD_DONE) {
        status = job->error.status;
        if (err)
            *err = job->error;
    } else if (path) {
        *path = strdup(job->path);
        status = *path ? ORION_OK : ori_fail_nomem(err, "a path");
    }
    job->followed = false;
    ori_downloads_unlock(d);
    (void)ori_download_free(manager, id, NULL);
    return status;
}

static orion_status pull_ref(const struct ori_manager *manager, const char *name,
                             const struct ori_ref *ref, const orion_pull_options *options,
                             char **path, orion_error *err)
{
    uint64_t id;
    const orion_status status =
        ori_job_start(manager, name, ref, NULL, ORI_JOB_WAITED_FOR, &id, err);
    return status == ORION_OK ? ori_job_follow(manager, id, options, path, err) : status;
}

orion_status ori_manager_pull(const struct ori_manager *manager, const char *name,
                              const orion_pull_options *options, char **path, orion_error *err)
{
    struct ori_found found;
    struct ori_ref ref;

    if (path)
        *path = NULL;
    orion_status status = ori_manager_refer(manager, name, &ref, err);
    if (status == ORION_OK)
        return pull_ref(manager, name, &ref, options, path, err);
    /* The stem of something that is here: there is nothing to do, then. */
    if (status != ORION_E_NOT_FOUND)
        return status;
    orion_error why;
    const orion_status here = ori_manager_find(manager, name, &found, &why);
    if (here == ORION_E_NOMEM && err)
        *err = why;
    if (here != ORION_OK)
        return here == ORION_E_NOMEM ? here : status;
    status = ORION_OK;
    if (path) {
        *path = found.path ? ori_manager_absolute(manager, found.path) : strdup(found.outside);
        if (!*path)
            status = ori_fail_nomem(err, "a path");
    }
    ori_found_release(&found);
    return status;
}

orion_status ori_manager_pull_file(const struct ori_manager *manager, const char *repo,
                                   const char *file, const orion_pull_options *options, char **path,
                                   orion_error *err)
{
    struct ori_ref ref;
    char name[ORI_REPO_MAX + ORI_NAME_PATH_MAX + 2];

    if (path)
        *path = NULL;
    const int n = snprintf(name, sizeof(name), "%s/%s", repo, file);
    if (n < 0 || (size_t)n >= sizeof(name) || strpbrk(name, ":@"))
        return ori_fail(err, ORION_E_NAME, "'%.100s' and '%.100s' are not a repository and a file",
                        repo, file);
    const orion_status status = ori_ref_parse(name, &ref, err);
    return status == ORION_OK ? pull_ref(manager, name, &ref, options, path, err) : status;
}

orion_status ori_download_start(const struct ori_manager *manager, const char *name,
                                const orion_download_options *options, uint64_t *id,
                                orion_error *err)
{
    struct ori_ref ref;

    *id = 0;
    if (options && options->kind != ORION_DOWNLOAD_PULL)
        return ori_job_start_verify(manager, name, options, id, err);
    const orion_status status = ori_manager_refer(manager, name, &ref, err);
    return status == ORION_OK ? ori_job_start(manager, name, &ref, options, ORI_JOB_KEPT, id, err)
                              : status;
}
