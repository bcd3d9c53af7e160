/* How much room the store takes. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/dir.h"

static orion_status partial_bytes(const struct ori_store *store, uint64_t *bytes, orion_error *err)
{
    struct dirent *entry;
    struct stat st;

    const int fd = ori_dir_open(store->fd, ORI_STORE_PARTIAL_DIR, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = ori_dir_list(fd);
    if (!dir)
        return errno == ENOMEM ? ori_fail_nomem(err, "the list of downloads") : ORION_OK;
    while ((entry = readdir(dir)))
        if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            *bytes += (uint64_t)st.st_blocks * 512;
    (void)closedir(dir);
    return ORION_OK;
}

struct ori_disk ori_store_disk(const struct ori_store *store)
{
    struct ori_disk disk = {0};
    struct statvfs fs;

    if (fstatvfs(store->fd, &fs) == 0) {
        (void)ori_mul_u64(fs.f_bavail, fs.f_frsize, &disk.free_bytes);
        (void)ori_mul_u64(fs.f_blocks, fs.f_frsize, &disk.total_bytes);
    }
    return disk;
}

orion_status ori_store_usage(const struct ori_store *store, struct ori_usage *out, orion_error *err)
{
    struct ori_usage usage = {0};
    struct ori_partial_facts *partials;
    struct ori_stored *models;

    *out = usage;
    orion_status status = ori_store_scan(store, &models, &usage.n_models, err);
    if (status != ORION_OK)
        return status;
    for (size_t i = 0; i < usage.n_models; i++) {
        usage.model_bytes += models[i].link == ORI_LINK_NONE ? models[i].size_bytes : 0;
        ori_stored_release(&models[i]);
    }
    free(models);
    status = ori_store_partials(store, &partials, &usage.n_partials, err);
    if (status != ORION_OK)
        return status;
    free(partials);
    status = partial_bytes(store, &usage.partial_bytes, err);
    if (status != ORION_OK)
        return status;
    usage.disk = ori_store_disk(store);
    *out = usage;
    return ORION_OK;
}

orion_status ori_store_check_quota(const struct ori_store *store, uint64_t max_bytes,
                                   uint64_t needed_bytes, orion_error *err)
{
    struct ori_usage usage;
    uint64_t used = UINT64_MAX;

    if (max_bytes == 0)
        return ORION_OK;
    const orion_status status = ori_store_usage(store, &usage, err);
    if (status != ORION_OK)
        return status;
    if (ori_add_u64(usage.model_bytes, usage.partial_bytes, &used) && used <= max_bytes &&
        needed_bytes <= max_bytes - used)
        return ORION_OK;
    return ori_fail(err, ORION_E_NO_SPACE,
                    "models may take %" PRIu64 " MB (models.max_bytes); %" PRIu64 " MB are taken "
                    "and %" PRIu64 " MB more are needed; remove a model or raise the limit",
                    max_bytes / 1000000, (used + 999999) / 1000000,
                    (needed_bytes + 999999) / 1000000);
}
