/* Taking in a model that is on this machine already.
 *
 * A file of ours comes first: one that shares the original's blocks, another
 * name of the original, or a copy.  It is hashed, and published as a download
 * is.  The original is only read; with MOVE its name goes in the end.
 *
 * With SYMLINK there is no file of ours: the original is hashed where it is,
 * and a link to it is made. */
#define _GNU_SOURCE /* AT_EMPTY_PATH and friends */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"
#include "gguf/gguf.h"

#define COPY_BYTES ORI_HUGE_PAGE /* at once, so that the copy lies in such pages */

struct import {
    const struct ori_store *store;
    const struct ori_import *what;
    const struct ori_watch *watch;
    char place[ORI_STORE_PATH_MAX];
    char key[ORI_STORE_KEY_BYTES];
    char part[ORI_STORE_PATH_MAX]; /* our file until it is published */
    struct ori_lock lock;
    int from, to;
    struct stat st; /* of the original, before */
    enum ori_import_way way;
    char sha256[ORI_SHA256_HEX + 1];
    struct ori_chain chain;
};

/* ---- the original ---- */

static orion_status open_source(struct import *im, orion_error *err)
{
    const char *path = im->what->source;
    struct ori_gguf *gguf;
    struct stat named;

    im->from = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (im->from < 0 || fstat(im->from, &im->st) != 0)
        return ori_fail_errno(err, "cannot open '%s'", path);
    if (!S_ISREG(im->st.st_mode))
        return ori_fail_at(err, ORION_E_FORMAT, ORION_NO_OFFSET, path, "'%s' is not a file", path);
    if (im->what->mode == ORI_IMPORT_MOVE && lstat(path, &named) == 0 && S_ISLNK(named.st_mode))
        return ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, path,
                           "'%s' is a link to a file that belongs to something else; take it by "
                           "link or copy instead",
                           path);
    /* What is well formed may be kept, also when this version does not run it. */
    const orion_status status = ori_gguf_open(path, &gguf, err);
    ori_gguf_close(gguf);
    return status == ORION_E_UNSUPPORTED ? ORION_OK : status;
}

/* For what shares its bytes with the original: were they the same all along? */
static orion_status check_unchanged(const struct import *im, orion_error *err)
{
    struct stat now;
    if (fstat(im->from, &now) == 0 && now.st_size == im->st.st_size &&
        ori_stat_modified_ns(&now) == ori_stat_modified_ns(&im->st))
        return ORION_OK;
    return ori_fail_at(err, ORION_E_BUSY, ORION_NO_OFFSET, im->what->source,
                       "'%s' changed while it was read; is something still writing it?",
                       im->what->source);
}

static orion_status hash(struct import *im, int fd, orion_error *err)
{
    struct ori_digest wanted = {.kind = ORI_DIGEST_SHA256};
    struct ori_ranges damaged = {0};
    bool met;

    if (im->what->sha256)
        (void)snprintf(wanted.hex, sizeof(wanted.hex), "%s", im->what->sha256);
    orion_status status =
        ori_chain_init(&im->chain, ORI_DIGEST_SHA256, (uint64_t)im->st.st_size, err);
    if (status == ORION_OK)
        status =
            ori_chain_check(fd, &im->chain, &wanted, im->watch, &damaged, &met, im->sha256, err);
    ori_ranges_release(&damaged);
    if (status == ORION_OK)
        status = check_unchanged(im, err);
    if (status == ORION_OK && im->what->sha256 && !met)
        status = ori_fail_at(err, ORION_E_INTEGRITY, ORION_NO_OFFSET, im->what->source,
                             "'%s' is damaged: its SHA-256 is not the one that it is kept under",
                             im->what->source);
    return status;
}

/* What its record will say. */
static void describe(const struct import *im, struct ori_record *facts)
{
    *facts = (struct ori_record){0};
    (void)snprintf(facts->hub, sizeof(facts->hub), "%s", im->what->hub ? im->what->hub : "");
    (void)snprintf(facts->repo, sizeof(facts->repo), "%s", im->what->repo);
    (void)snprintf(facts->file, sizeof(facts->file), "%s", im->what->file);
    (void)snprintf(facts->revision, sizeof(facts->revision), "%s",
                   im->what->revision ? im->what->revision : "");
    memcpy(facts->sha256, im->sha256, sizeof(facts->sha256));
}

