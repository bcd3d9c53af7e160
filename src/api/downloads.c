/* The downloads of orion.h: arguments are checked here, the work is done in
 * the manager room. */
#include "api/manager.h"

void orion_download_options_init(orion_download_options *options)
{
    *options = (orion_download_options){.size = sizeof(*options)};
}

orion_status orion_download_start(orion_manager *handle, const char *name,
                                  const orion_download_options *options, uint64_t *id,
                                  orion_error *err)
{
    orion_download_options ours;

    if (id)
        *id = 0;
    if (!handle || !name || !id)
        return ori_api_null_argument(err, __func__);
    orion_download_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return ori_api_not_set_up(err, "orion_download_options_init");
    if ((int)ours.kind < ORION_DOWNLOAD_PULL || ours.kind > ORION_DOWNLOAD_REPAIR)
        return ori_fail(err, ORION_E_ARGUMENT, "%d is no kind of download", (int)ours.kind);
    return ori_download_start(handle->manager, name, &ours, id, err);
}

orion_status orion_download_get(orion_manager *handle, uint64_t id, orion_download_facts *out,
                                orion_error *err)
{
    if (out)
        *out = (orion_download_facts){0};
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_download_get(handle->manager, id, out, err);
}

orion_status orion_download_pause(orion_manager *handle, uint64_t id, orion_error *err)
{
    return handle ? ori_download_pause(handle->manager, id, err)
                  : ori_api_null_argument(err, __func__);
}

orion_status orion_download_resume(orion_manager *handle, uint64_t id, orion_error *err)
{
    return handle ? ori_download_resume(handle->manager, id, err)
                  : ori_api_null_argument(err, __func__);
}

orion_status orion_download_cancel(orion_manager *handle, uint64_t id, orion_error *err)
{
    return handle ? ori_download_cancel(handle->manager, id, err)
                  : ori_api_null_argument(err, __func__);
}

orion_status orion_download_wait(orion_manager *handle, uint64_t id, int timeout_ms,
                                 orion_download_facts *facts, char **path, orion_error *err)
{
    if (facts)
        *facts = (orion_download_facts){0};
    if (path)
        *path = NULL;
    if (!handle)
        return ori_api_null_argument(err, __func__);
    return ori_download_wait(handle->manager, id, timeout_ms, facts, path, err);
}

orion_status orion_download_free(orion_manager *handle, uint64_t id, orion_error *err)
{
    return handle ? ori_download_free(handle->manager, id, err)
                  : ori_api_null_argument(err, __func__);
}

orion_status orion_download_list(orion_manager *handle, uint64_t **ids, size_t *n, orion_error *err)
{
    if (ids)
        *ids = NULL;
    if (n)
        *n = 0;
    if (!handle || !ids || !n)
        return ori_api_null_argument(err, __func__);
    return ori_download_list(handle->manager, ids, n, err);
}

uint64_t orion_download_changes(orion_manager *handle, uint64_t seen, int timeout_ms)
{
    return handle ? ori_download_changes(handle->manager, seen, timeout_ms) : 1;
}

orion_status orion_download_keep(orion_manager *handle, orion_error *err)
{
    return handle ? ori_download_keep(handle->manager, err) : ori_api_null_argument(err, __func__);
}
