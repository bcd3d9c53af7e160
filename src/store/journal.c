/* The journal of an unfinished download.
 *
 * Keyed by the digest of the file, so that another token, mirror, commit or
 * name continues it.  It may claim less than is there, never more: it is
 * written only after the data that it speaks of was synced. */
#include "store/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"

#define MAX_RANGES 4096

void ori_journal_boot_id(char boot_id[40])
{
    memset(boot_id, 0, 40);
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    const ssize_t n = read(fd, boot_id, 36);
    boot_id[n == 36 ? 36 : 0] = '\0';
    (void)close(fd);
}

static void copy_text(char *field, size_t bytes, const char *text)
{
    (void)snprintf(field, bytes, "%s", text);
}

void ori_journal_init(struct ori_journal *j, const struct ori_blob *blob)
{
    *j = (struct ori_journal){.size_bytes = blob->size_bytes, .digest = blob->digest};
    ori_journal_boot_id(j->boot_id);
    copy_text(j->hub, sizeof(j->hub), blob->hub);
    copy_text(j->repo, sizeof(j->repo), blob->repo);
    copy_text(j->file, sizeof(j->file), blob->file);
    copy_text(j->revision, sizeof(j->revision), blob->revision);
}

/* "done": [[begin, end], ...], rising and within the size. */
static orion_status read_done(const json_t *done, uint64_t size_bytes, struct ori_ranges *set)
{
    json_int_t last = -1;
    size_t i;
    json_t *range;

    if (!json_is_array(done) || json_array_size(done) > MAX_RANGES)
        return ORION_E_FORMAT;
    json_array_foreach(done, i, range)
    {
        const json_t *begin = json_array_get(range, 0), *end = json_array_get(range, 1);
        if (!json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) <= last ||
            json_integer_value(begin) >= json_integer_value(end) ||
            (uint64_t)json_integer_value(end) > size_bytes)
            return ORION_E_FORMAT;
        last = json_integer_value(end);
        const orion_status status =
            ori_ranges_add(set, (uint64_t)json_integer_value(begin), (uint64_t)last);
        if (status != ORION_OK)
            return status;
    }
    return ORION_OK;
}

static json_t *write_done(const struct ori_ranges *set)
{
    json_t *done = json_array();

    for (size_t i = 0; i < set->count && i < MAX_RANGES; i++)
        if (json_array_append_new(done, json_pack("[I, I]", (json_int_t)set->list[i].begin,
                                                  (json_int_t)set->list[i].end)) != 0) {
            json_decref(done);
            return NULL;
        }
    return done;
}

static orion_status parse(json_t *json, struct ori_journal *j)
{
    uint64_t version, modified;

    if (!ori_json_u64(json, "orion_journal", &version) || version != 2 ||
        !ori_json_u64(json, "size_bytes", &j->size_bytes) ||
        !ori_json_u64(json, "inode", &j->inode) || !ori_json_u64(json, "modified_ns", &modified))
        return ORION_E_FORMAT;
    j->modified_ns = (int64_t)modified;
    j->held = json_is_true(json_object_get(json, "held"));
    const char *sha1 = ori_json_str(json, "git_sha1");
    j->digest.kind = *sha1 ? ORI_DIGEST_GIT_SHA1 : ORI_DIGEST_SHA256;
    copy_text(j->digest.hex, sizeof(j->digest.hex), *sha1 ? sha1 : ori_json_str(json, "sha256"));
    copy_text(j->boot_id, sizeof(j->boot_id), ori_json_str(json, "boot_id"));
    copy_text(j->hub, sizeof(j->hub), ori_json_str(json, "hub"));
    copy_text(j->repo, sizeof(j->repo), ori_json_str(json, "repo"));
    copy_text(j->file, sizeof(j->file), ori_json_str(json, "file"));
    copy_text(j->revision, sizeof(j->revision), ori_json_str(json, "revision"));
    copy_text(j->verified, sizeof(j->verified), ori_json_str(json, "verified"));
    j->chain = json_incref(json_object_get(json, "chain"));
    return read_done(json_object_get(json, "done"), j->size_bytes, &j->done);
}

void ori_journal_release(struct ori_journal *j)
{
    ori_ranges_release(&j->done);
    json_decref(j->chain);
    *j = (struct ori_journal){0};
}

orion_status ori_journal_read(const struct ori_store *store, const char *key,
                              struct ori_journal *out, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    json_t *json;

    *out = (struct ori_journal){0};
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".json", path);
    orion_status status = ori_sealed_read(store, path, "the journal", &json, err);
    if (status != ORION_OK)
        return status;
    status = parse(json, out);
    if (status != ORION_OK)
        ori_journal_release(out);
    if (status == ORION_E_NOMEM)
        (void)ori_fail_nomem(err, "a journal");
    else if (status != ORION_OK)
        (void)ori_fail(err, status, "the journal '%s' cannot be used", path);
    json_decref(json);
    return status;
}

json_t *ori_journal_to_json(const struct ori_journal *j, const struct ori_ranges *done,
                            const struct ori_chain *chain)
{
    return json_pack("{s:i, s:I, s:s, s:o, s:o, s:I, s:I, s:b, s:s, s:s, s:s, s:s, s:s, s:s}", //
                     "orion_journal", 2, "size_bytes", (json_int_t)j->size_bytes,
                     j->digest.kind == ORI_DIGEST_GIT_SHA1 ? "git_sha1" : "sha256", j->digest.hex,
                     "done", write_done(done), "chain", ori_chain_to_json(chain), "inode",
                     (json_int_t)j->inode, "modified_ns", (json_int_t)j->modified_ns, "held",
                     (int)j->held, "verified", j->verified, "boot_id", j->boot_id, "hub", j->hub,
                     "repo", j->repo, "file", j->file, "revision", j->revision);
}

orion_status ori_journal_write(const struct ori_store *store, const char *key, json_t *json,
                               orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];

    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".json", path);
    return ori_sealed_write(store, path, json, err);
}

orion_status ori_journal_claim(const struct ori_store *store, const char *key,
                               struct ori_journal *journal, uint64_t length)
{
    /* The note is believed by its boot; the journal always. */
    const orion_status status = ori_note_read(store, key, &journal->done);
    if (status != ORION_OK)
        return status;
    const uint64_t end = length < journal->size_bytes ? length : journal->size_bytes;
    return ori_ranges_remove(&journal->done, end, UINT64_MAX);
}

bool ori_journal_is_of(const struct ori_journal *j, const struct ori_digest *digest,
                       uint64_t size_bytes)
{
    return j->size_bytes == size_bytes && j->digest.kind == digest->kind &&
           strcmp(j->digest.hex, digest->hex) == 0;
}

bool ori_journal_matches(const struct ori_journal *j, const struct stat *st)
{
    return j->modified_ns != 0 && j->inode == (uint64_t)st->st_ino &&
           j->modified_ns == ori_stat_modified_ns(st);
}

void ori_partial_discard(const struct ori_store *store, const char *key)
{
    char path[ORI_STORE_PATH_MAX];

    /* Claims go before the bytes that they speak of, and the journal last: a
     * partial without one would be an orphan. */
    ori_note_remove(store, key);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".part", path);
    (void)ori_dir_unlink(store->fd, path);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".json", path);
    (void)ori_file_unlink(store->fd, path);
}
