#define _GNU_SOURCE /* syscall(), renameat2() */
#include "base/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool ori_dir_path_ok(const char *path)
{
    if (!*path || strlen(path) >= PATH_MAX)
        return false;
    for (const char *part = path;;) {
        const size_t len = strcspn(part, "/");
        if (len == 0 || len > NAME_MAX || (len == 1 && part[0] == '.') ||
            (len == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        if (!part[len])
            return true;
        part += len + 1;
    }
}

/* For kernels before 5.6, and sandboxes that forbid openat2: one part at a
 * time, none of them a link. */
static int walk(int dir, const char *path, int flags, mode_t mode)
{
    char part[NAME_MAX + 1];
    int at = dir;

    for (;;) {
        const size_t len = strcspn(path, "/");
        memcpy(part, path, len);
        part[len] = '\0';
        const bool last = path[len] == '\0';
        const int fd = last ? openat(at, part, flags, mode)
                            : openat(at, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        const int saved = errno;
        if (at != dir)
            (void)close(at);
        errno = saved;
        if (fd < 0 || last)
            return fd;
        at = fd;
        path += len + 1;
    }
}

int ori_dir_open(int dir, const char *path, int flags, mode_t mode)
{
    if (!ori_dir_path_ok(path)) {
        errno = EINVAL;
        return -1;
    }
    /* O_NONBLOCK: opening a FIFO must not wait for its other end. */
    flags |= O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
#ifdef SYS_openat2
    const struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .mode = (flags & O_CREAT) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    const long fd = syscall(SYS_openat2, dir, path, &how, sizeof(how));
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
        return (int)fd;
#endif
    return walk(dir, path, flags, mode);
}

int ori_dir_parent(int dir, const char *path, const char **name)
{
    char parent[PATH_MAX];

    if (!ori_dir_path_ok(path)) {
        errno = EINVAL;
        return -1;
    }
    const char *slash = strrchr(path, '/');
    if (!slash) {
        *name = path;
        return openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    *name = slash + 1;
    return ori_dir_open(dir, parent, O_RDONLY | O_DIRECTORY, 0);
}

orion_status ori_dir_make(int dir, const char *path, orion_error *err)
{
    char part[PATH_MAX];
    const size_t len = strlen(path);

    if (!ori_dir_path_ok(path))
        return ori_fail(err, ORION_E_FORMAT, "'%s' is no folder below the models directory", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        const char *name;
        const int parent = ori_dir_parent(dir, part, &name);
        const int made = parent < 0 ? -1 : mkdirat(parent, name, 0700);
        const int saved = errno;
        if (made == 0)
            (void)fsync(parent); /* a folder that is lost takes its files along */
        if (parent >= 0)
            (void)close(parent);
        errno = saved;
        if (made != 0 && errno != EEXIST)
            return ori_fail_errno(err, "cannot make the folder '%s'", part);
    }
    return ORION_OK;
}

DIR *ori_dir_list(int fd)
{
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const int saved = errno;
    if (!list && fd >= 0)
        (void)close(fd);
    errno = saved;
    return list;
}

int ori_dir_names(int dir, const char *name, int fd)
{
    struct stat held, named;

    if (fstat(fd, &held) != 0)
        return -1;
    if (fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : -1;
    return held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

int ori_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
    if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(from_dir, from, to_dir, to, 0) != 0)
        return -1;
    return unlinkat(from_dir, from, 0);
}

int ori_dir_unlink(int dir, const char *path)
{
    const char *name;
    const int parent = ori_dir_parent(dir, path, &name);
    if (parent < 0)
        return -1;
    const int rc = unlinkat(parent, name, 0);
    const int saved = errno;
    if (rc == 0)
        (void)fsync(parent);
    (void)close(parent);
    errno = saved;
    return rc;
}

void ori_dir_prune(int dir, const char *path)
{
    char part[PATH_MAX];

    if (!ori_dir_path_ok(path))
        return;
    memcpy(part, path, strlen(path) + 1); /* ori_dir_path_ok() checked the length */
    for (;;) {
        const char *name;
        const int parent = ori_dir_parent(dir, part, &name);
        if (parent < 0)
            return;
        const int rc = unlinkat(parent, name, AT_REMOVEDIR); /* refuses when not empty */
        (void)close(parent);
        char *slash = strrchr(part, '/');
        if (rc != 0 || !slash)
            return;
        *slash = '\0';
    }
}

orion_status ori_dir_make_root(const char *path, const char *what, orion_error *err)
{
    char part[PATH_MAX];
    const size_t len = strlen(path);

    if (len == 0 || len >= sizeof(part))
        return ori_fail(err, ORION_E_ARGUMENT, "the path of %s is %s", what,
                        len ? "too long" : "empty");
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST && errno != EISDIR) {
            struct stat st;
            const int saved = errno;
            if (stat(part, &st) == 0 && S_ISDIR(st.st_mode))
                continue; /* e.g. EROFS for a folder that is there */
            errno = saved;
            return ori_fail_errno(err, "cannot make %s '%s'", what, path);
        }
    }
    return ORION_OK;
}
