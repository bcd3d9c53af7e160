/* A disk that fails, and a process that dies, at every point of what a pull, a
 * pull of several files, and an import do on disk.  Linked with -Wl,--wrap= for each of the calls
 * below; what fails is the Nth of them, for every N.
 *
 * Afterwards the model that was there before is whole, or the new one is; and
 * the same work done again, undisturbed, succeeds. */
#define _XOPEN_SOURCE 700 /* nftw() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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
int __real_fallocate64(int fd, int mode, off_t offset, off_t len);
int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len);
int __real_linkat(int a, const char *from, int b, const char *to, int flags);
int __wrap_linkat(int a, const char *from, int b, const char *to, int flags);
int __real_symlinkat(const char *target, int fd, const char *name);
int __wrap_symlinkat(const char *target, int fd, const char *name);
int __real_renameat(int a, const char *from, int b, const char *to);
int __wrap_renameat(int a, const char *from, int b, const char *to);
int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __real_mkdirat(int fd, const char *name, mode_t mode);
int __wrap_mkdirat(int fd, const char *name, mode_t mode);
int __real_unlinkat(int fd, const char *name, int flags);
int __wrap_unlinkat(int fd, const char *name, int flags);
int __real_fstatat64(int fd, const char *name, struct stat *st, int flags);
int __wrap_fstatat64(int fd, const char *name, struct stat *st, int flags);
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

int __wrap_fallocate64(int fd, int mode, off_t offset, off_t len)
{
    return fails() ? -1 : __real_fallocate64(fd, mode, offset, len);
}

int __wrap_linkat(int a, const char *from, int b, const char *to, int flags)
{
    return fails() ? -1 : __real_linkat(a, from, b, to, flags);
}

