/* Attention: every cache type, head sizes with all remainders, stretches that
 * begin and end anywhere in a block and wrap round the ring, queries in groups
 * of any size, ordinary and hostile values. */
#include "checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SLOTS ((size_t)256)
#define MAX_DIM ((size_t)ORI_HEAD_DIM_MAX)
#define MAX_QUERIES ((size_t)(2 * ORI_ATTN_TILE + 5))
#define GAP ((size_t)8) /* canaries after each output */

static const char *const type_names[ORI_KV_COUNT] = {"f16", "q8_0", "f32"};

/* A cache that ends at a page that may not be touched. */
struct cache {
    enum ori_kv_type type;
    size_t head_dim, slots, n_heads, head_bytes, block_stride, bytes;
    uint8_t *memory;
};

/* `apart` lines between a block and the next one. */
static void cache_init(struct cache *c, enum ori_kv_type type, size_t head_dim, size_t slots,
                       size_t n_heads, size_t apart)
{
    size_t row_bytes = 0;

    if (!ori_kv_row_bytes(type, head_dim, &row_bytes))
        abort();
    *c = (struct cache){type, head_dim, slots, n_heads, 2 * ORI_ATTN_BLOCK * row_bytes, 0, 0, NULL};
    c->block_stride = n_heads * c->head_bytes + 64 * apart;
    c->bytes = slots / ORI_ATTN_BLOCK * c->block_stride - 64 * apart;
    c->memory = guarded_new(c->bytes);
}

static void cache_release(struct cache *c)
{
    guarded_free(c->memory, c->bytes);
}

static uint8_t *head_of(const struct cache *c, size_t slot, size_t head)
{
    return c->memory + slot / ORI_ATTN_BLOCK * c->block_stride + head * c->head_bytes;
}

/* Every slot of a head, in runs of any length, as each of the tiers stores it. */
static void head_fill(const struct cache *c, size_t head, const struct ori_kernels *scalar,
                      const struct ori_kernels *tier, const struct cache *other, struct rng *rng,
                      enum pattern pattern)
{
    static float keys[ORI_ATTN_BLOCK * (MAX_DIM + GAP)], values[ORI_ATTN_BLOCK * (MAX_DIM + GAP)];
    struct ori_kv_rows rows = {keys, values, c->head_dim + rng_below(rng, GAP), 0};

    for (size_t slot = 0; slot < c->slots; slot += rows.n) {
        const size_t lane = slot % ORI_ATTN_BLOCK;

        rows.n = 1 + rng_below(rng, ORI_ATTN_BLOCK - lane);
        for (size_t r = 0; r < rows.n; r++) {
            fill_floats(rng, pattern, keys + r * rows.stride, c->head_dim);
            fill_floats(rng, pattern, values + r * rows.stride, c->head_dim);
        }
        ori_kv_store(scalar, c->type, c->head_dim, &rows, lane, head_of(c, slot, head));
        ori_kv_store(tier, c->type, c->head_dim, &rows, lane, head_of(other, slot, head));
    }
}

/* False when tiers differ. */
static bool cache_fill(struct cache *c, const struct ori_kernels *scalar,
                       const struct ori_kernels *tier, struct rng *rng, enum pattern pattern)
{
    struct cache other = *c;

    other.memory = guarded_new(c->bytes);
    memset(c->memory, 0xA5, c->bytes); /* between blocks */
    memset(other.memory, 0xA5, c->bytes);
    for (size_t head = 0; head < c->n_heads; head++)
        head_fill(c, head, scalar, tier, &other, rng, pattern);
    const bool same = same_bytes(c->memory, other.memory, c->bytes);
    cache_release(&other);
    return same;
}

/* What queries see. */
enum sight {
    SIGHT_CAUSAL, /* each one position more, some heads of each position */
    SIGHT_WINDOW, /* the same, and only so far back */
    SIGHT_SAME,   /* all the same stretch */
    SIGHT_ANY,    /* no order */
    SIGHT_COUNT,
};

static void choose_sight(struct rng *rng, enum sight sight, size_t slots, size_t n,
                         struct ori_attn_query *queries)
{
    const size_t heads = 1 + rng_below(rng, 4), window = 1 + rng_below(rng, slots - MAX_QUERIES);
    const size_t first = rng_below(rng, 3 * slots);

    for (size_t j = 0; j < n; j++) {
        const size_t end = sight == SIGHT_ANY    ? 1 + rng_below(rng, slots)
                           : sight == SIGHT_SAME ? first + 1
                                                 : first + 1 + j / heads;
        size_t begin = end > slots ? end - slots : 0;

        if (sight == SIGHT_WINDOW)
            begin = end > window ? end - window : 0;
        else if (sight == SIGHT_ANY)
            begin += rng_below(rng, end - begin);
        queries[j].begin = begin;
        queries[j].end = end;
    }
}

/* Outputs of n queries, each followed by canaries. */
static void outputs_init(float *out, size_t n)
{
    for (size_t i = 0; i < n * (MAX_DIM + GAP); i++)
        out[i] = 77.0f;
}

/* Queries [first, first + n) in one call. */
static void attend(const struct ori_kernels *k, const struct cache *c,
                   struct ori_attn_query *queries, size_t first, size_t n, float softcap,
                   float *out)
{
    for (size_t j = first; j < first + n; j++)
        queries[j].out = out + j * (MAX_DIM + GAP);
    k->attention[c->type](&(const struct ori_attn){.cache = c->memory,
                                                   .block_stride = c->block_stride,
                                                   .slots = c->slots,
                                                   .head_dim = c->head_dim,
                                                   .scale = 0.125f,
                                                   .softcap = softcap,
                                                   .queries = queries + first,
                                                   .n_queries = n});
}

