/* What is done to models that are here: path, remove, verify. */
#include "manager/internal.h"

#include <stdlib.h>
#include <string.h>

#include "manager/progress.h"

orion_status ori_manager_path(const struct ori_manager *manager, const char *name, char **path,
                              orion_error *err)
{
    struct ori_found found;

    *path = NULL;
    const orion_status status = ori_manager_find(manager, name, &found, err);
    if (status != ORION_OK)
        return status;
    if (found.path) {
        *path = ori_manager_absolute(manager, found.path);
    } else {
        *path = found.outside;
        found.outside = NULL;
    }
    ori_found_release(&found);
    return *path ? ORION_OK : ori_fail_nomem(err, "a path");
}

/* The place that a name has in the store though nothing is there yet, for the
 * sake of an unfinished download. */
static orion_status find_partial(const struct ori_manager *manager, const char *name,
                                 char place[ORI_STORE_PATH_MAX])
{
    struct ori_partial_facts *partials;
    struct ori_ref ref;
    size_t n;
    bool exact;

    if (ori_manager_refer(manager, name, &ref, NULL) != ORION_OK ||
        ori_store_partials(manager->store, &partials, &n, NULL) != ORION_OK)
        return ORION_E_NOT_FOUND;
    ptrdiff_t chosen = -1;
    const char **names = ori_calloc_array(n, sizeof(*names));
    for (size_t i = 0; names && i < n; i++) {
        names[i] = strcmp(partials[i].repo, ref.repo) == 0 ? partials[i].file : "";
        if (*ref.file && strcmp(names[i], ref.file) == 0)
            chosen = (ptrdiff_t)i;
    }
    if (names && !*ref.file)
        chosen = ori_hub_select(names, n, ref.quant, &exact);
    orion_status status = ORION_E_NOT_FOUND;
    if (chosen >= 0)
        status = ori_store_place(ref.repo, names[chosen], place, NULL);
    free(names);
    free(partials);
    return status;
}

orion_status ori_manager_remove(const struct ori_manager *manager, const char *name,
                                orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];
    struct ori_found found;

    orion_status status = ori_manager_find(manager, name, &found, err);
    if (status == ORION_E_NOT_FOUND && find_partial(manager, name, place) == ORION_OK)
        return ori_store_remove(manager->store, place, err);
    if (status != ORION_OK)
        return status;
    if (found.path)
        status = ori_store_remove(manager->store, found.path, err);
    else
        status = ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, name,
                             "'%.200s' is not in the models directory %.200s and is not deleted",
                             found.outside, ori_store_root(manager->store));
    ori_found_release(&found);
    return status;
}

orion_status ori_manager_verify(const struct ori_manager *manager, const char *name,
                                const orion_pull_options *options, orion_error *err)
{
    struct ori_progress progress;
    struct ori_stored model;
    struct ori_found found;

    orion_status status = ori_manager_find(manager, name, &found, err);
    if (status != ORION_OK)
        return status;
    if (!found.path) {
        ori_found_release(&found);
        return ori_fail_at(
            err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, name,
            "'%.200s' was not pulled from a hub, so there is no hash to compare with", name);
    }
    ori_progress_init(&progress, options, found.path);
    const struct ori_watch watch = ori_progress_watch(&progress);
    status = ori_store_look(manager->store, found.path, &model, err);
    if (status == ORION_OK) {
        progress.facts.total_bytes = model.size_bytes;
        ori_stored_release(&model);
        status = ori_store_verify(manager->store, found.path, &watch, err);
    }
    if (status == ORION_OK)
        ori_progress_done(&progress);
    ori_found_release(&found);
    return status;
}
