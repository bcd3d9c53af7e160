/* store - models on disk.
 *
 *   <root>/<org>/<repo>/<file>.gguf         a model, readable by any other tool
 *   <root>/<org>/<repo>/.<file>.gguf.json   its record: where from, which bytes
 *   <root>/<org>/<repo>/.<file>.gguf.units  where its parts begin to differ, if they do
 *   <root>/.partial/<digest>.part           an unfinished download
 *   <root>/.partial/<digest>.json, .note    its journal, and what is newer than that
 *   <root>/.partial/<digest>.set            files that become visible together
 *   <root>/.lock/<digest>.lock              held while a download is worked on
 *   <root>/.downloads.json                  which downloads a server is to go on with
 *
 * The promise: a model stands under its name only when it is complete, its
 * hash matched and it was synced; what was good is never lost to what was not;
 * an interruption of any kind keeps what was fetched.  Any .gguf file that
 * someone puts below the root is a model too.  Nothing outside the root is
 * touched.  No symbolic link below it is followed, except one that the record
 * beside it tells of: ORI_IMPORT_SYMLINK made that (link.c).
 *
 * Paths of models are relative to the root.  Folders are 0700, files 0600.
 *
 * Threads: a store is immutable after opening and may be shared; the locks
 * keep threads and processes apart.
 */
#ifndef ORI_STORE_H
#define ORI_STORE_H

#include "base/base.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/lock.h"
#include "base/names.h"
#include "base/ranges.h"
#include "base/watch.h"

struct ori_store;

/* Open the store at `root`, making the folder (and those above it) if missing.  NULL: one that
 * is nowhere, for who has no home and names files by their paths; what looks for models in it
 * or puts one there is refused (ORION_E_ARGUMENT). */
orion_status ori_store_open(const char *root, struct ori_store **out, orion_error *err);
void ori_store_close(struct ori_store *store); /* NULL is a no-op */
/* Is it somewhere?  ORION_E_ARGUMENT, with what to do, when not. */
orion_status ori_store_check(const struct ori_store *store, orion_error *err);

const char *ori_store_root(const struct ori_store *store); /* absolute; "": nowhere */

#define ORI_LINK_MAX 1024 /* bytes of a link's target, with NUL */

/* Where a model came from and what it was when it was last verified. */
struct ori_record {
    char hub[256];
    char repo[200];
    char file[ORI_NAME_PATH_MAX + 1];
    char revision[41];
    char sha256[ORI_SHA256_HEX + 1];
    uint64_t size_bytes;
    int64_t verified_unix;
    uint64_t inode;          /* the file's identity then: while it is the same, */
    int64_t modified_ns;     /* so, we take it, are the bytes */
    char link[ORI_LINK_MAX]; /* the file that it is a symbolic link to, or "" */
};

/* Of a model that is a symbolic link to a file elsewhere. */
enum ori_link_state {
    ORI_LINK_NONE = 0,    /* it is a file of its own */
    ORI_LINK_INTACT = 1,  /* size, inode and time of its target are as recorded */
    ORI_LINK_CHANGED = 2, /* they are not */
    ORI_LINK_GONE = 3,    /* the target is no file that can be opened */
};

struct ori_stored {
    char *path;          /* owned */
    uint64_t size_bytes; /* of the target, if it is a link; as recorded when that is gone */
    int64_t modified_unix;
    bool has_record;
    bool record_damaged;      /* there is one, and it can't be read */
    bool intact;              /* has a record, and size, inode and time are as it says */
    enum ori_link_state link; /* not NONE: record.link is the target */
    struct ori_record record;
};

void ori_stored_release(struct ori_stored *model);

/* Look at one model.  ORION_E_NOT_FOUND when there is no such file;
 * ORION_E_DENIED when it is a link that no record tells of. */
orion_status ori_store_look(const struct ori_store *store, const char *path, struct ori_stored *out,
                            orion_error *err);

