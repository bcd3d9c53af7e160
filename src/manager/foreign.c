/* What other programs keep on this machine. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "manager/internal.h"
#include "manager/texts.h"

#define MAX_FOLDER_FILES 10000

struct foreign {
    orion_foreign_list shown; /* first: what the caller sees */
    orion_foreign *items;
    size_t cap;
    struct ori_texts texts;
};

void ori_foreign_list_free(orion_foreign_list *shown)
{
    struct foreign *list = (struct foreign *)shown;
    if (!list)
        return;
    ori_texts_release(&list->texts);
    free(list->items);
    free(list);
}

/* ---- names ---- */

void ori_import_name(const char *path, char *out, size_t out_bytes)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    const char *slash = strrchr(path, '/');

    (void)snprintf(out, out_bytes, "%s", slash ? slash + 1 : path);
    for (char *c = out; *c; c++)
        if (!strchr(good, *c) || (c == out && (*c == '.' || *c == '-')))
            *c = '_';
}

static bool is_taken(const struct ori_manager *m, struct foreign *list, const char *id)
{
    struct ori_stored model;

    const orion_status status = ori_store_look(m->store, id, &model, NULL);
    list->texts.failed |= status == ORION_E_NOMEM;
    ori_stored_release(&model);
    return status == ORION_OK;
}

/* ---- the list ---- */

static bool is_listed(const struct foreign *list, const char *path)
{
    for (size_t i = 0; i < list->shown.count; i++)
        if (strcmp(list->items[i].path, path) == 0)
            return true;
    return false;
}

static void add(const struct ori_manager *m, struct foreign *list, const char *program,
                const struct ori_foreign *found)
{
    char id[ORI_STORE_PATH_MAX], name[ORI_NAME_PATH_MAX + 1];

    if (is_listed(list, found->path))
        return;
    if (list->shown.count == list->cap) {
        const size_t cap = list->cap ? 2 * list->cap : 16;
        orion_foreign *items = realloc(list->items, cap * sizeof(*items));
        if (!items) {
            list->texts.failed = true;
            return;
        }
        list->items = items;
        list->cap = cap;
    }
    if (!*found->repo || ori_store_place(found->repo, found->file, id, NULL) != ORION_OK) {
        ori_import_name(*found->file ? found->file : found->path, name, sizeof(name));
        (void)snprintf(id, sizeof(id), ORI_IMPORT_REPO "/%s", name);
    }
    list->items[list->shown.count++] = (orion_foreign){
        .program = ori_texts_keep(&list->texts, program),
        .path = ori_texts_keep(&list->texts, found->path),
        .id = ori_texts_keep(&list->texts, id),
        .sha256 = ori_texts_keep(&list->texts, found->sha256),
        .size_bytes = found->size_bytes,
        .imported = is_taken(m, list, id),
    };
}

static const char *const programs[] = {
    [ORI_FOREIGN_HUGGING_FACE] = "Hugging Face",
    [ORI_FOREIGN_LLAMA_CPP] = "llama.cpp",
    [ORI_FOREIGN_OLLAMA] = "Ollama",
    [ORI_FOREIGN_LM_STUDIO] = "LM Studio",
};

static orion_status look_in(const struct ori_manager *m, enum ori_foreign_kind kind,
                            const char *root, const char *program, struct foreign *list,
                            orion_error *err)
{
    struct ori_foreign *found = NULL;
    size_t n = 0;

    const orion_status status = ori_foreign_find(kind, root, &found, &n, err);
    for (size_t i = 0; status == ORION_OK && i < n; i++)
        add(m, list, program, &found[i]);
    ori_foreign_free(found, n);
    return status;
}

/* ---- where to look ---- */

/* A place is a variable and what follows its value; the first of a program
 * that is set counts, as it does there. */
