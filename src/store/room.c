/* Is there a place for a download, and what does that place not like? */
#define _GNU_SOURCE /* fallocate() */
#include "store/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"

#define RESERVE_BYTES (16u << 20) /* a disk should not be filled to its last byte */
#define FAT_MAGIC 0x4d44
#define EXFAT_MAGIC 0x2011bab0
#define FAT_MAX_BYTES 0xffffffffu

static uint64_t file_system_of(int fd)
{
    struct statfs fs;
    return fstatfs(fd, &fs) == 0 ? (uint64_t)fs.f_type & 0xffffffffu : 0;
}

bool ori_partial_wants_order(const struct ori_partial *p)
{
    const uint64_t type = file_system_of(p->fd);
    return type == FAT_MAGIC || type == EXFAT_MAGIC;
}

/* Blocks of our own, so that the disk cannot fill up under us.  Where the file
 * system has no such thing the length alone is set: a sparse file. */
static orion_status preallocate(struct ori_partial *p, orion_error *err)
{
    struct stat st;
    int rc;

    if (p->size_bytes == 0 || p->size_bytes > INT64_MAX || ori_partial_wants_order(p))
        return ORION_OK; /* in order, and without writing zeros first */
    do
        rc = fallocate(p->fd, 0, 0, (off_t)p->size_bytes);
    while (rc != 0 && errno == EINTR);
    if (rc == 0)
        return ORION_OK;
    if ((errno == EOPNOTSUPP || errno == ENOSYS) && fstat(p->fd, &st) == 0 &&
        ((uint64_t)st.st_size >= p->size_bytes || ftruncate(p->fd, (off_t)p->size_bytes) == 0))
        return ORION_OK;
    return ori_fail_errno(err, "cannot make room for '%s' in %s", p->journal.file, p->store->root);
}

static uint64_t missing_bytes(const struct ori_partial *p)
{
    struct stat st;
    if (fstat(p->fd, &st) != 0)
        return p->size_bytes - ori_ranges_total(&p->have);
    const uint64_t taken = (uint64_t)st.st_blocks * 512;
    return taken < p->size_bytes ? p->size_bytes - taken : 0;
}

orion_status ori_room_for(const struct ori_store *store, int fd, const char *file,
                          uint64_t size_bytes, uint64_t missing, orion_error *err)
{
    uint64_t free_bytes;

    if (size_bytes > FAT_MAX_BYTES && file_system_of(fd) == FAT_MAGIC)
        return ori_fail_at(err, ORION_E_NO_SPACE, ORION_NO_OFFSET, file,
                           "%s is on a FAT32 file system, which holds no file over 4 GiB, and "
                           "'%s' has %" PRIu64 " MB; choose another --models-dir",
                           store->root, file, size_bytes / 1000000);
    /* Some file systems do not say how much is free: then the write will. */
    if (missing == 0 || !ori_file_room(fd, &free_bytes))
        return ORION_OK;
    if (missing <= free_bytes && free_bytes - missing >= RESERVE_BYTES)
        return ORION_OK;
    return ori_fail_at(err, ORION_E_NO_SPACE, ORION_NO_OFFSET, file,
                       "not enough room in %s: %" PRIu64 " MB are still to be written and %" PRIu64
                       " MB are free; delete something or choose another --models-dir",
                       store->root, (missing + 999999) / 1000000, free_bytes / 1000000);
}

orion_status ori_partial_make_room(struct ori_partial *p, orion_error *err)
{
    /* Not a byte of a complete file is touched, nor its time. */
    if (ori_ranges_covers(&p->have, 0, p->size_bytes))
        return ORION_OK;
    const orion_status status =
        ori_room_for(p->store, p->fd, p->journal.file, p->size_bytes, missing_bytes(p), err);
    return status == ORION_OK ? preallocate(p, err) : status;
}
