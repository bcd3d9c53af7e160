/* A pull: what is it, is it here, fetch it, put it in its place. */
#include "manager/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/progress.h"

struct pull {
    const struct ori_manager *manager;
    struct ori_ref ref;
    struct ori_progress progress;
    struct ori_watch watch;
    struct ori_hub_file file;
    char place[ORI_STORE_PATH_MAX]; /* "" until the file is known */
};

/* ---- is it here? ---- */

/* Is the recorded commit the one that was asked for? */
static bool revision_fits(const struct pull *p, const struct ori_stored *model)
{
    const size_t len = strlen(p->ref.rev);
    return len == 0 || (len >= 7 && strncmp(p->ref.rev, model->record.revision, len) == 0);
}

/* An intact record is believed; a changed file (moved to another disk, say)
 * is hashed; a file without a record is for the hub to judge. */
static orion_status check_place(struct pull *p, bool *here, orion_error *err)
{
    struct ori_stored model;
    const struct ori_manager *m = p->manager;

    *here = false;
    orion_status status = ori_store_place(p->ref.repo, p->ref.file, p->place, err);
    if (status != ORION_OK)
        return status;
    status = ori_store_look(m->store, p->place, &model, err);
    if (status != ORION_OK)
        return status == ORION_E_NOT_FOUND ? ORION_OK : status;
    if (model.has_record && revision_fits(p, &model)) {
        p->progress.facts.total_bytes = model.size_bytes;
        *here = model.intact;
        if (!model.intact) {
            p->progress.hold = true;
            status = ori_store_verify(m->store, p->place, &p->watch, err);
            p->progress.hold = false;
            *here = status == ORION_OK;
            if (status == ORION_E_INTEGRITY)
                status = ORION_OK; /* to be fetched again */
        }
        if (!*here)
            p->progress.facts.total_bytes = 0;
    }
    ori_stored_release(&model);
    return status;
}

static orion_status check_here(struct pull *p, bool *here, orion_error *err)
{
    bool exact = true;

    *here = false;
    if (*p->ref.file)
        return check_place(p, here, err);
    struct ori_ref stored = p->ref;
    const orion_status status = ori_manager_choose_stored(p->manager, &stored, &exact, err);
    if (status == ORION_E_NOT_FOUND)
        return ORION_OK;
    if (status != ORION_OK)
        return status;
    /* The hub may have what the default rule likes better than this. */
    if (!exact && !ori_hub_is_offline(p->manager->hub))
        return ORION_OK;
    const struct ori_ref asked = p->ref;
    p->ref = stored;
    const orion_status checked = check_place(p, here, err);
    if (!*here)
        p->ref = asked;
    return checked;
}

/* ---- fetch it ---- */

static orion_status sink_write(void *self, uint64_t offset, const void *data, size_t len,
                               orion_error *err)
{
    return ori_partial_write(self, offset, data, len, err);
}

static orion_status sink_restart(void *self, orion_error *err)
{
    return ori_partial_restart(self, err);
}

static struct ori_blob blob_of(const struct pull *p)
{
    return (struct ori_blob){
        .hub = ori_hub_endpoint(p->manager->hub),
        .repo = p->file.repo,
        .file = p->file.path,
        .revision = p->file.commit,
        .size_bytes = p->file.size_bytes,
        .digest = p->file.digest,
    };
}

static orion_status has(struct pull *p, bool *here, orion_error *err)
{
    const struct ori_blob blob = blob_of(p);
    p->progress.hold = true; /* hashing what is here is not fetching */
    const orion_status status = ori_store_has(p->manager->store, &blob, &p->watch, here, err);
    p->progress.hold = false;
    return status;
}

