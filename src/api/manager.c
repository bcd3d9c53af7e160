/* The manager half of orion.h: arguments are checked here, the work is done in
 * the manager room. */
#include "api/manager.h"

#include <stdlib.h>

void orion_manager_options_init(orion_manager_options *options)
{
    *options = (orion_manager_options){.size = sizeof(*options)};
}

void orion_pull_options_init(orion_pull_options *options)
{
    *options = (orion_pull_options){.size = sizeof(*options)};
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
        return ori_api_not_set_up(err, "orion_manager_options_init");
    orion_manager *handle = calloc(1, sizeof(*handle));
    if (!handle)
        return ori_fail_nomem(err, "the manager");
    ori_headers_init(&handle->headers);
    const orion_status status = ori_manager_open(&ours, &handle->manager, err);
    if (status != ORION_OK) {
        ori_headers_release(&handle->headers);
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
    ori_headers_release(&handle->headers);
    free(handle);
}

bool orion_manager_is_offline(orion_manager *handle)
{
    return handle && ori_manager_is_offline(handle->manager);
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

orion_status orion_manager_model(orion_manager *handle, const char *name, orion_model_list **out,
                                 orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !name || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_model(handle->manager, name, out, err);
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
        return ori_api_not_set_up(err, "orion_pull_options_init");
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
        return ori_api_not_set_up(err, "orion_pull_options_init");
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
        return ori_api_not_set_up(err, "orion_pull_options_init");
    return ori_manager_verify(handle->manager, name, &ours, err);
}

orion_status orion_manager_repair(orion_manager *handle, const char *name,
                                  const orion_pull_options *options, orion_error *err)
{
    orion_pull_options ours;

    if (!handle || !name)
        return ori_api_null_argument(err, __func__);
    orion_pull_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return ori_api_not_set_up(err, "orion_pull_options_init");
    return ori_manager_repair(handle->manager, name, &ours, err);
}

orion_status orion_manager_files(orion_manager *handle, const char *repo,
                                 orion_stored_file_list **out, orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_files(handle->manager, repo, out, err);
}

void orion_stored_file_list_free(orion_stored_file_list *list)
{
    ori_stored_files_free(list);
}

orion_status orion_manager_open_file(orion_manager *handle, const orion_stored_file *file, int *fd,
                                     orion_error *err)
{
    if (fd)
        *fd = -1;
    if (!handle || !file || !file->repo || !file->file || !file->sha256 || !fd)
        return ori_api_null_argument(err, __func__);
    return ori_manager_open_file(handle->manager, file, fd, err);
}

orion_status orion_manager_plan(orion_manager *handle, const char *name, orion_plan **out,
                                orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !name || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_plan(handle->manager, name, out, err);
}

void orion_plan_free(orion_plan *plan)
{
    ori_plan_free(plan);
}

void orion_fit_options_init(orion_fit_options *options)
{
    *options = (orion_fit_options){.size = sizeof(*options)};
}

orion_status orion_manager_fit(orion_manager *handle, const char *name,
                               const orion_fit_options *options, orion_fit *out, orion_error *err)
{
    orion_fit_options ours;

    if (out)
        *out = (orion_fit){0};
    if (!handle || !name || !out)
        return ori_api_null_argument(err, __func__);
    orion_fit_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return ori_api_not_set_up(err, "orion_fit_options_init");
    const orion_status known = ori_api_check_kv_type(ours.kv_type, err);
    if (known != ORION_OK)
        return known;
    return ori_api_fit(handle, name, &ours, out, err);
}

orion_status orion_manager_search(orion_manager *handle, const char *words, uint32_t limit,
                                  orion_hit_list **out, orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !words || !out)
        return ori_api_null_argument(err, __func__);
    if (limit < 1 || limit > 100)
        return ori_fail(err, ORION_E_ARGUMENT, "a search can bring 1 to 100 answers, not %u",
                        limit);
    return ori_manager_search(handle->manager, words, limit, out, err);
}

void orion_hit_list_free(orion_hit_list *list)
{
    ori_hits_free(list);
}

orion_status orion_manager_offers(orion_manager *handle, const char *repo, orion_offer_list **out,
                                  orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !repo || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_offers(handle->manager, repo, out, err);
}

void orion_offer_list_free(orion_offer_list *list)
{
    ori_offers_free(list);
}

orion_status orion_manager_usage(orion_manager *handle, orion_usage *out, orion_error *err)
{
    if (out)
        *out = (orion_usage){0};
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_usage(handle->manager, out, err);
}

orion_status orion_manager_remove_partials(orion_manager *handle, const char *name, size_t *n,
                                           uint64_t *freed_bytes, orion_error *err)
{
    size_t removed = 0;
    uint64_t bytes = 0;

    if (n)
        *n = 0;
    if (freed_bytes)
        *freed_bytes = 0;
    if (!handle)
        return ori_api_null_argument(err, __func__);
    const orion_status status =
        ori_manager_remove_partials(handle->manager, name, &removed, &bytes, err);
    if (n)
        *n = removed;
    if (freed_bytes)
        *freed_bytes = bytes;
    return status;
}

orion_status orion_manager_foreign(orion_manager *handle, const char *dir, orion_foreign_list **out,
                                   orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_foreign(handle->manager, dir, out, err);
}

void orion_foreign_list_free(orion_foreign_list *list)
{
    ori_foreign_list_free(list);
}

void orion_import_options_init(orion_import_options *options)
{
    *options = (orion_import_options){.size = sizeof(*options)};
}

orion_status orion_manager_import(orion_manager *handle, const char *file,
                                  const orion_import_options *options, char **path,
                                  orion_import_way *way, orion_error *err)
{
    orion_import_options ours;
    orion_import_way unwanted;

    if (path)
        *path = NULL;
    if (!handle || !file)
        return ori_api_null_argument(err, __func__);
    orion_import_options_init(&ours);
    if (options && !ori_api_take_options(&ours, sizeof(ours), options))
        return ori_api_not_set_up(err, "orion_import_options_init");
    if ((int)ours.mode < ORION_IMPORT_AUTO || ours.mode > ORION_IMPORT_SYMLINK)
        return ori_fail(err, ORION_E_ARGUMENT, "%d is no way to import", (int)ours.mode);
    return ori_manager_import(handle->manager, file, &ours, path, way ? way : &unwanted, err);
}

orion_status orion_manager_prune(orion_manager *handle, int64_t older_than_s, bool dry_run,
                                 orion_litter_list **out, orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_prune(handle->manager, older_than_s, dry_run, out, err);
}

void orion_litter_list_free(orion_litter_list *list)
{
    ori_litter_free(list);
}

orion_status orion_manager_settings(orion_manager *handle, orion_setting_list **out,
                                    orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    return ori_manager_settings(handle->manager, out, err);
}

void orion_setting_list_free(orion_setting_list *list)
{
    ori_settings_free(list);
}
