#include "runtime/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- names ---- */

static void add_u32(struct ori_sha256 *hash, uint32_t value)
{
    ori_sha256_update(hash, &value, sizeof(value));
}

/* All that keys and values depend on besides the tokens. */
static void hash_facts(const struct ori_engine *e, const struct ori_kv *kv,
                       uint8_t out[ORI_SHA256_BYTES])
{
    const struct ori_hparams *hp = &e->model->hp;
    struct ori_sha256 hash;
    uint8_t identity[ORI_SHA256_BYTES];

    ori_sha256_init(&hash);
    add_u32(&hash, ORI_RESULTS_VERSION);
    ori_gguf_identity(e->model->gguf, identity);
    ori_sha256_update(&hash, identity, sizeof(identity));
    add_u32(&hash, hp->window_tokens);
    add_u32(&hash, ORI_PREFIX_BLOCK);
    add_u32(&hash, (uint32_t)kv->type);
    add_u32(&hash, (uint32_t)kv->row_bytes);
    /* Rope's frequencies may depend on the context. */
    add_u32(&hash, e->rope.n_pairs);
    ori_sha256_update(&hash, e->rope.frequency, e->rope.n_pairs * sizeof(*e->rope.frequency));
    ori_sha256_update(&hash, &e->rope.factor, sizeof(e->rope.factor));
    ori_sha256_final(&hash, out);
}

orion_status ori_snapshot_attach(struct ori_engine *e, const struct ori_kv *kv,
                                 const struct ori_prefixes *prefixes, orion_error *err)
{
    size_t bytes;

    if (!ori_mul(e->model->hp.n_layers, ori_kv_block_bytes(kv), &bytes) ||
        bytes > SIZE_MAX - ORI_PREFIX_HEADER_BYTES)
        return ori_fail_nomem(err, "the prefix cache");
    e->prefix_block_bytes = bytes;
    e->prefixes = prefixes;
    hash_facts(e, kv, e->prefix_facts);
    return ORION_OK;
}

/* Names of the first n blocks of the sequence's tokens, which the caller frees;
 * NULL when memory is short.  Each stands for all tokens up to its end. */
static struct ori_prefix_name *name_blocks(const struct ori_engine *e, const struct ori_sequence *s,
                                           uint32_t n)
{
    struct ori_prefix_name *names = ori_calloc_array(n, sizeof(*names));
    uint8_t so_far[ORI_SHA256_BYTES];

    if (!names)
        return NULL;
    memcpy(so_far, e->prefix_facts, sizeof(so_far));
    for (uint32_t i = 0; i < n; i++) {
        struct ori_sha256 hash;
        ori_sha256_init(&hash);
        ori_sha256_update(&hash, so_far, sizeof(so_far));
        ori_sha256_update(&hash, s->tokens + (size_t)i * ORI_PREFIX_BLOCK,
                          ORI_PREFIX_BLOCK * sizeof(*s->tokens));
        ori_sha256_final(&hash, so_far);
        if (!ori_prefixes_name(e->prefixes, so_far, &names[i])) {
            free(names);
            return NULL;
        }
    }
    return names;
}

/* ---- a run of saving or restoring ---- */

struct run {
    const struct ori_engine *engine;
    const struct ori_sequence *sequence;
    struct ori_prefix_name *names; /* [n_blocks], owned */
    uint32_t n_blocks;
    uint8_t *image; /* a block with its header, owned */
};

static orion_status begin(struct run *run, const struct ori_engine *engine,
                          const struct ori_sequence *sequence, uint32_t n_blocks, orion_error *err)
{
    *run = (struct run){
        .engine = engine,
        .sequence = sequence,
        .n_blocks = n_blocks,
        .names = name_blocks(engine, sequence, n_blocks),
        .image = malloc(ORI_PREFIX_HEADER_BYTES + engine->prefix_block_bytes),
    };
    return run->names && run->image ? ORION_OK : ori_fail_nomem(err, "the prefix cache");
}

static void end(struct run *run)
{
    free(run->names);
    free(run->image);
}

/* From the last to the first: what others build on gives way last. */
static void touch(const struct run *run)
{
    for (uint32_t i = run->n_blocks; i-- > 0;)
        ori_prefixes_touch(run->engine->prefixes, &run->names[i]);
}

