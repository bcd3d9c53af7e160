/* What may go: old downloads, strays, locks that no one holds, records without
 * a model.  Models never go, nor anything that is being worked on. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"

#define MAX_DEPTH 8
#define TEMP_AGE_S 3600 /* a temporary file that old belongs to no one */

struct prune {
    const struct ori_store *store;
    int64_t older_than_s, now;
    bool dry_run;
    struct ori_litter *list;
    size_t n, cap;
    bool failed;
    char path[ORI_STORE_PATH_MAX]; /* of the folder that is being read, with its slash */
};

static bool ends_in(const char *name, const char *ending)
{
    const size_t n = strlen(name), m = strlen(ending);
    return n > m && strcmp(name + n - m, ending) == 0;
}

/* Note it, and delete it if that is asked for. */
static void drop(struct prune *p, enum ori_litter_kind kind, const char *path,
                 const struct stat *st)
{
    if (p->n == p->cap) {
        const size_t cap = p->cap ? p->cap * 2 : 16;
        struct ori_litter *list = realloc(p->list, cap * sizeof(*list));
        if (!list) {
            p->failed = true;
            return;
        }
        p->list = list;
        p->cap = cap;
    }
    struct ori_litter *one = &p->list[p->n++];
    *one = (struct ori_litter){
        .kind = kind, .bytes = (uint64_t)st->st_blocks * 512, .modified_unix = st->st_mtim.tv_sec};
    (void)snprintf(one->path, sizeof(one->path), "%s", path);
    one->removed = !p->dry_run && ori_dir_unlink(p->store->fd, path) == 0;
}

/* ---- .partial ---- */

/* The lock of a key, for as long as its files are looked at.  When nothing is
 * deleted it is enough that no one holds it. */
static bool take(struct prune *p, const char *key, struct ori_lock *lock)
{
    char path[ORI_STORE_PATH_MAX];

    *lock = (struct ori_lock){.dir = -1, .fd = -1};
    ori_store_key_path(ORI_STORE_LOCK_DIR, key, ".lock", path);
    if (p->dry_run)
        return ori_lock_holder(p->store->fd, path) == 0;
    return ori_dir_make(p->store->fd, ORI_STORE_LOCK_DIR, NULL) == ORION_OK &&
           ori_lock_try(p->store->fd, path, lock, NULL, NULL) == ORION_OK;
}

/* Anything but NOT_FOUND and FORMAT means that it can't be told. */
static orion_status is_download(const struct prune *p, const char *key)
{
    char path[ORI_STORE_PATH_MAX];
    struct ori_journal journal;

    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".part", path);
    const int fd = ori_dir_open(p->store->fd, path, O_RDONLY, 0);
    if (fd < 0)
        return ori_status_of_errno(errno);
    (void)close(fd);
    const orion_status status = ori_journal_read(p->store, key, &journal, NULL);
    if (status == ORION_OK)
        ori_journal_release(&journal);
    return status;
}

static bool is_old(const struct prune *p, const struct stat *st, int64_t age_s)
{
    return p->now - st->st_mtim.tv_sec >= age_s;
}

/* "<key>.part" and its company; a set of files; a temporary file. */
static void look_at_partial(struct prune *p, const char *name, const char *path,
                            const struct stat *st)
{
    static const char *const endings[] = {".part", ".json", ".note"};
    char key[ORI_STORE_KEY_BYTES];
    struct ori_lock lock;

    if (ends_in(name, ".tmp") || ends_in(name, ".set")) {
        if (is_old(p, st, ends_in(name, ".tmp") ? TEMP_AGE_S : p->older_than_s))
            drop(p, ORI_LITTER_STRAY, path, st);
        return;
    }
    for (size_t i = 0; i < ORI_COUNT(endings); i++) {
        const size_t len = strlen(name) - strlen(endings[i]);
        if (!ends_in(name, endings[i]) || len >= sizeof(key))
            continue;
        memcpy(key, name, len);
        key[len] = '\0';
        if (!take(p, key, &lock))
            return;
        /* The data first: without it the rest is a stray, the next time. */
        const orion_status is = is_download(p, key);
        if (is == ORION_E_NOT_FOUND || is == ORION_E_FORMAT)
            drop(p, ORI_LITTER_STRAY, path, st);
        else if (is == ORION_OK && i == 0 && is_old(p, st, p->older_than_s))
            drop(p, ORI_LITTER_PARTIAL, path, st);
        p->failed |= is == ORION_E_NOMEM;
        ori_lock_release(&lock);
        return;
    }
    drop(p, ORI_LITTER_STRAY, path, st);
}

static void look_at_lock(struct prune *p, const char *name, const char *path, const struct stat *st)
{
    struct ori_lock lock;

    (void)name;
    if (ori_lock_holder(p->store->fd, path) != 0)
        return;
    if (!p->dry_run && ori_lock_try(p->store->fd, path, &lock, NULL, NULL) != ORION_OK)
        return;
    drop(p, ORI_LITTER_LOCK, path, st);
    if (!p->dry_run)
        ori_lock_release(&lock);
}

