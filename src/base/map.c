/* The mapping and its SIGBUS handler. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MAX_MAPS 64

/* Signal handlers are per process, so this table is too: the one mutable
 * global of the library.  begin == 0 marks a free slot.  The handler only
 * reads and sets `damaged`; slots change under the lock. */
static struct {
    _Atomic uintptr_t begin;
    _Atomic uintptr_t end;
    _Atomic bool damaged;
} slots[MAX_MAPS];
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static size_t slots_used;
static bool installed; /* stays true when another handler lies over ours */
static struct sigaction previous;
static long page_bytes;

/* The kernel reports an access; kill() and raise() do not carry an address. */
static bool is_access(const siginfo_t *info)
{
    return info->si_code > 0;
}

static void pass_on(int signal_number, siginfo_t *info, void *context)
{
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(signal_number, info, context);
    } else if (previous.sa_handler == SIG_IGN && !is_access(info)) {
        return;
    } else if (previous.sa_handler != SIG_IGN && previous.sa_handler != SIG_DFL) {
        previous.sa_handler(signal_number);
    } else {
        /* Nobody wants it: the default, which ends the process. */
        struct sigaction fatal = {.sa_handler = SIG_DFL};
        (void)sigaction(SIGBUS, &fatal, NULL);
        (void)raise(SIGBUS);
    }
}

static void on_sigbus(int signal_number, siginfo_t *info, void *context)
{
    const int saved_errno = errno;
    const uintptr_t address = (uintptr_t)info->si_addr;

    for (size_t i = 0; i < MAX_MAPS && is_access(info); i++) {
        const uintptr_t begin = atomic_load(&slots[i].begin);
        if (begin == 0 || address < begin || address >= atomic_load(&slots[i].end))
            continue;
        void *page = (void *)(address & ~((uintptr_t)page_bytes - 1));
        if (mmap(page, (size_t)page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                 0) == MAP_FAILED)
            break;
        atomic_store(&slots[i].damaged, true);
        errno = saved_errno;
        return;
    }
    errno = saved_errno;
    pass_on(signal_number, info, context);
}

/* Put our handler in place, under the lock.  Not twice: were ours `previous`
 * of a handler that is our own `previous`, passing on would never end. */
static orion_status install(orion_error *err)
{
    if (installed)
        return ORION_OK;
    page_bytes = sysconf(_SC_PAGESIZE);
    /* ONSTACK: threads of other languages may run on a small stack. */
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    action.sa_sigaction = on_sigbus;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGBUS, &action, &previous) != 0)
        return ori_fail_errno(err, "cannot watch mapped files");
    installed = true;
    return ORION_OK;
}

/* Take our handler away unless someone has put another over it. */
static void uninstall(void)
{
    struct sigaction current;

    if (sigaction(SIGBUS, NULL, &current) != 0 || !(current.sa_flags & SA_SIGINFO) ||
        current.sa_sigaction != on_sigbus)
        return;
    if (sigaction(SIGBUS, &previous, NULL) == 0)
        installed = false;
}

static orion_status watch(struct ori_map *map, orion_error *err)
{
    orion_status status = ORION_OK;

    pthread_mutex_lock(&slots_lock);
    int slot = 0;
    while (slot < MAX_MAPS && atomic_load(&slots[slot].begin) != 0)
        slot++;
    if (slot == MAX_MAPS) {
        status = ori_fail(err, ORION_E_UNSUPPORTED,
                          "more than %d models are open at once; close one", MAX_MAPS);
        goto done;
    }
    status = install(err);
    if (status != ORION_OK)
        goto done;
    slots_used++;
    map->slot = slot;
    atomic_store(&slots[slot].damaged, false);
    atomic_store(&slots[slot].end, (uintptr_t)map->data + map->size);
    atomic_store(&slots[slot].begin, (uintptr_t)map->data);
done:
    pthread_mutex_unlock(&slots_lock);
    return status;
}

static void unwatch(const struct ori_map *map)
{
    pthread_mutex_lock(&slots_lock);
    atomic_store(&slots[map->slot].begin, 0);
    if (--slots_used == 0)
        uninstall();
    pthread_mutex_unlock(&slots_lock);
}

/* Does a fault bring in a whole huge page, whatever else was asked of the mapping?
 * Before Linux 5.18 a mapping that is said to be read at random came in by the
 * smallest pages, each waited for. */
static bool faults_are_huge(void)
{
    struct utsname name;
    int major = 0, minor = 0;

    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 5 || (major == 5 && minor >= 18));
}

void ori_map_read_ahead_begin(const struct ori_map *map)
{
    if (map->data && faults_are_huge())
        (void)madvise((void *)(uintptr_t)map->data, map->size, MADV_RANDOM);
}

void ori_map_read_ahead_end(const struct ori_map *map)
{
    if (map->data)
        (void)madvise((void *)(uintptr_t)map->data, map->size, MADV_NORMAL);
}

orion_status ori_map_open(const char *path, struct ori_map *out, orion_error *err)
{
    orion_status status = ORION_OK;
    struct stat st;
    struct ori_map map = {0};

    *out = (struct ori_map){0};

    /* O_NONBLOCK: opening a FIFO must not wait for a writer. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return ori_fail_errno(err, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0) {
        status = ori_fail_errno(err, "cannot read '%s'", path);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        status = ori_fail(err, ORION_E_FORMAT, "'%s' is not a regular file", path);
        goto done;
    }
    if (st.st_size <= 0) { /* mmap(0) fails with a misleading EINVAL */
        status = ori_fail_at(err, ORION_E_FORMAT, 0, NULL, "'%s' is empty", path);
        goto done;
    }
    if ((uintmax_t)st.st_size > SIZE_MAX) {
        status = ori_fail(err, ORION_E_UNSUPPORTED, "'%s' is larger than the address space", path);
        goto done;
    }
    map.size = (size_t)st.st_size;
    map.modified_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    void *base = mmap(NULL, map.size, PROT_READ, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        status = ori_fail_errno(err, "cannot map '%s'", path);
        goto done;
    }
    /* Read through such a mapping, a file comes into the page cache in huge pages
     * where the file system can: half as much again from memory, and hardly a
     * fault.  What is cached in small pages stays so until it is read anew. */
    (void)madvise(base, map.size, MADV_HUGEPAGE);
    map.data = base;
    status = watch(&map, err);
    if (status != ORION_OK) {
        (void)munmap(base, map.size);
        goto done;
    }
    *out = map;
done:
    (void)close(fd); /* the mapping keeps the file alive without it */
    return status;
}

void ori_map_close(struct ori_map *map)
{
    if (!map->data)
        return;
    unwatch(map);
    (void)munmap((void *)(uintptr_t)map->data, map->size);
    *map = (struct ori_map){0};
}

bool ori_map_is_damaged(const struct ori_map *map)
{
    return map->data && atomic_load(&slots[map->slot].damaged);
}

void ori_map_read_ahead(const struct ori_map *map, size_t offset, size_t bytes)
{
    if (!map->data || offset >= map->size)
        return;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t begin = offset & ~(page - 1);
    size_t end;
    if (!ori_add(offset, bytes, &end) || end > map->size)
        end = map->size;
    void *const at = (void *)((uintptr_t)map->data + begin);
#ifdef MADV_POPULATE_READ
    if (madvise(at, end - begin, MADV_POPULATE_READ) == 0)
        return;
#endif
    (void)madvise(at, end - begin, MADV_WILLNEED);
}
