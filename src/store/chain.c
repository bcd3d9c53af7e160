#include "store/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t unit_bytes_of(uint64_t size_bytes)
{
    uint64_t unit = ORI_CHAIN_MIN_UNIT_BYTES;
    while (size_bytes / unit >= ORI_CHAIN_MAX_UNITS)
        unit *= 2;
    return unit;
}

orion_status ori_chain_init(struct ori_chain *chain, enum ori_digest_kind kind, uint64_t size_bytes,
                            orion_error *err)
{
    struct ori_sha256 hash;

    *chain = (struct ori_chain){.size_bytes = size_bytes, .n_units = 1, .known = 1};
    chain->unit_bytes = unit_bytes_of(size_bytes);
    if (kind == ORI_DIGEST_SHA256 && size_bytes > 0)
        chain->n_units = (uint32_t)((size_bytes - 1) / chain->unit_bytes + 1);
    chain->state = ori_calloc_array(chain->n_units, sizeof(*chain->state));
    if (!chain->state)
        return ori_fail_nomem(err, "the hashes of a file's parts");
    ori_sha256_init(&hash);
    ori_sha256_state(&hash, chain->state[0]);
    return ORION_OK;
}

void ori_chain_release(struct ori_chain *chain)
{
    free(chain->state);
    *chain = (struct ori_chain){0};
}

void ori_chain_forget(struct ori_chain *chain, uint32_t unit)
{
    if (chain->known > unit + 1)
        chain->known = unit + 1;
}

json_t *ori_chain_to_json(const struct ori_chain *chain)
{
    json_t *states = json_array();

    for (uint32_t i = 1; i < chain->known; i++) {
        char hex[ORI_SHA256_HEX + 1];
        for (size_t w = 0; w < 8; w++)
            (void)snprintf(hex + 8 * w, 9, "%08" PRIx32, chain->state[i][w]);
        if (json_array_append_new(states, json_string(hex)) != 0) {
            json_decref(states);
            return NULL;
        }
    }
    return json_pack("{s:I, s:o}", "unit_bytes", (json_int_t)chain->unit_bytes, "states", states);
}

void ori_chain_from_json(struct ori_chain *chain, const json_t *json)
{
    const json_t *states = json_object_get(json, "states");
    uint64_t unit_bytes;

    if (!ori_json_u64(json, "unit_bytes", &unit_bytes) || unit_bytes != chain->unit_bytes)
        return;
    for (uint32_t i = 1; i < chain->n_units && i <= json_array_size(states); i++) {
        const char *hex = json_string_value(json_array_get(states, i - 1));
        if (!hex || !ori_sha256_is_hex(hex))
            return;
        for (size_t w = 0; w < 8; w++) {
            char word[9] = "";
            memcpy(word, hex + 8 * w, 8);
            chain->state[i][w] = (uint32_t)strtoul(word, NULL, 16);
        }
        chain->known = i + 1;
    }
}
