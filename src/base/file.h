/* Whole small files, and writing so that a crash leaves the old or the new. */
#ifndef ORI_BASE_FILE_H
#define ORI_BASE_FILE_H

#include "base/base.h"
#include "base/buf.h"

/* Append the file `path` below `dir` to `out`.  ORION_E_NOT_FOUND when it is
 * not there; ORION_E_FORMAT when it is no regular file or longer than out->max. */
orion_status ori_file_read(int dir, const char *path, struct ori_buf *out, orion_error *err);

/* Put a file of mode 0600 at `path` below `dir`: written beside it, synced,
 * renamed over it, folder synced.  A reader sees the old or the new, whole;
 * writers at the same time, threads or processes, take turns. */
orion_status ori_file_replace(int dir, const char *path, const void *data, size_t len,
                              orion_error *err);

/* Delete the file `path` below `dir`, and what an ori_file_replace() that was
 * killed may have left beside it; 0, or -1 and errno. */
int ori_file_unlink(int dir, const char *path);

/* All of the bytes at the offset, however many calls it takes. */
orion_status ori_file_write_at(int fd, const void *data, size_t len, uint64_t offset,
                               orion_error *err);

/* Up to `len` bytes from the offset; *got < len only at the end of the file. */
orion_status ori_file_read_at(int fd, void *data, size_t len, uint64_t offset, size_t *got,
                              orion_error *err);

/* Bytes that can still be written to the disk of an open file; false when its file
 * system does not say. */
bool ori_file_room(int fd, uint64_t *free_bytes);

#endif
