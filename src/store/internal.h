/* What the files of the store room share. */
#ifndef ORI_STORE_INTERNAL_H
#define ORI_STORE_INTERNAL_H

#include <sys/stat.h>

#include "base/json.h"
#include "base/lock.h"
#include "store/chain.h"
#include "store/hasher.h"
#include "store/store.h"

#define ORI_STORE_PARTIAL_DIR ".partial"
#define ORI_STORE_LOCK_DIR ".lock"
#define ORI_STORE_KEY_BYTES 80 /* a digest's name, and NUL */
#define ORI_STORE_RECORD_MAX (64u << 10)
#define ORI_STORE_SEALED_MAX (1u << 20)
#define ORI_STORE_HASH_BYTES (256u << 10) /* read and hashed at once */

struct ori_store {
    char *root; /* "": nowhere */
    int fd;     /* of the root folder; -1: nowhere */
};

/* ---- names ---- */

/* "<sha256>" or "sha1-<git sha1>" */
void ori_store_key(const struct ori_digest *digest, char key[ORI_STORE_KEY_BYTES]);
/* ".partial/<key><ending>" and the like */
void ori_store_key_path(const char *folder, const char *key, const char *ending,
                        char path[ORI_STORE_PATH_MAX]);
/* "a/b/.c.gguf.json" for "a/b/c.gguf"; false when it would be too long */
bool ori_store_record_path(const char *path, char record[ORI_STORE_PATH_MAX]);
/* "a/b/.c.gguf.units" */
bool ori_store_units_path(const char *path, char units[ORI_STORE_PATH_MAX]);

/* ---- records ---- */

/* Fill has_record, record_damaged and record from what lies beside the model.
 * Fails only with ORION_E_NOMEM: then nothing is known, least of all damage. */
orion_status ori_record_read(const struct ori_store *store, const char *path,
                             struct ori_stored *model, orion_error *err);
/* Write the record of the model whose file, or link's target, `st` describes. */
orion_status ori_record_write(const struct ori_store *store, const char *path,
                              const struct ori_record *facts, const struct stat *st,
                              orion_error *err);
#define ORI_NS_PER_SECOND 1000000000
bool ori_record_matches(const struct ori_record *record, const struct stat *st);
int64_t ori_stat_modified_ns(const struct stat *st);

/* ---- links (link.c) ----
 *
 * The first three fail only with ORION_E_NOMEM: then nothing is known, least of
 * all that something is gone. */

/* Is the entry at `path` the link that `record` tells of? */
orion_status ori_link_is_recorded(const struct ori_store *store, const char *path,
                                  const struct ori_record *record, bool *is, orion_error *err);
/* Open the recorded target, a regular file; *fd is -1 when it is none (any more).
 * What was its name may be a link by now: that is not followed. */
orion_status ori_link_open(const struct ori_record *record, int *fd, struct stat *st,
                           orion_error *err);
/* The target's facts; *is_there is false when it is no file (any more). */
orion_status ori_link_stat(const struct ori_record *record, struct stat *st, bool *is_there,
                           orion_error *err);
/* Make the link at `place`, where nothing is, and sync its folder. */
orion_status ori_link_make(const struct ori_store *store, const char *place, const char *target,
                           orion_error *err);

/* ---- what stands at a place (look.c) ---- */

/* The facts of the entry at `path`, which `entry` describes without following
 * it.  ORION_E_NOT_FOUND when it is no model. */
orion_status ori_stored_look(const struct ori_store *store, const char *path,
                             const struct stat *entry, struct ori_stored *out, orion_error *err);
/* Open the model at `path` to read: the file, or the recorded target of a link.
 * With ORION_OK the caller closes *fd, which is -1 when that target is gone, and
 * releases *out. */
orion_status ori_stored_open(const struct ori_store *store, const char *path, int *fd,
                             struct stat *st, struct ori_stored *out, orion_error *err);

/* ---- small files with a checksum ---- */

/* ORION_E_NOT_FOUND, or ORION_E_FORMAT when it is torn; anything else says
 * nothing about the file.  *out: json_decref(). */
orion_status ori_sealed_read(const struct ori_store *store, const char *path, const char *what,
                             json_t **out, orion_error *err);
/* Takes `json` over; NULL is ORION_E_NOMEM. */
orion_status ori_sealed_write(const struct ori_store *store, const char *path, json_t *json,
                              orion_error *err);

/* ---- journals ---- */

/* What is known of an unfinished download.  `done` was synced before this was
 * written.  While the file is the one that `inode` and `modified_ns` tell of,
 * the states in `chain` are those of its bytes. */