/* ---- our file ---- */

static bool by_reflink(struct import *im)
{
    im->to = ori_dir_open(im->store->fd, im->part, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (im->to >= 0 && ioctl(im->to, FICLONE, im->from) == 0) {
        im->way = ORI_IMPORTED_REFLINK;
        return true;
    }
    if (im->to >= 0)
        (void)close(im->to);
    im->to = -1;
    return false;
}

static bool by_hard_link(struct import *im)
{
    char source[64];
    const char *name;
    struct stat st;

    const int folder = ori_dir_parent(im->store->fd, im->part, &name);
    if (folder < 0)
        return false;
    /* By its descriptor: this file, whatever its name means by now. */
    (void)snprintf(source, sizeof(source), "/proc/self/fd/%d", im->from);
    const int rc = linkat(AT_FDCWD, source, folder, name, AT_SYMLINK_FOLLOW);
    (void)close(folder);
    if (rc != 0)
        return false;
    im->to = ori_dir_open(im->store->fd, im->part, O_RDONLY, 0);
    if (im->to >= 0 && fstat(im->to, &st) == 0 && st.st_ino == im->st.st_ino) {
        im->way = ORI_IMPORTED_HARD_LINK;
        return true;
    }
    if (im->to >= 0)
        (void)close(im->to);
    im->to = -1;
    return false;
}

/* What an attempt left that failed or was killed.  It may be another name of
 * the original: it is never written to. */
static orion_status clear(struct import *im, orion_error *err)
{
    if (ori_dir_unlink(im->store->fd, im->part) == 0 || errno == ENOENT)
        return ORION_OK;
    return ori_fail_errno(err, "cannot delete '%s' in %s", im->part, im->store->root);
}

static orion_status copy_bytes(struct import *im, uint8_t *block, orion_error *err)
{
    const uint64_t size = (uint64_t)im->st.st_size;
    orion_status status = ORION_OK;

    for (uint64_t at = 0; at < size && status == ORION_OK;) {
        size_t got;
        status = ori_file_read_at(im->from, block, COPY_BYTES, at, &got, err);
        if (status == ORION_OK && got == 0)
            status = check_unchanged(im, err);
        if (status != ORION_OK || got == 0)
            break;
        status = ori_file_write_at(im->to, block, got, at, err);
        at += got;
        if (status == ORION_OK)
            status = ori_watch_tick(im->watch, ORION_PHASE_DOWNLOAD, at, "", err);
    }
    return status;
}

static orion_status by_copy(struct import *im, orion_error *err)
{
    uint8_t *block = malloc(COPY_BYTES);

    if (!block)
        return ori_fail_nomem(err, "a copy");
    orion_status status = ORION_OK;
    im->to = ori_dir_open(im->store->fd, im->part, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (im->to < 0)
        status = ori_fail_errno(err, "cannot write in the models directory '%s'", im->store->root);
    if (status == ORION_OK)
        status = ori_room_for(im->store, im->to, im->what->file, (uint64_t)im->st.st_size,
                              (uint64_t)im->st.st_size, err);
    if (status == ORION_OK)
        status = copy_bytes(im, block, err);
    free(block);
    im->way = ORI_IMPORTED_COPY;
    return status;
}

static orion_status make_ours(struct import *im, orion_error *err)
{
    const enum ori_import_mode mode = im->what->mode;

    orion_status status = clear(im, err);
    if (status == ORION_OK && mode != ORI_IMPORT_MOVE) {
        if (by_reflink(im))
            return ORION_OK;
        status = clear(im, err);
    }
    if (status == ORION_OK && mode != ORI_IMPORT_COPY) {
        if (by_hard_link(im))
            return ORION_OK;
        status = clear(im, err);
    }
    if (status == ORION_OK && mode == ORI_IMPORT_LINK)
        status = ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, im->what->source,
                             "'%s' cannot be shared with %s: they are on different file systems, "
                             "or it belongs to another user; copy it instead",
                             im->what->source, im->store->root);
    return status == ORION_OK ? by_copy(im, err) : status;
}

/* ---- a link instead of a file ---- */

/* The original's own name, which the link and its record will have. */
static orion_status find_target(const struct import *im, char target[ORI_LINK_MAX],
                                orion_error *err)
{
    const char *root = im->store->root;
    const size_t root_len = strlen(root);
    orion_status status = ORION_OK;

    char *whole = realpath(im->what->source, NULL);
    if (!whole)
        return ori_fail_errno(err, "cannot read '%s'", im->what->source);
    if (strlen(whole) >= ORI_LINK_MAX)
        status = ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, whole,
                             "the path of '%.200s' is too long for a link; copy it instead", whole);
    else if (strncmp(whole, root, root_len) == 0 && whole[root_len] == '/')
        status = ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, whole,
                             "'%s' is in the models directory already; a link would lead from one "
                             "model to another",
                             whole);
    else
        memcpy(target, whole, strlen(whole) + 1);
    free(whole);
    return status;
}

