/* A read-only mapping of a whole regular file.
 *
 * A file that shrinks while it is mapped would deliver SIGBUS.  While at least
 * one mapping is open a handler is installed that puts a page of zeros under
 * such an access and marks the mapping; ori_map_is_damaged() tells, and the
 * reader turns it into ORION_E_IO.  Faults outside our mappings go to the
 * handler that was there before.  docs/design/0002-mapped-files.md has the why.
 */
#ifndef ORI_BASE_MAP_H
#define ORI_BASE_MAP_H

#include "base/base.h"

struct ori_map {
    const uint8_t *data; /* [size]; NULL when not mapped */
    size_t size;
    int64_t modified_ns; /* when the file was last written, as the system says */
    int slot;            /* place in the handler's table */
};

/* Map `path`.  Refuses what is not a regular file (ORION_E_FORMAT) and empty
 * files (ORION_E_FORMAT).  *out is zero after a failure. */
orion_status ori_map_open(const char *path, struct ori_map *out, orion_error *err);
void ori_map_close(struct ori_map *map); /* a zero map is a no-op */

/* True when part of the file was gone when it was read. */
bool ori_map_is_damaged(const struct ori_map *map);

/* Bring [offset, offset+bytes) in, waiting for it where the kernel can do that;
 * never fails. */
void ori_map_read_ahead(const struct ori_map *map, size_t offset, size_t bytes);

/* Around reading ahead by several threads side by side.  In between the system's own
 * reading ahead rests: it keeps one window for all of them, and what does not fit it
 * comes in small pages.  But then it also lets go of pages that are in use, so the
 * end must be said. */
void ori_map_read_ahead_begin(const struct ori_map *map);
void ori_map_read_ahead_end(const struct ori_map *map);

#endif