struct ori_journal {
    uint64_t size_bytes;
    struct ori_digest digest;
    struct ori_ranges done;
    json_t *chain; /* as read; NULL otherwise */
    uint64_t inode;
    int64_t modified_ns;               /* 0: it was being written to */
    bool held;                         /* complete and verified; */
    char verified[ORI_SHA256_HEX + 1]; /* then its SHA-256 */
    char boot_id[40];
    char hub[256], repo[200], file[ORI_NAME_PATH_MAX + 1], revision[41];
};

/* The facts of the blob, by this boot; nothing done. */
void ori_journal_init(struct ori_journal *journal, const struct ori_blob *blob);
void ori_journal_release(struct ori_journal *journal);
/* ORION_E_NOT_FOUND or ORION_E_FORMAT when there is none that can be used;
 * whoever fails in another way must take it to be good.  Nothing to release
 * then. */
orion_status ori_journal_read(const struct ori_store *store, const char *key,
                              struct ori_journal *out, orion_error *err);
json_t *ori_journal_to_json(const struct ori_journal *journal, const struct ori_ranges *done,
                            const struct ori_chain *chain);
/* Takes `json` over. */
orion_status ori_journal_write(const struct ori_store *store, const char *key, json_t *json,
                               orion_error *err);
/* Add to `done` what the note vouches for, and cut it to the file's length. */
orion_status ori_journal_claim(const struct ori_store *store, const char *key,
                               struct ori_journal *journal, uint64_t length);
bool ori_journal_is_of(const struct ori_journal *journal, const struct ori_digest *digest,
                       uint64_t size_bytes);
/* Is the file the one, and unchanged, that the journal was written about? */
bool ori_journal_matches(const struct ori_journal *journal, const struct stat *st);
/* "" when the system does not say. */
void ori_journal_boot_id(char boot_id[40]);

/* Delete a partial file, its note and its journal. */
void ori_partial_discard(const struct ori_store *store, const char *key);
/* What an import to that place is locked by. */
void ori_import_key(const char *place, char key[ORI_STORE_KEY_BYTES]);

/* ---- notes: what is newer than the journal, within this boot ---- */

/* Add what it vouches for; ORION_E_NOMEM when that can't be held. */
orion_status ori_note_read(const struct ori_store *store, const char *key, struct ori_ranges *set);
int ori_note_open(const struct ori_store *store, const char *key); /* -1 and errno */
bool ori_note_write(int fd, uint64_t turn, const char boot_id[40], const struct ori_ranges *set);
void ori_note_remove(const struct ori_store *store, const char *key);

/* ---- publishing ---- */

/* What ori_partial_publish() does once the bytes were found right.  `chain` is
 * kept beside the record when it holds more than one unit. */
orion_status ori_publish(const struct ori_store *store, const char *key, const char *place, int fd,
                         const struct ori_record *facts, const struct ori_chain *chain,
                         orion_error *err);
void ori_publish_facts(const struct ori_journal *journal, const char *sha256,
                       struct ori_record *facts);

/* ---- the states of a model's hash, kept beside it ---- */

/* Removes it when there is only one unit. */
orion_status ori_units_write(const struct ori_store *store, const char *path, const char *sha256,
                             const struct ori_chain *chain, orion_error *err);
/* Into `chain`, which was initialised, when it is of the model with that hash.
 * Fails only with ORION_E_NOMEM. */
orion_status ori_units_read(const struct ori_store *store, const char *path, const char *sha256,
                            struct ori_chain *chain, orion_error *err);
void ori_units_remove(const struct ori_store *store, const char *path);

/* Hash the file unit by unit.  Where the chain knows the state after a unit and
 * it differs, the unit goes into `damaged` and the hash continues from the
 * state that was to be; where it does not, the chain learns it.  *met: the
 * wanted digest came out at the end. */
orion_status ori_chain_check(int fd, struct ori_chain *chain, const struct ori_digest *wanted,
                             const struct ori_watch *watch, struct ori_ranges *damaged, bool *met,
                             char sha256[ORI_SHA256_HEX + 1], orion_error *err);

/* ---- the rest ---- */

/* ---- room ---- */

/* Would `missing` more bytes of a file of `size_bytes` fit where `fd` is? */
orion_status ori_room_for(const struct ori_store *store, int fd, const char *file,
                          uint64_t size_bytes, uint64_t missing, orion_error *err);

/* ---- sets ---- */

/* The places of files that wait for others of their set, in *out;
 * json_decref().  Sets that a crash left half done are completed first, as far
 * as they can be.  Fails only with ORION_E_NOMEM, and *out is NULL. */
orion_status ori_set_hidden(const struct ori_store *store, json_t **out, orion_error *err);
/* The set that a place is in is no longer wanted. */
orion_status ori_set_forget(const struct ori_store *store, const char *place, orion_error *err);

/* Whatever forbids to write there, say where. */
orion_status ori_cannot_write(const struct ori_store *store, const orion_error *why,
                              orion_error *err);
/* .partial and .lock */
orion_status ori_store_make_folders(const struct ori_store *store, orion_error *err);

#endif
