/* What stands at a place: a file, or a link that its record tells of.
 *
 * A record that names a link's target speaks of that link alone.  Beside a
 * file it counts for nothing: a crash came between a file that took a link's
 * place and the file's own record. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"

void ori_stored_release(struct ori_stored *model)
{
    free(model->path);
    model->path = NULL;
}

static void take_file(struct ori_stored *out, const struct stat *st)
{
    if (*out->record.link) {
        out->has_record = false;
        out->record = (struct ori_record){0};
    }
    out->size_bytes = (uint64_t)st->st_size;
    out->modified_unix = st->st_mtim.tv_sec;
    out->intact = out->has_record && ori_record_matches(&out->record, st);
}

/* `target` NULL: it is gone. */
static void take_link(struct ori_stored *out, const struct stat *target)
{
    out->intact = target && ori_record_matches(&out->record, target);
    out->link = !target ? ORI_LINK_GONE : out->intact ? ORI_LINK_INTACT : ORI_LINK_CHANGED;
    out->size_bytes = target ? (uint64_t)target->st_size : out->record.size_bytes;
    out->modified_unix =
        target ? target->st_mtim.tv_sec : out->record.modified_ns / ORI_NS_PER_SECOND;
}

/* What the record and the entry together say. */
static orion_status take_entry(const struct ori_store *store, const struct stat *entry,
                               struct ori_stored *out, orion_error *err)
{
    struct stat target;
    bool is_ours = false, is_there;

    if (S_ISREG(entry->st_mode)) {
        take_file(out, entry);
        return ORION_OK;
    }
    orion_status status = ORION_OK;
    if (S_ISLNK(entry->st_mode))
        status = ori_link_is_recorded(store, out->path, &out->record, &is_ours, err);
    if (status == ORION_OK && !is_ours)
        status =
            ori_fail(err, ORION_E_NOT_FOUND, "'%s' in %s is not a file", out->path, store->root);
    if (status == ORION_OK)
        status = ori_link_stat(&out->record, &target, &is_there, err);
    if (status == ORION_OK)
        take_link(out, is_there ? &target : NULL);
    return status;
}

orion_status ori_stored_look(const struct ori_store *store, const char *path,
                             const struct stat *entry, struct ori_stored *out, orion_error *err)
{
    *out = (struct ori_stored){.path = strdup(path)};
    if (!out->path)
        return ori_fail_nomem(err, "a model's facts");
    orion_status status = ori_record_read(store, path, out, err);
    if (status == ORION_OK)
        status = take_entry(store, entry, out, err);
    if (status != ORION_OK)
        ori_stored_release(out);
    return status;
}

static orion_status open_link(const struct ori_store *store, const char *path, int *fd,
                              struct stat *st, struct ori_stored *out, orion_error *err)
{
    const struct stat entry = {.st_mode = S_IFLNK};

    orion_status status = ori_stored_look(store, path, &entry, out, err);
    if (status == ORION_E_NOT_FOUND)
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, path,
                           "'%s' in %s is a symbolic link that Orion did not make, or behind one, "
                           "and is not followed; delete the link, and import the file",
                           path, store->root);
    if (status == ORION_OK)
        status = ori_link_open(&out->record, fd, st, err);
    if (status == ORION_OK)
        take_link(out, *fd >= 0 ? st : NULL);
    else
        ori_stored_release(out);
    return status;
}

orion_status ori_stored_open(const struct ori_store *store, const char *path, int *fd,
                             struct stat *st, struct ori_stored *out, orion_error *err)
{
    orion_status status = ori_store_check(store, err);

    *out = (struct ori_stored){0};
    *fd = -1;
    if (status != ORION_OK)
        return status;
    *fd = ori_dir_open(store->fd, path, O_RDONLY, 0);
    if (*fd < 0 && errno == ELOOP)
        return open_link(store, path, fd, st, out, err);
    if (*fd < 0)
        return ori_fail_errno(err, "cannot open '%s' in %s", path, store->root);
    if (fstat(*fd, st) != 0)
        status = ori_fail_errno(err, "cannot read '%s'", path);
    else
        status = ori_stored_look(store, path, st, out, err);
    if (status != ORION_OK) {
        (void)close(*fd);
        *fd = -1;
    }
    return status;
}

orion_status ori_store_look(const struct ori_store *store, const char *path, struct ori_stored *out,
                            orion_error *err)
{
    struct stat st;
    int fd;

    const orion_status status = ori_stored_open(store, path, &fd, &st, out, err);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

orion_status ori_store_open_intact(const struct ori_store *store, const char *path,
                                   const char *sha256, int *fd, orion_error *err)
{
    struct ori_stored model;
    struct stat st;

    orion_status status = ori_stored_open(store, path, fd, &st, &model, err);
    if (status != ORION_OK)
        return status;
    if (*fd < 0 || !model.intact || strcmp(model.record.sha256, sha256) != 0) {
        status = ori_fail(err, ORION_E_NOT_FOUND,
                          "'%s' is not the file any more that had the "
                          "SHA-256 %s",
                          path, sha256);
        if (*fd >= 0)
            (void)close(*fd);
        *fd = -1;
    }
    ori_stored_release(&model);
    return status;
}
