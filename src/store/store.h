/* store - models on disk.
 *
 *   <root>/<org>/<repo>/<file>.gguf         a model, readable by any other tool
 *   <root>/<org>/<repo>/.<file>.gguf.json   its record: where from, which bytes
 *   <root>/.partial/<digest>.part, .json    an unfinished download and its journal
 *   <root>/.lock/<digest>.lock              held while a download is worked on
 *
 * The promise: a model stands under its name only when it is complete, its
 * hash matched and it was synced; what was good is never lost to what was not;
 * an interruption of any kind keeps what was fetched.  Any .gguf file that
 * someone puts below the root is a model too.  Nothing outside the root is
 * touched, and no symbolic link below it is followed.
 *
 * Paths of models are relative to the root.  Folders are 0700, files 0600.
 *
 * Threads: a store is immutable after opening and may be shared; the locks
 * keep threads and processes apart.
 */
#ifndef ORI_STORE_H
#define ORI_STORE_H

#include "base/base.h"
#include "base/digest.h"
#include "base/names.h"
#include "base/watch.h"

struct ori_store;

/* Open the store at `root`, making the folder (and those above it) if missing. */
orion_status ori_store_open(const char *root, struct ori_store **out, orion_error *err);
void ori_store_close(struct ori_store *store);             /* NULL is a no-op */
const char *ori_store_root(const struct ori_store *store); /* absolute */

/* Where a model came from and what it was when it was last verified. */
struct ori_record {
    char hub[256];
    char repo[200];
    char file[ORI_NAME_PATH_MAX + 1];
    char revision[41];
    char sha256[ORI_SHA256_HEX + 1];
    uint64_t size_bytes;
    int64_t verified_unix;
    uint64_t inode;      /* the file's identity then: while it is the same, */
    int64_t modified_ns; /* so, we take it, are the bytes */
};

struct ori_stored {
    char *path; /* owned */
    uint64_t size_bytes;
    int64_t modified_unix;
    bool has_record;
    bool record_damaged; /* there is one, and it can't be read */
    bool intact;         /* has a record, and size, inode and time are as it says */
    struct ori_record record;
};

void ori_stored_release(struct ori_stored *model);

/* Look at one model.  ORION_E_NOT_FOUND when there is no such file. */
orion_status ori_store_look(const struct ori_store *store, const char *path, struct ori_stored *out,
                            orion_error *err);

/* All models, sorted by path; release each, then free() the array. */
orion_status ori_store_scan(const struct ori_store *store, struct ori_stored **out, size_t *n,
                            orion_error *err);

/* Hash a model and compare with its record: ORION_E_INTEGRITY when it differs,
 * ORION_E_UNSUPPORTED when no hash was recorded. */
orion_status ori_store_verify(const struct ori_store *store, const char *path,
                              const struct ori_watch *watch, orion_error *err);

/* ---- fetching ---- */

/* A file as its publisher describes it; the strings are borrowed. */
struct ori_blob {
    const char *hub, *repo, *file, *revision;
    uint64_t size_bytes;
    struct ori_digest digest;
};

/* Where a file of a repository is kept: "<repo>/<file>".  ORION_E_FORMAT when
 * a part is no name.  `path` holds ORI_STORE_PATH_MAX bytes. */
#define ORI_STORE_PATH_MAX 800
orion_status ori_store_place(const char *repo, const char *file, char path[ORI_STORE_PATH_MAX],
                             orion_error *err);

/* Is what the blob describes already in its place?  Trusts an intact record,
 * and hashes otherwise; then writes a fresh record. */
orion_status ori_store_has(const struct ori_store *store, const struct ori_blob *blob,
                           const struct ori_watch *watch, bool *has, orion_error *err);

/* An unfinished download; belongs to one thread. */
struct ori_partial;

/* Take the lock (waiting for another process as long as the watch lets us; for
 * ORION_E_BUSY at once when there is no watch), and take up what an earlier
 * attempt left.  *out is owned by the caller: ori_partial_close(). */
orion_status ori_partial_open(const struct ori_store *store, const struct ori_blob *blob,
                              const struct ori_watch *watch, struct ori_partial **out,
                              orion_error *err);

/* ORION_E_NO_SPACE when what is still missing does not fit the disk. */
orion_status ori_partial_make_room(struct ori_partial *partial, orion_error *err);

uint64_t ori_partial_bytes(const struct ori_partial *partial); /* from the start, without a gap */

/* `offset` must be ori_partial_bytes(). */
orion_status ori_partial_write(struct ori_partial *partial, uint64_t offset, const void *data,
                               size_t len, orion_error *err);
orion_status ori_partial_restart(struct ori_partial *partial, orion_error *err);

/* Check size and hash, sync, and put the model in its place with a record;
 * what was there before stays until then.  ORION_E_INTEGRITY: the bytes are
 * not what the publisher released; they are discarded. */
orion_status ori_partial_publish(struct ori_partial *partial, orion_error *err);

/* Keep what was fetched for the next attempt and release the lock.  NULL is a
 * no-op. */
void ori_partial_close(struct ori_partial *partial);

/* ---- unfinished downloads and removal ---- */

struct ori_partial_facts {
    char repo[200];
    char file[ORI_NAME_PATH_MAX + 1];
    char key[80];
    uint64_t size_bytes, done_bytes;
    int64_t modified_unix;
};

/* All of them; free() the array. */
orion_status ori_store_partials(const struct ori_store *store, struct ori_partial_facts **out,
                                size_t *n, orion_error *err);

/* Delete the model at `path`, its record and what there is of a download of
 * it.  ORION_E_NOT_FOUND when nothing was there; ORION_E_BUSY when another
 * process is fetching it. */
orion_status ori_store_remove(const struct ori_store *store, const char *path, orion_error *err);

#endif
