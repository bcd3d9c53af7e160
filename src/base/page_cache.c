#define _DEFAULT_SOURCE /* madvise() */
#include "base/page_cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* A read of one byte through a mapping that asks for huge pages.  Of a stretch that has
 * never been written the system reads nothing: it makes zeros.  MADV_RANDOM: of this
 * page alone. */
static void touch(int fd, uint64_t offset)
{
#ifdef MADV_POPULATE_READ /* unlike a real read it fails where the file has ended */
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *const at = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, (off_t)offset);

    if (at == MAP_FAILED)
        return;
    if (madvise(at, page, MADV_HUGEPAGE) == 0 && madvise(at, page, MADV_RANDOM) == 0)
        (void)madvise(at, page, MADV_POPULATE_READ);
    (void)munmap(at, page);
#else
    (void)fd, (void)offset;
#endif
}

/* Opened anew: the system's reading ahead goes by an open file, and would take up what
 * happens here where fd is read next, bringing in small pages. */
void ori_page_cache_huge(int fd, uint64_t offset)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    const int own = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return;
    touch(own, offset);
    (void)close(own);
}
