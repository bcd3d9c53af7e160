/* A disk that fails, and a process that dies, at every point of a pull's work
 * on disk.  Linked with -Wl,--wrap= for each of the calls below; what fails is
 * the Nth of them, for every N.
 *
 * Afterwards the model that was there before is whole, or the new one is; and
 * the same work done again, undisturbed, succeeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/dir.h"
#include "store/internal.h"

/* ---- the calls that we stand in front of ---- */

/* clang-format off */
ssize_t __real_pwrite64(int fd, const void *data, size_t len, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __real_ftruncate64(int fd, off_t length);
int __wrap_ftruncate64(int fd, off_t length);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
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
    bool from_then_on;
    bool dies; /* the process ends there instead */
    int error;
    bool short_writes;
    /* what is not synced yet, to check the order */
    bool data_dirty, temp_dirty, folder_dirty;
    unsigned disorder;
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

static bool ends_in(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending);
    return n >= m && strcmp(name + n - m, ending) == 0;
}

static bool *dirt_of(int fd)
{
    static bool other;
    char link[64], path[4096];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    if (ends_in(path, ".part") || ends_in(path, ".gguf"))
        return &disk.data_dirty;
    if (ends_in(path, ".tmp"))
        return &disk.temp_dirty;
    if (ends_in(path, "/tiny"))
        return &disk.folder_dirty;
    other = false;
    return &other;
}

ssize_t __wrap_pwrite64(int fd, const void *data, size_t len, off_t offset)
{
    if (fails())
        return -1;
    *dirt_of(fd) = true;
    return __real_pwrite64(fd, data, disk.short_writes && len > 1 ? len / 2 : len, offset);
}

int __wrap_fsync(int fd)
{
    if (fails())
        return -1;
    *dirt_of(fd) = false;
    return 0; /* it is the order that is tested: no need to wait for a disk */
}

int __wrap_fdatasync(int fd)
{
    if (fails())
        return -1;
    *dirt_of(fd) = false;
    return 0;
}

int __wrap_ftruncate64(int fd, off_t length)
{
    return fails() ? -1 : __real_ftruncate64(fd, length);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
    if (fails())
        return -1;
    if (ends_in(to, ".gguf")) {
        disk.disorder += disk.data_dirty;
        disk.folder_dirty = true;
    } else {
        /* A journal or a record: what it speaks of has been synced. */
        disk.disorder += disk.data_dirty || disk.temp_dirty;
        disk.disorder += ends_in(to, ".gguf.json") && disk.folder_dirty;
    }
    return __real_renameat(a, from, b, to);
}

int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
    if (fails())
        return -1;
    disk.disorder += disk.data_dirty;
    disk.folder_dirty = true;
    return __real_renameat2(a, from, b, to, flags);
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
    const mode_t mode = (flags & O_CREAT) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails() ? -1 : __real_openat64(fd, name, flags, mode);
}

/* ---- two versions of a file ---- */

#define SIZE 40000u
#define PLACE "acme/tiny/t.gguf"

static uint8_t old_bytes[SIZE], new_bytes[SIZE];
static char folder[256];

static struct ori_blob describe(uint8_t *bytes, uint8_t seed)
{
    struct ori_blob blob = {.hub = "http://hub",
                            .repo = "acme/tiny",
                            .file = "t.gguf",
                            .revision = "0123456789abcdef0123456789abcdef01234567",
                            .size_bytes = SIZE};
    struct ori_sha256 hash;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i * seed + i / 256);
    memcpy(bytes, "GGUF", 4);
    ori_sha256_init(&hash);
    ori_sha256_update(&hash, bytes, SIZE);
    ori_sha256_hex(&hash, blob.digest.hex);
    return blob;
}

/* What a pull does on disk.  Returns the first failure. */
static orion_status pull(const struct ori_store *store, const struct ori_blob *blob,
                         const uint8_t *bytes, orion_error *err)
{
    struct ori_partial *partial;
    bool has = false;

    orion_status status = ori_store_has(store, blob, NULL, &has, err);
    if (status != ORION_OK || has)
        return status;
    status = ori_partial_open(store, blob, NULL, &partial, err);
    if (status != ORION_OK)
        return status;
    for (size_t at = ori_partial_bytes(partial); at < SIZE && status == ORION_OK;) {
        const size_t n = SIZE - at < 15000 ? SIZE - at : 15000;
        status = ori_partial_write(partial, at, bytes + at, n, err);
        at += n;
    }
    if (status == ORION_OK)
        status = ori_partial_publish(partial, err);
    ori_partial_close(partial);
    return status;
}

static bool holds(const uint8_t *bytes)
{
    static uint8_t there[SIZE + 1];
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/" PLACE, folder);
    FILE *file = fopen(path, "rb");
    const bool same =
        file && fread(there, 1, SIZE + 1, file) == SIZE && memcmp(there, bytes, SIZE) == 0;
    if (file)
        (void)fclose(file);
    return same;
}

static unsigned open_files(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir))
        n++;
    assert_int_equal(closedir(dir), 0);
    return n;
}

static struct ori_store *fresh_store(void)
{
    struct ori_store *store;
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/io_store_test.XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(ori_store_open(folder, &store, NULL), ORION_OK);
    const struct ori_blob before = describe(old_bytes, 3);
    assert_int_equal(pull(store, &before, old_bytes, NULL), ORION_OK);
    return store;
}

static void drop_store(struct ori_store *store)
{
    char command[300];
    ori_store_close(store);
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
}