/* Open the file of an intact model with that hash to read; the caller closes *fd,
 * which is -1 after a failure.  ORION_E_NOT_FOUND when there is none (any more). */
orion_status ori_store_open_intact(const struct ori_store *store, const char *path,
                                   const char *sha256, int *fd, orion_error *err);

/* ORION_E_INTEGRITY, with what to do, when the model is a link whose target is gone. */
orion_status ori_store_check_link(const struct ori_stored *model, orion_error *err);

/* All models, sorted by path; release each, then free() the array. */
orion_status ori_store_scan(const struct ori_store *store, struct ori_stored **out, size_t *n,
                            orion_error *err);

/* Hash a model and compare with its record: ORION_E_INTEGRITY when it differs,
 * ORION_E_UNSUPPORTED when no hash was recorded.  Of a link whose target is
 * gone, all is damaged.  `damaged` (may be NULL)
 * receives where it differs, or all of it when that can't be told; the caller
 * releases it. */
orion_status ori_store_verify(const struct ori_store *store, const char *path,
                              const struct ori_watch *watch, struct ori_ranges *damaged,
                              orion_error *err);

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

/* An unfinished download.  Filled by one thread; the hash follows in a thread
 * of its own, and the syncs happen in another. */
struct ori_partial;

/* What ori_partial_open() found. */
enum ori_partial_state {
    ORI_PARTIAL_OURS = 0,   /* the lock is ours: fill it */
    ORI_PARTIAL_OTHERS = 1, /* another process fills it: follow, and try again */
};

/* Try to take the lock of the blob and take up what an earlier attempt left.
 * Does not wait: with *state ORI_PARTIAL_OTHERS, *out is NULL, and
 * ori_partial_peek() tells how far the other process is.
 * *out is owned by the caller: ori_partial_close(). */
orion_status ori_partial_open(const struct ori_store *store, const struct ori_blob *blob,
                              const struct ori_watch *watch, enum ori_partial_state *state,
                              struct ori_partial **out, orion_error *err);

/* How many bytes there are of it by the journal, and the id of the process that
 * fills it (0: none does, or it can't be told).  ORION_E_NOT_FOUND when
 * there is no such download. */
orion_status ori_partial_peek(const struct ori_store *store, const struct ori_blob *blob,
                              uint64_t *done_bytes, long *process);

/* Refuse now what would not fit: the bytes still missing plus a reserve.  Then
 * preallocate.  ORION_E_NO_SPACE gives both numbers. */
orion_status ori_partial_make_room(struct ori_partial *partial, orion_error *err);

/* What is there: the next ori_partial_write() adds to it, a failed
 * ori_partial_publish() takes away. */
const struct ori_ranges *ori_partial_have(const struct ori_partial *partial);
/* True where gaps cost: a file system without sparse files (exFAT, FAT32). */
bool ori_partial_wants_order(const struct ori_partial *partial);

/* Bytes at any offset below the size, where there are none yet.  A failure to
 * sync what was written before is reported here too. */
orion_status ori_partial_write(struct ori_partial *partial, uint64_t offset, const void *data,
                               size_t len, orion_error *err);
/* Bytes that survive whatever happens now: synced, and in the journal. */
uint64_t ori_partial_durable_bytes(const struct ori_partial *partial);

/* Check size and hash, sync, and put the model in its place with a record;
 * what was there before stays until then.  Waits for the hash, reporting to
 * the watch.
 *
 * ORION_E_INTEGRITY: the bytes are not what the publisher released.  What is
 * to be fetched again has left ori_partial_have(): the parts that changed on
 * this disk, if that is what happened; else what an earlier attempt left,
 * if that is not all of it; else everything.  Fetch, and publish again; a caller gives
 * up after a few rounds, and ori_partial_close() keeps what is not in doubt. */
orion_status ori_partial_publish(struct ori_partial *partial, const struct ori_watch *watch,
                                 orion_error *err);
