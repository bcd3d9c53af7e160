/* Which models are there: a walk over the folders. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"

#define MAX_DEPTH 8
#define MAX_MODELS 100000

struct scan {
    const struct ori_store *store;
    struct ori_stored *models;
    size_t n, cap;
    json_t *hidden;      /* places that wait for others of their set */
    char path[PATH_MAX]; /* of the folder that is being read, with its slash */
};

/* Links that no record tells of are passed over. */
static orion_status add(struct scan *scan, const struct stat *st, orion_error *err)
{
    if (scan->n == MAX_MODELS)
        return ori_fail(err, ORION_E_UNSUPPORTED, "there are more than %d models in %s", MAX_MODELS,
                        scan->store->root);
    if (scan->n == scan->cap) {
        const size_t cap = scan->cap ? scan->cap * 2 : 16;
        struct ori_stored *models = realloc(scan->models, cap * sizeof(*models));
        if (!models)
            return ori_fail_nomem(err, "the list of models");
        scan->models = models;
        scan->cap = cap;
    }
    const orion_status status =
        ori_stored_look(scan->store, scan->path, st, &scan->models[scan->n], err);
    if (status == ORION_OK)
        scan->n++;
    return status == ORION_E_NOT_FOUND ? ORION_OK : status;
}

/* Folders that can't be read, and links to folders, are passed over: the rest
 * still lists.  The depth bounds the recursion. */
static orion_status walk(struct scan *scan, int fd, size_t path_len, int depth, orion_error *err)
{
    orion_status status = ORION_OK;
    struct dirent *entry;
    struct stat st;

    DIR *dir = ori_dir_list(fd);
    if (!dir)
        return errno == ENOMEM ? ori_fail_nomem(err, "the list of models") : ORION_OK;
    while (status == ORION_OK && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        const size_t len = strlen(name);
        if (name[0] == '.' || path_len + len + 2 > sizeof(scan->path) ||
            fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        memcpy(scan->path + path_len, name, len + 1);
        if ((S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) && ori_name_is_gguf(name)) {
            if (json_object_get(scan->hidden, scan->path))
                continue;
            status = add(scan, &st, err);
        } else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH) {
            const int child = ori_dir_open(fd, name, O_RDONLY | O_DIRECTORY, 0);
            if (child < 0)
                continue;
            memcpy(scan->path + path_len + len, "/", 2);
            status = walk(scan, child, path_len + len + 1, depth + 1, err);
        }
    }
    (void)closedir(dir);
    return status;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct ori_stored *)a)->path, ((const struct ori_stored *)b)->path);
}

orion_status ori_store_scan(const struct ori_store *store, struct ori_stored **out, size_t *n,
                            orion_error *err)
{
    struct scan scan = {.store = store};

    *out = NULL;
    *n = 0;
    orion_status status = ori_store_check(store, err);
    if (status != ORION_OK)
        return status;
    const int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ori_fail_errno(err, "cannot read the models directory '%s'", store->root);
    status = ori_set_hidden(store, &scan.hidden, err);
    if (status == ORION_OK)
        status = walk(&scan, fd, 0, 0, err);
    else
        (void)close(fd);
    json_decref(scan.hidden);
    if (status != ORION_OK) {
        for (size_t i = 0; i < scan.n; i++)
            ori_stored_release(&scan.models[i]);
        free(scan.models);
        return status;
    }
    if (scan.n > 1)
        qsort(scan.models, scan.n, sizeof(*scan.models), by_path);
    *out = scan.models;
    *n = scan.n;
    return ORION_OK;
}
