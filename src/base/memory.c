/* Allocation with checked sizes.  Plain malloc() underneath, so that tests
 * can make the Nth call fail by wrapping it at link time. */
#include "base/base.h"

#include <stdlib.h>
#include <string.h>

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

/* aligned_alloc() wants a multiple of the alignment; never zero. */
static bool aligned_bytes(size_t count, size_t size, size_t *bytes)
{
    if (!ori_mul(count, size, bytes) || !ori_add(*bytes, 64, bytes))
        return false;
    *bytes &= ~(size_t)63;
    return true;
}

void *ori_alloc_aligned_raw(size_t count, size_t size)
{
    size_t bytes = 0;
    return aligned_bytes(count, size, &bytes) ? aligned_alloc(64, bytes) : NULL;
}

void *ori_alloc_aligned(size_t count, size_t size)
{
    size_t bytes = 0;
    void *memory = aligned_bytes(count, size, &bytes) ? aligned_alloc(64, bytes) : NULL;
    if (memory)
        memset(memory, 0, bytes);
    return memory;
}
