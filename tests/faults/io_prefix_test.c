/* A disk that fails, a process that dies, memory that cannot be had, at every
 * point of keeping a prefix and reading it back.  The prompt is computed all the
 * same, with the same bits, then and by whoever comes after.  Linked with --wrap
 * for each of the calls below and those of alloc_fault.h. */
#define _GNU_SOURCE /* ftw.h, O_TMPFILE of openat() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../unit/model_file.h"

#include "../unit/engine.h"
#include "alloc_fault.h"
#include "runtime/session.h"

/* clang-format off */
ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __real_pread64(int fd, void *data, size_t len, off_t offset);
ssize_t __wrap_pread64(int fd, void *data, size_t len, off_t offset);
int __wrap_fsync(int fd);
int __real_ftruncate64(int fd, off_t length);
int __wrap_ftruncate64(int fd, off_t length);
int __real_linkat(int a, const char *from, int b, const char *to, int flags);
int __wrap_linkat(int a, const char *from, int b, const char *to, int flags);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __real_mkdirat(int fd, const char *name, mode_t mode);
int __wrap_mkdirat(int fd, const char *name, mode_t mode);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __real_openat64(int fd, const char *name, int flags, ...);
int __wrap_openat64(int fd, const char *name, int flags, ...);
/* clang-format on */

static struct {
    unsigned calls;
    unsigned fail_at; /* 1..: this call fails; 0: none */
    bool from_then_on, dies, short_writes;
    int error;
} disk;

static bool fails(void)
{
    disk.calls++;
    if (disk.fail_at == 0 || disk.calls < disk.fail_at ||
        (disk.calls > disk.fail_at && !disk.from_then_on))
        return false;
    if (disk.dies)
        _exit(9);
    errno = disk.error;
    return true;
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset)
{
    if (fails())
        return -1;
    return __real_pwrite64(fd, data, disk.short_writes && len > 1 ? len / 2 : len, offset);
}

ssize_t __wrap_pread64(int fd, void *data, size_t len, off_t offset)
{
    return fails() ? -1 : __real_pread64(fd, data, len, offset);
}

int __wrap_fsync(int fd)
{
    (void)fd;
    return fails() ? -1 : 0; /* no need to wait for a disk */
}

int __wrap_ftruncate64(int fd, off_t length)
{
    return fails() ? -1 : __real_ftruncate64(fd, length);
}

int __wrap_linkat(int a, const char *from, int b, const char *to, int flags)
{
    return fails() ? -1 : __real_linkat(a, from, b, to, flags);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    return fails() ? -1 : __real_renameat(a, from, b, to);
}

int __wrap_mkdirat(int fd, const char *name, mode_t mode)
{
    return fails() ? -1 : __real_mkdirat(fd, name, mode);
}

int __wrap_unlinkat(int fd, const char *name, int flags)
{
    return fails() ? -1 : __real_unlinkat(fd, name, flags);
}

int __wrap_openat64(int fd, const char *name, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    const mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails() ? -1 : __real_openat64(fd, name, flags, mode);
}

/* ---- the work ---- */

enum { N = 140 };

static struct ori_model *model;
static int32_t tokens[N];
static float *expected; /* logits of the last token */

static bool same_bits(const struct ori_session *s)
{
    return memcmp(s->logits, expected, model->hp.n_vocab * sizeof(float)) == 0;
}

/* A prompt in a new session with a cache, if it can be had; whatever happens,
 * what comes out is right.  Memory may be too short for the session. */
static void work(uint32_t *cached)
{
    const struct ori_engine_options options = {.threads = 1, .batch_tokens = 32};
    struct ori_engine_options with = options;
    struct ori_prefixes *p = NULL;
    struct ori_session *s = NULL;

    *cached = 0;
    (void)ori_prefixes_open(path_of("cache"), 1 << 20, true, &p, NULL);
    with.prefixes = p;
    if (ori_session_new(model, with, &s, NULL) == ORION_OK &&
        ori_session_prefill(s, tokens, N, cached, NULL) == ORION_OK && !same_bits(s))
        fail_msg("other bits");
    ori_session_free(s);
    ori_prefixes_close(p);
}

static int delete_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void start_over(void)
{
    (void)nftw(path_of("cache"), delete_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Undisturbed, it works again and is of use, at the latest the second time. */
static void check_undisturbed(void)
{
    uint32_t cached;

    memset(&disk, 0, sizeof(disk));
    heap.fail_at = 0;
    work(&cached);
    work(&cached);
    if (cached != 128)
        fail_msg("%u tokens from the cache", cached);
}

/* Of a run from nothing (false) or one that has all (true). */
static void prepare(bool has_all)
{
    uint32_t cached;

    memset(&disk, 0, sizeof(disk));
    start_over();
    if (has_all)
        work(&cached);
    memset(&disk, 0, sizeof(disk));
}

static void test_disk(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    uint32_t cached;

    (void)state;
    for (int has_all = 0; has_all < 2; has_all++)
        for (int then_on = 0; then_on < 2; then_on++)
            for (unsigned at = 1;; at++) {
                prepare(has_all);
                disk.fail_at = at;
                disk.from_then_on = then_on;
                disk.error = errors[at % 2];
                disk.short_writes = at % 3 == 0;
                work(&cached);
                const unsigned calls = disk.calls;
                check_undisturbed();
                if (calls < at) {
                    assert_true(at > (has_all ? 3 : 20));
                    break;
                }
            }
}

static void test_death(void **state)
{
    (void)state;
    for (int has_all = 0; has_all < 2; has_all++)
        for (unsigned at = 1;; at++) {
            uint32_t cached;
            int how;
            prepare(has_all);
            const pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                disk.fail_at = at;
                disk.dies = true;
                work(&cached);
                _exit(0);
            }
            assert_int_equal(waitpid(child, &how, 0), child);
            assert_true(WIFEXITED(how) && (WEXITSTATUS(how) == 9 || WEXITSTATUS(how) == 0));
            check_undisturbed();
            if (WEXITSTATUS(how) == 0)
                break;
        }
}

static void test_memory(void **state)
{
    (void)state;
    for (int has_all = 0; has_all < 2; has_all++)
        for (size_t at = 1;; at++) {
            uint32_t cached;
            prepare(has_all);
            watch(at);
            work(&cached);
            const size_t calls = heap.calls;
            heap.fail_at = 0;
            if (heap.blocks != 0)
                fail_msg("allocation %zu: %ld blocks were left", at, (long)heap.blocks);
            check_undisturbed();
            if (calls < at) {
                assert_true(at > (has_all ? 4 : 20));
                break;
            }
        }
}

static int set_up(void **state)
{
    const struct ori_engine_options options = {.threads = 1, .batch_tokens = 32};
    struct ori_session *s;
    uint32_t cached;

    if (make_folder(state) != 0)
        return -1;
    model = open_model(data_path("golden/phi3-window.gguf"));
    some_tokens(tokens, N, model->hp.n_vocab, 5);
    expected = new_logits(model, 1);
    if (ori_session_new(model, options, &s, NULL) != ORION_OK ||
        ori_session_prefill(s, tokens, N, &cached, NULL) != ORION_OK)
        return -1;
    memcpy(expected, s->logits, model->hp.n_vocab * sizeof(float));
    ori_session_free(s);
    return 0;
}

static int tear_down(void **state)
{
    start_over();
    free(expected);
    ori_model_close(model);
    return remove_folder(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_death),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("io_prefix", tests, set_up, tear_down);
}
