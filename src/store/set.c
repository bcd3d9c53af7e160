/* Files that belong together become visible together.
 *
 * Each is verified and held.  Then a list of them is written, synced, and the
 * files are put in their places one by one; then the list goes.  While it is
 * there none of them is shown.  After a crash in between the list says what
 * remains to be done, and whoever looks next does it. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"

static orion_status take_key(const struct ori_store *store, const char *key, const char *ending,
                             struct ori_lock *lock, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    long holder;

    orion_status status = ori_store_make_folders(store, err);
    if (status != ORION_OK)
        return status;
    ori_store_key_path(ORI_STORE_LOCK_DIR, key, ending, path);
    status = ori_lock_try(store->fd, path, lock, &holder, err);
    if (status == ORION_E_BUSY)
        return ori_fail(err, status, "process %ld works on this download", holder);
    return status;
}

/* Only a lack of memory matters; any other failure means that it is not there. */
static orion_status or_absent(orion_status status)
{
    return status == ORION_E_NOMEM ? status : ORION_OK;
}

/* A held download; *fd is -1 when it is none.  The caller closes it, and
 * releases the journal in any case. */
static orion_status open_held(const struct ori_store *store, const char *key, int *fd,
                              struct ori_journal *journal, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    struct stat st;

    *fd = -1;
    const orion_status status = ori_journal_read(store, key, journal, err);
    if (status != ORION_OK)
        return or_absent(status);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".part", path);
    *fd = journal->held ? ori_dir_open(store->fd, path, O_RDONLY, 0) : -1;
    if (*fd >= 0 && fstat(*fd, &st) == 0 && ori_journal_matches(journal, &st))
        return ORION_OK;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    return ORION_OK;
}

static orion_status is_there(const struct ori_store *store, const char *place, const char *sha256,
                             bool *there, orion_error *err)
{
    struct ori_stored model;

    *there = false;
    const orion_status status = ori_store_look(store, place, &model, err);
    if (status != ORION_OK)
        return or_absent(status);
    *there = model.intact && strcmp(model.record.sha256, sha256) == 0;
    ori_stored_release(&model);
    return ORION_OK;
}

/* The file was put in its place, and the crash came before its record. */
static orion_status has_by_journal(const struct ori_store *store, const struct ori_journal *j,
                                   bool *has, orion_error *err)
{
    const struct ori_blob blob = {.hub = j->hub,
                                  .repo = j->repo,
                                  .file = j->file,
                                  .revision = j->revision,
                                  .size_bytes = j->size_bytes,
                                  .digest = j->digest};
    *has = false;
    return *j->repo ? or_absent(ori_store_has(store, &blob, NULL, has, err)) : ORION_OK;
}

static orion_status publish_held(const struct ori_store *store, const char *key, const char *place,
                                 int fd, const struct ori_journal *journal, orion_error *err)
{
    struct ori_record facts;
    struct ori_chain chain;

    orion_status status = ori_chain_init(&chain, journal->digest.kind, journal->size_bytes, err);
    if (status != ORION_OK)
        return status;
    ori_chain_from_json(&chain, journal->chain);
    ori_publish_facts(journal, journal->verified, &facts);
    status = ori_publish(store, key, place, fd, &facts, &chain, err);
    ori_chain_release(&chain);
    return status;
}

static orion_status not_complete(const char *file, orion_error *err)
{
    return ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, file, "'%s' is not complete yet",
                       file);
}

static orion_status settle_file(const struct ori_store *store, const json_t *file, orion_error *err)
{
    const char *key = ori_json_str(file, "key"), *place = ori_json_str(file, "place");
    const char *sha256 = ori_json_str(file, "sha256");
    struct ori_journal journal;
    struct ori_lock lock;
    bool there;
    int fd;

    orion_status status = is_there(store, place, sha256, &there, err);
    if (status != ORION_OK || there)
        return status;
    status = take_key(store, key, ".lock", &lock, err);
    if (status != ORION_OK)
        return status;
    status = open_held(store, key, &fd, &journal, err);
    if (status == ORION_OK && fd >= 0 && strcmp(journal.verified, sha256) == 0) {
        status = publish_held(store, key, place, fd, &journal, err);
    } else if (status == ORION_OK) {
        status = has_by_journal(store, &journal, &there, err);
        if (status == ORION_OK && there)
            ori_partial_discard(store, key);
        else if (status == ORION_OK)
            status = not_complete(place, err);
    }
    if (fd >= 0)
        (void)close(fd);
    ori_journal_release(&journal);
    ori_lock_release(&lock);
    return status;
}

