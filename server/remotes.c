#include "remotes.h"

#include <stddef.h>

bool remotes_answer(orion_manager *manager, const char *name)
{
    bool remote = false;
    return orion_manager_choose(manager, name, &remote, NULL) == ORION_OK && remote;
}

void remotes_each(orion_manager *manager, void (*add)(const orion_remote *remote, void *user),
                  void *user)
{
    orion_remote_list *list;

    if (orion_manager_remotes(manager, &list, NULL) != ORION_OK)
        return;
    for (size_t i = 0; i < list->count; i++)
        if (remotes_answer(manager, list->remotes[i].name))
            add(&list->remotes[i], user);
    orion_remote_list_free(list);
}
