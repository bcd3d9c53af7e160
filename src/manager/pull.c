/* A pull is a download that is waited for. */
#include "manager/downloads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static orion_status pull_ref(const struct ori_manager *manager, const char *name,
                             const struct ori_ref *ref, const orion_pull_options *options,
                             char **path, orion_error *err)
{
    uint64_t id;
    const orion_status status = ori_job_start(manager, name, ref, NULL, &id, err);
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
        return ori_fail(err, ORION_E_FORMAT,
                        "'%.100s' and '%.100s' are not a repository and a file", repo, file);
    const orion_status status = ori_ref_parse(name, &ref, err);
    return status == ORION_OK ? pull_ref(manager, name, &ref, options, path, err) : status;
}

orion_status ori_download_start(const struct ori_manager *manager, const char *name,
                                const orion_download_options *options, uint64_t *id,
                                orion_error *err)
{
    struct ori_ref ref;

    *id = 0;
    const orion_status status = ori_manager_refer(manager, name, &ref, err);
    return status == ORION_OK ? ori_job_start(manager, name, &ref, options, id, err) : status;
}
