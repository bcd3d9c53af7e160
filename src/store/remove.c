/* Deleting a model and all that belongs to it. */
#include "store/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dir.h"
#include "base/file.h"

static orion_status remove_partial(const struct ori_store *store,
                                   const struct ori_partial_facts *facts, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    struct ori_lock lock;
    long holder;

    orion_status status = ori_dir_make(store->fd, ORI_STORE_LOCK_DIR, err);
    if (status != ORION_OK)
        return status;
    ori_store_key_path(ORI_STORE_LOCK_DIR, facts->key, ".lock", path);
    status = ori_lock_try(store->fd, path, &lock, &holder, err);
    if (status == ORION_E_BUSY)
        return ori_fail_at(err, ORION_E_BUSY, ORION_NO_OFFSET, facts->file,
                           "process %ld is fetching '%s'; stop it first", holder, facts->file);
    if (status != ORION_OK)
        return status;
    ori_partial_discard(store, facts->key);
    ori_lock_release(&lock);
    return ORION_OK;
}

/* Unfinished downloads of the file that would be kept at `path`. */
static orion_status remove_partials(const struct ori_store *store, const char *path,
                                    size_t *removed, orion_error *err)
{
    struct ori_partial_facts *partials;
    size_t n;

    orion_status status = ori_store_partials(store, &partials, &n, err);
    for (size_t i = 0; i < n && status == ORION_OK; i++) {
        char place[ORI_STORE_PATH_MAX];
        if (ori_store_place(partials[i].repo, partials[i].file, place, NULL) != ORION_OK ||
            strcmp(place, path) != 0)
            continue;
        status = remove_partial(store, &partials[i], err);
        if (status == ORION_OK)
            ++*removed;
    }
    free(partials);
    return status;
}

orion_status ori_store_remove(const struct ori_store *store, const char *path, orion_error *err)
{
    char record[ORI_STORE_PATH_MAX], folder[ORI_STORE_PATH_MAX];
    size_t removed = 0;

    if (!ori_dir_path_ok(path) || path[0] == '.' || strstr(path, "/.") || !ori_name_is_gguf(path))
        return ori_fail(err, ORION_E_DENIED, "'%.200s' is not a model in %.200s", path,
                        store->root);
    /* First what another process may hold: then all or nothing goes. */
    orion_status status = remove_partials(store, path, &removed, err);
    if (status == ORION_OK)
        status = ori_set_forget(store, path, err);
    if (status != ORION_OK)
        return status;
    /* The file before its record: a record alone is never listed. */
    if (ori_dir_unlink(store->fd, path) == 0)
        removed++;
    else if (errno != ENOENT)
        return ori_fail_errno(err, "cannot delete '%s' in %s", path, store->root);
    if (ori_store_record_path(path, record))
        (void)ori_file_unlink(store->fd, record);
    ori_units_remove(store, path);
    const char *slash = strrchr(path, '/');
    if (slash && (size_t)(slash - path) < sizeof(folder)) {
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
        ori_dir_prune(store->fd, folder);
    }
    if (removed == 0)
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, path, "there is no '%s' in %s",
                           path, store->root);
    return ORION_OK;
}
