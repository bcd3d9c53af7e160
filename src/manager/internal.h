/* What the files of the manager room share. */
#ifndef ORI_MANAGER_INTERNAL_H
#define ORI_MANAGER_INTERNAL_H

#include "hub/fetcher.h"
#include "hub/hub.h"
#include "manager/catalogue.h"
#include "manager/config.h"
#include "manager/manager.h"
#include "store/store.h"

struct ori_downloads;

struct ori_manager {
    struct ori_config config;
    struct ori_catalogue catalogue;
    struct ori_hub *hub;
    struct ori_store *store;
    struct ori_downloads *downloads;
    bool names_only; /* no paths to files elsewhere */
};

struct ori_fetch_limits ori_manager_limits(const struct ori_manager *manager);

/* ---- names ---- */

/* A model on this machine: in the store, or a file elsewhere. */
struct ori_found {
    char *path;    /* relative to the store, or NULL */
    char *outside; /* absolute, or NULL */
};

void ori_found_release(struct ori_found *found);

/* What `name` means among what is on disk.  ORION_E_NOT_FOUND with a sentence
 * that says how to get it. */
orion_status ori_manager_find(const struct ori_manager *manager, const char *name,
                              struct ori_found *out, orion_error *err);

/* The same; of a model in several files, out->path is the first, and all of
 * them are here. */
orion_status ori_manager_find_whole(const struct ori_manager *manager, const char *name,
                                    struct ori_found *out, orion_error *err);

/* What `name` means on a hub: a catalogue id or a reference. */
orion_status ori_manager_refer(const struct ori_manager *manager, const char *name,
                               struct ori_ref *out, orion_error *err);

/* The id in a list of the model at `place`, any of its pieces. */
void ori_manager_id_of(const struct ori_manager *manager, const char *place,
                       char id[ORI_STORE_PATH_MAX]);

/* The file that repo[:quant] means among those in the store.  Sets ref->file;
 * *exact as ori_hub_select() does. */
orion_status ori_manager_choose_stored(const struct ori_manager *manager, struct ori_ref *ref,
                                       bool *exact, orion_error *err);

/* The place that `name` has in the store though nothing is there yet, for the sake
 * of an unfinished download, and how far that is; of a cut model, what was begun of
 * it.  ORION_E_NOT_FOUND, without a sentence, when there is none. */
orion_status ori_manager_find_partial(const struct ori_manager *manager, const char *name,
                                      char place[ORI_STORE_PATH_MAX], uint64_t *done_bytes,
                                      uint64_t *size_bytes, orion_error *err);

/* "<root>/<path>"; NULL when memory is short. */
char *ori_manager_absolute(const struct ori_manager *manager, const char *path);

/* A projector ("mmproj") is no model by itself: it stands beside one. */
bool ori_is_projector(const char *file);

/* Where models are kept that tell nothing of where they come from. */
#define ORI_IMPORT_REPO "local/imported"
/* A file's name, made of what names may hold. */
void ori_import_name(const char *path, char *out, size_t out_bytes);

/* Upper-case quantization in a file's name ("Q4_K_M"), or "". */
void ori_quantization_of(const char *file, char out[ORI_QUANT_MAX + 1]);

#endif
