/* The Nth allocation fails.  Link with
 *   -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=free
 * and include in the one source of a program.  Only calls made by the code
 * under test go through here, not those of shared libraries. */
#ifndef TEST_ALLOC_FAULT_H
#define TEST_ALLOC_FAULT_H

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *memory);

/* Atomic: a session's threads may free, too. */
static struct {
    _Atomic size_t calls;      /* since watch() */
    _Atomic size_t fail_at;    /* 1..: the call that fails; 0: none */
    _Atomic size_t live, peak; /* bytes */
    _Atomic long blocks;       /* handed out less taken back */
} heap;

/* Count from here, and fail the given call. */
static void watch(size_t fail_at)
{
    heap.calls = 0;
    heap.fail_at = fail_at;
    heap.live = heap.peak = 0;
    heap.blocks = 0;
}

/* A refusal leaves errno as malloc() does. */
static bool refused(void)
{
    if (atomic_fetch_add(&heap.calls, 1) + 1 != heap.fail_at)
        return false;
    errno = ENOMEM;
    return true;
}

static void *taken(void *memory)
{
    if (memory) {
        heap.blocks++;
        heap.live += malloc_usable_size(memory);
        if (heap.live > heap.peak)
            heap.peak = heap.live;
    }
    return memory;
}

static void given_back(void *memory)
{
    if (memory) {
        heap.blocks--;
        heap.live -= malloc_usable_size(memory);
    }
}

void *__wrap_malloc(size_t size)
{
    return refused() ? NULL : taken(__real_malloc(size));
}

void *__wrap_calloc(size_t count, size_t size)
{
    return refused() ? NULL : taken(__real_calloc(count, size));
}

void *__wrap_realloc(void *memory, size_t size)
{
    if (refused())
        return NULL;
    given_back(memory);
    return taken(__real_realloc(memory, size));
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return refused() ? NULL : taken(__real_aligned_alloc(alignment, size));
}

void __wrap_free(void *memory)
{
    given_back(memory);
    __real_free(memory);
}

#endif
