/* The states of a model's hash, kept beside its record, so that damage can be
 * found and mended where it is; and going through a file by them. */
#include "store/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/dir.h"
#include "base/file.h"

orion_status ori_units_write(const struct ori_store *store, const char *path, const char *sha256,
                             const struct ori_chain *chain, orion_error *err)
{
    char where[ORI_STORE_PATH_MAX];

    if (!ori_store_units_path(path, where))
        return ori_fail(err, ORION_E_FORMAT, "the name '%.200s' is too long", path);
    if (chain->n_units == 1) {
        (void)ori_dir_unlink(store->fd, where);
        return ORION_OK;
    }
    return ori_sealed_write(store, where,
                            json_pack("{s:i, s:s, s:o}", "orion_units", 1, "sha256", sha256,
                                      "chain", ori_chain_to_json(chain)),
                            err);
}

orion_status ori_units_read(const struct ori_store *store, const char *path, const char *sha256,
                            struct ori_chain *chain, orion_error *err)
{
    char where[ORI_STORE_PATH_MAX];
    json_t *json = NULL;

    if (ori_store_units_path(path, where) &&
        ori_sealed_read(store, where, "the list of parts", &json, NULL) == ORION_E_NOMEM)
        return ori_fail_nomem(err, "the list of parts");
    if (strcmp(ori_json_str(json, "sha256"), sha256) == 0)
        ori_chain_from_json(chain, json_object_get(json, "chain"));
    json_decref(json);
    return ORION_OK;
}

void ori_units_remove(const struct ori_store *store, const char *path)
{
    char where[ORI_STORE_PATH_MAX];
    if (ori_store_units_path(path, where))
        (void)ori_dir_unlink(store->fd, where);
}

/* ---- going through a file ---- */

struct check {
    int fd;
    struct ori_chain *chain;
    const struct ori_digest *wanted;
    const struct ori_watch *watch;
    uint8_t *block;
    struct ori_hasher hasher;
};

static orion_status hash_unit(struct check *c, uint32_t unit, orion_error *err)
{
    const uint64_t end = ori_chain_end(c->chain, unit);
    uint64_t at = ori_chain_begin(c->chain, unit);
    orion_status status = ORION_OK;

    ori_hasher_init(&c->hasher, c->wanted->kind, c->chain->size_bytes);
    ori_sha256_resume(&c->hasher.sha256, c->chain->state[unit], at);
    while (at < end && status == ORION_OK) {
        const size_t want =
            end - at < ORI_STORE_HASH_BYTES ? (size_t)(end - at) : ORI_STORE_HASH_BYTES;
        size_t got;
        status = ori_file_read_at(c->fd, c->block, want, at, &got, err);
        if (status == ORION_OK && got < want)
            status = ori_fail(err, ORION_E_IO, "a file became shorter while it was read");
        if (status != ORION_OK)
            return status;
        ori_hasher_update(&c->hasher, c->block, got);
        at += got;
        status = ori_watch_tick(c->watch, ORION_PHASE_VERIFY, at, "", err);
    }
    return status;
}

/* Does the state after a unit, other than the last, fit?  It does when it was
 * not known. */
static bool fits(struct check *c, uint32_t unit)
{
    uint32_t state[8];

    ori_sha256_state(&c->hasher.sha256, state);
    if (unit + 1 < c->chain->known)
        return memcmp(c->chain->state[unit + 1], state, sizeof(state)) == 0;
    memcpy(c->chain->state[unit + 1], state, sizeof(state));
    c->chain->known = unit + 2;
    return true;
}

orion_status ori_chain_check(int fd, struct ori_chain *chain, const struct ori_digest *wanted,
                             const struct ori_watch *watch, struct ori_ranges *damaged, bool *met,
                             char sha256[ORI_SHA256_HEX + 1], orion_error *err)
{
    struct check c = {.fd = fd, .chain = chain, .wanted = wanted, .watch = watch};
    orion_status status = ORION_OK;

    *met = false;
    c.block = malloc(ORI_STORE_HASH_BYTES);
    if (!c.block)
        return ori_fail_nomem(err, "hashing");
    for (uint32_t i = 0; i < chain->n_units && status == ORION_OK; i++) {
        const bool last = i + 1 == chain->n_units;
        status = hash_unit(&c, i, err);
        if (status != ORION_OK)
            break;
        if (last)
            *met = ori_hasher_finish(&c.hasher, wanted, sha256);
        if ((last ? !*met : !fits(&c, i)) &&
            ori_ranges_add(damaged, ori_chain_begin(chain, i), ori_chain_end(chain, i)) != ORION_OK)
            status = ori_fail_nomem(err, "the list of damaged parts");
    }
    free(c.block);
    return status;
}
