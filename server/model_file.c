/* Which file a model's name stands for. */
#include "model_file.h"

#include <stdio.h>
#include <string.h>

#include "fail.h"

bool model_file_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static orion_status not_here(const char *name, orion_error *err)
{
    return server_fail(err, ORION_E_NOT_FOUND,
                       "model '%.200s' not found: it is not on this machine; pull it first, or use "
                       "one of those that are listed",
                       name);
}

/* The list's model at that path; a path elsewhere has none. */
static orion_status take_listed(const orion_model_list *list, const char *path, const char *name,
                                struct model_file *out, orion_error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const orion_model_facts *facts = &list->models[i];
        if (strcmp(facts->path, path) != 0)
            continue;
        if (stat(path, &out->st) != 0)
            break; /* gone since */
        (void)snprintf(out->id, sizeof(out->id), "%s", facts->id);
        (void)snprintf(out->path, sizeof(out->path), "%s", path);
        return ORION_OK;
    }
    return not_here(name, err);
}

orion_status model_file_find(orion_manager *manager, const char *name, struct model_file *out,
                             orion_error *err)
{
    orion_model_list *list = NULL;
    char *path = NULL;

    orion_status status = orion_manager_path(manager, name, &path, err);
    if (status == ORION_E_NOT_FOUND || status == ORION_E_NAME)
        return not_here(name, err);
    if (status == ORION_OK)
        status = orion_manager_downloaded(manager, &list, err);
    if (status == ORION_OK)
        status = take_listed(list, path, name, out, err);
    orion_model_list_free(list);
    orion_free(path);
    return status;
}
