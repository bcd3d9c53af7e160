#include "remotes.h"

#include <stddef.h>
#include <string.h>

bool remotes_answer(orion_manager *manager, const char *name)
{
    bool remote = false;
    return orion_manager_choose(manager, name, &remote, NULL) == ORION_OK && remote;
}

static void add_remotes(orion_manager *manager, const struct names_shape *shape, json_t *names)
{
    orion_remote_list *list;

    if (orion_manager_remotes(manager, &list, NULL) != ORION_OK)
        return;
    for (size_t i = 0; i < list->count; i++)
        if (remotes_answer(manager, list->remotes[i].name))
            (void)json_array_append_new(names, shape->remote(&list->remotes[i]));
    orion_remote_list_free(list);
}

orion_status names_list(orion_manager *manager, const struct names_shape *shape, json_t **out,
                        orion_error *err)
{
    orion_model_list *list;

    *out = NULL;
    const orion_status status = orion_manager_downloaded(manager, &list, err);
    if (status != ORION_OK)
        return status;
    json_t *names = json_array();
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->models[i].role, "model") == 0 &&
            !remotes_answer(manager, list->models[i].id))
            (void)json_array_append_new(names, shape->local(manager, &list->models[i]));
    orion_model_list_free(list);
    add_remotes(manager, shape, names);
    *out = names;
    return ORION_OK;
}
