/* Which models are elsewhere, which of them may be used, and what a name means. */
#include "api/remotes.h"

#include <stdlib.h>

#include "manager/texts.h"

/* ---- what may be used ---- */

orion_status ori_api_check_way_out(const struct ori_manager *manager, const char *what,
                                   orion_error *err)
{
    if (ori_manager_line(manager).offline)
        return ori_fail_at(err, ORION_E_OFFLINE, ORION_NO_OFFSET, what,
                           "'%.100s' is not on this machine, and orion is offline", what);
    if (!ori_manager_allows_remote(manager))
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, what,
                           "'%.100s' is not on this machine, and nothing may leave it; to allow "
                           "that, set privacy.allow_remote to true in the configuration file",
                           what);
    return ORION_OK;
}

orion_status ori_api_check_remote(const struct ori_manager *manager, const char *name,
                                  orion_error *err)
{
    const orion_status status = ori_api_check_way_out(manager, name, err);
    if (status == ORION_OK && ori_manager_strategy(manager) == ORION_LOCAL_ONLY)
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, name,
                           "'%.100s' is not on this machine, and the strategy is local-only; to "
                           "use it, set \"strategy\" to prefer-local or prefer-remote in the "
                           "configuration file",
                           name);
    return status;
}

static bool fits_here(orion_manager *handle, const char *name)
{
    orion_fit fit;
    return orion_manager_fit(handle, name, NULL, &fit, NULL) == ORION_OK && fit.runs &&
           fit.verdict != ORION_FIT_NOT;
}

static bool is_here(const struct ori_manager *manager, const char *name)
{
    char *path = NULL;
    const orion_status status = ori_manager_path(manager, name, &path, NULL);
    free(path);
    return status == ORION_OK;
}

orion_status orion_manager_choose(orion_manager *handle, const char *name, bool *remote,
                                  orion_error *err)
{
    if (remote)
        *remote = false;
    if (!handle || !name || !remote)
        return ori_api_null_argument(err, __func__);
    struct ori_manager *manager = handle->manager;
    if (!ori_remotes_find(ori_manager_remote_entries(manager), name))
        return ORION_OK;
    const orion_status status = ori_api_check_remote(manager, name, err);
    if (status != ORION_OK)
        return ori_manager_is_local_name(manager, name) ? ORION_OK : status;
    *remote = ori_manager_strategy(manager) == ORION_PREFER_REMOTE || !is_here(manager, name) ||
              !fits_here(handle, name);
    return ORION_OK;
}

/* ---- what there is ---- */

struct remotes {
    orion_remote_list shown; /* first: what the caller sees */
    orion_remote items[ORI_REMOTES_MAX];
    struct ori_texts texts;
};

orion_status orion_manager_remotes(orion_manager *handle, orion_remote_list **out, orion_error *err)
{
    if (out)
        *out = NULL;
    if (!handle || !out)
        return ori_api_null_argument(err, __func__);
    const struct ori_remotes *entries = ori_manager_remote_entries(handle->manager);
    struct remotes *list = calloc(1, sizeof(*list));
    if (!list)
        return ori_fail_nomem(err, "the remotes");
    for (size_t i = 0; i < entries->n; i++) {
        const struct ori_remote *r = &entries->items[i];
        orion_error why = {.message = ""};
        const bool usable = ori_api_check_remote(handle->manager, r->name, &why) == ORION_OK;
        list->items[i] = (orion_remote){.name = ori_texts_keep(&list->texts, r->name),
                                        .url = ori_texts_keep(&list->texts, r->url),
                                        .model = ori_texts_keep(&list->texts, r->model),
                                        .usable = usable,
                                        .why_not = ori_texts_keep(&list->texts, why.message)};
    }
    list->shown = (orion_remote_list){.count = entries->n,
                                      .remotes = list->items,
                                      .strategy = ori_manager_strategy(handle->manager)};
    if (list->texts.failed) {
        orion_remote_list_free(&list->shown);
        return ori_fail_nomem(err, "the remotes");
    }
    *out = &list->shown;
    return ORION_OK;
}

void orion_remote_list_free(orion_remote_list *shown)
{
    struct remotes *list = (struct remotes *)shown;
    if (!list)
        return;
    ori_texts_release(&list->texts);
    free(list);
}
