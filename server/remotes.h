/* remotes.h - the names that a request may ask for, for the lists of each family: the
 * models on disk, and those that leave this machine. */
#ifndef SERVER_REMOTES_H
#define SERVER_REMOTES_H

#include <jansson.h>
#include <stdbool.h>

#include <orion.h>

/* Would a request for `name` be answered elsewhere now? */
bool remotes_answer(orion_manager *manager, const char *name);

/* How something is said of a remote; NULL: memory is short. */
typedef json_t *(*remote_words)(const orion_remote *remote);

/* Append all remotes that a request may ask for now: none unless the settings let
 * requests leave this machine. */
void remotes_add(orion_manager *manager, remote_words words, json_t *list);

/* How a family writes an entry of its list; NULL: memory is short. */
struct names_shape {
    json_t *(*local)(orion_manager *manager, const orion_model_facts *facts);
    remote_words remote;
};

/* All names that a request may ask for now, in *out.  One that both a model here and a
 * remote answer to is listed as what the strategy prefers. */
orion_status names_list(orion_manager *manager, const struct names_shape *shape, json_t **out,
                        orion_error *err);

#endif
