/* What others may have of what is here: files that are what their records say. */
#include "manager/internal.h"

#include <stdlib.h>
#include <string.h>

struct shared {
    orion_stored_file_list shown; /* first: what the caller sees */
    orion_stored_file *items;
    struct ori_stored *models; /* [n_models], have the strings */
    size_t n_models;
};

void ori_stored_files_free(orion_stored_file_list *shown)
{
    struct shared *list = (struct shared *)shown;
    if (!list)
        return;
    for (size_t i = 0; i < list->n_models; i++)
        ori_stored_release(&list->models[i]);
    free(list->models);
    free(list->items);
    free(list);
}

/* A file that was moved to another folder tells of its old one. */
static bool is_in_place(const struct ori_stored *model)
{
    char place[ORI_STORE_PATH_MAX];
    return ori_store_place(model->record.repo, model->record.file, place, NULL) == ORION_OK &&
           strcmp(place, model->path) == 0;
}

static bool may_share(const struct ori_stored *model, const char *repo)
{
    return model->intact && model->record.sha256[0] && is_in_place(model) &&
           (!repo || strcmp(model->record.repo, repo) == 0);
}

static int by_name(const void *a, const void *b)
{
    const orion_stored_file *x = a, *y = b;
    const int repos = strcmp(x->repo, y->repo);
    return repos ? repos : strcmp(x->file, y->file);
}

static void fill(struct shared *list, const char *repo)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n_models; i++) {
        const struct ori_stored *model = &list->models[i];
        if (may_share(model, repo))
            list->items[n++] = (orion_stored_file){.repo = model->record.repo,
                                                   .file = model->record.file,
                                                   .revision = model->record.revision,
                                                   .sha256 = model->record.sha256,
                                                   .size_bytes = model->size_bytes,
                                                   .modified_unix = model->modified_unix};
    }
    if (n > 1)
        qsort(list->items, n, sizeof(*list->items), by_name);
    list->shown = (orion_stored_file_list){.count = n, .files = list->items};
}

orion_status ori_manager_files(const struct ori_manager *manager, const char *repo,
                               orion_stored_file_list **out, orion_error *err)
{
    struct shared *list = calloc(1, sizeof(*list));

    *out = NULL;
    if (!list)
        return ori_fail_nomem(err, "the list of files");
    orion_status status = ori_store_scan(manager->store, &list->models, &list->n_models, err);
    if (status == ORION_OK) {
        list->items = ori_calloc_array(list->n_models, sizeof(*list->items));
        if (!list->items)
            status = ori_fail_nomem(err, "the list of files");
    }
    if (status != ORION_OK) {
        ori_stored_files_free(&list->shown);
        return status;
    }
    fill(list, repo);
    *out = &list->shown;
    return ORION_OK;
}

orion_status ori_manager_open_file(const struct ori_manager *manager, const orion_stored_file *file,
                                   int *fd, orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];

    *fd = -1;
    const orion_status status = ori_store_place(file->repo, file->file, place, err);
    if (status != ORION_OK)
        return status;
    return ori_store_open_intact(manager->store, place, file->sha256, fd, err);
}