static void each_file(struct prune *p, const char *folder,
                      void (*look)(struct prune *p, const char *name, const char *path,
                                   const struct stat *st))
{
    char path[ORI_STORE_PATH_MAX];
    struct dirent *entry;
    struct stat st;

    const int fd = ori_dir_open(p->store->fd, folder, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = ori_dir_list(fd);
    if (!dir) {
        p->failed |= errno == ENOMEM;
        return;
    }
    while (!p->failed && (entry = readdir(dir))) {
        const int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (n > 0 && (size_t)n < sizeof(path) &&
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            look(p, entry->d_name, path, &st);
    }
    (void)closedir(dir);
}

/* ---- records ---- */

/* Not known is not absent: without its record a link is no one's. */
static bool is_absent(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* An import makes a link's record first: it is not alone for long. */
static void drop_record_alone(struct prune *p, int dir, const char *model, const char *path,
                              const struct stat *st)
{
    char key[ORI_STORE_KEY_BYTES];
    struct ori_lock lock;

    ori_import_key(path, key);
    if (!take(p, key, &lock))
        return;
    if (is_absent(dir, model))
        drop(p, ORI_LITTER_RECORD, p->path, st);
    ori_lock_release(&lock);
}

/* ".<file>.gguf.json" or ".units": is the model there, and the record good? */
static void look_at_record(struct prune *p, int dir, const char *name, const struct stat *st)
{
    char model[NAME_MAX + 1];
    struct ori_stored stored = {0};
    const bool is_record = ends_in(name, ".json");

    if (ends_in(name, ".tmp")) {
        if (is_old(p, st, TEMP_AGE_S) && strstr(name, ".gguf."))
            drop(p, ORI_LITTER_STRAY, p->path, st);
        return;
    }
    if (!is_record && !ends_in(name, ".units"))
        return;
    const int n =
        snprintf(model, sizeof(model), "%.*s",
                 (int)(strlen(name) - 1 - strlen(is_record ? ".json" : ".units")), name + 1);
    if (n <= 0 || (size_t)n >= sizeof(model) || !ori_name_is_gguf(model))
        return;
    char path[ORI_STORE_PATH_MAX];
    const char *slash = strrchr(p->path, '/');
    const int len = snprintf(path, sizeof(path), "%.*s%s", slash ? (int)(slash + 1 - p->path) : 0,
                             p->path, model);
    if (len <= 0 || (size_t)len >= sizeof(path))
        return;
    if (is_absent(dir, model)) {
        drop_record_alone(p, dir, model, path, st);
        return;
    }
    if (!is_record)
        return;
    p->failed |= ori_record_read(p->store, path, &stored, NULL) != ORION_OK;
    if (stored.record_damaged)
        drop(p, ORI_LITTER_DAMAGED_RECORD, p->path, st);
}

/* The depth bounds the recursion; links are not followed. */
static void walk(struct prune *p, int fd, size_t path_len, int depth)
{
    struct dirent *entry;
    struct stat st;

    DIR *dir = ori_dir_list(fd);
    if (!dir) {
        p->failed |= errno == ENOMEM;
        return;
    }
    while (!p->failed && (entry = readdir(dir))) {
        const char *name = entry->d_name;
        const size_t len = strlen(name);
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ||
            path_len + len + 2 > sizeof(p->path) ||
            fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        memcpy(p->path + path_len, name, len + 1);
        if (S_ISREG(st.st_mode) && name[0] == '.') {
            look_at_record(p, fd, name, &st);
        } else if (S_ISDIR(st.st_mode) && name[0] != '.' && depth < MAX_DEPTH) {
            const int child = ori_dir_open(fd, name, O_RDONLY | O_DIRECTORY, 0);
            if (child < 0)
                continue;
            memcpy(p->path + path_len + len, "/", 2);
            walk(p, child, path_len + len + 1, depth + 1);
        }
    }
    (void)closedir(dir);
}

orion_status ori_store_prune(const struct ori_store *store, int64_t older_than_s, bool dry_run,
                             struct ori_litter **out, size_t *n, orion_error *err)
{
    struct prune p = {.store = store,
                      .older_than_s = older_than_s,
                      .now = (int64_t)time(NULL),
                      .dry_run = dry_run};

    json_t *hidden;

    *out = NULL;
    *n = 0;
    orion_status status = ori_store_check(store, err);
    if (status == ORION_OK)
        status = ori_set_hidden(store, &hidden, err); /* completes what can be */
    if (status != ORION_OK)
        return status;
    json_decref(hidden);
    const int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ori_fail_errno(err, "cannot read the models directory '%s'", store->root);
    walk(&p, fd, 0, 0);
    each_file(&p, ORI_STORE_PARTIAL_DIR, look_at_partial);
    if (!dry_run) /* what has lost its data just now */
        each_file(&p, ORI_STORE_PARTIAL_DIR, look_at_partial);
    each_file(&p, ORI_STORE_LOCK_DIR, look_at_lock);
    if (p.failed) {
        free(p.list);
        return ori_fail_nomem(err, "the list of what may go");
    }
    *out = p.list;
    *n = p.n;
    return ORION_OK;
}
