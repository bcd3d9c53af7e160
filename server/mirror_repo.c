#include "mirror_repo.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

/* FNV-1a: nothing has to withstand an attacker here, who could name files as he likes
 * only on a disk that is his. */
#define FNV_BASIS UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

static uint64_t mix(uint64_t state, const char *text)
{
    for (const char *c = text;; c++) { /* with the NUL: "ab","c" is not "a","bc" */
        state = (state ^ (unsigned char)*c) * FNV_PRIME;
        if (!*c)
            return state;
    }
}

static void make_commit(const orion_stored_file *files, size_t n,
                        char commit[MIRROR_COMMIT_HEX + 1])
{
    uint64_t made_up = FNV_BASIS;
    bool one_commit = strlen(files[0].revision) == MIRROR_COMMIT_HEX;

    for (size_t i = 0; i < n; i++) {
        made_up = mix(mix(made_up, files[i].file), files[i].sha256);
        one_commit = one_commit && strcmp(files[i].revision, files[0].revision) == 0;
    }
    if (one_commit)
        memcpy(commit, files[0].revision, MIRROR_COMMIT_HEX + 1);
    else
        (void)snprintf(commit, MIRROR_COMMIT_HEX + 1, "%024d%016" PRIx64, 0, made_up);
}

struct mirror_repo mirror_repo_view(const orion_stored_file *files, size_t n)
{
    struct mirror_repo repo = {.files = files, .n = n};

    (void)snprintf(repo.name, sizeof(repo.name), "%s", files[0].repo);
    make_commit(files, n, repo.commit);
    return repo;
}

static bool is_all_of_it(const struct mirror_repo *repo, const char *revision)
{
    return strcmp(revision, "main") == 0 || strcmp(revision, "HEAD") == 0 ||
           strcmp(revision, repo->commit) == 0;
}

/* Of all that is here, what was fetched at that commit. */
static orion_status choose(struct mirror_repo *repo, const char *revision, orion_error *err)
{
    size_t n = 0;

    repo->chosen = calloc(repo->n, sizeof(*repo->chosen));
    if (!repo->chosen)
        return server_fail(err, ORION_E_NOMEM, "memory ran out for the files of a repository");
    for (size_t i = 0; i < repo->n; i++)
        if (strcmp(repo->files[i].revision, revision) == 0)
            repo->chosen[n++] = repo->files[i];
    if (n == 0)
        return server_fail(
            err, ORION_E_NOT_FOUND,
            "nothing of '%s' is here at the revision '%.128s'; 'main' is what there is", repo->name,
            revision);
    repo->files = repo->chosen;
    repo->n = n;
    make_commit(repo->files, n, repo->commit);
    return ORION_OK;
}

orion_status mirror_repo_open(orion_manager *manager, const char *name, const char *revision,
                              struct mirror_repo *out, bool *no_revision, orion_error *err)
{
    orion_stored_file_list *list;

    *out = (struct mirror_repo){0};
    *no_revision = false;
    orion_status status = orion_manager_files(manager, name, &list, err);
    if (status != ORION_OK)
        return status;
    if (list->count == 0) {
        orion_stored_file_list_free(list);
        return server_fail(err, ORION_E_NOT_FOUND,
                           "no model of '%.200s' is here, or none whose hash is known", name);
    }
    *out = mirror_repo_view(list->files, list->count);
    out->list = list;
    if (!is_all_of_it(out, revision))
        status = choose(out, revision, err);
    if (status != ORION_OK) {
        *no_revision = status == ORION_E_NOT_FOUND;
        mirror_repo_release(out);
    }
    return status;
}

void mirror_repo_release(struct mirror_repo *repo)
{
    orion_stored_file_list_free(repo->list);
    free(repo->chosen);
    *repo = (struct mirror_repo){0};
}

const orion_stored_file *mirror_repo_find(const struct mirror_repo *repo, const char *path)
{
    for (size_t i = 0; i < repo->n; i++)
        if (strcmp(repo->files[i].file, path) == 0)
            return &repo->files[i];
    return NULL;
}
