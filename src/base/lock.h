/* A lock between processes, and between threads: one file, held exclusively.
 *
 * An open-file-description lock, so it ends with its holder however that ends,
 * and two threads of one process exclude each other too.  The file holds the
 * holder's process id, and is deleted when the lock is released.
 */
#ifndef ORI_BASE_LOCK_H
#define ORI_BASE_LOCK_H

#include <limits.h>

#include "base/base.h"

struct ori_lock {
    int dir; /* folder of the file, owned */
    int fd;
    char name[NAME_MAX + 1];
};

/* Take the lock file `path` below `dir`; its folder exists.  Never waits:
 * ORION_E_BUSY when someone holds it, with their process id in *holder (0 when
 * unknown; may be NULL). */
orion_status ori_lock_try(int dir, const char *path, struct ori_lock *out, long *holder,
                          orion_error *err);
/* The process id in the lock file while someone holds it; 0 when no one does. */
long ori_lock_holder(int dir, const char *path);
void ori_lock_release(struct ori_lock *lock);

#endif
