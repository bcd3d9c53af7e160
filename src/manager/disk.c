/* What is done to models that are here: path, remove, usage. */
#include "manager/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/shards.h"

/* Whoever is given the path of a link opens what it leads to: it must be there,
 * and be what the record tells of.  Ends with `path` as it was, the first piece. */
static orion_status check_links(const struct ori_manager *manager, char *path, orion_error *err)
{
    struct ori_stored piece;
    uint32_t no, count;
    orion_status status = ORION_OK;

    ori_shard_of(path, &no, &count);
    for (no = count; no >= 1 && status == ORION_OK; no--) {
        if (count > 1)
            ori_shard_name(path, no);
        status = ori_store_look(manager->store, path, &piece, err);
        if (status == ORION_OK) {
            status = ori_store_check_link(&piece, err);
            ori_stored_release(&piece);
        }
    }
    return status;
}

orion_status ori_manager_path(const struct ori_manager *manager, const char *name, char **path,
                              orion_error *err)
{
    struct ori_found found;

    *path = NULL;
    orion_status status = ori_manager_find_whole(manager, name, &found, err);
    if (status == ORION_OK && found.path)
        status = check_links(manager, found.path, err);
    if (status == ORION_OK) {
        *path = found.path ? ori_manager_absolute(manager, found.path) : found.outside;
        found.outside = NULL;
        status = *path ? ORION_OK : ori_fail_nomem(err, "a path");
    }
    ori_found_release(&found);
    return status;
}

/* Add up the downloads of the model at `place`. */
static void sum_partials(const struct ori_partial_facts *partials, size_t n, const char *place,
                         uint64_t *done_bytes, uint64_t *size_bytes)
{
    char other[ORI_STORE_PATH_MAX];

    *done_bytes = *size_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        if (ori_store_place(partials[i].repo, partials[i].file, other, NULL) != ORION_OK ||
            (strcmp(other, place) != 0 && !ori_shard_same_model(other, place)))
            continue;
        *done_bytes += partials[i].done_bytes;
        *size_bytes += partials[i].size_bytes;
    }
}

orion_status ori_manager_find_partial(const struct ori_manager *manager, const char *name,
                                      char place[ORI_STORE_PATH_MAX], uint64_t *done_bytes,
                                      uint64_t *size_bytes, orion_error *err)
{
    struct ori_partial_facts *partials;
    struct ori_ref ref;
    size_t n;
    bool exact;

    if (ori_manager_refer(manager, name, &ref, NULL) != ORION_OK)
        return ORION_E_NOT_FOUND;
    orion_status status = ori_store_partials(manager->store, &partials, &n, err);
    if (status != ORION_OK)
        return status;
    ptrdiff_t chosen = -1;
    const char **names = ori_calloc_array(n, sizeof(*names));
    if (!names) {
        free(partials);
        return ori_fail_nomem(err, "the list of downloads");
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = strcmp(partials[i].repo, ref.repo) == 0 ? partials[i].file : "";
        if (*ref.file && strcmp(names[i], ref.file) == 0)
            chosen = (ptrdiff_t)i;
    }
    if (!*ref.file)
        chosen = ori_hub_select(names, n, ref.quant, &exact);
    if (chosen < 0 || ori_store_place(ref.repo, names[chosen], place, NULL) != ORION_OK)
        status = ORION_E_NOT_FOUND;
    else
        sum_partials(partials, n, place, done_bytes, size_bytes);
    free(names);
    free(partials);
    return status;
}

/* All pieces of the model at `path`, the first before the others: what is left
 * after an interruption is no model. */
static orion_status remove_pieces(const struct ori_manager *manager, char *path, orion_error *err)
{
    orion_status result = ORION_E_NOT_FOUND;
    uint32_t no, count;

    ori_shard_of(path, &no, &count);
    for (no = 1; no <= count; no++) {
        if (count > 1)
            ori_shard_name(path, no);
        const orion_status status =
            ori_store_remove(manager->store, path, result == ORION_OK ? NULL : err);
        if (status != ORION_E_NOT_FOUND && (status != ORION_OK || result != ORION_OK))
            result = status;
        if (status != ORION_OK && status != ORION_E_NOT_FOUND)
            break;
    }
    return result;
}

orion_status ori_manager_remove(const struct ori_manager *manager, const char *name,
                                orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];
    struct ori_found found;
    uint64_t done, size;

    orion_status status = ori_manager_find(manager, name, &found, err);
    if (status == ORION_E_NOT_FOUND) {
        status = ori_manager_find_partial(manager, name, place, &done, &size, err);
        return status == ORION_OK ? remove_pieces(manager, place, err) : status;
    }
    if (status != ORION_OK)
        return status;
    if (found.path)
        status = remove_pieces(manager, found.path, err);
    else
        status = ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, name,
                             "'%.200s' is not in the models directory %.200s and is not deleted",
                             found.outside, ori_store_root(manager->store));
    ori_found_release(&found);
    return status;
}

orion_status ori_manager_remove_partials(const struct ori_manager *manager, const char *name,
                                         size_t *n, uint64_t *freed_bytes, orion_error *err)
{
    char place[ORI_STORE_PATH_MAX], wanted[ORI_STORE_PATH_MAX] = "";
    struct ori_partial_facts *partials;
    struct ori_stored model;
    uint64_t done, size;
    size_t n_partials;

    *n = 0;
    *freed_bytes = 0;
    orion_status status =
        name ? ori_manager_find_partial(manager, name, wanted, &done, &size, err) : ORION_OK;
    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, status, ORION_NO_OFFSET, name,
                           "there is no unfinished download of '%.200s'", name);
    if (status == ORION_OK)
        status = ori_store_partials(manager->store, &partials, &n_partials, err);
    if (status != ORION_OK)
        return status;
    for (size_t i = 0; i < n_partials && status == ORION_OK; i++) {
        const struct ori_partial_facts *p = &partials[i];
        if (ori_store_place(p->repo, p->file, place, NULL) != ORION_OK ||
            (name && strcmp(place, wanted) != 0 && !ori_shard_same_model(place, wanted)))
            continue;
        /* An older model of that name is not meant. */
        status = ori_store_look(manager->store, place, &model, err);
        ori_stored_release(&model);
        if (status == ORION_OK)
            continue;
        if (status != ORION_E_NOT_FOUND)
            break;
        status = ori_store_remove(manager->store, place, err);
        if (status == ORION_OK) {
            ++*n;
            *freed_bytes += p->disk_bytes;
        } else if ((status == ORION_E_BUSY && !name) || status == ORION_E_NOT_FOUND) {
            status = ORION_OK;
        }
    }
    free(partials);
    return status;
}

uint64_t ori_manager_free_bytes(const struct ori_manager *manager)
{
    return ori_store_disk(manager->store).free_bytes;
}

orion_status ori_manager_usage(const struct ori_manager *manager, orion_usage *out,
                               orion_error *err)
{
    struct ori_usage usage;

    *out = (orion_usage){0};
    const orion_status status = ori_store_usage(manager->store, &usage, err);
    if (status == ORION_OK)
        *out = (orion_usage){.n_models = usage.n_models,
                             .n_partials = usage.n_partials,
                             .model_bytes = usage.model_bytes,
                             .partial_bytes = usage.partial_bytes,
                             .free_bytes = usage.disk.free_bytes,
                             .disk_bytes = usage.disk.total_bytes,
                             .quota_bytes = manager->config.max_bytes};
    return status;
}