/* *resumed: bytes that an earlier attempt left. */
static orion_status fill(struct pull *p, uint64_t *resumed, orion_error *err)
{
    const struct ori_blob blob = blob_of(p);
    struct ori_partial *partial;
    bool here = false;

    orion_status status = ori_partial_open(p->manager->store, &blob, &p->watch, &partial, err);
    if (status != ORION_OK)
        return status;
    *resumed = ori_partial_bytes(partial);
    p->progress.facts.resumed_bytes = *resumed;
    /* Whoever held the lock before us may have finished it. */
    status = has(p, &here, err);
    if (status == ORION_OK && !here) {
        const struct ori_sink sink = {
            .write = sink_write, .restart = sink_restart, .self = partial};
        status = ori_partial_make_room(partial, err);
        if (status == ORION_OK)
            status = ori_hub_fetch(p->manager->hub, &p->file, *resumed, &sink, &p->watch, err);
        if (status == ORION_OK)
            status = ori_watch_tick(&p->watch, ORION_PHASE_VERIFY, p->file.size_bytes, "", err);
        if (status == ORION_OK)
            status = ori_partial_publish(partial, err);
    }
    ori_partial_close(partial);
    return status;
}

static orion_status fetch(struct pull *p, orion_error *err)
{
    uint64_t resumed = 0;
    bool here = false;

    orion_status status = ori_hub_resolve(p->manager->hub, p->ref.repo, p->ref.file, p->ref.rev,
                                          &p->watch, &p->file, err);
    if (status != ORION_OK)
        return status;
    p->progress.facts.total_bytes = p->file.size_bytes;
    status = has(p, &here, err);
    if (status != ORION_OK || here)
        return status;
    status = fill(p, &resumed, err);
    /* What an earlier attempt left may have been the damage: once more, anew. */
    if (status == ORION_E_INTEGRITY && resumed > 0)
        status = fill(p, &resumed, err);
    return status;
}

/* ---- the whole ---- */

static orion_status refuse_shard(const struct pull *p, orion_error *err)
{
    if (!ori_ref_is_shard(p->ref.file))
        return ORION_OK;
    return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, p->ref.file,
                       "'%s' is one piece of a model that was cut into several files, which this "
                       "version does not fetch; choose a file that is whole, e.g. another "
                       "quantization",
                       p->ref.file);
}

static orion_status run(struct pull *p, orion_error *err)
{
    bool here;

    orion_status status = ori_watch_tick(&p->watch, ORION_PHASE_RESOLVE, 0, "", err);
    if (status == ORION_OK)
        status = refuse_shard(p, err);
    if (status == ORION_OK)
        status = check_here(p, &here, err);
    if (status != ORION_OK || here)
        return status;
    status = ori_hub_choose(p->manager->hub, &p->ref, &p->watch, err);
    if (status == ORION_OK)
        status = refuse_shard(p, err);
    if (status == ORION_OK)
        status = ori_store_place(p->ref.repo, p->ref.file, p->place, err);
    return status == ORION_OK ? fetch(p, err) : status;
}

static orion_status pull_ref(const struct ori_manager *manager, const struct ori_ref *ref,
                             const orion_pull_options *options, char **path, orion_error *err)
{
    struct pull *p = calloc(1, sizeof(*p));
    if (!p)
        return ori_fail_nomem(err, "a pull");
    p->manager = manager;
    p->ref = *ref;
    ori_progress_init(&p->progress, options, p->ref.file); /* filled in once it is known */
    p->watch = ori_progress_watch(&p->progress);

    orion_status status = run(p, err);
    if (status == ORION_OK && path) {
        *path = ori_manager_absolute(manager, p->place);
        if (!*path)
            status = ori_fail_nomem(err, "a path");
    }
    if (status == ORION_OK)
        ori_progress_done(&p->progress);
    ori_hub_file_release(&p->file);
    free(p);
    return status;
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
        return pull_ref(manager, &ref, options, path, err);
    /* The stem of something that is here: there is nothing to do, then. */
    if (status != ORION_E_NOT_FOUND || ori_manager_find(manager, name, &found, NULL) != ORION_OK)
        return status;
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
        return ori_fail(err, ORION_E_FORMAT,
                        "'%.100s' and '%.100s' are not a repository and a file", repo, file);
    const orion_status status = ori_ref_parse(name, &ref, err);
    return status == ORION_OK ? pull_ref(manager, &ref, options, path, err) : status;
}
