/* Verifying: hash what is here.  And repairing: fetch again only what is damaged. */
#include "manager/downloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/shards.h"

/* The work of one job. */
struct repair {
    struct ori_job *job;
    const struct ori_manager *manager;
    struct ori_watch watch;
    struct ori_stored model; /* the piece at hand */
    struct ori_hub_file file;
    struct ori_ranges damaged;
};

/* Where the bytes of the record can be had.  The commit may be gone from the
 * hub while the branch still has the same file. */
static orion_status resolve(struct repair *r, orion_error *err)
{
    const struct ori_record *record = &r->model.record;
    const struct ori_hub *hub = r->manager->hub;

    orion_status status = ori_hub_resolve(hub, record->repo, record->file, record->revision,
                                          &r->watch, &r->file, err);
    if (status == ORION_E_NOT_FOUND && *record->revision)
        status = ori_hub_resolve(hub, record->repo, record->file, "", &r->watch, &r->file, err);
    if (status == ORION_OK && (r->file.size_bytes != record->size_bytes ||
                               strcmp(r->file.digest.hex, record->sha256) != 0))
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, r->model.path,
                           "the hub no longer has the version of '%.200s' that was downloaded; "
                           "remove it and pull the new one",
                           r->model.path);
    return status;
}

static orion_status mend(struct repair *r, orion_error *err)
{
    const struct ori_blob blob = {.hub = ori_hub_endpoint(r->manager->hub),
                                  .repo = r->file.repo,
                                  .file = r->file.path,
                                  .revision = r->file.commit,
                                  .size_bytes = r->file.size_bytes,
                                  .digest = r->file.digest};
    enum ori_partial_state state = ORI_PARTIAL_OURS;
    struct ori_partial *partial = NULL;

    orion_status status = ori_store_repair_open(r->manager->store, r->model.path, &blob,
                                                &r->damaged, &r->watch, &state, &partial, err);
    if (status == ORION_OK && state == ORI_PARTIAL_OTHERS)
        return ori_fail_at(err, ORION_E_BUSY, ORION_NO_OFFSET, r->model.path,
                           "another process is downloading '%.200s'", r->model.path);
    if (status == ORION_OK)
        status = ori_partial_make_room(partial, err);
    if (status == ORION_OK && ori_ranges_total(ori_partial_have(partial)) < r->file.size_bytes)
        status = ori_job_move(r->job, partial, &r->file, err);
    if (status == ORION_OK)
        status = ori_partial_publish(partial, &r->watch, err);
    ori_partial_close(partial);
    return status;
}

static orion_status check_piece(struct repair *r, const char *path, orion_error *err)
{
    orion_status status = ori_store_look(r->manager->store, path, &r->model, err);
    if (status != ORION_OK)
        return status;
    ori_job_set_file(r->job, r->model.has_record ? r->model.record.file : path,
                     r->model.record.sha256);
    status = ori_store_verify(r->manager->store, path, &r->watch, &r->damaged, err);
    if (status == ORION_E_INTEGRITY && r->job->kind == ORION_DOWNLOAD_REPAIR &&
        r->model.has_record && *r->model.record.repo) {
        status = resolve(r, err);
        if (status == ORION_OK)
            status = mend(r, err);
    }
    ori_job_add_base(r->job, r->model.size_bytes);
    ori_stored_release(&r->model);
    ori_hub_file_release(&r->file);
    ori_ranges_release(&r->damaged);
    return status;
}

/* Bytes of all pieces of the model at `path`, which is changed meanwhile. */
static orion_status sum_pieces(const struct ori_manager *manager, char *path, uint32_t count,
                               uint64_t *bytes, orion_error *err)
{
    struct ori_stored model;
    orion_status status = ORION_OK;

    *bytes = 0;
    for (uint32_t no = count; no >= 1 && status == ORION_OK; no--) {
        if (count > 1)
            ori_shard_name(path, no);
        status = ori_store_look(manager->store, path, &model, err);
        if (status == ORION_OK) {
            *bytes += model.size_bytes;
            ori_stored_release(&model);
        }
    }
    return status;
}

static orion_status check_pieces(struct repair *r, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    uint32_t no, count;
    uint64_t bytes;

    (void)snprintf(path, sizeof(path), "%s", r->job->place);
    ori_shard_of(path, &no, &count);
    orion_status status = sum_pieces(r->manager, path, count, &bytes, err);
    if (status == ORION_OK)
        ori_job_set_total(r->job, bytes);
    for (no = 1; no <= count && status == ORION_OK; no++) {
        if (count > 1)
            ori_shard_name(path, no);
        status = check_piece(r, path, err);
    }
    return status;
}

orion_status ori_job_run_verify(struct ori_job *job, orion_error *err)
{
    struct repair *r = calloc(1, sizeof(*r));

    if (!r)
        return ori_fail_nomem(err, "a verification");
    r->job = job;
    r->manager = job->manager;
    r->watch = ori_job_watch(job);
    orion_status status = check_pieces(r, err);
    free(r);
    char *whole = status == ORION_OK ? ori_manager_absolute(job->manager, job->place) : NULL;
    if (status == ORION_OK && !whole)
        status = ori_fail_nomem(err, "a path");
    ori_job_lock(job);
    free(job->path);
    job->path = whole;
    ori_job_unlock(job);
    return status;
}

/* ---- what callers ask for ---- */

/* In the store and whole, or ORION_E_UNSUPPORTED for a file elsewhere. */
static orion_status find_recorded(const struct ori_manager *manager, const char *name,
                                  struct ori_found *found, orion_error *err)
{
    const orion_status status = ori_manager_find_whole(manager, name, found, err);
    if (status != ORION_OK || found->path)
        return status;
    ori_found_release(found);
    return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, name,
                       "'%.200s' was not pulled from a hub, so there is no hash to compare with",
                       name);
}

orion_status ori_job_start_verify(const struct ori_manager *manager, const char *name,
                                  const orion_download_options *options, uint64_t *id,
                                  orion_error *err)
{
    struct ori_found found;

    *id = 0;
    orion_status status = find_recorded(manager, name, &found, err);
    if (status != ORION_OK)
        return status;
    status = ori_job_start_at(manager, name, found.path, options, id, err);
    ori_found_release(&found);
    return status;
}

static orion_status verify(const struct ori_manager *manager, const char *name,
                           orion_download_kind kind, const orion_pull_options *options,
                           orion_error *err)
{
    const orion_download_options how = {.size = sizeof(how), .kind = kind};
    uint64_t id;
    const orion_status status = ori_job_start_verify(manager, name, &how, &id, err);

    return status == ORION_OK ? ori_job_follow(manager, id, options, NULL, err) : status;
}

orion_status ori_manager_verify(const struct ori_manager *manager, const char *name,
                                const orion_pull_options *options, orion_error *err)
{
    return verify(manager, name, ORION_DOWNLOAD_VERIFY, options, err);
}

orion_status ori_manager_repair(const struct ori_manager *manager, const char *name,
                                const orion_pull_options *options, orion_error *err)
{
    return verify(manager, name, ORION_DOWNLOAD_REPAIR, options, err);
}
