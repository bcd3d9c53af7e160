#define _GNU_SOURCE /* O_DIRECTORY, utimensat() */
#include "runtime/prefixes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"

#define KEY_NAME "key"
#define FOLDER "prefixes"

static const uint8_t magic[ORI_PREFIX_MAGIC_BYTES] = {'O', 'R', 'I', 'P', 'F', 'X', '1', '\n'};

struct ori_prefixes {
    int dir;    /* the folder given */
    int folder; /* FOLDER in it */
    uint64_t max_bytes;
    uint8_t seal_key[ORI_KEY_BYTES];
    uint8_t name_key[ORI_KEY_BYTES];
};

/* ---- the key ---- */

/* ORION_E_NOT_FOUND when there is none, ORION_E_FORMAT when it is no key. */
static orion_status read_key(int dir, uint8_t key[ORI_KEY_BYTES], orion_error *err)
{
    struct ori_buf buf;

    ori_buf_init(&buf, ORI_KEY_BYTES);
    orion_status status = ori_file_read(dir, KEY_NAME, &buf, err);
    if (status == ORION_OK && buf.len != ORI_KEY_BYTES)
        status = ori_fail(err, ORION_E_FORMAT, "the key of the prefix cache is damaged");
    if (status == ORION_OK)
        memcpy(key, buf.data, ORI_KEY_BYTES);
    if (buf.data)
        ori_forget(buf.data, buf.len);
    ori_buf_release(&buf);
    return status;
}

/* Of several processes that make one at the same time, the first wins.  It is
 * made among the blocks: what a process that dies leaves goes as they go. */
static orion_status make_key(const struct ori_prefixes *p, orion_error *err)
{
    uint8_t key[ORI_KEY_BYTES];
    uint32_t number;
    char temp[32];

    orion_status status = ori_random(key, sizeof(key), err);
    if (status == ORION_OK)
        status = ori_random(&number, sizeof(number), err);
    if (status != ORION_OK)
        return status;
    (void)snprintf(temp, sizeof(temp), KEY_NAME ".%08x", number);
    status = ori_file_replace(p->folder, temp, key, sizeof(key), err);
    ori_forget(key, sizeof(key));
    if (status != ORION_OK)
        return status;
    if (linkat(p->folder, temp, p->dir, KEY_NAME, 0) != 0 && errno != EEXIST)
        status = ori_fail_errno(err, "cannot put the key of the prefix cache in place");
    (void)ori_file_unlink(p->folder, temp);
    return status;
}

static orion_status take_key(const struct ori_prefixes *p, bool create, uint8_t key[ORI_KEY_BYTES],
                             orion_error *err)
{
    orion_status status = read_key(p->dir, key, err);

    if (!create)
        return status;
    if (status == ORION_E_FORMAT)
        (void)ori_file_unlink(p->dir, KEY_NAME); /* nothing can be read with it */
    if (status != ORION_E_FORMAT && status != ORION_E_NOT_FOUND)
        return status;
    status = make_key(p, err);
    return status == ORION_OK ? read_key(p->dir, key, err) : status;
}

static orion_status derive(struct ori_prefixes *p, const uint8_t key[ORI_KEY_BYTES],
                           orion_error *err)
{
    static const char seal[] = "orion prefixes: seal";
    static const char name[] = "orion prefixes: name";

    if (!ori_hmac(key, seal, sizeof(seal), p->seal_key) ||
        !ori_hmac(key, name, sizeof(name), p->name_key))
        return ori_fail_nomem(err, "the prefix cache");
    return ORION_OK;
}

/* ---- opening ---- */

static orion_status open_folders(struct ori_prefixes *p, const char *path, bool create,
                                 orion_error *err)
{
    orion_status status = create ? ori_dir_make_root(path, "the prefix cache", err) : ORION_OK;

    if (status != ORION_OK)
        return status;
    p->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->dir < 0)
        return ori_fail_errno(err, "cannot open the prefix cache '%s'", path);
    status = create ? ori_dir_make(p->dir, FOLDER, err) : ORION_OK;
    if (status != ORION_OK)
        return status;
    p->folder = ori_dir_open(p->dir, FOLDER, O_RDONLY | O_DIRECTORY, 0);
    if (p->folder < 0)
        return ori_fail_errno(err, "cannot open the prefix cache '%s'", path);
    return ORION_OK;
}

orion_status ori_prefixes_open(const char *dir, uint64_t max_bytes, bool create,
                               struct ori_prefixes **out, orion_error *err)
{
    uint8_t key[ORI_KEY_BYTES];

