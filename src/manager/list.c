/* Lists of models: the catalogue and what is on disk, joined by place. */
#include "manager/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manager/shards.h"
#include "manager/texts.h"

_Static_assert((int)ORI_LINK_NONE == ORION_LINK_NONE && (int)ORI_LINK_INTACT == ORION_LINK_INTACT &&
                   (int)ORI_LINK_CHANGED == ORION_LINK_CHANGED &&
                   (int)ORI_LINK_GONE == ORION_LINK_GONE,
               "the store's words are those of orion.h");

struct list {
    orion_model_list shown; /* first: what the caller sees */
    orion_model_facts *models;
    size_t cap;
    struct ori_texts texts;
};

struct disk {
    struct ori_stored *models;
    struct ori_partial_facts *partials;
    size_t n_models, n_partials;
    bool *listed; /* [n_partials] */
};

void ori_manager_list_free(orion_model_list *shown)
{
    struct list *list = (struct list *)shown;
    if (!list)
        return;
    ori_texts_release(&list->texts);
    free(list->models);
    free(list);
}

static const char *keep(struct list *list, const char *text)
{
    return ori_texts_keep(&list->texts, text);
}

static orion_model_facts *add(struct list *list)
{
    if (list->shown.count == list->cap) {
        const size_t cap = list->cap ? list->cap * 2 : 16;
        orion_model_facts *models = realloc(list->models, cap * sizeof(*models));
        if (!models) {
            list->texts.failed = true;
            return NULL;
        }
        list->models = models;
        list->cap = cap;
    }
    orion_model_facts *facts = &list->models[list->shown.count++];
    *facts = (orion_model_facts){.id = "",
                                 .name = "",
                                 .version = "",
                                 .repo = "",
                                 .file = "",
                                 .revision = "",
                                 .sha256 = "",
                                 .license = "",
                                 .summary = "",
                                 .path = "",
                                 .role = "model",
                                 .link_target = "",
                                 .languages = "",
                                 .n_files = 1};
    return facts;
}

static void release_disk(struct disk *disk)
{
    for (size_t i = 0; i < disk->n_models; i++)
        ori_stored_release(&disk->models[i]);
    free(disk->models);
    free(disk->partials);
    free(disk->listed);
}

static orion_status read_disk(const struct ori_manager *manager, struct disk *disk,
                              orion_error *err)
{
    *disk = (struct disk){0};
    orion_status status = ori_store_scan(manager->store, &disk->models, &disk->n_models, err);
    if (status == ORION_OK)
        status = ori_store_partials(manager->store, &disk->partials, &disk->n_partials, err);
    if (status == ORION_OK) {
        disk->listed = ori_calloc_array(disk->n_partials, sizeof(*disk->listed));
        if (!disk->listed)
            status = ori_fail_nomem(err, "the list of models");
    }
    if (status != ORION_OK)
        release_disk(disk);
    return status;
}

/* ---- from facts to facts ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* For people: the file's name without its ending, and without which piece it is. */
static const char *keep_stem(struct list *list, const char *path)
{
    char stem[ORI_STORE_PATH_MAX];
    const char *name = base_name(path);
    uint32_t no, count;

    ori_shard_of(name, &no, &count);
    const size_t ending = count > 1 ? strlen("-00001-of-00003.gguf") : strlen(".gguf");
    (void)snprintf(stem, sizeof(stem), "%.*s", (int)(strlen(name) - ending), name);
    return keep(list, stem);
}

/* An array of short strings, as one. */
static const char *keep_words(struct list *list, const json_t *words)
{
    char text[128] = "";
    size_t len = 0;

    for (size_t i = 0; i < json_array_size(words); i++) {
        const char *word = json_string_value(json_array_get(words, i));
        const int n =
            snprintf(text + len, sizeof(text) - len, "%s%s", len ? " " : "", word ? word : "");
        len += n > 0 && (size_t)n < sizeof(text) - len ? (size_t)n : 0;
        text[len] = '\0'; /* what does not fit is left out */
    }
    return keep(list, text);
}

