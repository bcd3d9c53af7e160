/* Which downloads are wanted: a small file of the manager's, ".downloads.json",
 * for the one process that keeps it. */
#include "store/internal.h"

#include "base/dir.h"
#include "base/file.h"

#define WANTED_FILE ".downloads.json"
#define WANTED_LOCK ORI_STORE_LOCK_DIR "/downloads.lock"

orion_status ori_store_wanted_open(const struct ori_store *store, struct ori_lock *lock,
                                   orion_error *err)
{
    *lock = (struct ori_lock){.dir = -1, .fd = -1};
    orion_status status = ori_store_check(store, err);
    if (status == ORION_OK)
        status = ori_dir_make(store->fd, ORI_STORE_LOCK_DIR, err);
    return status == ORION_OK ? ori_lock_try(store->fd, WANTED_LOCK, lock, NULL, err) : status;
}

orion_status ori_store_wanted_read(const struct ori_store *store, struct ori_buf *out,
                                   orion_error *err)
{
    const orion_status status = ori_file_read(store->fd, WANTED_FILE, out, err);
    return status == ORION_E_NOT_FOUND ? ORION_OK : status;
}

orion_status ori_store_wanted_write(const struct ori_store *store, const struct ori_buf *text,
                                    orion_error *err)
{
    return ori_file_replace(store->fd, WANTED_FILE, text->data, text->len, err);
}
