/* The record beside a model: where it came from, and which bytes it had. */
#include "store/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"

int64_t ori_stat_modified_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * ORI_NS_PER_SECOND + st->st_mtim.tv_nsec;
}

bool ori_record_matches(const struct ori_record *record, const struct stat *st)
{
    return record->size_bytes == (uint64_t)st->st_size && record->inode == (uint64_t)st->st_ino &&
           record->modified_ns == ori_stat_modified_ns(st);
}

static bool take_text(char *field, size_t bytes, const json_t *object, const char *key)
{
    const char *text = ori_json_str(object, key);
    const size_t len = strlen(text);
    if (len >= bytes)
        return false;
    memcpy(field, text, len + 1);
    return true;
}

static bool parse(const json_t *json, struct ori_record *r)
{
    uint64_t version, verified, modified;

    if (!ori_json_u64(json, "orion_record", &version) || version != 1 ||
        !ori_json_u64(json, "size_bytes", &r->size_bytes) ||
        !ori_json_u64(json, "verified_unix", &verified) ||
        !ori_json_u64(json, "inode", &r->inode) || !ori_json_u64(json, "modified_ns", &modified))
        return false;
    r->verified_unix = (int64_t)verified;
    r->modified_ns = (int64_t)modified;
    return take_text(r->hub, sizeof(r->hub), json, "hub") &&
           take_text(r->repo, sizeof(r->repo), json, "repo") &&
           take_text(r->file, sizeof(r->file), json, "file") &&
           take_text(r->revision, sizeof(r->revision), json, "revision") &&
           take_text(r->sha256, sizeof(r->sha256), json, "sha256") &&
           ori_sha256_is_hex(r->sha256) && take_text(r->link, sizeof(r->link), json, "link") &&
           (!*r->link || *r->link == '/');
}

orion_status ori_record_read(const struct ori_store *store, const char *path,
                             struct ori_stored *model, orion_error *err)
{
    char where[ORI_STORE_PATH_MAX];
    struct ori_buf text;
    json_t *json = NULL;

    model->has_record = model->record_damaged = false;
    model->record = (struct ori_record){0};
    if (!ori_store_record_path(path, where))
        return ORION_OK;
    ori_buf_init(&text, ORI_STORE_RECORD_MAX);
    orion_status status = ori_file_read(store->fd, where, &text, NULL);
    if (status == ORION_OK)
        status = ori_json_parse(ori_buf_text(&text), text.len, "a record", &json, NULL);
    ori_buf_release(&text);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "a record");
    if (status == ORION_E_NOT_FOUND)
        return ORION_OK;
    model->has_record = json && parse(json, &model->record);
    /* What can't be read is not damaged: it may be whole the next time. */
    model->record_damaged = !model->has_record && (status == ORION_OK || status == ORION_E_FORMAT);
    if (!model->has_record)
        model->record = (struct ori_record){0};
    json_decref(json);
    return ORION_OK;
}

/* NULL when memory is short: "s*" of json_pack() would leave the link out then. */
static json_t *to_json(const struct ori_record *facts, const struct stat *st)
{
    json_t *json =
        json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", //
                  "orion_record", 1, "hub", facts->hub, "repo", facts->repo, "file", facts->file,
                  "revision", facts->revision, "sha256", facts->sha256, "size_bytes",
                  (json_int_t)st->st_size, "verified_unix", (json_int_t)time(NULL), "inode",
                  (json_int_t)st->st_ino, "modified_ns", (json_int_t)ori_stat_modified_ns(st));
    if (!json || !*facts->link || json_object_set_new(json, "link", json_string(facts->link)) == 0)
        return json;
    json_decref(json);
    return NULL;
}

orion_status ori_record_write(const struct ori_store *store, const char *path,
                              const struct ori_record *facts, const struct stat *st,
                              orion_error *err)
{
    char where[ORI_STORE_PATH_MAX];

    if (!ori_store_record_path(path, where))
        return ori_fail(err, ORION_E_FORMAT, "the name '%.200s' is too long", path);
    json_t *json = to_json(facts, st);
    struct ori_buf text;
    ori_buf_init(&text, ORI_STORE_RECORD_MAX);
    orion_status status = ori_json_write(json, JSON_INDENT(2), &text);
    json_decref(json);
    if (status == ORION_OK)
        status = ori_file_replace(store->fd, where, text.data, text.len, err);
    else
        status = ori_fail_nomem(err, "a record");
    ori_buf_release(&text);
    return status;
}
