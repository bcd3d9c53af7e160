/* Files below a directory handle.
 *
 * A path given here is relative and stays below `dir`: no empty, "." or ".."
 * part is accepted and no symbolic link is followed, whoever made it.  So a
 * name that came from a user, a hub or a record can do no harm elsewhere.
 */
#ifndef ORI_BASE_DIR_H
#define ORI_BASE_DIR_H

#include <dirent.h>
#include <sys/types.h>

#include "base/base.h"

/* True for a relative path that stays below where it starts. */
bool ori_dir_path_ok(const char *path);

/* As openat() with O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK: an fd, or -1 and errno. */
int ori_dir_open(int dir, const char *path, int flags, mode_t mode) ORI_MUST_USE;

/* Open the folder that holds `path`; *name points at path's last part. */
int ori_dir_parent(int dir, const char *path, const char **name) ORI_MUST_USE;

/* Make the folder `path` and those above it, mode 0700; existing ones are fine. */
orion_status ori_dir_make(int dir, const char *path, orion_error *err);

/* mkdir -p, mode 0700, for any path that the user chose: links in it are theirs
 * to make.  `what` is for messages: "the models directory". */
orion_status ori_dir_make_root(const char *path, const char *what, orion_error *err);

/* Go through the folder that was opened as `fd`, which is owned from then on;
 * NULL and errno when that can't be, and `fd` is closed.  -1 keeps its errno. */
DIR *ori_dir_list(int fd);

/* Is `name`, in the folder `dir` itself, a name of the open file?  1: yes; 0: of
 * another or of none by now; -1 and errno: it can't be told. */
int ori_dir_names(int dir, const char *name, int fd) ORI_MUST_USE;

/* Rename, and fail with EEXIST when `to` is there; also on file systems that know no
 * RENAME_NOREPLACE.  Any paths, as renameat() takes them.  0, or -1 and errno. */
int ori_rename_new(int from_dir, const char *from, int to_dir, const char *to);

/* Delete the file `path`; 0, or -1 and errno. */
int ori_dir_unlink(int dir, const char *path);

/* Delete the folder `path` and those above it as far as they are empty. */
void ori_dir_prune(int dir, const char *path);

#endif
