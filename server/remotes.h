/* remotes.h - names that leave this machine, for the lists of each family. */
#ifndef SERVER_REMOTES_H
#define SERVER_REMOTES_H

#include <stdbool.h>

#include <orion.h>

/* Would a request for `name` be answered elsewhere now? */
bool remotes_answer(orion_manager *manager, const char *name);

/* Call `add` for each remote that requests for its name go to now. */
void remotes_each(orion_manager *manager, void (*add)(const orion_remote *remote, void *user),
                  void *user);

#endif
