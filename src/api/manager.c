/* The manager half of orion.h: arguments are checked here, the work is done in
 * the manager room. */
#include "api/handles.h"

#include <stdlib.h>

#include "manager/manager.h"

struct orion_manager {
    struct ori_manager *manager;
};

void orion_manager_options_init(orion_manager_options *options)
{
    *options = (orion_manager_options){.size = sizeof(*options)};
}

void orion_pull_options_init(orion_pull_options *options)
{
    *options = (orion_pull_options){.size = sizeof(*options)};
}

static orion_status bad_options(orion_error *err, const char *init)
{
    return ori_fail(err, ORION_E_ARGUMENT, "the options were not set up with %s()", init);
}

orion_status orion_manager_open(const orion_manager_options *options, orion_manager **out,
                                orion_error *err)
{
    orion_manager_options ours;

    if (!out)
        return ori_api_null_argument(err, __func__);
    *out = NULL;
    orion_manager_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return bad_options(err, "orion_manager_options_init");
    orion_manager *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the manager");
    const orion_status status = ori_manager_open(&ours, &handle->manager, err);
    if (status != ORION_OK) {
        free(handle);
        return status;
    }
    *out = handle;
    return ORION_OK;
}

void orion_manager_close(orion_manager *handle)
{
    if (!handle)
        return;
    ori_manager_close(handle->manager);
    free(handle);
}

orion_status orion_manager_available(orion_manager *handle, orion_model_list **out,
                                     orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_available(handle->manager, out, err);
}

orion_status orion_manager_downloaded(orion_manager *handle, orion_model_list **out,
                                      orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_downloaded(handle->manager, out, err);
}

void orion_model_list_free(orion_model_list *list)
{
    ori_manager_list_free(list);
}

orion_status orion_manager_pull(orion_manager *handle, const char *name,
                                const orion_pull_options *options, char **path, orion_error *err)
{
    orion_pull_options ours;

    if (path)
        *path = NULL;
    if (!handle || !name)
        return ori_api_null_argument(err, __func__);
    orion_pull_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return bad_options(err, "orion_pull_options_init");
    return ori_manager_pull(handle->manager, name, &ours, path, err);
}

orion_status orion_manager_pull_file(orion_manager *handle, const char *repo, const char *file,
                                     const orion_pull_options *options, char **path,
                                     orion_error *err)
{
    orion_pull_options ours;

    if (path)
        *path = NULL;
    if (!handle || !repo || !file)
        return ori_api_null_argument(err, __func__);
    orion_pull_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return bad_options(err, "orion_pull_options_init");
    return ori_manager_pull_file(handle->manager, repo, file, &ours, path, err);
}

orion_status orion_manager_path(orion_manager *handle, const char *name, char **path,
                                orion_error *err)
{
    if (path)
        *path = NULL;
    if (!handle || !name || !path)
        return ori_api_null_argument(err, __func__);
    return ori_manager_path(handle->manager, name, path, err);
}

orion_status orion_manager_remove(orion_manager *handle, const char *name, orion_error *err)
{
    if (!handle || !name)
        return ori_api_null_argument(err, __func__);
    return ori_manager_remove(handle->manager, name, err);
}

orion_status orion_manager_verify(orion_manager *handle, const char *name,
                                  const orion_pull_options *options, orion_error *err)
{
    orion_pull_options ours;

    if (!handle || !name)
        return ori_api_null_argument(err, __func__);
    orion_pull_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return bad_options(err, "orion_pull_options_init");
    return ori_manager_verify(handle->manager, name, &ours, err);
}
