/* base - the ground that every room stands on.
 *
 * Status and error, checked arithmetic, buffers, files, hashing, threads,
 * clocks.  Nothing here knows about models.  Include the one header that you
 * need; this one holds only what nearly every file uses.
 */
#ifndef ORI_BASE_H
#define ORI_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <orion.h>

#define ORI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define ORI_MUST_USE __attribute__((warn_unused_result))
#define ORI_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A borrowed run of bytes, not NUL-terminated. */
struct ori_str {
    const char *data;
    size_t len;
};

/* For printf("%.*s", ORI_STR_ARG(s)): a long name is cut, not overflowed. */
#define ORI_STR_ARG(s) (int)((s).len < 200 ? (s).len : 200), (s).data

bool ori_str_eq(struct ori_str a, const char *b);

/* ---- errors: fill err (may be NULL) and return the status given ---- */

orion_status ori_fail(orion_error *err, orion_status status, const char *fmt, ...) ORI_PRINTF(3, 4);

/* The same with the byte offset and the thing at fault (may be NULL). */
orion_status ori_fail_at(orion_error *err, orion_status status, uint64_t offset, const char *name,
                         const char *fmt, ...) ORI_PRINTF(5, 6);

/* "<fmt>: <strerror(errno)>"; the status follows from errno. */
orion_status ori_fail_errno(orion_error *err, const char *fmt, ...) ORI_PRINTF(2, 3);

/* ORION_E_NOMEM with a sentence that says for what. */
orion_status ori_fail_nomem(orion_error *err, const char *what);

/* The status that an errno value stands for. */
orion_status ori_status_of_errno(int error);

#if defined(__clang_analyzer__) && !defined(ORI_BASE_ERROR_C)
/* What the analyzer can't see from elsewhere: a failure is never ORION_OK. */
#define ori_fail(err, status, ...) (ori_fail(err, status, __VA_ARGS__), (status))
#define ori_fail_at(err, status, ...) (ori_fail_at(err, status, __VA_ARGS__), (status))
#define ori_fail_errno(err, ...) (ori_fail_errno(err, __VA_ARGS__), ORION_E_IO)
#define ori_fail_nomem(err, what) (ori_fail_nomem(err, what), ORION_E_NOMEM)
#endif

/* ---- checked arithmetic: false, and *out untouched, on overflow ---- */

static inline bool ori_add(size_t a, size_t b, size_t *out)
{
    size_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool ori_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

static inline bool ori_add_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t sum;
    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *out = sum;
    return true;
}

static inline bool ori_mul_u64(uint64_t a, uint64_t b, uint64_t *out)
{
    uint64_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

/* Round up to a power of two; false on overflow. */
static inline bool ori_align_up_u64(uint64_t n, uint64_t align, uint64_t *out)
{
    uint64_t sum;
    if (!ori_add_u64(n, align - 1, &sum))
        return false;
    *out = sum & ~(align - 1);
    return true;
}

/* What the system may put in one entry of the TLB instead of 512. */
#define ORI_HUGE_PAGE ((size_t)2 << 20)

/* ---- memory: NULL when the size overflows or memory is short ---- */

void *ori_alloc_array(size_t count, size_t size) ORI_MUST_USE;  /* not cleared */
void *ori_calloc_array(size_t count, size_t size) ORI_MUST_USE; /* cleared */
/* 64-byte aligned for vector loads, cleared; release with free().  From 2 MiB on
 * in huge pages where the system has them, so touched 2 MiB at a time. */
void *ori_alloc_aligned(size_t count, size_t size) ORI_MUST_USE;
/* The same, not cleared: of a large one (a KV cache), what is never touched
 * never becomes resident. */
void *ori_alloc_aligned_raw(size_t count, size_t size) ORI_MUST_USE;

#endif
