/* The hash of a file, unit by unit.
 *
 * SHA-256 runs through a file from its start.  Its state at the end of each
 * unit is kept; so any unit can be checked alone, from the state before it to
 * the state after it, and no second hash is computed for that.  The last
 * unit ends in the digest itself.
 */
#ifndef ORI_STORE_CHAIN_H
#define ORI_STORE_CHAIN_H

#include "base/digest.h"
#include "base/json.h"

#define ORI_CHAIN_MIN_UNIT_BYTES (4u << 20)
#define ORI_CHAIN_MAX_UNITS 2048u

struct ori_chain {
    uint64_t size_bytes, unit_bytes;
    uint32_t n_units;     /* at least 1 */
    uint32_t known;       /* states [0, known), 1 <= known <= n_units */
    uint32_t (*state)[8]; /* [n_units]: before unit i */
};

/* A file hashed by git's SHA-1 has a single unit: these are small. */
orion_status ori_chain_init(struct ori_chain *chain, enum ori_digest_kind kind, uint64_t size_bytes,
                            orion_error *err);
void ori_chain_release(struct ori_chain *chain);
void ori_chain_forget(struct ori_chain *chain, uint32_t unit); /* the states after this unit */

static inline uint64_t ori_chain_begin(const struct ori_chain *chain, uint32_t unit)
{
    return unit * chain->unit_bytes;
}

static inline uint64_t ori_chain_end(const struct ori_chain *chain, uint32_t unit)
{
    return unit + 1 == chain->n_units ? chain->size_bytes : (unit + 1) * chain->unit_bytes;
}

/* As it is kept in a file: {"unit_bytes": n, "states": ["<64 hex>", ...]},
 * without the first state, which is always the same. */
json_t *ori_chain_to_json(const struct ori_chain *chain);
/* Takes over the states as far as they make sense; none when they don't. */
void ori_chain_from_json(struct ori_chain *chain, const json_t *json);

#endif
