/* A verified download becomes a model.
 *
 * Its bytes are synced and hashed by now.  It is renamed into its place, the
 * folders are synced, and the record is written last; that of other bytes in
 * the same place goes first.  A crash in between leaves a whole model without a
 * record, which the next pull hashes and records without fetching it again. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"

/* Someone else's file of that name is in the way: the pull was asked for
 * because it is damaged or another one, so the new one takes its place.  So it
 * does of a link of ours, whose target stays as it is. */
static bool may_replace(int dir, const char *name, bool is_our_link)
{
    struct stat st;
    return is_our_link ||
           (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode));
}

static orion_status put_in_place(int from_dir, const char *from, int to_dir, const char *to,
                                 bool is_our_link, orion_error *err)
{
    int rc = ori_rename_new(from_dir, from, to_dir, to);
    if (rc != 0 && errno == EEXIST && may_replace(to_dir, to, is_our_link))
        rc = renameat(from_dir, from, to_dir, to);
    if (rc != 0)
        return ori_fail_errno(err, "cannot put '%s' in its place", to);
    /* The name must last before anyone is told that the model is there. */
    if (fsync(to_dir) != 0 || fsync(from_dir) != 0)
        return ori_fail_errno(err, "cannot sync the folder of '%s'", to);
    return ORION_OK;
}

void ori_publish_facts(const struct ori_journal *journal, const char *sha256,
                       struct ori_record *facts)
{
    *facts = (struct ori_record){0};
    memcpy(facts->hub, journal->hub, sizeof(facts->hub));
    memcpy(facts->repo, journal->repo, sizeof(facts->repo));
    memcpy(facts->file, journal->file, sizeof(facts->file));
    memcpy(facts->revision, journal->revision, sizeof(facts->revision));
    memcpy(facts->sha256, sha256, sizeof(facts->sha256));
}

static orion_status move_in(const struct ori_store *store, const char *part, const char *folder,
                            const char *name, bool is_our_link, orion_error *err)
{
    const int from = ori_dir_open(store->fd, ORI_STORE_PARTIAL_DIR, O_RDONLY | O_DIRECTORY, 0);
    const int to = ori_dir_open(store->fd, folder, O_RDONLY | O_DIRECTORY, 0);
    orion_status status;

    if (from < 0 || to < 0)
        status = ori_fail_errno(err, "cannot open the folder '%s'", folder);
    else
        status = put_in_place(from, part, to, name, is_our_link, err);
    if (from >= 0)
        (void)close(from);
    if (to >= 0)
        (void)close(to);
    return status;
}

/* A record never stands beside a model with other bytes than it tells of.  That
 * of a link stays as long as the link: without it no one would know whose the
 * link is, and beside a file it counts for nothing. */
static orion_status drop_other_record(const struct ori_store *store, const char *place,
                                      const char *sha256, bool *is_our_link, orion_error *err)
{
    char record[ORI_STORE_PATH_MAX];
    struct ori_stored old = {0};

    orion_status status = ori_record_read(store, place, &old, err);
    if (status == ORION_OK)
        status = ori_link_is_recorded(store, place, &old.record, is_our_link, err);
    if (status != ORION_OK || !old.has_record || *old.record.link ||
        strcmp(old.record.sha256, sha256) == 0)
        return status;
    if (ori_store_record_path(place, record) && ori_dir_unlink(store->fd, record) != 0)
        return ori_fail_errno(err, "cannot delete the record of the older '%s'", place);
    return ORION_OK;
}

orion_status ori_publish(const struct ori_store *store, const char *key, const char *place, int fd,
                         const struct ori_record *facts, const struct ori_chain *chain,
                         orion_error *err)
{
    char folder[ORI_STORE_PATH_MAX], part[ORI_STORE_KEY_BYTES + 8];
    const char *name = strrchr(place, '/') + 1; /* "<org>/<repo>/<file>" has slashes */
    bool is_our_link = false;
    struct stat st;

    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(name - 1 - place), place);
    (void)snprintf(part, sizeof(part), "%s.part", key);
    orion_status status = ori_dir_make(store->fd, folder, err);
    if (status == ORION_OK)
        status = drop_other_record(store, place, facts->sha256, &is_our_link, err);
    if (status == ORION_OK)
        status = move_in(store, part, folder, name, is_our_link, err);
    if (status != ORION_OK)
        return status;
    if (fstat(fd, &st) != 0)
        return ori_fail_errno(err, "cannot read '%s'", place);
    /* Without it a model is whole, but is mended as a whole. */
    (void)ori_units_write(store, place, facts->sha256, chain, NULL);
    status = ori_record_write(store, place, facts, &st, err);
    if (status == ORION_OK)
        ori_partial_discard(store, key); /* the journal; the data has moved */
    return status;
}
