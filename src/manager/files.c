#include "manager/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ori_wanted_release(struct ori_wanted_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        ori_hub_file_release(&set->files[i].hub);
    free(set->files);
    *set = (struct ori_wanted_set){0};
}

struct ori_blob ori_wanted_blob(const struct ori_manager *manager, const struct ori_wanted *file)
{
    return (struct ori_blob){
        .hub = ori_hub_endpoint(manager->hub),
        .repo = file->hub.repo,
        .file = file->hub.path,
        .revision = file->hub.commit,
        .size_bytes = file->hub.size_bytes,
        .digest = file->hub.digest,
    };
}

/* ---- is it here? ---- */

/* Is the recorded commit the one that was asked for? */
static bool revision_fits(const struct ori_ref *ref, const struct ori_stored *model)
{
    const size_t len = strlen(ref->rev);
    return len == 0 || (len >= 7 && strncmp(ref->rev, model->record.revision, len) == 0);
}

static orion_status check_place(const struct ori_manager *m, const struct ori_ref *ref,
                                const struct ori_watch *watch, const char *place,
                                uint64_t *size_bytes, bool *here, orion_error *err)
{
    struct ori_stored model;

    *here = false;
    orion_status status = ori_store_look(m->store, place, &model, err);
    if (status != ORION_OK)
        return status == ORION_E_NOT_FOUND ? ORION_OK : status;
    if (model.has_record && revision_fits(ref, &model)) {
        *size_bytes += model.size_bytes;
        *here = model.intact;
        if (!model.intact && watch) {
            status = ori_store_verify(m->store, place, watch, NULL, err);
            *here = status == ORION_OK;
            if (status == ORION_E_INTEGRITY)
                status = ORION_OK; /* to be fetched again */
        }
    }
    ori_stored_release(&model);
    return status;
}

/* ref->file is known; go through its pieces. */
static orion_status check_files(const struct ori_manager *m, const struct ori_ref *ref,
                                const struct ori_watch *watch, char place[ORI_STORE_PATH_MAX],
                                uint64_t *size_bytes, bool *here, orion_error *err)
{
    uint32_t no, count;

    orion_status status = ori_store_place(ref->repo, ref->file, place, err);
    if (status != ORION_OK)
        return status;
    ori_shard_of(ref->file, &no, &count);
    *size_bytes = 0;
    *here = true;
    for (no = count; no >= 1 && *here && status == ORION_OK; no--) {
        if (count > 1)
            ori_shard_name(place, no); /* ends with the first */
        status = check_place(m, ref, watch, place, size_bytes, here, err);
    }
    return status;
}

orion_status ori_wanted_is_here(const struct ori_manager *m, struct ori_ref *ref,
                                const struct ori_watch *watch, char place[ORI_STORE_PATH_MAX],
                                uint64_t *size_bytes, bool *here, orion_error *err)
{
    bool exact = true;

    *here = false;
    if (*ref->file)
        return check_files(m, ref, watch, place, size_bytes, here, err);
    struct ori_ref stored = *ref;
    orion_status status = ori_manager_choose_stored(m, &stored, &exact, err);
    if (status != ORION_OK)
        return status == ORION_E_NOT_FOUND ? ORION_OK : status;
    /* The hub may have what the default rule likes better than this. */
    if (!exact && !ori_hub_is_offline(m->hub))
        return ORION_OK;
    status = check_files(m, &stored, watch, place, size_bytes, here, err);
    if (*here)
        *ref = stored;
    return status;
}

/* ---- what is it? ---- */

static orion_status resolve_one(const struct ori_manager *m, const struct ori_ref *ref,
                                const char *rev, uint32_t no, uint32_t count,
                                const struct ori_watch *watch, struct ori_wanted *out,
                                orion_error *err)
{
    char file[ORI_NAME_PATH_MAX + 1];

    (void)snprintf(file, sizeof(file), "%s", ref->file);
    if (count > 1)
        ori_shard_name(file, no);
    const orion_status status = ori_store_place(ref->repo, file, out->place, err);
    return status == ORION_OK ? ori_hub_resolve(m->hub, ref->repo, file, rev, watch, &out->hub, err)
                              : status;
}

orion_status ori_wanted_resolve(const struct ori_manager *m, struct ori_ref *ref,
                                const struct ori_watch *watch, struct ori_wanted_set *out,
                                orion_error *err)
{
    uint32_t no, count;

    *out = (struct ori_wanted_set){0};
    orion_status status = ori_hub_choose(m->hub, ref, watch, err);
    if (status != ORION_OK)
        return status;
    ori_shard_of(ref->file, &no, &count);
    if (count == 1 && ori_ref_is_shard(ref->file))
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, ref->file,
                           "'%s' says that it is a piece of a model in a way that makes no sense",
                           ref->file);
    out->files = ori_calloc_array(count, sizeof(*out->files));
    if (!out->files)
        return ori_fail_nomem(err, "the list of files to fetch");
    for (no = 1; no <= count && status == ORION_OK; no++) {
        /* All pieces from the same state of the repository. */
        const char *rev = no == 1 ? ref->rev : out->files[0].hub.commit;
        status = resolve_one(m, ref, rev, no, count, watch, &out->files[no - 1], err);
        out->n = no;
        if (status == ORION_OK &&
            !ori_add_u64(out->size_bytes, out->files[no - 1].hub.size_bytes, &out->size_bytes))
            status = ori_fail(err, ORION_E_NETWORK, "the hub claims impossible sizes");
    }
    if (count > 1)
        ori_shard_name(ref->file, 1);
    if (status != ORION_OK)
        ori_wanted_release(out);
    return status;
}
