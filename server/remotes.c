#include "remotes.h"

#include <stddef.h>
#include <string.h>

bool remotes_answer(orion_manager *manager, const char *name)
{
    bool remote = false;
    return orion_manager_choose(manager, name, &remote, NULL) == ORION_OK && remote;
}

void remotes_add(orion_manager *manager, remote_words words, json_t *list)
{
    orion_remote_list *remotes;

    if (orion_manager_remotes(manager, &remotes, NULL) != ORION_OK)
        return;
    for (size_t i = 0; i < remotes->count; i++)
        if (remotes_answer(manager, remotes->remotes[i].name))
            (void)json_array_append_new(list, words(&remotes->remotes[i]));
    orion_remote_list_free(remotes);
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
    remotes_add(manager, shape->remote, names);
    *out = names;
    return ORION_OK;
}