static void take_entry(struct list *list, orion_model_facts *facts,
                       const struct ori_catalogue_entry *entry)
{
    facts->in_catalogue = true;
    facts->id = keep(list, entry->id);
    facts->name = keep(list, entry->name);
    facts->version = keep(list, entry->quantization);
    facts->repo = keep(list, entry->repo);
    facts->file = keep(list, entry->file);
    facts->license = keep(list, entry->license);
    facts->summary = keep(list, entry->summary);
    facts->languages = keep_words(list, entry->languages);
    facts->supported = entry->supported;
    facts->size_bytes = entry->size_bytes;
    facts->memory_bytes = entry->memory_bytes;
}

static void take_names(struct list *list, orion_model_facts *facts, const char *path)
{
    char quantization[ORI_QUANT_MAX + 1];
    ori_quantization_of(path, quantization);
    facts->id = keep(list, path);
    facts->name = keep_stem(list, path);
    facts->version = keep(list, quantization);
    facts->file = keep(list, base_name(path));
    if (ori_is_projector(path))
        facts->role = "projector";
}

/* Of all pieces the one that is worst off. */
static void take_link(struct list *list, orion_model_facts *facts, const struct ori_stored *piece)
{
    if ((int)piece->link <= (int)facts->link)
        return;
    facts->link = (orion_link_state)piece->link;
    facts->link_target = keep(list, piece->record.link);
}

static void take_stored(struct list *list, orion_model_facts *facts,
                        const struct ori_manager *manager, const struct ori_stored *model)
{
    char *path = ori_manager_absolute(manager, model->path);
    list->texts.failed |= path == NULL;
    facts->path = keep(list, path);
    free(path);
    facts->downloaded = true;
    facts->record_damaged = model->record_damaged;
    facts->size_bytes = model->size_bytes;
    facts->modified_unix = model->modified_unix;
    if (!model->has_record)
        return;
    facts->repo = keep(list, model->record.repo);
    facts->file = keep(list, model->record.file);
    facts->revision = keep(list, model->record.revision);
    facts->sha256 = keep(list, model->record.sha256);
    facts->verified_unix = model->record.verified_unix;
    facts->intact = model->intact;
    take_link(list, facts, model);
}

/* A model is as good as the worst of its other pieces. */
static void take_piece(struct list *list, orion_model_facts *facts, const struct ori_stored *piece)
{
    const int64_t verified_unix = piece->has_record ? piece->record.verified_unix : 0;

    if (verified_unix < facts->verified_unix)
        facts->verified_unix = verified_unix;
    facts->intact = facts->intact && piece->intact;
    facts->record_damaged = facts->record_damaged || piece->record_damaged;
    take_link(list, facts, piece);
}

/* An unfinished download of the file that is kept at `path`. */
static void take_partial(orion_model_facts *facts, struct disk *disk, const char *path)
{
    char place[ORI_STORE_PATH_MAX];
    for (size_t i = 0; i < disk->n_partials; i++) {
        const struct ori_partial_facts *partial = &disk->partials[i];
        if (ori_store_place(partial->repo, partial->file, place, NULL) != ORION_OK ||
            strcmp(place, path) != 0)
            continue;
        disk->listed[i] = true;
        facts->partial_bytes = partial->done_bytes;
        if (!facts->downloaded)
            facts->size_bytes = partial->size_bytes;
    }
}

static const struct ori_stored *stored_at(const struct disk *disk, const char *path)
{
    for (size_t i = 0; i < disk->n_models; i++)
        if (strcmp(disk->models[i].path, path) == 0)
            return &disk->models[i];
    return NULL;
}

/* ---- the parts of a list ---- */

