/* Models that are symbolic links to a file elsewhere.
 *
 * A link is a model only while the record beside it names the very target that
 * the link has.  Then that target is opened by its recorded name; the link
 * itself is never followed by this room.  Any other link is passed over. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"

/* For what has just failed: was memory short, or is there no such thing? */
static orion_status or_none(orion_error *err)
{
    return errno == ENOMEM ? ori_fail_nomem(err, "a link") : ORION_OK;
}

orion_status ori_link_is_recorded(const struct ori_store *store, const char *path,
                                  const struct ori_record *record, bool *is, orion_error *err)
{
    char target[ORI_LINK_MAX];
    const char *name;

    *is = false;
    if (!*record->link)
        return ORION_OK;
    const int folder = ori_dir_parent(store->fd, path, &name);
    if (folder < 0)
        return or_none(err);
    const ssize_t n = readlinkat(folder, name, target, sizeof(target));
    const orion_status status = n < 0 ? or_none(err) : ORION_OK;
    (void)close(folder);
    *is =
        n > 0 && (size_t)n == strlen(record->link) && memcmp(target, record->link, (size_t)n) == 0;
    return status;
}

orion_status ori_link_open(const struct ori_record *record, int *fd, struct stat *st,
                           orion_error *err)
{
    *fd = open(record->link, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (*fd < 0)
        return or_none(err);
    const bool known = fstat(*fd, st) == 0;
    const orion_status status = known ? ORION_OK : or_none(err);
    if (known && S_ISREG(st->st_mode))
        return ORION_OK;
    (void)close(*fd);
    *fd = -1;
    return status;
}

orion_status ori_link_stat(const struct ori_record *record, struct stat *st, bool *is_there,
                           orion_error *err)
{
    const bool known = lstat(record->link, st) == 0;
    *is_there = known && S_ISREG(st->st_mode);
    return known ? ORION_OK : or_none(err);
}

orion_status ori_link_make(const struct ori_store *store, const char *place, const char *target,
                           orion_error *err)
{
    orion_status status = ORION_OK;
    const char *name;

    const int folder = ori_dir_parent(store->fd, place, &name);
    if (folder < 0)
        return ori_fail_errno(err, "cannot open the folder of '%s'", place);
    if (symlinkat(target, folder, name) != 0)
        status = ori_fail_errno(err, "cannot make the link '%s' in %s", place, store->root);
    else if (fsync(folder) != 0)
        status = ori_fail_errno(err, "cannot sync the folder of '%s'", place);
    (void)close(folder);
    return status;
}

orion_status ori_store_check_link(const struct ori_stored *model, orion_error *err)
{
    if (model->link != ORI_LINK_GONE)
        return ORION_OK;
    return ori_fail_at(
        err, ORION_E_INTEGRITY, ORION_NO_OFFSET, model->path,
        "'%.120s' is a link to '%.150s', which is gone or cannot be read; bring that file "
        "back, or repair or pull the model to have a copy of its own, or remove it",
        model->path, model->record.link);
}