/* The same, but for one of several files that belong together: it is checked,
 * synced, and held back for ori_store_publish_set(). */
orion_status ori_partial_hold(struct ori_partial *partial, const struct ori_watch *watch,
                              orion_error *err);
/* Was it held by an earlier attempt?  Then nothing is left to fetch. */
bool ori_partial_is_held(const struct ori_partial *partial);

/* Keep what was fetched for the next attempt and release the lock.  NULL is a
 * no-op. */
void ori_partial_close(struct ori_partial *partial);

/* Put files that belong together in their places: each of them is there
 * already or was held (and closed).  ORION_E_ARGUMENT when one is neither.
 * After a crash in between none of them is listed, until a next call with the
 * same files completes it. */
orion_status ori_store_publish_set(const struct ori_store *store, const struct ori_blob *blobs,
                                   size_t n, orion_error *err);

/* Begin to mend the model at `path`, which `blob` describes (the digest is that
 * of its record: ORION_E_ARGUMENT if not): a download that has all of the model
 * except what is damaged, to be filled and published as any other.  Until then
 * the model stays as it is.  In the place of a link comes a file of its own: what
 * the link leads to is only read. */
orion_status ori_store_repair_open(const struct ori_store *store, const char *path,
                                   const struct ori_blob *blob, const struct ori_ranges *damaged,
                                   const struct ori_watch *watch, enum ori_partial_state *state,
                                   struct ori_partial **out, orion_error *err);

/* ---- which downloads are wanted ----
 *
 * A text of the manager's in ".downloads.json", for whoever keeps the list. */

/* Become the one who does: ORION_E_BUSY when another process, or another manager
 * of this one, is.  The caller owns the lock. */
orion_status ori_store_wanted_open(const struct ori_store *store, struct ori_lock *lock,
                                   orion_error *err);
/* Append the text to `out`; nothing when there is none. */
orion_status ori_store_wanted_read(const struct ori_store *store, struct ori_buf *out,
                                   orion_error *err);
orion_status ori_store_wanted_write(const struct ori_store *store, const struct ori_buf *text,
                                    orion_error *err);

/* ---- unfinished downloads and removal ---- */

struct ori_partial_facts {
    char repo[200];
    char file[ORI_NAME_PATH_MAX + 1];
    char key[80];
    uint64_t size_bytes, done_bytes;
    uint64_t disk_bytes; /* what it takes on disk: preallocated, so often more than done */
    int64_t modified_unix;
    bool held; /* complete and verified; waits for the other files of its set */
};

/* All of them; free() the array. */
orion_status ori_store_partials(const struct ori_store *store, struct ori_partial_facts **out,
                                size_t *n, orion_error *err);

/* Delete the model at `path`, its record and what there is of a download of
 * it.  ORION_E_NOT_FOUND when nothing was there; ORION_E_BUSY when another
 * process is fetching it. */
orion_status ori_store_remove(const struct ori_store *store, const char *path, orion_error *err);

/* ---- taking in what is on this machine already ---- */

enum ori_import_mode {
    ORI_IMPORT_AUTO = 0, /* share the bytes where the file system can, else copy */
    ORI_IMPORT_LINK = 1, /* share (a reflink or a hard link), or ORION_E_UNSUPPORTED */
    ORI_IMPORT_COPY = 2,
    ORI_IMPORT_MOVE = 3,    /* the original goes once the model is verified and in its place */
    ORI_IMPORT_SYMLINK = 4, /* no bytes of ours: a symbolic link to the original */
};

enum ori_import_way {
    ORI_IMPORTED_REFLINK,
    ORI_IMPORTED_HARD_LINK,
    ORI_IMPORTED_COPY,
    ORI_IMPORT_WAS_THERE,
    ORI_IMPORTED_SYMLINK
};

