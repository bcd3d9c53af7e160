/* The journal of an unfinished download.
 *
 * Keyed by the digest of the file, so that another token, mirror, commit or
 * name continues it.  It may claim less than is there, never more: it is
 * written only after the data that it speaks of was synced. */
#include "store/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/file.h"

void ori_journal_boot_id(char boot_id[40])
{
    boot_id[0] = '\0';
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

/* "done": [[begin, end], ...]; this version fills from the start, and uses
 * the range that begins there. */
static uint64_t read_done(const json_t *done)
{
    size_t i;
    json_t *range;

    json_array_foreach(done, i, range)
    {
        const json_t *begin = json_array_get(range, 0), *end = json_array_get(range, 1);
        if (json_is_integer(begin) && json_integer_value(begin) == 0 && json_is_integer(end) &&
            json_integer_value(end) > 0)
            return (uint64_t)json_integer_value(end);
    }
    return 0;
}

static bool parse(const json_t *json, struct ori_journal *j)
{
    uint64_t version;

    if (!ori_json_u64(json, "orion_journal", &version) || version != 1 ||
        !ori_json_u64(json, "size_bytes", &j->size_bytes))
        return false;
    const char *sha1 = ori_json_str(json, "git_sha1");
    j->digest.kind = *sha1 ? ORI_DIGEST_GIT_SHA1 : ORI_DIGEST_SHA256;
    copy_text(j->digest.hex, sizeof(j->digest.hex), *sha1 ? sha1 : ori_json_str(json, "sha256"));
    j->durable = read_done(json_object_get(json, "done"));
    copy_text(j->boot_id, sizeof(j->boot_id), ori_json_str(json, "boot_id"));
    copy_text(j->hub, sizeof(j->hub), ori_json_str(json, "hub"));
    copy_text(j->repo, sizeof(j->repo), ori_json_str(json, "repo"));
    copy_text(j->file, sizeof(j->file), ori_json_str(json, "file"));
    copy_text(j->revision, sizeof(j->revision), ori_json_str(json, "revision"));
    return true;
}

orion_status ori_journal_read(const struct ori_store *store, const char *key,
                              struct ori_journal *out, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];
    struct ori_buf text;

    *out = (struct ori_journal){0};
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".json", path);
    ori_buf_init(&text, ORI_STORE_RECORD_MAX);
    orion_status status = ori_file_read(store->fd, path, &text, err);
    if (status == ORION_OK) {
        json_t *json = ori_json_parse(ori_buf_text(&text), text.len, "a download's journal", err);
        if (!json || !parse(json, out)) {
            *out = (struct ori_journal){0};
            status = ori_fail(err, ORION_E_FORMAT, "the journal '%s' cannot be used", path);
        }
        json_decref(json);
    }
    ori_buf_release(&text);
    return status;
}

orion_status ori_journal_write(const struct ori_store *store, const char *key,
                               const struct ori_journal *j, orion_error *err)
{
    char path[ORI_STORE_PATH_MAX];

    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".json", path);
    json_t *json =
        json_pack("{s:i, s:I, s:s, s:[[I, I]], s:s, s:s, s:s, s:s, s:s}", //
                  "orion_journal", 1, "size_bytes", (json_int_t)j->size_bytes,
                  j->digest.kind == ORI_DIGEST_GIT_SHA1 ? "git_sha1" : "sha256", j->digest.hex,
                  "done", (json_int_t)0, (json_int_t)j->durable, "boot_id", j->boot_id, "hub",
                  j->hub, "repo", j->repo, "file", j->file, "revision", j->revision);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return ori_fail_nomem(err, "a journal");
    const orion_status status = ori_file_replace(store->fd, path, text, strlen(text), err);
    free(text);
    return status;
}

uint64_t ori_journal_claim(const struct ori_journal *journal, uint64_t length)
{
    char boot_id[40];

    ori_journal_boot_id(boot_id);
    const bool same_boot = boot_id[0] && strcmp(boot_id, journal->boot_id) == 0;
    uint64_t claim = same_boot || journal->durable > length ? length : journal->durable;
    if (claim > journal->size_bytes)
        claim = journal->size_bytes;
    return claim;
}

void ori_partial_discard(const struct ori_store *store, const char *key)
{
    char path[ORI_STORE_PATH_MAX];

    /* The journal last: a partial without one would be an orphan. */
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".part", path);
    (void)ori_dir_unlink(store->fd, path);
    ori_store_key_path(ORI_STORE_PARTIAL_DIR, key, ".json", path);
    (void)ori_file_unlink(store->fd, path);
}

/* ---- listing ---- */

static bool add(const struct ori_store *store, int dir, const char *name,
                struct ori_partial_facts *facts)
{
    char data[ORI_STORE_KEY_BYTES + 8];
    struct ori_journal journal;
    struct stat st;

    const size_t len = strlen(name);
    if (name[0] == '.' || len <= 5 || strcmp(name + len - 5, ".json") != 0 ||
        len - 5 >= sizeof(facts->key))
        return false;
    *facts = (struct ori_partial_facts){0};
    memcpy(facts->key, name, len - 5);
    (void)snprintf(data, sizeof(data), "%s.part", facts->key);
    if (fstatat(dir, data, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
        ori_journal_read(store, facts->key, &journal, NULL) != ORION_OK)
        return false;
    copy_text(facts->repo, sizeof(facts->repo), journal.repo);
    copy_text(facts->file, sizeof(facts->file), journal.file);
    facts->size_bytes = journal.size_bytes;
    facts->done_bytes = ori_journal_claim(&journal, (uint64_t)st.st_size);
    facts->modified_unix = st.st_mtim.tv_sec;
    return true;
}

orion_status ori_store_partials(const struct ori_store *store, struct ori_partial_facts **out,
                                size_t *n, orion_error *err)
{
    struct ori_partial_facts *list = NULL;
    size_t count = 0, cap = 0;
    struct dirent *entry;
    orion_status status = ORION_OK;

    *out = NULL;
    *n = 0;
    const int fd = ori_dir_open(store->fd, ORI_STORE_PARTIAL_DIR, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            (void)close(fd);
        return ORION_OK; /* none was begun, or we may not look: nothing to tell of */
    }
    while (status == ORION_OK && (entry = readdir(dir))) {
        if (count == cap) {
            cap = cap ? cap * 2 : 8;
            struct ori_partial_facts *more = realloc(list, cap * sizeof(*list));
            if (!more) {
                status = ori_fail_nomem(err, "the list of downloads");
                break;
            }
            list = more;
        }
        count += add(store, fd, entry->d_name, &list[count]);
    }
    (void)closedir(dir);
    if (status != ORION_OK) {
        free(list);
        return status;
    }
    *out = list;
    *n = count;
    return ORION_OK;
}
