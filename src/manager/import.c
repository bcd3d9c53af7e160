/* Taking in a model that is on this machine already. */
#define _XOPEN_SOURCE 700 /* realpath() */
#include "manager/internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "manager/progress.h"

/* The folder, above the file, that some program's store begins at; tried from
 * the file upward: a snapshot lies six levels deep. */
#define MAX_LEVELS 7

struct origin {
    char source[PATH_MAX];
    struct ori_ref ref; /* repo and file */
    char revision[41], sha256[ORI_SHA256_HEX + 1];
};

/* A store of another program tells where a file in it came from. */
static orion_status ask_store(const char *root, const char *source, struct origin *origin,
                              bool *is_known, orion_error *err)
{
    static const enum ori_foreign_kind kinds[] = {ORI_FOREIGN_HUGGING_FACE, ORI_FOREIGN_OLLAMA};
    orion_status status = ORION_OK;
    bool known = false;

    for (size_t k = 0; k < ORI_COUNT(kinds) && !known && status == ORION_OK; k++) {
        struct ori_foreign *found = NULL;
        size_t n = 0;
        status = ori_foreign_find(kinds[k], root, &found, &n, err);
        for (size_t i = 0; i < n && !known && status == ORION_OK; i++) {
            char place[ORI_STORE_PATH_MAX];
            known = strcmp(found[i].path, source) == 0 && *found[i].repo &&
                    strlen(found[i].repo) <= ORI_REPO_MAX &&
                    ori_store_place(found[i].repo, found[i].file, place, NULL) == ORION_OK;
            if (!known)
                continue;
            (void)snprintf(origin->ref.repo, sizeof(origin->ref.repo), "%.193s", found[i].repo);
            memcpy(origin->ref.file, found[i].file, sizeof(origin->ref.file));
            memcpy(origin->revision, found[i].revision, sizeof(origin->revision));
            memcpy(origin->sha256, found[i].sha256, sizeof(origin->sha256));
        }
        ori_foreign_free(found, n);
    }
    *is_known = known;
    return status;
}

static orion_status find_origin(struct origin *origin, bool *known, orion_error *err)
{
    orion_status status = ORION_OK;
    char root[PATH_MAX];

    *known = false;
    if (!strstr(origin->source, "/blobs/")) /* only what looks like one is worth the search */
        return status;
    memcpy(root, origin->source, sizeof(root));
    for (int level = 0; level < MAX_LEVELS && !*known && status == ORION_OK; level++) {
        char *slash = strrchr(root, '/');
        if (!slash || slash == root)
            break;
        *slash = '\0';
        status = ask_store(root, origin->source, origin, known, err);
    }
    return status;
}

static orion_status choose_place(const orion_import_options *options, const char *file,
                                 struct origin *origin, orion_error *err)
{
    if (options->id) {
        const orion_status status = ori_ref_parse(options->id, &origin->ref, err);
        if (status != ORION_OK)
            return status;
        if (!*origin->ref.file)
            return ori_fail_at(err, ORION_E_NAME, ORION_NO_OFFSET, options->id,
                               "'%.200s' names no file; write org/repo/file.gguf", options->id);
        return ORION_OK;
    }
    bool known;
    const orion_status status = find_origin(origin, &known, err);
    if (status != ORION_OK || known)
        return status;
    (void)snprintf(origin->ref.repo, sizeof(origin->ref.repo), "%s", ORI_IMPORT_REPO);
    ori_import_name(file, origin->ref.file, ORI_NAME_PART_MAX + 1);
    if (!ori_name_is_gguf(origin->ref.file))
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, file,
                           "'%.200s' does not end in .gguf", file);
    return ORION_OK;
}

/* A link takes no room. */
static orion_status check_quota(const struct ori_manager *m, const struct origin *origin,
                                orion_import_mode mode, uint64_t *size_bytes, orion_error *err)
{
    struct stat st;

    if (stat(origin->source, &st) != 0)
        return ori_fail_errno(err, "cannot read '%.300s'", origin->source);
    *size_bytes = (uint64_t)st.st_size;
    return mode == ORION_IMPORT_SYMLINK
               ? ORION_OK
               : ori_store_check_quota(m->store, m->config.max_bytes, *size_bytes, err);
}

static orion_status import(const struct ori_manager *m, const orion_import_options *options,
                           const struct origin *origin, orion_import_way *way, orion_error *err)
{
    const orion_pull_options report = {.on_progress = options->on_progress, .user = options->user};
    struct ori_progress progress;
    enum ori_import_way how = ORI_IMPORT_WAS_THERE;

    const struct ori_import what = {
        .source = origin->source,
        .repo = origin->ref.repo,
        .file = origin->ref.file,
        .revision = *origin->revision ? origin->revision : NULL,
        .sha256 = *origin->sha256 ? origin->sha256 : NULL,
        .mode = (enum ori_import_mode)options->mode,
    };
    ori_progress_init(&progress, &report, origin->ref.file);
    orion_status status = check_quota(m, origin, options->mode, &progress.facts.total_bytes, err);
    if (status != ORION_OK)
        return status;
    const struct ori_watch watch = ori_progress_watch(&progress);
    status = ori_store_import(m->store, &what, &watch, &how, err);
    if (status == ORION_OK) {
        *way = (orion_import_way)how;
        ori_progress_done(&progress);
    }
    return status;
}

_Static_assert((int)ORI_IMPORTED_REFLINK == ORION_IMPORTED_REFLINK &&
                   (int)ORI_IMPORTED_HARD_LINK == ORION_IMPORTED_HARD_LINK &&
                   (int)ORI_IMPORTED_COPY == ORION_IMPORTED_COPY &&
                   (int)ORI_IMPORT_WAS_THERE == ORION_IMPORT_WAS_THERE &&
                   (int)ORI_IMPORT_LINK == ORION_IMPORT_LINK &&
                   (int)ORI_IMPORT_COPY == ORION_IMPORT_COPY &&
                   (int)ORI_IMPORT_MOVE == ORION_IMPORT_MOVE &&
                   (int)ORI_IMPORTED_SYMLINK == ORION_IMPORTED_SYMLINK &&
                   (int)ORI_IMPORT_SYMLINK == ORION_IMPORT_SYMLINK,
               "the store's words are those of orion.h");

orion_status ori_manager_import(const struct ori_manager *manager, const char *file,
                                const orion_import_options *options, char **path,
                                orion_import_way *way, orion_error *err)
{
    char place[ORI_STORE_PATH_MAX];

    if (path)
        *path = NULL;
    struct origin *origin = calloc(1, sizeof(*origin));
    if (!origin)
        return ori_fail_nomem(err, "an import");
    orion_status status = ORION_OK;
    if (!realpath(file, origin->source))
        status = errno == ENOENT ? ori_fail_at(err, ORION_E_NOT_FOUND, ORION_NO_OFFSET, file,
                                               "there is no file '%.300s'", file)
                                 : ori_fail_errno(err, "cannot read '%.300s'", file);
    if (status == ORION_OK)
        status = choose_place(options, file, origin, err);
    if (status == ORION_OK)
        status = ori_store_place(origin->ref.repo, origin->ref.file, place, err);
    if (status == ORION_OK)
        status = import(manager, options, origin, way, err);
    if (status == ORION_OK && path) {
        *path = ori_manager_absolute(manager, place);
        if (!*path)
            status = ori_fail_nomem(err, "a path");
    }
    free(origin);
    return status;
}