    *out = NULL;
    struct ori_prefixes *p = calloc(1, sizeof(*p));
    if (!p)
        return ori_fail_nomem(err, "the prefix cache");
    p->dir = p->folder = -1;
    p->max_bytes = max_bytes;
    orion_status status = open_folders(p, dir, create, err);
    if (status == ORION_OK)
        status = take_key(p, create, key, err);
    if (status == ORION_OK)
        status = derive(p, key, err);
    ori_forget(key, sizeof(key));
    if (status != ORION_OK) {
        ori_prefixes_close(p);
        return status;
    }
    *out = p;
    return ORION_OK;
}

void ori_prefixes_close(struct ori_prefixes *p)
{
    if (!p)
        return;
    if (p->folder >= 0)
        (void)close(p->folder);
    if (p->dir >= 0)
        (void)close(p->dir);
    ori_forget(p, sizeof(*p));
    free(p);
}

uint64_t ori_prefixes_max_bytes(const struct ori_prefixes *p)
{
    return p->max_bytes;
}

bool ori_prefixes_name(const struct ori_prefixes *p, const uint8_t hash[ORI_SHA256_BYTES],
                       struct ori_prefix_name *out)
{
    uint8_t raw[ORI_HMAC_BYTES];

    if (!ori_hmac(p->name_key, hash, ORI_SHA256_BYTES, raw))
        return false;
    ori_sha256_to_hex(raw, out->text);
    return true;
}

/* ---- room ---- */

struct entry {
    char name[NAME_MAX + 1];
    struct timespec used;
    uint64_t bytes; /* on disk */
};

struct entries {
    struct entry *list; /* [count], owned */
    size_t count, cap;
    uint64_t bytes;
};

static orion_status add_entry(struct entries *e, const char *name, const struct stat *st,
                              orion_error *err)
{
    if (e->count == e->cap) {
        size_t cap = e->cap ? e->cap * 2 : 64;
        size_t bytes;
        struct entry *list = ori_mul(cap, sizeof(*list), &bytes) ? realloc(e->list, bytes) : NULL;
        if (!list)
            return ori_fail_nomem(err, "the list of prefixes");
        e->list = list;
        e->cap = cap;
    }
    struct entry *entry = &e->list[e->count++];
    (void)snprintf(entry->name, sizeof(entry->name), "%s", name);
    entry->used = st->st_mtim;
    entry->bytes = (uint64_t)st->st_size;
    e->bytes += entry->bytes;
    return ORION_OK;
}

/* Everything in the folder counts, also what a killed process left. */
static orion_status list_entries(const struct ori_prefixes *p, struct entries *out,
                                 orion_error *err)
{
    orion_status status = ORION_OK;
    const struct dirent *item;

    *out = (struct entries){0};
    DIR *dir = ori_dir_list(openat(p->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir)
        return ori_fail_errno(err, "cannot list the prefix cache");
    while (status == ORION_OK && (item = readdir(dir)) != NULL) {
        struct stat st;
        if (fstatat(p->folder, item->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode))
            status = add_entry(out, item->d_name, &st, err);
    }
    (void)closedir(dir);
    return status;
}

static int older_first(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->used.tv_sec != y->used.tv_sec)
        return x->used.tv_sec < y->used.tv_sec ? -1 : 1;
    if (x->used.tv_nsec != y->used.tv_nsec)
        return x->used.tv_nsec < y->used.tv_nsec ? -1 : 1;
    return strcmp(x->name, y->name);
}

static orion_status make_room(const struct ori_prefixes *p, uint64_t bytes, orion_error *err)
{
    struct entries entries;

    if (bytes > p->max_bytes)
        return ori_fail(err, ORION_E_NO_SPACE,
                        "the prefix cache may not hold a block of %llu bytes",
                        (unsigned long long)bytes);
    const orion_status status = list_entries(p, &entries, err);
    if (status == ORION_OK && entries.bytes > p->max_bytes - bytes) {
        qsort(entries.list, entries.count, sizeof(*entries.list), older_first);
        for (size_t i = 0; i < entries.count && entries.bytes > p->max_bytes - bytes; i++) {
            (void)unlinkat(p->folder, entries.list[i].name, 0);
            entries.bytes -= entries.list[i].bytes;
        }
    }
    free(entries.list);
    return status;
}

orion_status ori_prefixes_usage(const struct ori_prefixes *p, uint64_t *n_files, uint64_t *bytes,
                                orion_error *err)
{
    struct entries entries;
    const orion_status status = list_entries(p, &entries, err);

    *n_files = status == ORION_OK ? entries.count : 0;
    *bytes = status == ORION_OK ? entries.bytes : 0;
    free(entries.list);
    return status;
}

