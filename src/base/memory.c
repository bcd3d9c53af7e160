/* Allocation with checked sizes.  Plain malloc() underneath, so that tests
 * can make the Nth call fail by wrapping it at link time. */
#define _DEFAULT_SOURCE /* madvise() */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *ori_alloc_array(size_t count, size_t size)
{
    size_t bytes;
    if (!ori_mul(count, size, &bytes))
        return NULL;
    return malloc(bytes ? bytes : 1);
}

void *ori_calloc_array(size_t count, size_t size)
{
    size_t bytes; /* checked here: a sanitizer's calloc() aborts on overflow */
    if (!ori_mul(count, size, &bytes))
        return NULL;
    return calloc(bytes ? bytes : 1, 1);
}

/* Whole cache lines, never none; of what is large, huge pages: rows that lie
 * kilobytes apart would else each need an entry of their own in the TLB. */
static void *alloc_aligned(size_t count, size_t size, size_t *bytes)
{
    size_t n, padded;

    if (!ori_mul(count, size, &n))
        return NULL;
    const size_t align = n >= ORI_HUGE_PAGE ? ORI_HUGE_PAGE : 64;
    if (!ori_add(n > 0 ? n : 1, align - 1, &padded))
        return NULL;
    *bytes = padded / align * align; /* as aligned_alloc() wants it */
    void *memory = aligned_alloc(align, *bytes);
    if (memory && align == ORI_HUGE_PAGE)
        (void)madvise(memory, *bytes, MADV_HUGEPAGE); /* a hint: without, it is only slower */
    return memory;
}

void *ori_alloc_aligned_raw(size_t count, size_t size)
{
    size_t bytes;
    return alloc_aligned(count, size, &bytes);
}

void *ori_alloc_aligned(size_t count, size_t size)
{
    size_t bytes;
    void *memory = alloc_aligned(count, size, &bytes);
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}