/* The tier's results with all queries in one call, and cut at random, against
 * the scalar kernel's, one query at a time. */
static bool same_attention(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                           struct rng *rng, const struct cache *c, enum sight sight, size_t n,
                           enum pattern pattern)
{
    static float expect[MAX_QUERIES * (MAX_DIM + GAP)], got[MAX_QUERIES * (MAX_DIM + GAP)];
    static float q[MAX_QUERIES][MAX_DIM];
    const size_t all = n * (MAX_DIM + GAP);
    const float softcap = rng_below(rng, 2) ? 5.0f : 0.0f;
    const bool with_sinks = rng_below(rng, 2);
    struct ori_attn_query queries[MAX_QUERIES];
    float sinks[MAX_QUERIES];

    choose_sight(rng, sight, c->slots, n, queries);
    for (size_t j = 0, head = 0; j < n; j++) {
        if (head + 1 < c->n_heads && rng_below(rng, n) < c->n_heads)
            head++;
        queries[j].head = head;
        fill_floats(rng, pattern, q[j], c->head_dim);
        fill_floats(rng, pattern, &sinks[j], 1);
        queries[j].q = q[j];
        queries[j].sink = with_sinks ? &sinks[j] : NULL;
    }
    outputs_init(expect, n);
    for (size_t j = 0; j < n; j++)
        attend(scalar, c, queries, j, 1, softcap, expect);
    outputs_init(got, n);
    attend(tier, c, queries, 0, n, softcap, got);
    if (!same_floats(expect, got, all))
        return false;
    outputs_init(got, n);
    for (size_t j = 0, cut; j < n; j += cut) {
        cut = 1 + rng_below(rng, n - j);
        attend(tier, c, queries, j, cut, softcap, got);
    }
    return same_floats(expect, got, all);
}

/* One head size: each pattern and each sight, counts of queries as they come. */
static bool one_size(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                     struct rng *rng, enum ori_kv_type type, size_t head_dim, char *detail,
                     size_t detail_size)
{
    for (int i = 0; i < PATTERN_COUNT; i++) {
        const enum pattern pattern = (enum pattern)i;
        /* What is not finite in the cache must not leak into those that do not see it. */
        const enum pattern of_queries = pattern == PATTERN_BITS ? PATTERN_NORMAL : pattern;
        const enum sight sight = (enum sight)rng_below(rng, SIGHT_COUNT);
        const size_t most = head_dim > 130 ? 14 : MAX_QUERIES;
        const size_t n = 1 + rng_below(rng, rng_below(rng, 4) ? 14 : most);
        struct cache c;

        cache_init(&c, type, head_dim, ORI_ATTN_BLOCK * (1 + rng_below(rng, 4)),
                   1 + rng_below(rng, 3), rng_below(rng, 3));
        const bool same_cache = cache_fill(&c, scalar, tier, rng, pattern);
        const bool same = same_cache && same_attention(scalar, tier, rng, &c, sight, n, of_queries);
        cache_release(&c);
        if (!same) {
            snprintf(detail, detail_size, "%s, head_dim %zu, %zu queries, sight %d, pattern %d",
                     same_cache ? "results" : "cache", head_dim, n, (int)sight, i);
            return false;
        }
    }
    return true;
}

static bool all_sizes(const struct ori_kernels *scalar, const struct ori_kernels *tier,
                      enum ori_kv_type type, char *detail, size_t detail_size)
{
    static const size_t larger[] = {80, 96, 112, 128, 130, 160, 192, 256, 258, 512, 1022, 1024};
    struct rng rng = {4000};
    size_t bytes;

    for (size_t turn = 0; turn < 36 + ORI_COUNT(larger); turn++) {
        const size_t head_dim = turn < 36 ? 2 * (turn + 1) : larger[turn - 36];

        if (ori_kv_row_bytes(type, head_dim, &bytes) &&
            !one_size(scalar, tier, &rng, type, head_dim, detail, detail_size))
            return false;
    }
    /* The sizes of models, in every group and sight. */
    for (size_t turn = 0; turn < MAX_QUERIES * SIGHT_COUNT; turn++) {
        struct cache c;

        cache_init(&c, type, turn % 2 ? 32 : 96, MAX_SLOTS, 1 + turn % 5, 0);
        const bool same = cache_fill(&c, scalar, tier, &rng, PATTERN_NORMAL) &&
                          same_attention(scalar, tier, &rng, &c, (enum sight)(turn % SIGHT_COUNT),
                                         1 + turn / SIGHT_COUNT, PATTERN_NORMAL);
        cache_release(&c);
        if (!same) {
            snprintf(detail, detail_size, "%zu queries, sight %zu", 1 + turn / SIGHT_COUNT,
                     turn % SIGHT_COUNT);
            return false;
        }
    }
    return true;
}

void check_attention(const struct ori_kernels *scalar, const struct ori_kernels *tier)
{
    for (int type = 0; type < ORI_KV_COUNT; type++) {
        char detail[128] = "", name[32];

        snprintf(name, sizeof(name), "attention %s", type_names[type]);
        report(all_sizes(scalar, tier, (enum ori_kv_type)type, detail, sizeof(detail)), tier->name,
               name, detail);
    }
}
