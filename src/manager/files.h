/* The files that a reference stands for: one, or all pieces of a cut model. */
#ifndef ORI_MANAGER_FILES_H
#define ORI_MANAGER_FILES_H

#include "manager/internal.h"
#include "manager/shards.h"

struct ori_wanted {
    struct ori_hub_file hub;
    char place[ORI_STORE_PATH_MAX];
};

struct ori_wanted_set {
    struct ori_wanted *files; /* [n]; the first is the model's path */
    size_t n;
    uint64_t size_bytes; /* of all */
};

void ori_wanted_release(struct ori_wanted_set *set);

struct ori_blob ori_wanted_blob(const struct ori_manager *manager, const struct ori_wanted *file);

/* Is all of what `ref` means here?  Then *place is where, *size_bytes how much,
 * and ref->file is set.  An intact record is believed; a changed file (moved
 * to another disk, say) is hashed, if `watch` is not NULL; a file without a
 * record is for the hub to judge. */
orion_status ori_wanted_is_here(const struct ori_manager *manager, struct ori_ref *ref,
                                const struct ori_watch *watch, char place[ORI_STORE_PATH_MAX],
                                uint64_t *size_bytes, bool *here, orion_error *err);

/* Ask the hub what there is to fetch for `ref`; sets ref->file. */
orion_status ori_wanted_resolve(const struct ori_manager *manager, struct ori_ref *ref,
                                const struct ori_watch *watch, struct ori_wanted_set *out,
                                orion_error *err);

#endif
