/* What may go, as a list to hand out. */
#include "manager/internal.h"

#include <stdlib.h>

struct litter {
    orion_litter_list shown; /* first: what the caller sees */
    orion_litter *items;
    struct ori_litter *found; /* has the paths */
};

void ori_litter_free(orion_litter_list *shown)
{
    struct litter *list = (struct litter *)shown;
    if (!list)
        return;
    free(list->items);
    free(list->found);
    free(list);
}

static const char *name_of(enum ori_litter_kind kind)
{
    switch (kind) {
    case ORI_LITTER_PARTIAL:
        return "unfinished download";
    case ORI_LITTER_STRAY:
        return "stray file";
    case ORI_LITTER_LOCK:
        return "lock without a holder";
    case ORI_LITTER_RECORD:
        return "record without a model";
    case ORI_LITTER_DAMAGED_RECORD:
        return "damaged record";
    }
    return "";
}

orion_status ori_manager_prune(const struct ori_manager *manager, int64_t older_than_s,
                               bool dry_run, orion_litter_list **out, orion_error *err)
{
    size_t n = 0;

    *out = NULL;
    struct litter *list = calloc(1, sizeof(*list));
    if (!list)
        return ori_fail_nomem(err, "the list of what may go");
    orion_status status =
        ori_store_prune(manager->store, older_than_s, dry_run, &list->found, &n, err);
    if (status == ORION_OK) {
        list->items = ori_calloc_array(n, sizeof(*list->items));
        if (!list->items)
            status = ori_fail_nomem(err, "the list of what may go");
    }
    for (size_t i = 0; status == ORION_OK && i < n; i++)
        list->items[i] = (orion_litter){.what = name_of(list->found[i].kind),
                                        .path = list->found[i].path,
                                        .bytes = list->found[i].bytes,
                                        .modified_unix = list->found[i].modified_unix,
                                        .removed = list->found[i].removed};
    if (status != ORION_OK) {
        ori_litter_free(&list->shown);
        return status;
    }
    list->shown = (orion_litter_list){.count = n, .items = list->items};
    *out = &list->shown;
    return ORION_OK;
}
