/* Mending a model: a download that begins with all of it that is good.
 *
 * The model itself stays as it is until the mended copy was verified.  Where
 * the file system can, the copy shares its blocks. */
#include "store/partial.h"

#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.h"

static orion_status check_record(const struct ori_store *store, const char *path,
                                 const struct ori_blob *blob, orion_error *err)
{
    struct ori_stored model;

    const orion_status status = ori_store_look(store, path, &model, err);
    if (status != ORION_OK)
        return status;
    const bool same = model.has_record && blob->digest.kind == ORI_DIGEST_SHA256 &&
                      strcmp(model.record.sha256, blob->digest.hex) == 0;
    ori_stored_release(&model);
    return same ? ORION_OK
                : ori_fail_at(err, ORION_E_ARGUMENT, ORION_NO_OFFSET, path,
                              "the hub has another version of '%s' by now; pull it again", path);
}

/* What of the model is good and not yet in the copy. */
static orion_status to_copy(const struct ori_partial *p, const struct ori_ranges *damaged,
                            uint64_t there, struct ori_ranges *out)
{
    *out = (struct ori_ranges){0};
    orion_status status = ori_ranges_add(out, 0, there < p->size_bytes ? there : p->size_bytes);
    for (size_t i = 0; i < damaged->count && status == ORION_OK; i++)
        status = ori_ranges_remove(out, damaged->list[i].begin, damaged->list[i].end);
    for (size_t i = 0; i < p->have.count && status == ORION_OK; i++)
        status = ori_ranges_remove(out, p->have.list[i].begin, p->have.list[i].end);
    return status;
}

static orion_status copy_range(struct ori_partial *p, int from, struct ori_range range,
                               uint8_t *block, const struct ori_watch *watch, orion_error *err)
{
    orion_status status = ORION_OK;

    while (range.begin < range.end && status == ORION_OK) {
        const uint64_t left = range.end - range.begin;
        const size_t want = left < ORI_STORE_HASH_BYTES ? (size_t)left : ORI_STORE_HASH_BYTES;
        size_t got;
        status = ori_file_read_at(from, block, want, range.begin, &got, err);
        if (status == ORION_OK && got < want)
            status = ori_fail(err, ORION_E_IO, "a model became shorter while it was copied");
        if (status == ORION_OK)
            status = ori_partial_write(p, range.begin, block, want, err);
        range.begin += want;
        if (status == ORION_OK)
            status = ori_watch_tick(watch, ORION_PHASE_VERIFY, range.begin, "", err);
    }
    return status;
}

static orion_status copy(struct ori_partial *p, int from, const struct ori_ranges *good,
                         const struct ori_watch *watch, orion_error *err)
{
    uint8_t *block = malloc(ORI_STORE_HASH_BYTES);
    orion_status status = block ? ori_partial_make_room(p, err) : ori_fail_nomem(err, "a copy");

    for (size_t i = 0; i < good->count && status == ORION_OK; i++)
        status = copy_range(p, from, good->list[i], block, watch, err);
    free(block);
    return status;
}

/* Share the blocks, if nothing was there and the file system can. */
static bool share(struct ori_partial *p, int from, struct ori_ranges *good)
{
    if (p->have.count > 0 || ioctl(p->fd, FICLONE, from) != 0)
        return false;
    (void)pthread_mutex_lock(&p->mutex);
    p->have = *good;
    *good = (struct ori_ranges){0};
    p->written_bytes += ori_ranges_total(&p->have);
    p->settled = false;
    (void)pthread_cond_signal(&p->to_hash);
    (void)pthread_mutex_unlock(&p->mutex);
    return true;
}

static orion_status take_good(struct ori_partial *p, const char *path,
                              const struct ori_ranges *damaged, const struct ori_watch *watch,
                              orion_error *err)
{
    struct ori_ranges good = {0};
    struct ori_stored model;
    struct stat st;
    int from;

    orion_status status = ori_stored_open(p->store, path, &from, &st, &model, err);
    if (status != ORION_OK)
        return status;
    if (model.link == ORI_LINK_GONE) /* then nothing of it is good */
        model.size_bytes = 0;
    if (to_copy(p, damaged, model.size_bytes, &good) != ORION_OK)
        status = ori_fail_nomem(err, "a copy");
    if (status == ORION_OK && good.count > 0 && !share(p, from, &good))
        status = copy(p, from, &good, watch, err);
    if (from >= 0)
        (void)close(from);
    ori_stored_release(&model);
    ori_ranges_release(&good);
    if (status != ORION_OK)
        return status;
    /* If the whole is wrong in the end, this is what is suspected first. */
    ori_ranges_release(&p->earlier);
    return ori_ranges_copy(&p->have, &p->earlier) == ORION_OK ? ORION_OK
                                                              : ori_fail_nomem(err, "a copy");
}

orion_status ori_store_repair_open(const struct ori_store *store, const char *path,
                                   const struct ori_blob *blob, const struct ori_ranges *damaged,
                                   const struct ori_watch *watch, enum ori_partial_state *state,
                                   struct ori_partial **out, orion_error *err)
{
    struct ori_partial *p;

    *out = NULL;
    *state = ORI_PARTIAL_OURS;
    if (strlen(path) >= sizeof(p->place) || !strchr(path, '/'))
        return ori_fail(err, ORION_E_ARGUMENT, "'%.200s' is not the place of a model", path);
    orion_status status = check_record(store, path, blob, err);
    if (status == ORION_OK)
        status = ori_partial_open(store, blob, watch, state, &p, err);
    if (status != ORION_OK || *state == ORI_PARTIAL_OTHERS)
        return status;
    memcpy(p->place, path, strlen(path) + 1);
    (void)pthread_mutex_lock(&p->mutex);
    if (p->chain.known == 1)
        status = ori_units_read(store, path, blob->digest.hex, &p->chain, err);
    (void)pthread_mutex_unlock(&p->mutex);
    if (status == ORION_OK)
        status = take_good(p, path, damaged, watch, err);
    if (status != ORION_OK) {
        ori_partial_close(p);
        return status;
    }
    *out = p;
    return ORION_OK;
}
