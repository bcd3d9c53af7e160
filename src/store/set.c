/* Files that belong together become visible together.
 *
 * Each is verified and held.  Then a list of them is written, synced, and the
 * files are put in their places one by one; then the list goes.  While it is
 * there none of them is shown.  After a crash in between the list says what
 * remains to be done, and whoever looks next does it. */
#include "store/internal.h"

#include <dirent.h>
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

/* A held download; the caller closes *fd and releases the journal. */
static bool open_held(const struct ori_store *store, const char *key, int *fd,
                      struct ori_journal *journal)
{
    char path[ORI_STORE_PATH_MAX];
    struct stat st;

    if (ori_journal_read(store, key, journal, NULL) != ORION_OK)
        return false;
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".part", path);
    *fd = journal->held ? ori_dir_open(store->fd, path, O_RDONLY, 0) : -1;
    if (*fd >= 0 && fstat(*fd, &st) == 0 && ori_journal_matches(journal, &st))
        return true;
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
    return false; /* the journal was read all the same: it is released by the caller */
}

static bool is_there(const struct ori_store *store, const char *place, const char *sha256)
{
    struct ori_stored model;

    if (ori_store_look(store, place, &model, NULL) != ORION_OK)
        return false;
    const bool there = model.intact && strcmp(model.record.sha256, sha256) == 0;
    ori_stored_release(&model);
    return there;
}

/* The file was put in its place, and the crash came before its record. */
static bool has_by_journal(const struct ori_store *store, const struct ori_journal *j)
{
    const struct ori_blob blob = {.hub = j->hub,
                                  .repo = j->repo,
                                  .file = j->file,
                                  .revision = j->revision,
                                  .size_bytes = j->size_bytes,
                                  .digest = j->digest};
    bool has = false;
    return *j->repo && ori_store_has(store, &blob, NULL, &has, NULL) == ORION_OK && has;
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

static orion_status settle_file(const struct ori_store *store, const json_t *file, orion_error *err)
{
    const char *key = ori_json_str(file, "key"), *place = ori_json_str(file, "place");
    const char *sha256 = ori_json_str(file, "sha256");
    struct ori_journal journal;
    struct ori_lock lock;
    int fd = -1;

    if (is_there(store, place, sha256))
        return ORION_OK;
    orion_status status = take_key(store, key, ".lock", &lock, err);
    if (status != ORION_OK)
        return status;
    if (open_held(store, key, &fd, &journal) && strcmp(journal.verified, sha256) == 0) {
        status = publish_held(store, key, place, fd, &journal, err);
    } else if (has_by_journal(store, &journal)) {
        ori_partial_discard(store, key);
    } else {
        status = ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, place,
                             "'%s' is not complete yet", place);
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

/* What the set says of one file: it is there, or held. */
static json_t *describe(const struct ori_store *store, const struct ori_blob *blob,
                        orion_error *err)
{
    char key[ORI_STORE_KEY_BYTES], place[ORI_STORE_PATH_MAX];
    char sha256[ORI_SHA256_HEX + 1] = "";
    struct ori_journal journal;
    struct ori_stored model;
    bool has = false;
    int fd = -1;

    if (ori_store_place(blob->repo, blob->file, place, err) != ORION_OK)
        return NULL;
    ori_store_key(&blob->digest, key);
    if (open_held(store, key, &fd, &journal)) {
        memcpy(sha256, journal.verified, sizeof(sha256));
        (void)close(fd);
    } else if (ori_store_has(store, blob, NULL, &has, NULL) == ORION_OK && has &&
               ori_store_look(store, place, &model, NULL) == ORION_OK) {
        memcpy(sha256, model.record.sha256, sizeof(sha256));
        ori_stored_release(&model);
    }
    ori_journal_release(&journal);
    if (!ori_sha256_is_hex(sha256)) {
        (void)ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, blob->file,
                          "'%s' is not complete yet", blob->file);
        return NULL;
    }
    json_t *file = json_pack("{s:s, s:s, s:s}", "key", key, "place", place, "sha256", sha256);
    if (!file)
        (void)ori_fail_nomem(err, "a set of files");
    return file;
}

static orion_status describe_all(const struct ori_store *store, const struct ori_blob *blobs,
                                 size_t n, json_t **out, orion_error *err)
{
    orion_error why = {.status = ORION_OK};
    json_t *files = json_array();

    *out = NULL;
    for (size_t i = 0; i < n && files; i++) {
        if (json_array_append_new(files, describe(store, &blobs[i], &why)) == 0)
            continue;
        json_decref(files);
        if (err)
            *err = why;
        return why.status;
    }
    *out = files ? json_pack("{s:i, s:o}", "orion_set", 1, "files", files) : NULL;
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

/* Call `visit` with each set. */
static void each_set(const struct ori_store *store, void *self,
                     void (*visit)(void *self, const char *key, const char *path, json_t *set))
{
    struct dirent *entry;
    json_t *set;

    const int fd = ori_dir_open(store->fd, ORI_STORE_PARTIAL_DIR, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return;
    }
    while ((entry = readdir(dir))) {
        char key[ORI_STORE_KEY_BYTES], path[ORI_STORE_PATH_MAX];
        const size_t len = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || len <= 4 || len - 4 >= sizeof(key) ||
            strcmp(entry->d_name + len - 4, ".set") != 0)
            continue;
        memcpy(key, entry->d_name, len - 4);
        key[len - 4] = '\0';
        ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".set", path);
        if (ori_sealed_read(store, path, "a set of files", &set, NULL) != ORION_OK)
            continue;
        visit(self, key, path, set);
        json_decref(set);
    }
    (void)closedir(dir);
}

struct hiding {
    const struct ori_store *store;
    json_t *places;
};

static void hide(void *self, const char *key, const char *path, json_t *set)
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
    if (status == ORION_OK)
        return;
    json_array_foreach(json_object_get(set, "files"), i, file)
    {
        (void)json_object_set_new(h->places, ori_json_str(file, "place"), json_true());
    }
}

json_t *ori_set_hidden(const struct ori_store *store)
{
    struct hiding h = {.store = store, .places = json_object()};
    each_set(store, &h, hide);
    return h.places;
}

struct forgetting {
    const struct ori_store *store;
    const char *place;
};

static void forget(void *self, const char *key, const char *path, json_t *set)
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
}

void ori_set_forget(const struct ori_store *store, const char *place)
{
    struct forgetting f = {.store = store, .place = place};
    each_set(store, &f, forget);
}