/* Names in a set come from a file: they are checked like any others. */
static bool is_sound(const json_t *file)
{
    const char *key = ori_json_str(file, "key"), *place = ori_json_str(file, "place");
    return strlen(key) < ORI_STORE_KEY_BYTES && ori_name_part_ok(key, strlen(key)) &&
           ori_name_path_ok(place) && strchr(place, '/') && ori_name_is_gguf(place) &&
           ori_sha256_is_hex(ori_json_str(file, "sha256"));
}

static orion_status settle(const struct ori_store *store, const char *set_path, const json_t *set,
                           orion_error *err)
{
    const json_t *files = json_object_get(set, "files");
    orion_status status = ORION_OK;
    const json_t *file;
    size_t i;

    json_array_foreach(files, i, file)
    {
        if (status == ORION_OK)
            status = is_sound(file) ? settle_file(store, file, err)
                                    : ori_fail(err, ORION_E_FORMAT, "'%s' is damaged", set_path);
    }
    if (status == ORION_OK)
        (void)ori_dir_unlink(store->fd, set_path);
    return status;
}

/* ---- making a set ---- */

/* The hash of a file that is in its place; "" when it is not. */
static orion_status hash_in_place(const struct ori_store *store, const struct ori_blob *blob,
                                  const char *place, char sha256[ORI_SHA256_HEX + 1],
                                  orion_error *err)
{
    struct ori_stored model;
    bool has = false;

    sha256[0] = '\0';
    orion_status status = or_absent(ori_store_has(store, blob, NULL, &has, err));
    if (status != ORION_OK || !has)
        return status;
    status = ori_store_look(store, place, &model, err);
    if (status != ORION_OK)
        return or_absent(status);
    memcpy(sha256, model.record.sha256, sizeof(model.record.sha256));
    ori_stored_release(&model);
    return ORION_OK;
}

/* Add to `files` what the set says of one file: it is there, or held. */
static orion_status describe(const struct ori_store *store, const struct ori_blob *blob,
                             json_t *files, orion_error *err)
{
    char key[ORI_STORE_KEY_BYTES], place[ORI_STORE_PATH_MAX], sha256[ORI_SHA256_HEX + 1];
    struct ori_journal journal;
    int fd;

    orion_status status = ori_store_place(blob->repo, blob->file, place, err);
    if (status != ORION_OK)
        return status;
    ori_store_key(&blob->digest, key);
    status = open_held(store, key, &fd, &journal, err);
    if (fd >= 0) {
        memcpy(sha256, journal.verified, sizeof(sha256));
        (void)close(fd);
    } else if (status == ORION_OK) {
        status = hash_in_place(store, blob, place, sha256, err);
    }
    ori_journal_release(&journal);
    if (status != ORION_OK)
        return status;
    if (!ori_sha256_is_hex(sha256))
        return not_complete(blob->file, err);
    return json_array_append_new(files, json_pack("{s:s, s:s, s:s}", "key", key, "place", place,
                                                  "sha256", sha256)) == 0
               ? ORION_OK
               : ori_fail_nomem(err, "a set of files");
}

static orion_status describe_all(const struct ori_store *store, const struct ori_blob *blobs,
                                 size_t n, json_t **out, orion_error *err)
{
    json_t *files = json_array();
    orion_status status = files ? ORION_OK : ori_fail_nomem(err, "a set of files");

    *out = NULL;
    for (size_t i = 0; i < n && status == ORION_OK; i++)
        status = describe(store, &blobs[i], files, err);
    if (status != ORION_OK) {
        json_decref(files);
        return status;
    }
    *out = json_pack("{s:i, s:o}", "orion_set", 1, "files", files);
    return *out ? ORION_OK : ori_fail_nomem(err, "a set of files");
}