static void list_catalogue(struct list *list, const struct ori_manager *manager, struct disk *disk,
                           bool only_downloaded)
{
    char place[ORI_STORE_PATH_MAX];

    for (size_t i = 0; i < manager->catalogue.n; i++) {
        const struct ori_catalogue_entry *entry = &manager->catalogue.entries[i];
        (void)snprintf(place, sizeof(place), "%s/%s", entry->repo, entry->file);
        const struct ori_stored *model = stored_at(disk, place);
        if (only_downloaded && !model)
            continue;
        orion_model_facts *facts = add(list);
        if (!facts)
            return;
        take_entry(list, facts, entry);
        if (model)
            take_stored(list, facts, manager, model);
        take_partial(facts, disk, place);
    }
}

/* The pieces of one model, which follow each other in the order of paths. */
struct pieces {
    size_t end;        /* index after the last */
    uint32_t count, n; /* that there should be, and that there are */
    uint64_t bytes;
};

static struct pieces gather(const struct disk *disk, size_t begin)
{
    struct pieces p = {.end = begin};
    const char *path = disk->models[begin].path;
    uint32_t no;

    ori_shard_of(path, &no, &p.count);
    do {
        p.bytes += disk->models[p.end++].size_bytes;
        p.n++;
    } while (p.end < disk->n_models && p.count > 1 &&
             ori_shard_same_model(path, disk->models[p.end].path));
    return p;
}

/* Some pieces of a model are here: as good as an unfinished download. */
static void take_incomplete(struct list *list, orion_model_facts *facts, const char *path,
                            const struct pieces *pieces)
{
    char first[ORI_STORE_PATH_MAX];

    (void)snprintf(first, sizeof(first), "%s", path);
    ori_shard_name(first, 1);
    take_names(list, facts, first);
    facts->n_files = pieces->count;
    facts->partial_bytes = facts->size_bytes = pieces->bytes;
}

static void list_stored(struct list *list, const struct ori_manager *manager, struct disk *disk,
                        bool only_downloaded)
{
    struct pieces pieces;

    for (size_t i = 0; i < disk->n_models; i = pieces.end) {
        const struct ori_stored *model = &disk->models[i];
        pieces = gather(disk, i);
        const bool complete = pieces.n == pieces.count;
        if (ori_catalogue_find_path(&manager->catalogue, model->path) ||
            (only_downloaded && !complete))
            continue;
        orion_model_facts *facts = add(list);
        if (!facts)
            return;
        if (!complete) {
            take_incomplete(list, facts, model->path, &pieces);
            continue;
        }
        take_names(list, facts, model->path);
        take_stored(list, facts, manager, model);
        facts->n_files = pieces.count;
        facts->size_bytes = pieces.bytes;
        for (size_t piece = i + 1; piece < pieces.end; piece++)
            take_piece(list, facts, &disk->models[piece]);
        take_partial(facts, disk, model->path);
    }
}

/* The entry for the rest of the same model, of those since `first`. */
static orion_model_facts *find_added(const struct list *list, size_t first, const char *id)
{
    for (size_t i = first; i < list->shown.count; i++)
        if (strcmp(list->models[i].id, id) == 0)
            return &list->models[i];
    return NULL;
}

static void list_partials(struct list *list, struct disk *disk)
{
    char place[ORI_STORE_PATH_MAX];
    const size_t first = list->shown.count;
    uint32_t no, count;

    for (size_t i = 0; i < disk->n_partials; i++) {
        const struct ori_partial_facts *partial = &disk->partials[i];
        if (disk->listed[i] ||
            ori_store_place(partial->repo, partial->file, place, NULL) != ORION_OK)
            continue;
        ori_shard_of(place, &no, &count);
        if (count > 1)
            ori_shard_name(place, 1);
        orion_model_facts *facts = count > 1 ? find_added(list, first, place) : NULL;
        if (!facts) {
            facts = add(list);
            if (!facts)
                return;
            take_names(list, facts, place);
            facts->repo = keep(list, partial->repo);
            facts->file = keep(list, partial->file);
            facts->n_files = count;
        }
        facts->partial_bytes += partial->done_bytes;
        facts->size_bytes += partial->size_bytes;
    }
}