static const struct place {
    enum ori_foreign_kind kind;
    const char *variable, *below;
} places[] = {
    {ORI_FOREIGN_HUGGING_FACE, "HF_HUB_CACHE", ""},
    {ORI_FOREIGN_HUGGING_FACE, "HUGGINGFACE_HUB_CACHE", ""},
    {ORI_FOREIGN_HUGGING_FACE, "HF_HOME", "/hub"},
    {ORI_FOREIGN_HUGGING_FACE, "XDG_CACHE_HOME", "/huggingface/hub"},
    {ORI_FOREIGN_HUGGING_FACE, "HOME", "/.cache/huggingface/hub"},
    {ORI_FOREIGN_LLAMA_CPP, "LLAMA_CACHE", ""},
    {ORI_FOREIGN_LLAMA_CPP, "XDG_CACHE_HOME", "/llama.cpp"},
    {ORI_FOREIGN_LLAMA_CPP, "HOME", "/.cache/llama.cpp"},
    {ORI_FOREIGN_OLLAMA, "OLLAMA_MODELS", ""},
    {ORI_FOREIGN_OLLAMA, "HOME", "/.ollama/models"},
    {ORI_FOREIGN_LM_STUDIO, "HOME", "/.lmstudio/models"},
};

static orion_status look_in_usual_places(const struct ori_manager *m, struct foreign *list,
                                         orion_error *err)
{
    char root[PATH_MAX];
    bool looked[ORI_COUNT(programs)] = {false};
    orion_status status = ORION_OK;

    for (size_t i = 0; i < ORI_COUNT(places) && status == ORION_OK; i++) {
        const struct place *p = &places[i];
        const char *value = getenv(p->variable);
        if (looked[p->kind] || !value || !*value)
            continue;
        looked[p->kind] = true;
        const int n = snprintf(root, sizeof(root), "%s%s", value, p->below);
        if (n > 0 && (size_t)n < sizeof(root))
            status = look_in(m, p->kind, root, programs[p->kind], list, err);
    }
    /* Ollama as a service of the system has a home of its own. */
    return status == ORION_OK ? look_in(m, ORI_FOREIGN_OLLAMA, "/usr/share/ollama/.ollama/models",
                                        programs[ORI_FOREIGN_OLLAMA], list, err)
                              : status;
}

/* Files that just lie in a folder. */
static orion_status look_in_folder(const struct ori_manager *m, const char *dir,
                                   struct foreign *list, orion_error *err)
{
    struct dirent *entry;
    char path[PATH_MAX];
    struct stat st;
    size_t n = 0;

    DIR *folder = opendir(dir);
    if (!folder)
        return ori_fail_errno(err, "cannot read the folder '%.300s'", dir);
    while (n < MAX_FOLDER_FILES && (entry = readdir(folder))) {
        const int len = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        if (entry->d_name[0] == '.' || !ori_name_is_gguf(entry->d_name) || len < 0 ||
            (size_t)len >= sizeof(path) || stat(path, &st) != 0 || !S_ISREG(st.st_mode))
            continue;
        struct ori_foreign found = {.path = path, .size_bytes = (uint64_t)st.st_size};
        add(m, list, "", &found);
        n++;
    }
    (void)closedir(folder);
    return ORION_OK;
}

static orion_status look(const struct ori_manager *m, const char *dir, struct foreign *list,
                         orion_error *err)
{
    char whole[PATH_MAX];
    orion_status status = ORION_OK;

    if (!dir)
        return look_in_usual_places(m, list, err);
    if (!realpath(dir, whole))
        return ori_fail_errno(err, "cannot read the folder '%.300s'", dir);
    for (size_t kind = 0; kind < ORI_COUNT(programs) && status == ORION_OK; kind++)
        status = look_in(m, (enum ori_foreign_kind)kind, whole, programs[kind], list, err);
    return status == ORION_OK ? look_in_folder(m, whole, list, err) : status;
}

orion_status ori_manager_foreign(const struct ori_manager *manager, const char *dir,
                                 orion_foreign_list **out, orion_error *err)
{
    *out = NULL;
    struct foreign *list = calloc(1, sizeof(*list));
    if (!list)
        return ori_fail_nomem(err, "the list of models");
    orion_status status = look(manager, dir, list, err);
    if (status == ORION_OK && list->texts.failed)
        status = ori_fail_nomem(err, "the list of models");
    if (status != ORION_OK) {
        ori_foreign_list_free(&list->shown);
        return status;
    }
    list->shown.models = list->items;
    *out = &list->shown;
    return ORION_OK;
}
