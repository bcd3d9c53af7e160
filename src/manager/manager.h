/* manager - the catalogue, the hub and the store, joined.
 *
 * What the orion_manager_* functions of orion.h promise is done here; see
 * there for the contracts.  The hub and the store do not know each other: a
 * pull asks the one what there is to fetch, and hands the other's writing end
 * to it.
 *
 * Threads: a manager is immutable after opening and may be shared; what
 * happens at once on disk is kept apart by the store's locks.
 */
#ifndef ORI_MANAGER_H
#define ORI_MANAGER_H

#include "base/base.h"

struct ori_manager;

orion_status ori_manager_open(const orion_manager_options *options, struct ori_manager **out,
                              orion_error *err);
void ori_manager_close(struct ori_manager *manager);

orion_status ori_manager_available(const struct ori_manager *manager, orion_model_list **out,
                                   orion_error *err);
orion_status ori_manager_downloaded(const struct ori_manager *manager, orion_model_list **out,
                                    orion_error *err);
void ori_manager_list_free(orion_model_list *list);

orion_status ori_manager_pull(const struct ori_manager *manager, const char *name,
                              const orion_pull_options *options, char **path, orion_error *err);
orion_status ori_manager_pull_file(const struct ori_manager *manager, const char *repo,
                                   const char *file, const orion_pull_options *options, char **path,
                                   orion_error *err);
orion_status ori_manager_path(const struct ori_manager *manager, const char *name, char **path,
                              orion_error *err);
orion_status ori_manager_remove(const struct ori_manager *manager, const char *name,
                                orion_error *err);
orion_status ori_manager_verify(const struct ori_manager *manager, const char *name,
                                const orion_pull_options *options, orion_error *err);

#endif