/* Whatever happened: nothing is lost, and the work can be done. */
static void check_after(struct ori_store *store, const struct ori_blob *after, orion_status status,
                        const char *what)
{
    struct ori_stored *models;
    orion_error err = {0};
    size_t n;
    bool has;

    if (status == ORION_OK ? !holds(new_bytes) : !holds(old_bytes) && !holds(new_bytes))
        fail_msg("%s at call %u: the model is lost (status %d)", what, disk.fail_at, status);
    memset(&disk, 0, sizeof(disk));
    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    assert_int_equal(n, 1);
    ori_stored_release(&models[0]);
    free(models);
    const orion_status again = pull(store, after, new_bytes, &err);
    if (again != ORION_OK || !holds(new_bytes))
        fail_msg("%s: not mended: %d %s", what, again, err.message);
    assert_int_equal(ori_store_has(store, after, NULL, &has, NULL), ORION_OK);
    assert_true(has);
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL), ORION_OK);
}

/* What a killed process left does not keep folders from going. */
static void check_removal(struct ori_store *store)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/acme", folder);
    assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_OK);
    assert_int_equal(access(path, F_OK), -1);
}

/* ---- the cases ---- */

static void fail_everywhere(int error, bool from_then_on, orion_status wanted)
{
    unsigned n = 1;

    for (bool failed = true; failed; n++) {
        struct ori_store *store = fresh_store();
        const struct ori_blob after = describe(new_bytes, 5);
        const unsigned files = open_files();
        orion_error err = {0};

        memset(&disk, 0, sizeof(disk));
        disk.fail_at = n;
        disk.error = error;
        disk.from_then_on = from_then_on;
        const orion_status status = pull(store, &after, new_bytes, &err);
        failed = disk.calls >= n;
        if (status != ORION_OK && (status != wanted || !err.message[0]))
            fail_msg("call %u: status %d '%s'", n, status, err.message);
        assert_int_equal(open_files(), files);
        check_after(store, &after, status, strerror(error));
        drop_store(store);
    }
    if (n <= 20)
        fail_msg("only %u calls were tried", n - 1);
}

static void no_space_once(void **state)
{
    (void)state;
    fail_everywhere(ENOSPC, false, ORION_E_NO_SPACE);
}

static void no_space_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(ENOSPC, true, ORION_E_NO_SPACE);
}

static void quota_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(EDQUOT, true, ORION_E_NO_SPACE);
}

static void io_error_once(void **state)
{
    (void)state;
    fail_everywhere(EIO, false, ORION_E_IO);
}

static void io_error_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(EIO, true, ORION_E_IO);
}

static void read_only_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(EROFS, true, ORION_E_DENIED);
}

static void death_at_every_call(void **state)
{
    (void)state;
    for (unsigned n = 1, died = 1; died; n++) {
        struct ori_store *store = fresh_store();
        const struct ori_blob after = describe(new_bytes, 5);
        int how;

        memset(&disk, 0, sizeof(disk));
        disk.fail_at = n;
        disk.dies = true;
        const pid_t child = fork();
        if (child == 0)
            _exit(pull(store, &after, new_bytes, NULL) == ORION_OK ? 0 : 1);
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFEXITED(how) && (WEXITSTATUS(how) == 9 || WEXITSTATUS(how) == 0));
        died = WEXITSTATUS(how) == 9;
        check_after(store, &after, died ? ORION_E_IO : ORION_OK, "death");
        check_removal(store);
        drop_store(store);
        assert_true(died || n > 20);
    }
}

static void short_writes(void **state)
{
    struct ori_store *store = fresh_store();
    const struct ori_blob after = describe(new_bytes, 5);

    (void)state;
    memset(&disk, 0, sizeof(disk));
    disk.short_writes = true;
    assert_int_equal(pull(store, &after, new_bytes, NULL), ORION_OK);
    check_after(store, &after, ORION_OK, "short writes");
    drop_store(store);
}

static void the_order_of_syncs(void **state)
{
    struct ori_store *store = fresh_store();
    const struct ori_blob after = describe(new_bytes, 5);

    (void)state;
    memset(&disk, 0, sizeof(disk));
    assert_int_equal(pull(store, &after, new_bytes, NULL), ORION_OK);
    assert_int_equal(disk.disorder, 0);
    assert_false(disk.data_dirty || disk.folder_dirty);
    drop_store(store);
}

static void a_removal_that_fails(void **state)
{
    (void)state;
    for (unsigned n = 1, failed = 1; failed; n++) {
        struct ori_store *store = fresh_store();
        memset(&disk, 0, sizeof(disk));
        disk.fail_at = n;
        disk.error = EIO;
        const orion_status status = ori_store_remove(store, PLACE, NULL);
        failed = disk.calls >= n;
        memset(&disk, 0, sizeof(disk));
        assert_true(status == ORION_OK || holds(old_bytes));
        if (status != ORION_OK)
            assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_OK);
        assert_false(holds(old_bytes));
        drop_store(store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_space_once),         cmocka_unit_test(no_space_from_then_on),
        cmocka_unit_test(quota_from_then_on),    cmocka_unit_test(io_error_once),
        cmocka_unit_test(io_error_from_then_on), cmocka_unit_test(read_only_from_then_on),
        cmocka_unit_test(death_at_every_call),   cmocka_unit_test(short_writes),
        cmocka_unit_test(the_order_of_syncs),    cmocka_unit_test(a_removal_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
