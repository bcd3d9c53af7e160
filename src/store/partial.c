/* An unfinished download: lock, journal, bytes. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/dir.h"
#include "base/file.h"

#define SYNC_EVERY_NS 1000000000u
#define SYNC_EVERY_BYTES (64u << 20)
#define RESERVE_BYTES (16u << 20) /* a disk should not be filled to its last byte */
#define HASH_BYTES (1u << 20)
#define WAIT_MS 100

struct ori_partial {
    const struct ori_store *store;
    struct ori_lock lock;
    struct ori_journal journal;
    char key[ORI_STORE_KEY_BYTES];
    char place[ORI_STORE_PATH_MAX];
    struct ori_hasher hasher;
    int fd;
    uint64_t written; /* bytes in the file, all of them hashed */
    uint64_t synced_ns;
    bool gone; /* published or discarded: nothing to keep */
};

/* ---- opening ---- */

/* Whatever forbids to write there, say where. */
static orion_status cannot_write(const struct ori_store *store, const orion_error *why,
                                 orion_error *err)
{
    return ori_fail(err, why->status, "cannot write in the models directory '%.200s': %.200s",
                    store->root, why->message);
}

static orion_status wait_for_lock(struct ori_partial *p, const struct ori_watch *watch,
                                  orion_error *err)
{
    char path[ORI_STORE_PATH_MAX], note[96];
    const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000L};
    orion_error why;
    long holder;

    ori_store_key_path(ORI_STORE_LOCK_DIR, p->key, ".lock", path);
    for (;;) {
        orion_status status = ori_lock_try(p->store->fd, path, &p->lock, &holder, &why);
        if (status == ORION_OK)
            return status;
        if (status != ORION_E_BUSY)
            return cannot_write(p->store, &why, err);
        if (!watch || !watch->tick)
            return ori_fail_at(err, ORION_E_BUSY, ORION_NO_OFFSET, p->journal.file,
                               "process %ld is fetching '%s' already", holder, p->journal.file);
        (void)snprintf(note, sizeof(note), "process %ld is fetching this file; waiting for it",
                       holder);
        status = ori_watch_tick(watch, ORION_PHASE_WAIT, 0, note, err);
        if (status != ORION_OK)
            return status;
        (void)nanosleep(&pause, NULL);
    }
}

orion_status ori_hash_range(int fd, uint64_t from, uint64_t to, struct ori_hasher *hasher,
                            const struct ori_watch *watch, orion_error *err)
{
    uint8_t *block = malloc(HASH_BYTES);
    orion_status status = block ? ORION_OK : ori_fail_nomem(err, "hashing");

    for (uint64_t at = from; at < to && status == ORION_OK;) {
        const size_t want = to - at < HASH_BYTES ? (size_t)(to - at) : HASH_BYTES;
        size_t got;
        status = ori_file_read_at(fd, block, want, at, &got, err);
        if (status == ORION_OK && got < want)
            status = ori_fail(err, ORION_E_IO, "a file became shorter while it was read");
        if (status != ORION_OK)
            break;
        ori_hasher_update(hasher, block, got);
        at += got;
        status = ori_watch_tick(watch, ORION_PHASE_VERIFY, at, "", err);
    }
    free(block);
    return status;
}

/* Take up what an earlier attempt left, as far as its journal vouches for it.
 * It is hashed again: what counts is what the disk holds now. */
static orion_status take_up(struct ori_partial *p, const struct ori_watch *watch, orion_error *err)
{
    struct ori_journal old;
    struct stat st;

    if (fstat(p->fd, &st) != 0 || !S_ISREG(st.st_mode))
        return ori_fail(err, ORION_E_IO, "the partial file of '%s' cannot be used",
                        p->journal.file);
    uint64_t have = 0;
    if (ori_journal_read(p->store, p->key, &old, NULL) == ORION_OK &&
        old.size_bytes == p->journal.size_bytes &&
        strcmp(old.digest.hex, p->journal.digest.hex) == 0)
        have = ori_journal_claim(&old, (uint64_t)st.st_size);

    ori_hasher_init(&p->hasher, p->journal.digest.kind, p->journal.size_bytes);
    const orion_status status = ori_hash_range(p->fd, 0, have, &p->hasher, watch, err);
    if (status != ORION_OK)
        return status;
    if (ftruncate(p->fd, (off_t)have) != 0)
        return ori_fail_errno(err, "cannot use the partial file of '%s'", p->journal.file);
    p->written = have;
    return ORION_OK;
}

