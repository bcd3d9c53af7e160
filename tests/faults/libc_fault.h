/* Memory that the C library and others take on the code's behalf: it runs out
 * together with that of alloc_fault.h.  Link with what is said there, and with
 *   -Wl,--wrap=strdup,--wrap=realpath,--wrap=fdopendir,--wrap=opendir,--wrap=pthread_create,
 *   -Wl,--wrap=fsync,--wrap=fdatasync,--wrap=readlinkat */
#ifndef TEST_LIBC_FAULT_H
#define TEST_LIBC_FAULT_H

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base.h"
#include "alloc_fault.h"

char *__real_strdup(const char *text);
char *__real_realpath(const char *path, char *resolved);
DIR *__real_fdopendir(int fd);
DIR *__real_opendir(const char *path);
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *self);
ssize_t __real_readlinkat(int dir, const char *name, char *target, size_t size);
char *__wrap_strdup(const char *text);
ssize_t __wrap_readlinkat(int dir, const char *name, char *target, size_t size);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
char *__wrap_realpath(const char *path, char *resolved);
DIR *__wrap_fdopendir(int fd);
DIR *__wrap_opendir(const char *path);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *self);

char *__wrap_strdup(const char *text)
{
    return refused() ? NULL : taken(__real_strdup(text));
}

char *__wrap_realpath(const char *path, char *resolved)
{
    if (refused())
        return NULL;
    char *whole = __real_realpath(path, resolved);
    return resolved ? whole : taken(whole);
}

DIR *__wrap_fdopendir(int fd)
{
    return refused() ? NULL : __real_fdopendir(fd);
}

DIR *__wrap_opendir(const char *path)
{
    return refused() ? NULL : __real_opendir(path);
}

/* The kernel has no memory, either, to say where a link leads. */
ssize_t __wrap_readlinkat(int dir, const char *name, char *target, size_t size)
{
    return refused() ? -1 : __real_readlinkat(dir, name, target, size);
}

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *),
                          void *self)
{
    return refused() ? EAGAIN : __real_pthread_create(thread, attr, run, self);
}

/* Nothing here is about the disk: what is written need not outlive the machine. */
int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

int __wrap_fdatasync(int fd)
{
    (void)fd;
    return 0;
}

/* jansson's memory comes from here too. */
static inline void hook_json(void)
{
    json_set_alloc_funcs(__wrap_malloc, __wrap_free);
}

/* ---- trying each allocation in turn ---- */

struct torture {
    const char *label;
    void (*prepare)(void *self); /* makes the same state for each try; may be NULL */
    orion_status (*step)(void *self, orion_error *err); /* gives back all that it took */
    void (*check)(void *self); /* of what is there afterwards; may be NULL */
    /* After a failure, with memory again: as good as if nothing had been. */
    void (*recover)(void *self); /* may be NULL */
};

/* Fail the Nth allocation of the step, for every N after `skip`.  It ends in
 * ORION_E_NOMEM and a sentence, or does all that it does otherwise. */
static inline void torture(const struct torture *t, size_t skip, void *self)
{
    for (size_t n = skip + 1;; n++) {
        orion_error err = {.status = ORION_OK};
        if (t->prepare)
            t->prepare(self);
        watch(n);
        const orion_status status = t->step(self, &err);
        const bool reached = heap.calls >= n;
        const long blocks = heap.blocks;
        watch(0);
        if (status != ORION_OK && (status != ORION_E_NOMEM || !reached))
            fail_msg("%s: allocation %zu: status %d, %s", t->label, n, status, err.message);
        if (status != ORION_OK && (err.status != status || !err.message[0]))
            fail_msg("%s: allocation %zu: no sentence (%d, '%s')", t->label, n, err.status,
                     err.message);
        if (blocks != 0)
            fail_msg("%s: allocation %zu: %ld blocks are lost", t->label, n, blocks);
        if (status == ORION_OK && t->check)
            t->check(self);
        if (status != ORION_OK && t->recover)
            t->recover(self);
        if (!reached) { /* it needed fewer: all have failed once */
            assert_true(n > skip + 1);
            return;
        }
    }
}

#endif
