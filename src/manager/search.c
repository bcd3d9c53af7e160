/* What the hub found, as a list to hand out. */
#include "hub/search.h"

#include <stdlib.h>

#include "manager/internal.h"

struct hits {
    orion_hit_list shown; /* first: what the caller sees */
    orion_hit *items;
    struct ori_hub_hit *found; /* has the strings */
};

void ori_hits_free(orion_hit_list *shown)
{
    struct hits *list = (struct hits *)shown;
    if (!list)
        return;
    free(list->items);
    free(list->found);
    free(list);
}

orion_status ori_manager_search(const struct ori_manager *manager, const char *words,
                                uint32_t limit, orion_hit_list **out, orion_error *err)
{
    struct hits *list = calloc(1, sizeof(*list));
    size_t n = 0;

    *out = NULL;
    if (!list)
        return ori_fail_nomem(err, "a search");
    orion_status status = ori_hub_search(manager->hub, words, limit, NULL, &list->found, &n, err);
    if (status == ORION_OK) {
        list->items = ori_calloc_array(n, sizeof(*list->items));
        if (!list->items)
            status = ori_fail_nomem(err, "a search");
    }
    for (size_t i = 0; status == ORION_OK && i < n; i++) {
        const struct ori_hub_hit *hit = &list->found[i];
        list->items[i] = (orion_hit){.repo = hit->repo,
                                     .updated = hit->updated,
                                     .architecture = hit->architecture,
                                     .downloads = hit->downloads,
                                     .likes = hit->likes,
                                     .n_params = hit->n_params,
                                     .gated = hit->gated};
    }
    if (status != ORION_OK) {
        ori_hits_free(&list->shown);
        return status;
    }
    list->shown = (orion_hit_list){.count = n, .hits = list->items};
    *out = &list->shown;
    return ORION_OK;
}