/* Data first, then the journal that speaks of it. */
static orion_status sync_now(struct ori_partial *p, orion_error *err)
{
    if (fdatasync(p->fd) != 0)
        return ori_fail_errno(err, "cannot sync the partial file of '%s'", p->journal.file);
    p->journal.durable = p->written;
    p->synced_ns = ori_now_ns();
    return ori_journal_write(p->store, p->key, &p->journal, err);
}

static orion_status open_file(struct ori_partial *p, const struct ori_watch *watch,
                              orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];

    ori_store_key_path(ORI_STORE_PARTIAL_DIR, p->key, ".part", path);
    p->fd = ori_dir_open(p->store->fd, path, O_RDWR | O_CREAT, 0600);
    if (p->fd < 0)
        return ori_fail_errno(err, "cannot write in the models directory '%s'", p->store->root);
    const orion_status status = take_up(p, watch, err);
    return status == ORION_OK ? sync_now(p, err) : status;
}

static orion_status make_folders(const struct ori_store *store, orion_error *err)
{
    orion_error why;
    orion_status status = ori_dir_make(store->fd, ORI_STORE_PARTIAL_DIR, &why);
    if (status == ORION_OK)
        status = ori_dir_make(store->fd, ORI_STORE_LOCK_DIR, &why);
    return status == ORION_OK ? ORION_OK : cannot_write(store, &why, err);
}

orion_status ori_partial_open(const struct ori_store *store, const struct ori_blob *blob,
                              const struct ori_watch *watch, struct ori_partial **out,
                              orion_error *err)
{
    *out = NULL;
    struct ori_partial *p = calloc(1, sizeof(*p));
    if (!p)
        return ori_fail_nomem(err, "a download");
    p->store = store;
    p->fd = -1;
    p->lock = (struct ori_lock){.dir = -1, .fd = -1};
    p->journal.size_bytes = blob->size_bytes;
    p->journal.digest = blob->digest;
    ori_journal_boot_id(p->journal.boot_id);
    (void)snprintf(p->journal.hub, sizeof(p->journal.hub), "%s", blob->hub);
    (void)snprintf(p->journal.repo, sizeof(p->journal.repo), "%s", blob->repo);
    (void)snprintf(p->journal.file, sizeof(p->journal.file), "%s", blob->file);
    (void)snprintf(p->journal.revision, sizeof(p->journal.revision), "%s", blob->revision);
    ori_store_key(&blob->digest, p->key);

    orion_status status = ori_store_place(blob->repo, blob->file, p->place, err);
    if (status == ORION_OK)
        status = make_folders(store, err);
    if (status == ORION_OK)
        status = wait_for_lock(p, watch, err);
    if (status == ORION_OK)
        status = open_file(p, watch, err);
    if (status != ORION_OK) {
        /* What an earlier attempt left stays as it was. */
        if (p->fd >= 0)
            (void)close(p->fd);
        ori_lock_release(&p->lock);
        free(p);
        return status;
    }
    *out = p;
    return ORION_OK;
}

/* ---- filling ---- */

orion_status ori_partial_make_room(struct ori_partial *p, orion_error *err)
{
    const uint64_t missing = p->journal.size_bytes - p->written;
    struct statvfs fs;
    uint64_t free_bytes;

    /* Some file systems do not say: then the write will. */
    if (missing == 0 || fstatvfs(p->fd, &fs) != 0 || fs.f_blocks == 0 ||
        !ori_mul_u64(fs.f_bavail, fs.f_frsize, &free_bytes))
        return ORION_OK;
    if (missing <= free_bytes && free_bytes - missing >= RESERVE_BYTES)
        return ORION_OK;
    return ori_fail_at(err, ORION_E_NO_SPACE, ORION_NO_OFFSET, p->journal.file,
                       "not enough room in %s: %" PRIu64 " MB are still to be fetched and %" PRIu64
                       " MB are free; delete something or choose another --models-dir",
                       p->store->root, (missing + 999999) / 1000000, free_bytes / 1000000);
}

