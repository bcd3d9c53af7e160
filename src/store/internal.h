/* What the files of the store room share. */
#ifndef ORI_STORE_INTERNAL_H
#define ORI_STORE_INTERNAL_H

#include <sys/stat.h>

#include "base/json.h"
#include "base/lock.h"
#include "store/hasher.h"
#include "store/store.h"

#define ORI_STORE_PARTIAL_DIR ".partial"
#define ORI_STORE_LOCK_DIR ".lock"
#define ORI_STORE_KEY_BYTES 80 /* a digest's name, and NUL */
#define ORI_STORE_RECORD_MAX (64u << 10)

struct ori_store {
    char *root;
    int fd; /* of the root folder */
};

/* ---- names ---- */

/* "<sha256>" or "sha1-<git sha1>" */
void ori_store_key(const struct ori_digest *digest, char key[ORI_STORE_KEY_BYTES]);
/* ".partial/<key><ending>" and the like */
void ori_store_key_path(const char *folder, const char *key, const char *ending,
                        char path[ORI_STORE_PATH_MAX]);
/* "a/b/.c.gguf.json" for "a/b/c.gguf"; false when it would be too long */
bool ori_store_record_path(const char *path, char record[ORI_STORE_PATH_MAX]);

/* ---- records ---- */

/* Fill has_record, record_damaged and record from what lies beside the model. */
void ori_record_read(const struct ori_store *store, const char *path, struct ori_stored *model);
/* Write the record of the model whose file `st` describes. */
orion_status ori_record_write(const struct ori_store *store, const char *path,
                              const struct ori_record *facts, const struct stat *st,
                              orion_error *err);
bool ori_record_matches(const struct ori_record *record, const struct stat *st);
int64_t ori_stat_modified_ns(const struct stat *st);

/* ---- journals ---- */

/* What is known of an unfinished download.  `durable` bytes were synced before
 * this was written.  Within the boot that `boot_id` names, the file's length
 * may be trusted too: what a killed process wrote is in the page cache. */
struct ori_journal {
    uint64_t size_bytes, durable;
    struct ori_digest digest;
    char boot_id[40];
    char hub[256], repo[200], file[ORI_NAME_PATH_MAX + 1], revision[41];
};

/* ORION_E_NOT_FOUND or ORION_E_FORMAT when there is none that can be used. */
orion_status ori_journal_read(const struct ori_store *store, const char *key,
                              struct ori_journal *out, orion_error *err);
orion_status ori_journal_write(const struct ori_store *store, const char *key,
                               const struct ori_journal *journal, orion_error *err);
/* "" when the system does not say. */
void ori_journal_boot_id(char boot_id[40]);
/* Bytes that may be continued from, when the file is `length` long. */
uint64_t ori_journal_claim(const struct ori_journal *journal, uint64_t length);

/* Delete a partial file and its journal. */
void ori_partial_discard(const struct ori_store *store, const char *key);

/* ---- the rest ---- */

/* Feed bytes [from, to) of the file to the hasher. */
orion_status ori_hash_range(int fd, uint64_t from, uint64_t to, struct ori_hasher *hasher,
                            const struct ori_watch *watch, orion_error *err);

/* What ori_partial_publish() does once the bytes were found right. */
orion_status ori_publish(const struct ori_store *store, const char *key, const char *place, int fd,
                         const struct ori_record *facts, orion_error *err);

#endif
