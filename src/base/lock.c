#define _GNU_SOURCE /* F_OFD_SETLK */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"

static long read_holder(int fd)
{
    char text[24] = "";
    const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static orion_status take(struct ori_lock *lock, long *holder, orion_error *err)
{
    for (;;) {
        lock->fd = openat(lock->dir, lock->name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (lock->fd < 0)
            return ori_fail_errno(err, "cannot open the lock file '%s'", lock->name);
        struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(lock->fd, F_OFD_SETLK, &whole) != 0) {
            const int saved = errno;
            const long pid = read_holder(lock->fd);
            (void)close(lock->fd);
            errno = saved;
            if (errno != EAGAIN && errno != EACCES)
                return ori_fail_errno(err, "cannot lock '%s'", lock->name);
            if (holder)
                *holder = pid;
            return ori_fail(err, ORION_E_BUSY, "process %ld holds the lock '%s'", pid, lock->name);
        }
        /* The file may have been deleted by a releasing holder between our open
         * and our lock; then the name means another file, or none, by now. */
        const int is_named = ori_dir_names(lock->dir, lock->name, lock->fd);
        if (is_named > 0)
            break;
        const int saved = errno;
        (void)close(lock->fd);
        errno = saved;
        if (is_named < 0)
            return ori_fail_errno(err, "cannot look at the lock '%s'", lock->name);
    }
    char text[24];
    const int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    /* Only a courtesy to who waits: a full disk must not forbid the lock. */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)n, 0) != n)
        (void)ftruncate(lock->fd, 0);
    return ORION_OK;
}

orion_status ori_lock_try(int dir, const char *path, struct ori_lock *out, long *holder,
                          orion_error *err)
{
    struct ori_lock lock = {.fd = -1};
    const char *name;

    *out = (struct ori_lock){.dir = -1, .fd = -1};
    if (holder)
        *holder = 0;
    lock.dir = ori_dir_parent(dir, path, &name);
    if (lock.dir < 0)
        return ori_fail_errno(err, "cannot open the folder of '%s'", path);
    memcpy(lock.name, name, strlen(name) + 1); /* ori_dir_parent() checked the length */
    const orion_status status = take(&lock, holder, err);
    if (status != ORION_OK) {
        (void)close(lock.dir);
        return status;
    }
    *out = lock;
    return ORION_OK;
}

long ori_lock_holder(int dir, const char *path)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    long holder = 0;

    const int fd = ori_dir_open(dir, path, O_RDONLY, 0);
    if (fd < 0)
        return 0;
    if (fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
        holder = read_holder(fd);
    (void)close(fd);
    return holder;
}

void ori_lock_release(struct ori_lock *lock)
{
    if (lock->fd < 0)
        return;
    (void)unlinkat(lock->dir, lock->name, 0); /* while it is still ours */
    (void)close(lock->fd);
    (void)close(lock->dir);
    *lock = (struct ori_lock){.dir = -1, .fd = -1};
}
