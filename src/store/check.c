/* Is a model on disk what its record, or its publisher, says? */
#include "store/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Like ori_chain_check(), with what was kept of the model's hash when that is
 * the wanted one; without that, all of a damaged file is damaged. */
static orion_status hash_file(const struct ori_store *store, const char *path, int fd,
                              uint64_t size, const struct ori_digest *wanted,
                              const struct ori_watch *watch, struct ori_ranges *damaged,
                              char sha256[ORI_SHA256_HEX + 1], orion_error *err)
{
    struct ori_chain chain;
    bool met;

    orion_status status = ori_chain_init(&chain, wanted->kind, size, err);
    if (status == ORION_OK && wanted->kind == ORI_DIGEST_SHA256)
        status = ori_units_read(store, path, wanted->hex, &chain, err);
    const bool located = chain.known == chain.n_units && chain.n_units > 1;
    if (status == ORION_OK)
        status = ori_chain_check(fd, &chain, wanted, watch, damaged, &met, sha256, err);
    if (status == ORION_OK && damaged->count > 0 && !located)
        status = ori_ranges_add(damaged, 0, size);
    ori_chain_release(&chain);
    return status;
}

static orion_status is_damaged(const char *path, const struct ori_ranges *damaged,
                               const struct ori_record *record, orion_error *err)
{
    const uint64_t bytes = ori_ranges_total(damaged);

    if (*record->link)
        return ori_fail_at(
            err, ORION_E_INTEGRITY, damaged->list[0].begin, path,
            "'%.120s' is a link to '%.150s', whose bytes are not those that were imported; "
            "repair or pull the model to have a copy of its own, or remove it",
            path, record->link);
    if (bytes < record->size_bytes)
        return ori_fail_at(err, ORION_E_INTEGRITY, damaged->list[0].begin, path,
                           "'%s' is damaged: %" PRIu64 " MB of it, from byte %" PRIu64
                           " on, are not what was pulled; repair it or pull it again",
                           path, (bytes + 999999) / 1000000, damaged->list[0].begin);
    return ori_fail_at(err, ORION_E_INTEGRITY, ORION_NO_OFFSET, path,
                       "'%s' is damaged: its SHA-256 is not what it was when it was pulled; pull "
                       "it again",
                       path);
}

/* A file that became shorter, or longer, is damaged from where it ends. */
static orion_status verify_bytes(const struct ori_store *store, const struct ori_stored *model,
                                 int fd, const struct ori_watch *watch, struct ori_ranges *damaged,
                                 orion_error *err)
{
    const struct ori_record *record = &model->record;
    struct ori_digest wanted = {.kind = ORI_DIGEST_SHA256};
    char sha256[ORI_SHA256_HEX + 1];
    const bool is_gone = model->link == ORI_LINK_GONE;

    memcpy(wanted.hex, record->sha256, sizeof(wanted.hex));
    orion_status status =
        !is_gone && model->size_bytes == record->size_bytes
            ? hash_file(store, model->path, fd, model->size_bytes, &wanted, watch, damaged, sha256,
                        err)
            : ori_ranges_add(damaged, 0, record->size_bytes ? record->size_bytes : 1);
    if (status == ORION_OK && is_gone)
        status = ori_store_check_link(model, err);
    else if (status == ORION_OK && damaged->count > 0)
        status = is_damaged(model->path, damaged, record, err);
    return status;
}

orion_status ori_store_verify(const struct ori_store *store, const char *path,
                              const struct ori_watch *watch, struct ori_ranges *damaged,
                              orion_error *err)
{
    struct ori_ranges found = {0};
    struct ori_stored model = {0};
    struct stat st;
    int fd;

    if (damaged)
        *damaged = found;
    orion_status status = ori_stored_open(store, path, &fd, &st, &model, err);
    if (status != ORION_OK)
        return status;
    if (!model.has_record)
        status = ori_fail_at(err, ORION_E_UNSUPPORTED, ORION_NO_OFFSET, path,
                             model.record_damaged
                                 ? "the record of '%s' is damaged, so there is nothing to compare "
                                   "with; pull the model again"
                                 : "no hash was recorded for '%s': it was not pulled from a hub",
                             path);
    if (status == ORION_OK)
        status = verify_bytes(store, &model, fd, watch, &found, err);
    if (status == ORION_OK) /* a store that can't be written to is still verified */
        (void)ori_record_write(store, path, &model.record, &st, NULL);
    if (status == ORION_E_INTEGRITY && damaged)
        *damaged = found;
    else
        ori_ranges_release(&found);
    ori_stored_release(&model);
    if (fd >= 0)
        (void)close(fd);
    return status;
}

/* Of a link it is the blob that is told anew, not where the link leads. */
static void renew_record(struct ori_record *record, const struct ori_blob *blob, const char *sha256)
{
    (void)snprintf(record->hub, sizeof(record->hub), "%s", blob->hub);
    (void)snprintf(record->repo, sizeof(record->repo), "%s", blob->repo);
    (void)snprintf(record->file, sizeof(record->file), "%s", blob->file);
    (void)snprintf(record->revision, sizeof(record->revision), "%s", blob->revision);
    memcpy(record->sha256, sha256, sizeof(record->sha256));
}

orion_status ori_store_has(const struct ori_store *store, const struct ori_blob *blob,
                           const struct ori_watch *watch, bool *has, orion_error *err)
{
    char place[ORI_STORE_PATH_MAX], sha256[ORI_SHA256_HEX + 1];
    struct ori_ranges damaged = {0};
    struct ori_stored model = {0};
    struct stat st;
    int fd;

    *has = false;
    orion_status status = ori_store_place(blob->repo, blob->file, place, err);
    if (status != ORION_OK)
        return status;
    status = ori_stored_open(store, place, &fd, &st, &model, err);
    if (status != ORION_OK)
        return status == ORION_E_NOT_FOUND ? ORION_OK : status;
    if (model.link == ORI_LINK_GONE || model.size_bytes != blob->size_bytes)
        goto done;
    bool same = model.intact && blob->digest.kind == ORI_DIGEST_SHA256 &&
                strcmp(model.record.sha256, blob->digest.hex) == 0;
    if (same)
        memcpy(sha256, model.record.sha256, sizeof(sha256));
    else
        status = hash_file(store, place, fd, model.size_bytes, &blob->digest, watch, &damaged,
                           sha256, err);
    same |= status == ORION_OK && damaged.count == 0;
    if (status != ORION_OK || !same)
        goto done;
    *has = true;
    if (model.intact && strcmp(model.record.revision, blob->revision) == 0)
        goto done;
    renew_record(&model.record, blob, sha256);
    (void)ori_record_write(store, place, &model.record, &st, NULL); /* as in ori_store_verify() */
done:
    ori_ranges_release(&damaged);
    ori_stored_release(&model);
    if (fd >= 0)
        (void)close(fd);
    return status;
}