/* The record comes first: a link is a model by its record.  After a crash in
 * between there is a record alone, which is never listed. */
static orion_status put_link(struct import *im, orion_error *err)
{
    char folder[ORI_STORE_PATH_MAX], target[ORI_LINK_MAX] = "";
    struct ori_record facts;

    orion_status status = find_target(im, target, err);
    if (status == ORION_OK)
        status = hash(im, im->from, err);
    describe(im, &facts);
    memcpy(facts.link, target, sizeof(target));
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(im->place, '/') - im->place),
                   im->place);
    if (status == ORION_OK)
        status = ori_dir_make(im->store->fd, folder, err);
    if (status == ORION_OK)
        status = ori_record_write(im->store, im->place, &facts, &im->st, err);
    if (status != ORION_OK)
        return status;
    (void)ori_units_write(im->store, im->place, facts.sha256, &im->chain, NULL);
    im->way = ORI_IMPORTED_SYMLINK;
    return ori_link_make(im->store, im->place, facts.link, err);
}

/* ---- the whole ---- */

/* Something stands at the place already: fine if it has the same bytes. */
static orion_status check_place(struct import *im, bool *there, orion_error *err)
{
    struct ori_stored model;

    *there = false;
    orion_status status = ori_store_look(im->store, im->place, &model, err);
    if (status != ORION_OK)
        return status == ORION_E_NOT_FOUND ? ORION_OK : status;
    const bool is_gone = model.link == ORI_LINK_GONE;
    bool same = !is_gone && model.size_bytes == (uint64_t)im->st.st_size;
    ori_stored_release(&model);
    if (same) {
        status = hash(im, im->from, err);
        if (status != ORION_OK)
            return status;
        struct ori_blob blob = {.hub = im->what->hub ? im->what->hub : "",
                                .repo = im->what->repo,
                                .file = im->what->file,
                                .revision = im->what->revision ? im->what->revision : "",
                                .size_bytes = (uint64_t)im->st.st_size};
        memcpy(blob.digest.hex, im->sha256, sizeof(im->sha256));
        status = ori_store_has(im->store, &blob, im->watch, &same, err);
        if (status != ORION_OK)
            return status;
    }
    if (!same)
        return ori_fail_at(err, ORION_E_DENIED, ORION_NO_OFFSET, im->place,
                           is_gone ? "'%s' is there already, as a link to a file that is gone; "
                                     "remove it first"
                                   : "'%s' is there already, with other bytes; remove it first",
                           im->place);
    *there = true;
    im->way = ORI_IMPORT_WAS_THERE;
    return ORION_OK;
}

void ori_import_key(const char *place, char key[ORI_STORE_KEY_BYTES])
{
    char hex[ORI_SHA256_HEX + 1];
    struct ori_sha256 name;

    ori_sha256_init(&name);
    ori_sha256_update(&name, place, strlen(place));
    ori_sha256_hex(&name, hex);
    (void)snprintf(key, ORI_STORE_KEY_BYTES, "import-%.32s", hex);
}

static orion_status take_lock(struct import *im, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    long holder;

    ori_import_key(im->place, im->key);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, im->key, ".part", im->part);
    ori_store_key_path(ORI_STORE_LOCK_DIR, im->key, ".lock", path);
    orion_status status = ori_store_make_folders(im->store, err);
    if (status == ORION_OK)
        status = ori_lock_try(im->store->fd, path, &im->lock, &holder, err);
    return status;
}

