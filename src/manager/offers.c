/* Which models a repository on the hub offers. */
#include "manager/internal.h"

#include <stdlib.h>
#include <string.h>

#include "manager/shards.h"
#include "manager/texts.h"

struct offers {
    orion_offer_list shown; /* first: what the caller sees */
    orion_offer *items;
    struct ori_texts texts;
};

void ori_offers_free(orion_offer_list *shown)
{
    struct offers *list = (struct offers *)shown;
    if (!list)
        return;
    ori_texts_release(&list->texts);
    free(list->items);
    free(list);
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct ori_hub_entry *)a)->path, ((const struct ori_hub_entry *)b)->path);
}

/* Are all pieces of the model at `place` here? */
static orion_status look(const struct ori_manager *manager, char *place, uint32_t count, bool *here,
                         orion_error *err)
{
    struct ori_stored model;

    *here = true;
    for (uint32_t no = count; no >= 1 && *here; no--) {
        if (count > 1)
            ori_shard_name(place, no);
        const orion_status status = ori_store_look(manager->store, place, &model, err);
        ori_stored_release(&model);
        if (status == ORION_E_NOMEM)
            return status;
        *here = status == ORION_OK;
    }
    return ORION_OK;
}

/* The entries [begin, *end) are one model. */
static orion_status add(struct offers *list, const struct ori_manager *manager, const char *repo,
                        const struct ori_hub_listing *files, size_t begin, size_t *end,
                        orion_error *err)
{
    const char *path = files->items[begin].path;
    char quantization[ORI_QUANT_MAX + 1], place[ORI_STORE_PATH_MAX];
    orion_offer *offer = &list->items[list->shown.count];
    uint32_t no, count;
    uint64_t bytes = 0;
    bool sum = true;

    ori_shard_of(path, &no, &count);
    *end = begin;
    do
        sum = ori_add_u64(bytes, files->items[(*end)++].size_bytes, &bytes) && sum;
    while (*end < files->n && count > 1 && ori_shard_same_model(path, files->items[*end].path));
    if (!sum || ori_store_place(repo, path, place, NULL) != ORION_OK)
        return ORION_OK; /* nothing that could be asked for */
    ori_quantization_of(path, quantization);
    *offer = (orion_offer){.file = ori_texts_keep(&list->texts, path),
                           .quantization = ori_texts_keep(&list->texts, quantization),
                           .role = ori_is_projector(path) ? "projector" : "model",
                           .n_files = count,
                           .size_bytes = bytes};
    const orion_status status = look(manager, place, count, &offer->downloaded, err);
    if (count > 1)
        ori_shard_name(place, 1);
    offer->id = ori_texts_keep(&list->texts, place);
    list->shown.count++;
    return status;
}

/* Mark the one that the repository's name alone means. */
static orion_status mark_preferred(struct offers *list, orion_error *err)
{
    const size_t n = list->shown.count;
    const char **names = ori_calloc_array(n, sizeof(*names));
    bool exact;

    if (!names)
        return ori_fail_nomem(err, "a list of models");
    for (size_t i = 0; i < n; i++)
        names[i] = list->items[i].file;
    const ptrdiff_t chosen = ori_hub_select(names, n, "", &exact);
    if (chosen >= 0)
        list->items[chosen].preferred = true;
    free(names);
    return ORION_OK;
}

static orion_status fill(struct offers *list, const struct ori_manager *manager,
                         struct ori_ref *ref, orion_error *err)
{
    struct ori_hub_listing files;
    size_t end;

    orion_status status = ori_hub_list(manager->hub, ref, NULL, &files, err);
    if (status != ORION_OK)
        return status;
    list->items = ori_calloc_array(files.n, sizeof(*list->items));
    if (!list->items)
        status = ori_fail_nomem(err, "a list of models");
    if (files.n > 0)
        qsort(files.items, files.n, sizeof(*files.items), by_path);
    for (size_t i = 0; i < files.n && status == ORION_OK; i = end)
        status = add(list, manager, ref->repo, &files, i, &end, err);
    ori_hub_listing_release(&files);
    if (status == ORION_OK)
        status = mark_preferred(list, err);
    list->shown.repo = ori_texts_keep(&list->texts, ref->repo);
    list->shown.revision = ori_texts_keep(&list->texts, ref->rev);
    list->shown.offers = list->items;
    return status == ORION_OK && list->texts.failed ? ori_fail_nomem(err, "a list of models")
                                                    : status;
}

orion_status ori_manager_offers(const struct ori_manager *manager, const char *repo,
                                orion_offer_list **out, orion_error *err)
{
    struct ori_ref ref;

    *out = NULL;
    orion_status status = ori_ref_parse(repo, &ref, err);
    if (status != ORION_OK)
        return status;
    if (*ref.file || *ref.quant)
        return ori_fail_at(err, ORION_E_NAME, ORION_NO_OFFSET, repo,
                           "'%.200s' is not the name of a repository (org/repo)", repo);
    struct offers *list = calloc(1, sizeof(*list));
    if (!list)
        return ori_fail_nomem(err, "a list of models");
    status = fill(list, manager, &ref, err);
    if (status != ORION_OK) {
        ori_offers_free(&list->shown);
        return status;
    }
    *out = &list->shown;
    return ORION_OK;
}