orion_status ori_store_publish_set(const struct ori_store *store, const struct ori_blob *blobs,
                                   size_t n, orion_error *err)
{
    char key[ORI_STORE_KEY_BYTES], path[ORI_STORE_PATH_MAX];
    struct ori_lock lock;
    json_t *set;

    if (n == 0)
        return ORION_OK;
    ori_store_key(&blobs[0].digest, key);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".set", path);
    orion_status status = take_key(store, key, ".set", &lock, err);
    if (status != ORION_OK)
        return status;
    status = describe_all(store, blobs, n, &set, err);
    if (status == ORION_OK)
        status = ori_sealed_write(store, path, json_incref(set), err);
    if (status == ORION_OK)
        status = settle(store, path, set, err);
    json_decref(set);
    ori_lock_release(&lock);
    return status;
}

/* ---- sets that are there ---- */

/* Call `visit` with each set, as long as it succeeds.  Sets that can't be read
 * are passed over, unless memory is short. */
static orion_status each_set(const struct ori_store *store, void *self,
                             orion_status (*visit)(void *self, const char *key, const char *path,
                                                   json_t *set),
                             orion_error *err)
{
    struct dirent *entry;
    json_t *set;
    orion_status status = ORION_OK;

    const int fd = ori_dir_open(store->fd, ORI_STORE_PARTIAL_DIR, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = ori_dir_list(fd);
    if (!dir)
        return errno == ENOMEM ? ori_fail_nomem(err, "a set of files") : ORION_OK;
    while (status == ORION_OK && (entry = readdir(dir))) {
        char key[ORI_STORE_KEY_BYTES], path[ORI_STORE_PATH_MAX];
        const size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || len <= 4 || len - 4 >= sizeof(key) ||
            strcmp(entry->d_name + len - 4, ".set") != 0)
            continue;
        memcpy(key, entry->d_name, len - 4);
        key[len - 4] = '\0';
        ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".set", path);
        status = or_absent(ori_sealed_read(store, path, "a set of files", &set, NULL));
        if (set)
            status = visit(self, key, path, set);
        json_decref(set);
    }
    (void)closedir(dir);
    return status == ORION_OK ? ORION_OK : ori_fail_nomem(err, "a set of files");
}

struct hiding {
    const struct ori_store *store;
    json_t *places;
};

static orion_status hide(void *self, const char *key, const char *path, json_t *set)
{
    const struct hiding *h = self;
    struct ori_lock lock;
    size_t i;
    const json_t *file;

    orion_status status = take_key(h->store, key, ".set", &lock, NULL);
    if (status == ORION_OK) {
        status = settle(h->store, path, set, NULL);
        ori_lock_release(&lock);
    }
    if (status == ORION_OK || status == ORION_E_NOMEM)
        return status;
    json_array_foreach(json_object_get(set, "files"), i, file)
    {
        /* Of JSON's failures the one that remains: its strings are UTF-8. */
        if (json_object_set_new(h->places, ori_json_str(file, "place"), json_true()) != 0)
            return ORION_E_NOMEM;
    }
    return ORION_OK;
}

orion_status ori_set_hidden(const struct ori_store *store, json_t **out, orion_error *err)
{
    struct hiding h = {.store = store, .places = json_object()};

    *out = NULL;
    const orion_status status =
        h.places ? each_set(store, &h, hide, err) : ori_fail_nomem(err, "a set of files");
    if (status == ORION_OK)
        *out = h.places;
    else
        json_decref(h.places);
    return status;
}

struct forgetting {
    const struct ori_store *store;
    const char *place;
};

static orion_status forget(void *self, const char *key, const char *path, json_t *set)
{
    const struct forgetting *f = self;
    size_t i;
    const json_t *file;

    (void)key;
    json_array_foreach(json_object_get(set, "files"), i, file)
    {
        if (strcmp(ori_json_str(file, "place"), f->place) == 0)
            (void)ori_dir_unlink(f->store->fd, path);
    }
    return ORION_OK;
}

orion_status ori_set_forget(const struct ori_store *store, const char *place, orion_error *err)
{
    struct forgetting f = {.store = store, .place = place};
    return each_set(store, &f, forget, err);
}
