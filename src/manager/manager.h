/* manager - the catalogue, the hub and the store, joined.
 *
 * What the orion_manager_* functions of orion.h promise is done here; see
 * there for the contracts.  The hub and the store do not know each other: a
 * pull asks the one what there is to fetch, and hands the other's writing end
 * to it.
 *
 * Threads: a manager may be shared.  All of it but the table of downloads is
 * immutable after opening, and that has its own lock; what happens at once on
 * disk is kept apart by the store's locks.
 */
#ifndef ORI_MANAGER_H
#define ORI_MANAGER_H

#include <sys/stat.h>

#include "base/base.h"
#include "hub/hub.h"
#include "manager/remotes.h"

struct ori_manager;

orion_status ori_manager_open(const orion_manager_options *options, struct ori_manager **out,
                              orion_error *err);
void ori_manager_close(struct ori_manager *manager);
bool ori_manager_is_offline(const struct ori_manager *manager);

orion_status ori_manager_available(const struct ori_manager *manager, orion_model_list **out,
                                   orion_error *err);
orion_status ori_manager_downloaded(const struct ori_manager *manager, orion_model_list **out,
                                    orion_error *err);
orion_status ori_manager_model(const struct ori_manager *manager, const char *name,
                               orion_model_list **out, orion_error *err);
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

orion_status ori_manager_repair(const struct ori_manager *manager, const char *name,
                                const orion_pull_options *options, orion_error *err);

orion_status ori_manager_files(const struct ori_manager *manager, const char *repo,
                               orion_stored_file_list **out, orion_error *err);
void ori_stored_files_free(orion_stored_file_list *list);
orion_status ori_manager_open_file(const struct ori_manager *manager, const orion_stored_file *file,
                                   int *fd, orion_error *err);

orion_status ori_manager_plan(const struct ori_manager *manager, const char *name, orion_plan **out,
                              orion_error *err);
void ori_plan_free(orion_plan *plan);
orion_status ori_manager_search(const struct ori_manager *manager, const char *words,
                                uint32_t limit, orion_hit_list **out, orion_error *err);
void ori_hits_free(orion_hit_list *list);
orion_status ori_manager_offers(const struct ori_manager *manager, const char *repo,
                                orion_offer_list **out, orion_error *err);
void ori_offers_free(orion_offer_list *list);

uint64_t ori_manager_free_bytes(const struct ori_manager *manager); /* of the disk; 0: unknown */
orion_status ori_manager_usage(const struct ori_manager *manager, orion_usage *out,
                               orion_error *err);
orion_status ori_manager_remove_partials(const struct ori_manager *manager, const char *name,
                                         size_t *n, uint64_t *freed_bytes, orion_error *err);
orion_status ori_manager_foreign(const struct ori_manager *manager, const char *dir,
                                 orion_foreign_list **out, orion_error *err);
void ori_foreign_list_free(orion_foreign_list *list);
orion_status ori_manager_import(const struct ori_manager *manager, const char *file,
                                const orion_import_options *options, char **path,
                                orion_import_way *way, orion_error *err);
orion_status ori_manager_prune(const struct ori_manager *manager, int64_t older_than_s,
                               bool dry_run, orion_litter_list **out, orion_error *err);
void ori_litter_free(orion_litter_list *list);
orion_status ori_manager_settings(const struct ori_manager *manager, orion_setting_list **out,
                                  orion_error *err);
void ori_settings_free(orion_setting_list *list);

/* Where computed prefixes are kept, valid as long as the manager, or NULL when
 * there is no home; and how much of them, 0 when that is not set. */
const char *ori_manager_cache_dir(const struct ori_manager *manager, uint64_t *max_bytes);

/* How connections of this manager are made: trust, proxy, offline; without an
 * address and a token.  Borrowed from the manager. */
struct ori_hub_config ori_manager_line(const struct ori_manager *manager);

/* The `remote` entries, valid as long as the manager, and what may be done with
 * them. */
const struct ori_remotes *ori_manager_remote_entries(const struct ori_manager *manager);
orion_strategy ori_manager_strategy(const struct ori_manager *manager);
bool ori_manager_allows_remote(const struct ori_manager *manager);
/* Could `name` be pulled, or is it here: does it mean anything without `remote`? */
bool ori_manager_is_local_name(const struct ori_manager *manager, const char *name);

orion_status ori_download_start(const struct ori_manager *manager, const char *name,
                                const orion_download_options *options, uint64_t *id,
                                orion_error *err);
orion_status ori_download_get(const struct ori_manager *manager, uint64_t id,
                              orion_download_facts *out, orion_error *err);
orion_status ori_download_pause(const struct ori_manager *manager, uint64_t id, orion_error *err);
orion_status ori_download_resume(const struct ori_manager *manager, uint64_t id, orion_error *err);
orion_status ori_download_cancel(const struct ori_manager *manager, uint64_t id, orion_error *err);
orion_status ori_download_wait(const struct ori_manager *manager, uint64_t id, int timeout_ms,
                               orion_download_facts *facts, char **path, orion_error *err);
orion_status ori_download_free(const struct ori_manager *manager, uint64_t id, orion_error *err);
orion_status ori_download_list(const struct ori_manager *manager, uint64_t **ids, size_t *n,
                               orion_error *err);
orion_status ori_download_keep(const struct ori_manager *manager, orion_error *err);
uint64_t ori_download_changes(const struct ori_manager *manager, uint64_t seen, int timeout_ms);

/* ---- a model's header, for those who read it ---- */

/* The first bytes of a model, from disk or from the hub. */
struct ori_header;

orion_status ori_header_open(const struct ori_manager *manager, const char *name,
                             struct ori_header **out, orion_error *err);
void ori_header_close(struct ori_header *header); /* NULL is a no-op */
/* Have at least `bytes` of it, or all there are.  *data is valid until the next
 * call. */
orion_status ori_header_need(struct ori_header *header, size_t bytes, const void **data, size_t *n,
                             orion_error *err);
uint64_t ori_header_file_bytes(const struct ori_header *header);
const char *ori_header_name(const struct ori_header *header); /* of the file */
bool ori_header_is_local(const struct ori_header *header);
/* Of its file, as it is now; false when it is not here. */
bool ori_header_stat(const struct ori_header *header, struct stat *out);
uint64_t ori_header_download_bytes(const struct ori_header *header); /* of all its files */

#endif