orion_status ori_prefixes_clear(const struct ori_prefixes *p, orion_error *err)
{
    struct entries entries;
    orion_status status = list_entries(p, &entries, err);

    for (size_t i = 0; i < entries.count && status == ORION_OK; i++)
        if (unlinkat(p->folder, entries.list[i].name, 0) != 0 && errno != ENOENT)
            status =
                ori_fail_errno(err, "cannot delete '%s' of the prefix cache", entries.list[i].name);
    free(entries.list);
    if (ori_file_unlink(p->dir, KEY_NAME) != 0 && errno != ENOENT && status == ORION_OK)
        status = ori_fail_errno(err, "cannot delete the key of the prefix cache");
    return status;
}

/* ---- blocks ---- */

/* A block under another name is not what that name stands for. */
#define BOUND_BYTES (ORI_PREFIX_MAGIC_BYTES + ORI_SHA256_HEX)

static struct ori_sealing sealing_of(const struct ori_prefixes *p,
                                     const struct ori_prefix_name *name, uint8_t bound[BOUND_BYTES],
                                     uint8_t *image, size_t bytes)
{
    memcpy(bound, magic, ORI_PREFIX_MAGIC_BYTES);
    memcpy(bound + ORI_PREFIX_MAGIC_BYTES, name->text, ORI_SHA256_HEX);
    return (struct ori_sealing){
        .key = p->seal_key,
        .nonce = image + ORI_PREFIX_MAGIC_BYTES,
        .bound = bound,
        .bound_bytes = BOUND_BYTES,
        .data = image + ORI_PREFIX_HEADER_BYTES,
        .bytes = bytes,
    };
}

static uint8_t *tag_of(uint8_t *image)
{
    return image + ORI_PREFIX_MAGIC_BYTES + ORI_SEAL_NONCE_BYTES;
}

bool ori_prefixes_has(const struct ori_prefixes *p, const struct ori_prefix_name *name)
{
    return faccessat(p->folder, name->text, F_OK, 0) == 0;
}

orion_status ori_prefixes_put(const struct ori_prefixes *p, const struct ori_prefix_name *name,
                              uint8_t *image, size_t bytes, orion_error *err)
{
    uint8_t bound[BOUND_BYTES];

    orion_status status = make_room(p, ORI_PREFIX_HEADER_BYTES + (uint64_t)bytes, err);
    if (status != ORION_OK)
        return status;
    const struct ori_sealing sealing = sealing_of(p, name, bound, image, bytes);
    memcpy(image, magic, ORI_PREFIX_MAGIC_BYTES);
    status = ori_random(image + ORI_PREFIX_MAGIC_BYTES, ORI_SEAL_NONCE_BYTES, err);
    if (status != ORION_OK)
        return status;
    if (!ori_seal(&sealing, tag_of(image)))
        return ori_fail_nomem(err, "the prefix cache");
    return ori_file_replace(p->folder, name->text, image, ORI_PREFIX_HEADER_BYTES + bytes, err);
}

/* The whole file, which has exactly this length. */
static bool read_image(int fd, uint8_t *image, size_t bytes)
{
    struct stat st;
    size_t got;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == bytes &&
           ori_file_read_at(fd, image, bytes, 0, &got, NULL) == ORION_OK && got == bytes;
}

bool ori_prefixes_get(const struct ori_prefixes *p, const struct ori_prefix_name *name,
                      uint8_t *image, size_t bytes)
{
    uint8_t bound[BOUND_BYTES];

    const int fd = ori_dir_open(p->folder, name->text, O_RDONLY, 0);
    if (fd < 0)
        return false;
    const struct ori_sealing sealing = sealing_of(p, name, bound, image, bytes);
    const bool ok = read_image(fd, image, ORI_PREFIX_HEADER_BYTES + bytes) &&
                    memcmp(image, magic, ORI_PREFIX_MAGIC_BYTES) == 0 &&
                    ori_unseal(&sealing, tag_of(image));
    (void)close(fd);
    if (!ok)
        (void)ori_file_unlink(p->folder, name->text);
    return ok;
}

void ori_prefixes_touch(const struct ori_prefixes *p, const struct ori_prefix_name *name)
{
    struct timespec times[2];

    /* Not UTIME_NOW: a file system's clock may stand still for milliseconds. */
    if (clock_gettime(CLOCK_REALTIME, &times[0]) != 0)
        return;
    times[1] = times[0];
    (void)utimensat(p->folder, name->text, times, AT_SYMLINK_NOFOLLOW);
}