/* Between the cache and the image: layer after layer, each as it lies in the cache. */
static void copy_block(const struct run *run, uint32_t block, bool to_cache)
{
    const struct ori_sequence *s = run->sequence;
    const size_t bytes = ori_kv_block_bytes(&s->kv);
    uint8_t *at = run->image + ORI_PREFIX_HEADER_BYTES;

    for (uint32_t layer = 0; layer < s->hp->n_layers; layer++, at += bytes) {
        uint8_t *cached = ori_kv_block(&s->kv, layer, 0, block);
        memcpy(to_cache ? cached : at, to_cache ? at : cached, bytes);
    }
}

/* ---- saving ---- */

/* Blocks of one prefix are kept from its beginning on, as far as they may all
 * be there at once. */
static uint32_t most_blocks(const struct ori_engine *e)
{
    const uint64_t most =
        ori_prefixes_max_bytes(e->prefixes) / (ORI_PREFIX_HEADER_BYTES + e->prefix_block_bytes);
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

orion_status ori_snapshot_save(const struct ori_engine *e, const struct ori_sequence *s,
                               orion_error *err)
{
    const uint32_t oldest = ori_sequence_oldest(s);
    const uint32_t most = most_blocks(e);
    const uint32_t whole = s->n_tokens / ORI_PREFIX_BLOCK;
    const uint32_t n_blocks = whole < most ? whole : most;
    struct run run;
    bool wrote = false;

    if (n_blocks == 0)
        return ORION_OK;
    orion_status status = begin(&run, e, s, n_blocks, err);
    for (uint32_t i = 0; i < n_blocks && status == ORION_OK; i++) {
        if (i * ORI_PREFIX_BLOCK < oldest || ori_prefixes_has(e->prefixes, &run.names[i]))
            continue;
        copy_block(&run, i, false);
        status =
            ori_prefixes_put(e->prefixes, &run.names[i], run.image, e->prefix_block_bytes, err);
        wrote = true;
    }
    if (wrote)
        touch(&run);
    end(&run);
    return status;
}

/* ---- restoring ---- */

/* The most blocks that can be had, more than the cache holds; else 0. */
static uint32_t longest_stored(const struct run *run)
{
    const struct ori_sequence *s = run->sequence;

    for (uint32_t n = run->n_blocks; n * ORI_PREFIX_BLOCK > s->n_tokens; n--) {
        const uint32_t first = ori_sequence_first_needed(s, n);
        uint32_t i = n;
        while (i > first && ori_prefixes_has(run->engine->prefixes, &run->names[i - 1]))
            i--;
        if (i == first)
            return n;
        /* Where a layer sees all, none that needs block i - 1 can be had either. */
        if (!ori_kv_needs_window_only(s->hp))
            n = i;
    }
    return 0;
}

static bool read_block(const struct run *run, uint32_t block)
{
    return ori_prefixes_get(run->engine->prefixes, &run->names[block], run->image,
                            run->engine->prefix_block_bytes);
}

/* Read blocks [first, n) in order, as far as they are right; returns the end. */
static uint32_t read_blocks(const struct run *run, uint32_t first, uint32_t n)
{
    uint32_t done = first;

    for (; done < n && read_block(run, done); done++)
        copy_block(run, done, true);
    /* One was damaged: others that were go too, so that all are kept anew. */
    for (uint32_t i = done + 1; i < n; i++)
        (void)read_block(run, i);
    return done;
}

orion_status ori_snapshot_restore(const struct ori_engine *e, struct ori_sequence *s,
                                  uint32_t limit, orion_error *err)
{
    struct run run;

    assert(s->n_tokens <= limit);
    if (limit / ORI_PREFIX_BLOCK * ORI_PREFIX_BLOCK <= s->n_tokens)
        return ORION_OK;
    const orion_status status = begin(&run, e, s, limit / ORI_PREFIX_BLOCK, err);
    if (status == ORION_OK) {
        const uint32_t n = longest_stored(&run);
        if (n > 0) {
            const uint32_t first = ori_sequence_first_needed(s, n);
            ori_sequence_took_blocks(s, first, n, read_blocks(&run, first, n));
            touch(&run);
        }
    }
    end(&run);
    return status;
}