/* By folder, and in it the models before what goes with them. */
static int by_place(const void *a, const void *b)
{
    const orion_model_facts *x = a, *y = b;
    const size_t x_folder = (size_t)(base_name(x->id) - x->id);
    const size_t y_folder = (size_t)(base_name(y->id) - y->id);

    if (x_folder == y_folder && memcmp(x->id, y->id, x_folder) == 0 &&
        strcmp(x->role, y->role) != 0)
        return strcmp(x->role, "model") == 0 ? -1 : 1;
    return strcmp(x->id, y->id);
}

static orion_status make_list(const struct ori_manager *manager, bool only_downloaded,
                              orion_model_list **out, orion_error *err)
{
    struct disk disk;

    *out = NULL;
    const orion_status status = read_disk(manager, &disk, err);
    if (status != ORION_OK)
        return status;
    struct list *list = calloc(1, sizeof(*list));
    if (list) {
        list_catalogue(list, manager, &disk, only_downloaded);
        const size_t first = list->shown.count;
        list_stored(list, manager, &disk, only_downloaded);
        if (!only_downloaded)
            list_partials(list, &disk);
        if (list->shown.count > first)
            qsort(list->models + first, list->shown.count - first, sizeof(*list->models), by_place);
        list->shown.models = list->models;
    }
    release_disk(&disk);
    if (!list || list->texts.failed) {
        ori_manager_list_free((orion_model_list *)list);
        return ori_fail_nomem(err, "the list of models");
    }
    *out = &list->shown;
    return ORION_OK;
}

orion_status ori_manager_available(const struct ori_manager *manager, orion_model_list **out,
                                   orion_error *err)
{
    return make_list(manager, false, out, err);
}

orion_status ori_manager_downloaded(const struct ori_manager *manager, orion_model_list **out,
                                    orion_error *err)
{
    return make_list(manager, true, out, err);
}

/* ---- one of them ---- */

static orion_status name_place(const struct ori_manager *manager, const struct ori_ref *ref,
                               char id[ORI_STORE_PATH_MAX], orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];
    const orion_status status = ori_store_place(ref->repo, ref->file, place, err);

    if (status == ORION_OK)
        ori_manager_id_of(manager, place, id);
    return status;
}

/* The id of what `name` means: on disk, in the catalogue, or half fetched. */
static orion_status find_id(const struct ori_manager *manager, const char *name,
                            char id[ORI_STORE_PATH_MAX], orion_error *err)
{
    const struct ori_catalogue_entry *entry = ori_catalogue_find(&manager->catalogue, name);
    char place[ORI_STORE_PATH_MAX];
    struct ori_found found;
    struct ori_ref ref;
    uint64_t done, size;

    if (entry) {
        (void)snprintf(id, ORI_STORE_PATH_MAX, "%s", entry->id);
        return ORION_OK;
    }
    orion_status status = ori_manager_find(manager, name, &found, err);
    if (status == ORION_OK)
        ori_manager_id_of(manager, found.path ? found.path : "", id);
    ori_found_release(&found);
    if (status != ORION_E_NOT_FOUND)
        return status;
    if (ori_manager_refer(manager, name, &ref, NULL) == ORION_OK && *ref.file)
        return name_place(manager, &ref, id, err);
    status = ori_manager_find_partial(manager, name, place, &done, &size, err);
    if (status == ORION_OK)
        ori_manager_id_of(manager, place, id);
    return status;
}

orion_status ori_manager_model(const struct ori_manager *manager, const char *name,
                               orion_model_list **out, orion_error *err)
{
    char id[ORI_STORE_PATH_MAX];

    *out = NULL;
    orion_status status = find_id(manager, name, id, err);
    if (status == ORION_OK)
        status = make_list(manager, false, out, err);
    if (status != ORION_OK)
        return status;
    struct list *list = (struct list *)*out;
    const orion_model_facts *facts = find_added(list, 0, id);
    if (!facts) { /* gone since, or not in the models directory */
        ori_manager_list_free(*out);
        *out = NULL;
        return ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, name,
                           "'%.200s' is not a model in the models directory", name);
    }
    list->models[0] = *facts;
    list->shown.count = 1;
    return ORION_OK;
}
