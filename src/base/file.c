#define _GNU_SOURCE /* F_OFD_SETLKW */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/dir.h"

orion_status ori_file_read(int dir, const char *path, struct ori_buf *out, orion_error *err)
{
    orion_status status = ORION_OK;
    struct stat st;
    char block[4096];

    const int fd = ori_dir_open(dir, path, O_RDONLY, 0);
    if (fd < 0)
        return ori_fail_errno(err, "cannot open '%s'", path);
    if (fstat(fd, &st) != 0) {
        status = ori_fail_errno(err, "cannot look at '%s'", path);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        status = ori_fail(err, ORION_E_FORMAT, "'%s' is not a regular file", path);
        goto done;
    }
    for (;;) {
        const ssize_t n = read(fd, block, sizeof(block));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = ori_fail_errno(err, "cannot read '%s'", path);
        if (n <= 0)
            break;
        if (ori_buf_add(out, block, (size_t)n) == ORION_OK)
            continue;
        status =
            out->status == ORION_E_NOMEM
                ? ori_fail_nomem(err, path)
                : ori_fail(err, ORION_E_FORMAT, "'%s' is longer than %zu bytes", path, out->max);
        break;
    }
done:
    (void)close(fd);
    return status;
}

orion_status ori_file_write_at(int fd, const void *data, size_t len, uint64_t offset,
                               orion_error *err)
{
    const char *from = data;

    while (len > 0) {
        const ssize_t n = pwrite(fd, from, len, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (n == 0)
                errno = EIO;
            return ori_fail_errno(err, "cannot write");
        }
        from += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return ORION_OK;
}

orion_status ori_file_read_at(int fd, void *data, size_t len, uint64_t offset, size_t *got,
                              orion_error *err)
{
    char *to = data;

    *got = 0;
    while (*got < len) {
        const ssize_t n = pread(fd, to + *got, len - *got, (off_t)(offset + *got));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return ori_fail_errno(err, "cannot read");
        if (n == 0)
            break;
        *got += (size_t)n;
    }
    return ORION_OK;
}

/* ---- replacing ---- */

static bool temp_name(const char *name, char temp[NAME_MAX + 1])
{
    const int n = snprintf(temp, NAME_MAX + 1, "%s%s.tmp", name[0] == '.' ? "" : ".", name);
    return n > 0 && n <= NAME_MAX;
}

/* Open the temporary file and keep others out of it.  Whoever had it before
 * us may have renamed or deleted it while we waited: then it is opened anew. */
static int open_temp(int parent, const char *temp)
{
    for (;;) {
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        const int fd = openat(parent, temp, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
            return -1;
        while (fcntl(fd, F_OFD_SETLKW, &whole) != 0 && errno == EINTR)
            continue; /* no locks on this file system: go on without */
        const int is_named = ori_dir_names(parent, temp, fd);
        if (is_named > 0)
            return fd;
        const int saved = errno;
        (void)close(fd);
        errno = saved;
        if (is_named < 0) /* nor would it be the next time */
            return -1;
    }
}

static orion_status write_temp(int fd, const char *temp, const void *data, size_t len,
                               orion_error *err)
{
    if (ftruncate(fd, 0) != 0)
        return ori_fail_errno(err, "cannot write '%s'", temp);
    const orion_status status = ori_file_write_at(fd, data, len, 0, err);
    if (status == ORION_OK && fsync(fd) != 0)
        return ori_fail_errno(err, "cannot sync '%s'", temp);
    return status;
}

static orion_status replace(int parent, const char *name, const void *data, size_t len,
                            orion_error *err)
{
    char temp[NAME_MAX + 1];

    if (!temp_name(name, temp))
        return ori_fail(err, ORION_E_FORMAT, "the name '%s' is too long", name);
    const int fd = open_temp(parent, temp);
    if (fd < 0)
        return ori_fail_errno(err, "cannot make '%s'", temp);
    orion_status status = write_temp(fd, temp, data, len, err);
    if (status == ORION_OK && renameat(parent, temp, parent, name) != 0)
        status = ori_fail_errno(err, "cannot put '%s' in place", name);
    if (status != ORION_OK)
        (void)unlinkat(parent, temp, 0);
    (void)close(fd);
    if (status == ORION_OK && fsync(parent) != 0)
        status = ori_fail_errno(err, "cannot sync the folder of '%s'", name);
    return status;
}

orion_status ori_file_replace(int dir, const char *path, const void *data, size_t len,
                              orion_error *err)
{
    const char *name;

    const int parent = ori_dir_parent(dir, path, &name);
    if (parent < 0)
        return ori_fail_errno(err, "cannot open the folder of '%s'", path);
    const orion_status status = replace(parent, name, data, len, err);
    (void)close(parent);
    return status;
}

int ori_file_unlink(int dir, const char *path)
{
    char temp[NAME_MAX + 1];
    const char *name;

    const int parent = ori_dir_parent(dir, path, &name);
    if (parent < 0)
        return -1;
    if (temp_name(name, temp))
        (void)unlinkat(parent, temp, 0); /* what a killed process left */
    const int rc = unlinkat(parent, name, 0);
    const int saved = errno;
    if (rc == 0)
        (void)fsync(parent);
    (void)close(parent);
    errno = saved;
    return rc;
}

bool ori_file_room(int fd, uint64_t *free_bytes)
{
    struct statvfs fs;

    return fstatvfs(fd, &fs) == 0 && fs.f_blocks > 0 &&
           ori_mul_u64(fs.f_bavail, fs.f_frsize, free_bytes);
}