static orion_status publish(struct import *im, orion_error *err)
{
    struct ori_record facts;

    if (im->way != ORI_IMPORTED_HARD_LINK && fsync(im->to) != 0)
        return ori_fail_errno(err, "cannot sync the copy of '%s'", im->what->source);
    describe(im, &facts);
    return ori_publish(im->store, im->key, im->place, im->to, &facts, &im->chain, err);
}

/* The name goes, if it is still that of the file that was taken. */
static orion_status drop_source(const struct import *im, orion_error *err)
{
    struct stat now;

    if (lstat(im->what->source, &now) == 0) {
        if (now.st_ino != im->st.st_ino || now.st_dev != im->st.st_dev)
            return ORION_OK; /* another file has this name now */
        if (unlink(im->what->source) == 0)
            return ORION_OK;
    }
    if (errno == ENOENT)
        return ORION_OK;
    return ori_fail_errno(err, "'%s' was taken in, but the original cannot be deleted",
                          im->what->source);
}

/* Is the original's name that of the place?  In the letters of another case
 * too: some file systems don't tell them apart. */
static bool is_same_name(const struct import *im)
{
    char folder[PATH_MAX];
    struct stat from, to;
    const char *name, *slash = strrchr(im->what->source, '/');

    (void)snprintf(folder, sizeof(folder), "%.*s/", (int)(slash - im->what->source),
                   im->what->source);
    const int fd = ori_dir_parent(im->store->fd, im->place, &name);
    const bool known = fd >= 0 && fstat(fd, &to) == 0 && stat(folder, &from) == 0;
    const bool same = !known || (from.st_ino == to.st_ino && from.st_dev == to.st_dev &&
                                 strcasecmp(slash + 1, name) == 0);
    if (fd >= 0)
        (void)close(fd);
    return same;
}

/* The original may be what stands there: a file in the store, or what a link
 * there leads to.  A second name of it is not: an attempt to move it was killed
 * after the hard link was made. */
static bool is_at_place(const struct import *im)
{
    struct stat st;
    const int fd = ori_dir_open(im->store->fd, im->place, O_RDONLY, 0);
    const bool same =
        fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == im->st.st_ino && st.st_dev == im->st.st_dev;
    const bool only = same && (st.st_nlink < 2 || is_same_name(im));
    if (fd >= 0)
        (void)close(fd);
    return fd < 0 || only;
}

static orion_status run(struct import *im, orion_error *err)
{
    bool there;

    orion_status status = open_source(im, err);
    if (status != ORION_OK)
        return status;
    status = check_place(im, &there, err);
    if (status != ORION_OK || (there && im->what->mode != ORI_IMPORT_MOVE))
        return status;
    if (there)
        return is_at_place(im) ? ORION_OK : drop_source(im, err);
    status = take_lock(im, err);
    if (im->what->mode == ORI_IMPORT_SYMLINK)
        return status == ORION_OK ? put_link(im, err) : status;
    if (status == ORION_OK)
        status = make_ours(im, err);
    if (status == ORION_OK)
        status = hash(im, im->to, err);
    if (status == ORION_OK)
        status = publish(im, err);
    if (status != ORION_OK) {
        if (im->lock.fd >= 0)
            (void)ori_dir_unlink(im->store->fd, im->part);
        return status;
    }
    return im->what->mode == ORI_IMPORT_MOVE ? drop_source(im, err) : ORION_OK;
}

orion_status ori_store_import(const struct ori_store *store, const struct ori_import *what,
                              const struct ori_watch *watch, enum ori_import_way *way,
                              orion_error *err)
{
    struct import im = {.store = store, .what = what, .watch = watch, .from = -1, .to = -1};

    im.lock = (struct ori_lock){.dir = -1, .fd = -1};
    if (what->source[0] != '/' || (what->sha256 && !ori_sha256_is_hex(what->sha256)))
        return ori_fail(err, ORION_E_ARGUMENT, "'%.300s' is not an absolute path", what->source);
    orion_status status = ori_store_place(what->repo, what->file, im.place, err);
    if (status == ORION_OK)
        status = run(&im, err);
    if (im.from >= 0)
        (void)close(im.from);
    if (im.to >= 0)
        (void)close(im.to);
    ori_lock_release(&im.lock);
    ori_chain_release(&im.chain);
    if (status == ORION_OK && way)
        *way = im.way;
    return status;
}
