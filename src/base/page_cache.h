/* Huge pages for a file that is written, since it will be mapped.
 *
 * The page cache takes a file in pages as large as the calls that write it, and keeps
 * them until they are dropped: a model that came over the network piece by piece would
 * lie in small ones, where its weights are read more slowly (docs/internals/model.md). */
#ifndef ORI_BASE_PAGE_CACHE_H
#define ORI_BASE_PAGE_CACHE_H

#include "base/base.h"

/* Before the ORI_HUGE_PAGE bytes of a file from `offset`, a multiple of it, are written:
 * give them a huge page.  A hint: nothing happens where some of them are in the page
 * cache already, where the file ends before, and where the file system has no such
 * pages. */
void ori_page_cache_huge(int fd, uint64_t offset);

#endif