uint64_t ori_partial_bytes(const struct ori_partial *p)
{
    return p->written;
}

orion_status ori_partial_write(struct ori_partial *p, uint64_t offset, const void *data, size_t len,
                               orion_error *err)
{
    if (offset != p->written || len > p->journal.size_bytes - p->written)
        return ori_fail(err, ORION_E_ARGUMENT, "bytes at %" PRIu64 " where %" PRIu64 " come next",
                        offset, p->written);
    orion_error why;
    const orion_status status = ori_file_write_at(p->fd, data, len, offset, &why);
    if (status != ORION_OK)
        return ori_fail_at(err, status, offset, p->journal.file,
                           "'%s' cannot be written in %s: %.200s; what was fetched is kept",
                           p->journal.file, p->store->root, why.message);
    ori_hasher_update(&p->hasher, data, len);
    p->written += len;
    if (p->written - p->journal.durable < SYNC_EVERY_BYTES &&
        ori_now_ns() - p->synced_ns < SYNC_EVERY_NS)
        return ORION_OK;
    return sync_now(p, err);
}

orion_status ori_partial_restart(struct ori_partial *p, orion_error *err)
{
    /* The claim goes before the bytes do. */
    p->written = 0;
    const orion_status status = sync_now(p, err);
    if (status != ORION_OK)
        return status;
    ori_hasher_init(&p->hasher, p->journal.digest.kind, p->journal.size_bytes);
    if (ftruncate(p->fd, 0) != 0)
        return ori_fail_errno(err, "cannot start '%s' over", p->journal.file);
    return ORION_OK;
}

/* ---- ending ---- */

static orion_status discard(struct ori_partial *p)
{
    ori_partial_discard(p->store, p->key);
    p->gone = true;
    return ORION_OK;
}

static orion_status check(struct ori_partial *p, char sha256[ORI_SHA256_HEX + 1], orion_error *err)
{
    char magic[4] = "";
    size_t got;

    if (!ori_hasher_finish(&p->hasher, &p->journal.digest, sha256)) {
        (void)discard(p);
        return ori_fail_at(err, ORION_E_INTEGRITY, ORION_NO_OFFSET, p->journal.file,
                           "'%s' arrived damaged: its hash is not the one that the hub gives; the "
                           "download was discarded, pull it again",
                           p->journal.file);
    }
    const orion_status status = ori_file_read_at(p->fd, magic, sizeof(magic), 0, &got, err);
    if (status != ORION_OK)
        return status;
    if (got < sizeof(magic) || memcmp(magic, "GGUF", 4) != 0) {
        (void)discard(p);
        return ori_fail_at(err, ORION_E_FORMAT, 0, p->journal.file,
                           "'%s/%s' is not a GGUF file, whatever its name says; it was discarded",
                           p->journal.repo, p->journal.file);
    }
    return ORION_OK;
}

orion_status ori_partial_publish(struct ori_partial *p, orion_error *err)
{
    struct ori_record facts = {0};

    if (p->written != p->journal.size_bytes)
        return ori_fail(err, ORION_E_ARGUMENT, "'%s' is not complete yet", p->journal.file);
    orion_status status = sync_now(p, err);
    if (status == ORION_OK)
        status = check(p, facts.sha256, err);
    if (status != ORION_OK)
        return status;
    memcpy(facts.hub, p->journal.hub, sizeof(facts.hub));
    memcpy(facts.repo, p->journal.repo, sizeof(facts.repo));
    memcpy(facts.file, p->journal.file, sizeof(facts.file));
    memcpy(facts.revision, p->journal.revision, sizeof(facts.revision));
    status = ori_publish(p->store, p->key, p->place, p->fd, &facts, err);
    if (status == ORION_OK)
        p->gone = true;
    return status;
}

void ori_partial_close(struct ori_partial *p)
{
    if (!p)
        return;
    if (!p->gone && p->written == 0)
        (void)discard(p);
    if (!p->gone)
        (void)sync_now(p, NULL); /* without it the next attempt only loses a second's bytes */
    (void)close(p->fd);
    ori_lock_release(&p->lock);
    free(p);
}
