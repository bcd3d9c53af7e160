/* mirror_repo.h - a repository as the mirror shows it: the files of it that are on
 * this disk, and the commit that they are at.
 *
 * "main" (and "HEAD") is all that we have.  Its commit is the publisher's when all
 * of these files were fetched at one; when they come from several, or it is not
 * known where they come from, it is a made-up one: 24 zeros and 16 digits that
 * follow from the names and hashes, so that it stays while these do.  A recorded
 * commit may be asked for as well: then the repository is the files that were
 * fetched at it.
 */
#ifndef SERVER_MIRROR_REPO_H
#define SERVER_MIRROR_REPO_H

#include <stdbool.h>
#include <stddef.h>

#include <orion.h>

#define MIRROR_COMMIT_HEX 40

struct mirror_repo {
    char name[200];                     /* "org/repo" */
    char commit[MIRROR_COMMIT_HEX + 1]; /* of the revision that was asked for */
    const orion_stored_file *files;     /* [n] at that revision, sorted by path; n > 0 */
    size_t n;
    orion_stored_file_list *list; /* behind files[]; NULL in a view */
    orion_stored_file *chosen;    /* files[], when it is not all of the list */
};

/* Look at a repository, at a revision.  Without a file it is ORION_E_NOT_FOUND; then
 * *no_revision tells whether it is the revision alone that we lack. */
orion_status mirror_repo_open(orion_manager *manager, const char *name, const char *revision,
                              struct mirror_repo *out, bool *no_revision, orion_error *err);
void mirror_repo_release(struct mirror_repo *repo);

/* All of a repository, n > 0, from a list that stays the caller's; nothing to release. */
struct mirror_repo mirror_repo_view(const orion_stored_file *files, size_t n);

const orion_stored_file *mirror_repo_find(const struct mirror_repo *repo, const char *path);

#endif