struct ori_import {
    const char *source;         /* absolute path of a file; links on the way are followed */
    const char *repo, *file;    /* where to keep it: "<repo>/<file>" */
    const char *hub, *revision; /* for the record; may be NULL */
    const char *sha256;         /* that it must have; may be NULL */
    enum ori_import_mode mode;
};

/* Take a model in.  The original is only read, unless the mode is MOVE.
 * ORION_E_FORMAT: no GGUF file.  ORION_E_INTEGRITY: another hash than wanted.
 * ORION_E_DENIED: another model stands at that place already. */
orion_status ori_store_import(const struct ori_store *store, const struct ori_import *what,
                              const struct ori_watch *watch, enum ori_import_way *way,
                              orion_error *err);

/* Models that other programs keep on this machine. */
enum ori_foreign_kind {
    ORI_FOREIGN_HUGGING_FACE = 0, /* models--org--name/snapshots/<commit>/, links to blobs/ */
    ORI_FOREIGN_LLAMA_CPP = 1,    /* flat, with a .json beside each file; or as above */
    ORI_FOREIGN_OLLAMA = 2,       /* manifests/host/namespace/model/tag, blobs/sha256-... */
    ORI_FOREIGN_LM_STUDIO = 3,    /* publisher/model/file.gguf */
};

struct ori_foreign {
    enum ori_foreign_kind kind;
    char *path;     /* absolute, of the bytes themselves */
    char repo[200]; /* "" when it can't be told */
    char file[ORI_NAME_PATH_MAX + 1];
    char revision[41];               /* or "" */
    char sha256[ORI_SHA256_HEX + 1]; /* that it is kept under, or "" */
    uint64_t size_bytes;
    int64_t modified_unix;
};

/* Look for models in the store of that kind at `root`, read only; add them to
 * the list.  What is malformed, unreadable or no GGUF file is passed over; a
 * root that is not there has none. */
orion_status ori_foreign_find(enum ori_foreign_kind kind, const char *root,
                              struct ori_foreign **list, size_t *n, orion_error *err);
void ori_foreign_free(struct ori_foreign *list, size_t n);

/* ---- room and order ---- */

/* The file system; 0: not known. */
struct ori_disk {
    uint64_t free_bytes, total_bytes;
};

struct ori_disk ori_store_disk(const struct ori_store *store);

struct ori_usage {
    uint64_t model_bytes;   /* their sizes; 0 of a link */
    uint64_t partial_bytes; /* on disk, of unfinished downloads and what belongs to them */
    struct ori_disk disk;
    size_t n_models, n_partials;
};

orion_status ori_store_usage(const struct ori_store *store, struct ori_usage *out,
                             orion_error *err);

/* ORION_E_NO_SPACE, with the numbers, when `needed_bytes` more would pass
 * `max_bytes`.  0: no quota. */
orion_status ori_store_check_quota(const struct ori_store *store, uint64_t max_bytes,
                                   uint64_t needed_bytes, orion_error *err);

enum ori_litter_kind {
    ORI_LITTER_PARTIAL,        /* a download that no one has worked on for long */
    ORI_LITTER_STRAY,          /* in .partial, and no usable download */
    ORI_LITTER_LOCK,           /* that no one holds */
    ORI_LITTER_RECORD,         /* of a model that is gone */
    ORI_LITTER_DAMAGED_RECORD, /* of a model that stays */
};

struct ori_litter {
    enum ori_litter_kind kind;
    char path[ORI_STORE_PATH_MAX]; /* below the root */
    uint64_t bytes;                /* on disk */
    int64_t modified_unix;
    bool removed;
};

/* Find what may go, and delete it unless `dry_run`.  Downloads go only when
 * they were not worked on for `older_than_s` seconds; no model ever goes, and
 * nothing that another process holds.  free() the array. */
orion_status ori_store_prune(const struct ori_store *store, int64_t older_than_s, bool dry_run,
                             struct ori_litter **out, size_t *n, orion_error *err);

#endif