/* A link appears only when the record that makes it a model is there for good. */
int __wrap_symlinkat(const char *target, int fd, const char *name)
{
    if (fails())
        return -1;
    disk.disorder += disk.temp_dirty || disk.folder_dirty;
    disk.folder_dirty = true;
    return __real_symlinkat(target, fd, name);
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
        disk.folder_dirty |= ends_in(to, ".gguf.json");
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

int __wrap_fstatat64(int fd, const char *name, struct stat *st, int flags)
{
    return fails() ? -1 : __real_fstatat64(fd, name, st, flags);
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

#define STEP 100000u
#define SIZE (3 * STEP) /* more than a note is written for */
#define PLACE "acme/tiny/t.gguf"
#define OTHER_PLACE "acme/tiny/u.gguf"

static uint8_t old_bytes[SIZE], new_bytes[SIZE], more_bytes[SIZE];
static char folder[256];

static struct ori_blob describe(const char *file, uint8_t *bytes, uint8_t seed)
{
    struct ori_blob blob = {.hub = "http://hub",
                            .repo = "acme/tiny",
                            .file = file,
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

/* Write what is missing, out of order. */
static orion_status fill(struct ori_partial *partial, const uint8_t *bytes, orion_error *err)
{
    orion_status status = ori_partial_make_room(partial, err);

    for (size_t n = SIZE / STEP; n-- > 0 && status == ORION_OK;)
        if (!ori_ranges_covers(ori_partial_have(partial), n * STEP, (n + 1) * STEP))
            status = ori_partial_write(partial, n * STEP, bytes + n * STEP, STEP, err);
    return status;
}

/* What a pull does on disk.  Returns the first failure. */
static orion_status fetch(const struct ori_store *store, const struct ori_blob *blob,
                          const uint8_t *bytes, bool hold, orion_error *err)
{
    enum ori_partial_state found;
    struct ori_partial *partial;
    bool has = false;

    orion_status status = ori_store_has(store, blob, NULL, &has, err);
    if (status != ORION_OK || has)
        return status;
    status = ori_partial_open(store, blob, NULL, &found, &partial, err);
    if (status != ORION_OK)
        return status;
    status = fill(partial, bytes, err);
    if (status == ORION_OK)
        status = (hold ? ori_partial_hold : ori_partial_publish)(partial, NULL, err);
    ori_partial_close(partial);
    return status;
}

static orion_status pull(const struct ori_store *store, orion_error *err)
{
    const struct ori_blob after = describe("t.gguf", new_bytes, 5);
    return fetch(store, &after, new_bytes, false, err);
}

static orion_status pull_set(const struct ori_store *store, orion_error *err)
{
    const struct ori_blob files[2] = {describe("t.gguf", new_bytes, 5),
                                      describe("u.gguf", more_bytes, 7)};
    orion_status status = fetch(store, &files[0], new_bytes, true, err);
    if (status == ORION_OK)
        status = fetch(store, &files[1], more_bytes, true, err);
    return status == ORION_OK ? ori_store_publish_set(store, files, 2, err) : status;
}

/* A file beside the store, as small as a GGUF file can be. */
static const uint8_t tiny[24] = "GGUF\3";

static const char *source_path(void)
{
    static char path[300];
    (void)snprintf(path, sizeof(path), "%s.source", folder);
    return path;
}

static orion_status import(const struct ori_store *store, enum ori_import_mode mode,
                           orion_error *err)
{
    const struct ori_import what = {
        .source = source_path(), .repo = "acme/tiny", .file = "u.gguf", .mode = mode};
    return ori_store_import(store, &what, NULL, NULL, err);
}

static orion_status import_copy(const struct ori_store *store, orion_error *err)
{
    return import(store, ORI_IMPORT_COPY, err);
}

static orion_status import_link(const struct ori_store *store, orion_error *err)
{
    return import(store, ORI_IMPORT_LINK, err);
}

/* A new version comes into the place of a link. */
static orion_status pull_over_link(const struct ori_store *store, orion_error *err)
{
    const struct ori_blob other = describe("u.gguf", more_bytes, 7);
    return fetch(store, &other, more_bytes, false, err);
}

static orion_status import_symlink(const struct ori_store *store, orion_error *err)
{
    return import(store, ORI_IMPORT_SYMLINK, err);
}

/* What may be there afterwards: the old, or all of the new. */
static const struct work {
    const char *label;
    orion_status (*run)(const struct ori_store *store, orion_error *err);
    const uint8_t *t, *u; /* what the two files hold in the end; NULL: nothing */
    size_t u_bytes;
    bool linked; /* before it, the second is a link to the source */
} works[] = {
    {"pull", pull, new_bytes, NULL, 0, false},
    {"set", pull_set, new_bytes, more_bytes, SIZE, false},
    {"import by copy", import_copy, old_bytes, tiny, sizeof(tiny), false},
    {"import by link", import_link, old_bytes, tiny, sizeof(tiny), false},
    {"import by symbolic link", import_symlink, old_bytes, tiny, sizeof(tiny), false},
    {"pull over a link", pull_over_link, old_bytes, more_bytes, SIZE, true},
};

static bool file_holds(const char *path, const uint8_t *bytes, size_t len)
{
    static uint8_t there[SIZE + 1];
    FILE *file = fopen(path, "rb");
    const bool same =
        file && fread(there, 1, SIZE + 1, file) == len && memcmp(there, bytes, len) == 0;
    if (file)
        (void)fclose(file);
    return same;
}

static bool holds(const char *place, const uint8_t *bytes, size_t len)
{
    char path[300];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, place);
    return file_holds(path, bytes, len);
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

static struct ori_store *fresh_store(bool linked)
{
    struct ori_store *store;
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof(folder), "%s/io_store_test.XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(ori_store_open(folder, &store, NULL), ORION_OK);
    const struct ori_blob before = describe("t.gguf", old_bytes, 3);
    assert_int_equal(fetch(store, &before, old_bytes, false, NULL), ORION_OK);
    FILE *file = fopen(source_path(), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(tiny, 1, sizeof(tiny), file), sizeof(tiny));
    assert_int_equal(fclose(file), 0);
    if (linked)
        assert_int_equal(import_symlink(store, NULL), ORION_OK);
    return store;
}

static int drop_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

static void drop_store(struct ori_store *store)
{
    ori_store_close(store);
    assert_int_equal(unlink(source_path()), 0);
    assert_int_equal(nftw(folder, drop_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static bool is_done(const struct work *work)
{
    return holds(PLACE, work->t, SIZE) && (!work->u || holds(OTHER_PLACE, work->u, work->u_bytes));
}

/* Whatever happened: nothing is lost, what is listed is the old or the new, and
 * the work can be done. */
static void check_after(struct ori_store *store, const struct work *work, orion_status status,
                        const char *what)
{
    const unsigned call = disk.fail_at;
    struct ori_stored *models;
    orion_error err = {0};
    size_t n;

    memset(&disk, 0, sizeof(disk));
    if (status == ORION_OK && !is_done(work))
        fail_msg("%s, %s at call %u: said to be done", work->label, what, call);
    if (!holds(PLACE, old_bytes, SIZE) && !holds(PLACE, new_bytes, SIZE))
        fail_msg("%s, %s at call %u: the model is lost", work->label, what, call);
    assert_true(file_holds(source_path(), tiny, sizeof(tiny)));
    assert_int_equal(ori_store_scan(store, &models, &n, NULL), ORION_OK);
    for (size_t i = 0; i < n; i++)
        ori_stored_release(&models[i]);
    free(models);
    const bool old = holds(PLACE, old_bytes, SIZE) &&
                     (work->linked ? n == 2 && holds(OTHER_PLACE, tiny, sizeof(tiny)) : n == 1);
    if (!old && !(n == (work->u ? 2u : 1u) && is_done(work)))
        fail_msg("%s, %s at call %u: %zu models are listed", work->label, what, call, n);
    const orion_status again = work->run(store, &err);
    if (again != ORION_OK || !is_done(work))
        fail_msg("%s, %s at call %u: not mended: %d %s", work->label, what, call, again,
                 err.message);
    assert_int_equal(ori_store_verify(store, PLACE, NULL, NULL, NULL), ORION_OK);
    if (work->u)
        assert_int_equal(ori_store_verify(store, OTHER_PLACE, NULL, NULL, NULL), ORION_OK);
}

/* ---- the cases ---- */

static void fail_in(const struct work *work, int error, bool from_then_on, orion_status wanted)
{
    unsigned n = 1;

    for (bool failed = true; failed; n++) {
        struct ori_store *store = fresh_store(work->linked);
        const unsigned files = open_files();
        orion_error err = {0};

        memset(&disk, 0, sizeof(disk));
        disk.fail_at = n;
        disk.error = error;
        disk.from_then_on = from_then_on;
        const orion_status status = work->run(store, &err);
        failed = disk.calls >= n;
        disk.fail_at = from_then_on || failed ? n : 0;
        /* A link that can't be made is refused as such. */
        if (status != ORION_OK &&
            ((status != wanted && status != ORION_E_UNSUPPORTED) ||
             (status == ORION_E_UNSUPPORTED && work->run != import_link) || !err.message[0]))
            fail_msg("%s, call %u: status %d '%s'", work->label, n, status, err.message);
        assert_int_equal(open_files(), files);
        check_after(store, work, status, strerror(error));
        drop_store(store);
    }
    if (n <= 10)
        fail_msg("%s: only %u calls were tried", work->label, n - 1);
}

/* Each kind of work in two ways; the other ways, which differ by the answer
 * only, with a pull. */
static void fail_everywhere(int error, bool from_then_on, orion_status wanted, bool all)
{
    for (size_t i = 0; i < (all ? ORI_COUNT(works) : 1); i++)
        fail_in(&works[i], error, from_then_on, wanted);
}

static void no_space_once(void **state)
{
    (void)state;
    fail_everywhere(ENOSPC, false, ORION_E_NO_SPACE, false);
}

static void no_space_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(ENOSPC, true, ORION_E_NO_SPACE, true);
}

static void quota_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(EDQUOT, true, ORION_E_NO_SPACE, false);
}

static void io_error_once(void **state)
{
    (void)state;
    fail_everywhere(EIO, false, ORION_E_IO, true);
}

static void io_error_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(EIO, true, ORION_E_IO, false);
}

static void read_only_from_then_on(void **state)
{
    (void)state;
    fail_everywhere(EROFS, true, ORION_E_DENIED, false);
}

static void die_in(const struct work *work)
{
    for (unsigned n = 1, died = 1; died; n++) {
        struct ori_store *store = fresh_store(work->linked);
        int how;

        memset(&disk, 0, sizeof(disk));
        disk.fail_at = n;
        disk.dies = true;
        const pid_t child = fork();
        if (child == 0)
            _exit(work->run(store, NULL) == ORION_OK ? 0 : 1);
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFEXITED(how) && (WEXITSTATUS(how) == 9 || WEXITSTATUS(how) == 0));
        died = WEXITSTATUS(how) == 9;
        check_after(store, work, died ? ORION_E_IO : ORION_OK, "death");
        drop_store(store);
        assert_true(died || n > 10);
    }
}

static void death_at_every_call(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(works); i++)
        die_in(&works[i]);
}

static void short_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(works); i++) {
        struct ori_store *store = fresh_store(works[i].linked);
        memset(&disk, 0, sizeof(disk));
        disk.short_writes = true;
        assert_int_equal(works[i].run(store, NULL), ORION_OK);
        check_after(store, &works[i], ORION_OK, "short writes");
        drop_store(store);
    }
}

static void the_order_of_syncs(void **state)
{
    (void)state;
    for (size_t i = 0; i < ORI_COUNT(works); i++) {
        struct ori_store *store = fresh_store(works[i].linked);
        memset(&disk, 0, sizeof(disk));
        assert_int_equal(works[i].run(store, NULL), ORION_OK);
        assert_int_equal(disk.disorder, 0);
        assert_false(disk.data_dirty || disk.folder_dirty);
        drop_store(store);
    }
}

static void a_removal_that_fails(void **state)
{
    (void)state;
    for (unsigned n = 1, failed = 1; failed; n++) {
        struct ori_store *store = fresh_store(false);
        memset(&disk, 0, sizeof(disk));
        disk.fail_at = n;
        disk.error = EIO;
        const orion_status status = ori_store_remove(store, PLACE, NULL);
        failed = disk.calls >= n;
        memset(&disk, 0, sizeof(disk));
        assert_true(status == ORION_OK || holds(PLACE, old_bytes, SIZE));
        if (status != ORION_OK)
            assert_int_equal(ori_store_remove(store, PLACE, NULL), ORION_OK);
        assert_false(holds(PLACE, old_bytes, SIZE));
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
