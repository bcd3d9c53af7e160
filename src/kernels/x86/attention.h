/* Attention for one tier; attention_avx2.c and attention_avx512.c make their
 * functions of it.
 *
 * A tile of queries walks the cache together, of a block all heads in turn.  For a
 * block of 64 positions it computes all scores, turns them into weights, and adds up
 * the values.  Both products keep the sums of some queries of a head in registers, so
 * that a vector of keys or values is loaded and converted once for all of them:
 *
 *   scores  queries x `width` vectors of 16 positions; the queries' elements are
 *           broadcast one dimension after the other, packed for that
 *   values  queries x `width` vectors of 16 dimensions; the weights are
 *           broadcast one position after the other
 *
 * Queries whose stretches differ within a block (at its causal edge, or where
 * windows begin) add the positions that not all of them see one by one. */
#ifndef ORI_KERNELS_X86_ATTENTION_H
#define ORI_KERNELS_X86_ATTENTION_H

#include <math.h>

#include "kernels/kv_layout.h"
#include "kernels/scalar/lanes.h"
#include "kernels/x86/vec16.h"

/* So many queries together, each with so many vectors, as leave registers for
 * what is loaded; fewer queries take more vectors, to hide the latency. */
#define ORI_ATTN_TOGETHER 6
#if defined(__AVX512F__)
#define ORI_ATTN_WIDTH(n) 4
#define ORI_ATTN_ALONE_WIDTH 8 /* of values, for one query */
#else
#define ORI_ATTN_WIDTH(n) ((n) > 3 ? 1 : (n) > 1 ? 2 : 4)
#define ORI_ATTN_ALONE_WIDTH 6
#endif
#define ORI_ATTN_SUMS 24 /* at most queries * width */

/* Floats of queries in a tile: a whole tile of heads of up to 256. */
#define ORI_ATTN_PACKED ((size_t)ORI_ATTN_TILE * 256)

/* How a type's keys and values become floats: 16 keys of a block from a lane
 * on, 16 dimensions of a value from dimension i on. */
struct ori_attn_kind {
    enum ori_kv_type type;
    size_t scaled; /* dimensions that share scales */
    ori_v16 (*scales)(const uint8_t *keys, size_t i, size_t lane);
    ori_v16 (*key)(const uint8_t *keys, size_t i, size_t lane, ori_v16 scales);
    ori_v16 (*value)(const uint8_t *row, size_t i);
};

ORI_INLINE ori_v16 ori_attn_no_scales(const uint8_t *keys, size_t i, size_t lane)
{
    (void)keys;
    (void)i;
    (void)lane;
    return ori_v16_set1(1.0f);
}

ORI_INLINE ori_v16 ori_attn_key_f16(const uint8_t *keys, size_t i, size_t lane, ori_v16 scales)
{
    (void)scales;
    return ori_v16_from_f16(keys + (i * ORI_ATTN_BLOCK + lane) * sizeof(uint16_t));
}

ORI_INLINE ori_v16 ori_attn_value_f16(const uint8_t *row, size_t i)
{
    return ori_v16_from_f16(row + i * sizeof(uint16_t));
}

ORI_INLINE ori_v16 ori_attn_key_f32(const uint8_t *keys, size_t i, size_t lane, ori_v16 scales)
{
    (void)scales;
    return ori_v16_load((const float *)(const void *)keys + i * ORI_ATTN_BLOCK + lane);
}

ORI_INLINE ori_v16 ori_attn_value_f32(const uint8_t *row, size_t i)
{
    return ori_v16_load((const float *)(const void *)row + i);
}

ORI_INLINE ori_v16 ori_attn_scales_q8_0(const uint8_t *keys, size_t i, size_t lane)
{
    const struct ori_kv_q8_keys *q8 = (const void *)keys;

    return ori_v16_from_f16(q8[i / ORI_BLOCK].d[lane]);
}

ORI_INLINE ori_v16 ori_attn_key_q8_0(const uint8_t *keys, size_t i, size_t lane, ori_v16 scales)
{
    const struct ori_kv_q8_keys *q8 = (const void *)keys;

    return ori_v16_mul(scales, ori_v16_from_i8(q8[i / ORI_BLOCK].qs[i % ORI_BLOCK] + lane));
}

ORI_INLINE ori_v16 ori_attn_value_q8_0(const uint8_t *row, size_t i)
{
    const struct ori_block_q8_0 *q8 =
        (const struct ori_block_q8_0 *)(const void *)row + i / ORI_BLOCK;
    const float d = _cvtsh_ss(ori_load_le16(q8->d));

    return ori_v16_mul(ori_v16_set1(d), ori_v16_from_i8(q8->qs + i % ORI_BLOCK));
}

static const struct ori_attn_kind ori_attn_f16 = {ORI_KV_F16, ORI_HEAD_DIM_MAX, ori_attn_no_scales,
                                                  ori_attn_key_f16, ori_attn_value_f16};
static const struct ori_attn_kind ori_attn_q8_0 = {ORI_KV_Q8_0, ORI_BLOCK, ori_attn_scales_q8_0,
                                                   ori_attn_key_q8_0, ori_attn_value_q8_0};
static const struct ori_attn_kind ori_attn_f32 = {ORI_KV_F32, ORI_HEAD_DIM_MAX, ori_attn_no_scales,
                                                  ori_attn_key_f32, ori_attn_value_f32};

/* Queries that walk the cache together, and what they have seen so far; what
 * they have summed up stands in their out. */
struct ori_attn_tile {
    const struct ori_attn *attn;
    size_t stride, part; /* bytes of a position, and of a block's keys, or values, of a head */
    const struct ori_attn_query *queries;
    size_t n;
    float max[ORI_ATTN_TILE];
    ori_v16 sum[ORI_ATTN_TILE];

    const uint8_t *soon; /* the head that comes after the one at hand, maybe of the next block */

    /* of the block at hand: */
    size_t begin[ORI_ATTN_TILE], end[ORI_ATTN_TILE];     /* within it; both 0: no part in it */
    float factor[ORI_ATTN_TILE];                         /* for what is summed so far */
    _Alignas(64) float p[ORI_ATTN_TILE][ORI_ATTN_BLOCK]; /* scores, then weights */

    /* queries that are computed together lie in [head_dim][together] */
    _Alignas(64) float packed[ORI_ATTN_PACKED];
};

/* Ask for some bytes of the head that comes next.  It may lie further on than the CPU's
 * own prefetching looks, and a query alone waits for memory. */
ORI_INLINE void ori_attn_ask(const uint8_t *soon, size_t bytes)
{
    for (size_t line = 0; line < bytes; line += 64)
        _mm_prefetch((const char *)soon + line, _MM_HINT_T0);
}

/* Keys of the j-th query in a block; values follow them. */
ORI_INLINE const uint8_t *ori_attn_head(const struct ori_attn_tile *tile, const uint8_t *block,
                                        size_t j)
{
    return block + tile->queries[j].head * 2 * tile->part;
}

/* How many from the j-th on are computed together: they have the same keys. */
static size_t ori_attn_together(const struct ori_attn_tile *tile, size_t j)
{
    const size_t left = tile->n - j, most = left < ORI_ATTN_TOGETHER ? left : ORI_ATTN_TOGETHER;
    size_t n = 1;

    while (n < most && tile->queries[j + n].head == tile->queries[j].head)
        n++;
    return n;
}

/* Scores, yet to be scaled, of n queries for the block's 16 * width positions
 * from `lane` on. */
ORI_INLINE void ori_attn_scores(struct ori_attn_tile *tile, const struct ori_attn_kind *kind,
                                const uint8_t *keys, size_t first, size_t lane, int n, int width)
{
    const size_t dim = tile->attn->head_dim;
    const size_t bytes = tile->part / dim; /* of a dimension */
    const float *q = tile->packed + first * dim;
    ori_v16 sum[ORI_ATTN_SUMS];

    ORI_UNROLL
    for (int j = 0; j < n * width; j++)
        sum[j] = ori_v16_set1(0);
    for (size_t from = 0; from < dim; from += kind->scaled) {
        const size_t stop = dim - from < kind->scaled ? dim : from + kind->scaled;
        ori_v16 scales[4], k[4];

        ORI_UNROLL
        for (int g = 0; g < width; g++)
            scales[g] = kind->scales(keys, from, lane + 16 * (size_t)g);
        for (size_t i = from; i < stop; i++, q += n) {
            ORI_UNROLL
            for (int g = 0; g < width; g++)
                k[g] = kind->key(keys, i, lane + 16 * (size_t)g, scales[g]);
            if (n == 1)
                ori_attn_ask(tile->soon + i * bytes, bytes);
            ORI_UNROLL
            for (int j = 0; j < n; j++) {
                const ori_v16 x = ori_v16_set1(q[j]);
                ORI_UNROLL
                for (int g = 0; g < width; g++)
                    sum[j * width + g] = ori_v16_fma(x, k[g], sum[j * width + g]);
            }
        }
    }
    ORI_UNROLL
    for (int j = 0; j < n; j++)
        ORI_UNROLL
    for (int g = 0; g < width; g++)
        ori_v16_store(tile->p[first + (size_t)j] + lane + 16 * g, sum[j * width + g]);
}

/* Scale a query's scores and hold them down. */
static void ori_attn_cap(const struct ori_attn *attn, float *p)
{
    const ori_v16 scale = ori_v16_set1(attn->scale), cap = ori_v16_set1(attn->softcap);
    const ori_v16 twice = ori_v16_set1(2.0f / attn->softcap);

    for (size_t t = 0; t < ORI_ATTN_BLOCK; t += 16)
        ori_v16_store(p + t, ori_v16_softcap(ori_v16_mul(ori_v16_load(p + t), scale), cap, twice));
}

/* A query's scores become weights.  A position that takes no part has score
 * -infinity, hence weight 0, and adding 0 changes nothing. */
static void ori_attn_weigh(struct ori_attn_tile *tile, size_t j)
{
    enum { vectors = ORI_ATTN_BLOCK / 16 };
    const bool capped = tile->attn->softcap > 0;
    const ori_v16 scale = ori_v16_set1(capped ? 1.0f : tile->attn->scale);
    const ori_v16 old = ori_v16_set1(tile->max[j]);
    float *p = tile->p[j];
    ori_v16 s[vectors], max = old;

    if (capped)
        ori_attn_cap(tile->attn, p);
    for (size_t t = 0; t < tile->begin[j]; t++)
        p[t] = -INFINITY;
    for (size_t t = tile->end[j]; t < ORI_ATTN_BLOCK; t++)
        p[t] = -INFINITY;
    ORI_UNROLL
    for (int v = 0; v < vectors; v++) {
        s[v] = ori_v16_mul(ori_v16_load(p + 16 * v), scale);
        max = ori_v16_max(s[v], max);
    }
    max = ori_v16_max_lanes(max);
    const ori_v16 factor = ori_v16_exp(ori_v16_sub(old, max));
    ori_v16 sum = ori_v16_mul(tile->sum[j], factor);
    ORI_UNROLL
    for (int v = 0; v < vectors; v++) {
        s[v] = ori_v16_exp(ori_v16_sub(s[v], max));
        sum = ori_v16_add(sum, s[v]);
        ori_v16_store(p + 16 * v, s[v]);
    }
    tile->sum[j] = sum;
    tile->max[j] = ori_v16_first(max);
    tile->factor[j] = ori_v16_first(factor);
}

/* Values of positions [begin, end) of a block for n queries, 16 * width
 * dimensions from i on, of the last vector `lanes`. */
ORI_INLINE void ori_attn_values(const struct ori_attn_tile *tile, const struct ori_attn_kind *kind,
                                const uint8_t *rows, size_t first, size_t begin, size_t end,
                                size_t i, int n, int width, size_t lanes)
{
    const struct ori_attn_query *queries = tile->queries + first;
    const size_t dim = tile->attn->head_dim, bytes = 16 * (size_t)width * tile->stride / dim;
    const uint8_t *const soon = tile->soon + tile->part + i * tile->stride / dim;
    const uint8_t *row = rows + begin * tile->stride;
    const float *p = tile->p[first];
    ori_v16 sum[ORI_ATTN_SUMS], v[ORI_ATTN_ALONE_WIDTH];

    ORI_UNROLL
    for (int j = 0; j < n; j++) {
        const ori_v16 factor = ori_v16_set1(tile->factor[first + (size_t)j]);
        ORI_UNROLL
        for (int d = 0; d < width; d++) {
            const float *out = queries[j].out + i + 16 * d;
            const ori_v16 old = lanes < 16 ? ori_v16_load_first(out, lanes) : ori_v16_load(out);
            sum[j * width + d] = ori_v16_mul(old, factor);
        }
    }
    for (size_t t = begin; t < end; t++, row += tile->stride) {
        ORI_UNROLL
        for (int d = 0; d < width; d++)
            v[d] = kind->value(row, i + 16 * (size_t)d);
        if (n == 1)
            ori_attn_ask(soon + t * tile->stride, bytes);
        ORI_UNROLL
        for (int j = 0; j < n; j++) {
            const ori_v16 weight = ori_v16_set1(p[(size_t)j * ORI_ATTN_BLOCK + t]);
            ORI_UNROLL
            for (int d = 0; d < width; d++)
                sum[j * width + d] = ori_v16_fma(weight, v[d], sum[j * width + d]);
        }
    }
    ORI_UNROLL
    for (int j = 0; j < n; j++)
        ORI_UNROLL
    for (int d = 0; d < width; d++) {
        float *out = queries[j].out + i + 16 * d;
        if (lanes < 16)
            ori_v16_store_first(out, lanes, sum[j * width + d]);
        else
            ori_v16_store(out, sum[j * width + d]);
    }
}

/* As many dimensions from *i on as are whole steps of a width. */
ORI_INLINE void ori_attn_steps(const struct ori_attn_tile *tile, const struct ori_attn_kind *kind,
                               const uint8_t *rows, size_t first, size_t begin, size_t end,
                               size_t *i, int n, int width)
{
    const size_t step = 16 * (size_t)width;

    for (; tile->attn->head_dim - *i >= step; *i += step)
        ori_attn_values(tile, kind, rows, first, begin, end, *i, n, width, 16);
}

/* All dimensions.  One query takes a row in as few passes as there are
 * registers for: memory likes to be read in order. */
ORI_INLINE void ori_attn_add(struct ori_attn_tile *tile, const struct ori_attn_kind *kind,
                             const uint8_t *rows, size_t first, size_t begin, size_t end, int n)
{
    const int width = ORI_ATTN_WIDTH(n);
    const size_t dim = tile->attn->head_dim;
    size_t i = 0;

    if (n == 1 && ORI_ATTN_ALONE_WIDTH > 6)
        ori_attn_steps(tile, kind, rows, first, begin, end, &i, n, ORI_ATTN_ALONE_WIDTH);
    if (n == 1)
        ori_attn_steps(tile, kind, rows, first, begin, end, &i, n, 6);
    ori_attn_steps(tile, kind, rows, first, begin, end, &i, n, width);
    if (width > 2)
        ori_attn_steps(tile, kind, rows, first, begin, end, &i, n, 2);
    if (width > 1)
        ori_attn_steps(tile, kind, rows, first, begin, end, &i, n, 1);
    if (i < dim)
        ori_attn_values(tile, kind, rows, first, begin, end, i, n, 1, dim - i);
    for (size_t j = first; j < first + (size_t)n; j++)
        tile->factor[j] = 1.0f;
}

/* Values of positions [begin, end), which may be none, for one query. */
typedef void ori_attn_alone_fn(struct ori_attn_tile *tile, const uint8_t *rows, size_t j,
                               size_t begin, size_t end);

/* The positions that all see are added together; those before and after them
 * for each query alone, so that each adds up in order. */
ORI_INLINE void ori_attn_add_all(struct ori_attn_tile *tile, const struct ori_attn_kind *kind,
                                 ori_attn_alone_fn *alone, const uint8_t *rows, size_t first, int n)
{
    const size_t last = first + (size_t)n;
    size_t begin = 0, end = ORI_ATTN_BLOCK;

    for (size_t j = first; j < last; j++) {
        begin = tile->begin[j] > begin ? tile->begin[j] : begin;
        end = tile->end[j] < end ? tile->end[j] : end;
    }
    if (begin >= end) {
        for (size_t j = first; j < last; j++)
            alone(tile, rows, j, tile->begin[j], tile->end[j]);
        return;
    }
    for (size_t j = first; j < last; j++)
        alone(tile, rows, j, tile->begin[j], begin);
    ori_attn_add(tile, kind, rows, first, begin, end, n);
    for (size_t j = first; j < last; j++)
        alone(tile, rows, j, end, tile->end[j]);
}

/* The n queries from `first` on, over one block. */
ORI_INLINE void ori_attn_block(struct ori_attn_tile *tile, const struct ori_attn_kind *kind,
                               ori_attn_alone_fn *alone, const uint8_t *keys, size_t first, int n)
{
    const uint8_t *const rows = keys + tile->part;
    const int width = ORI_ATTN_WIDTH(n);
    const size_t step = 16 * (size_t)width, last = first + (size_t)n;
    size_t begin = ORI_ATTN_BLOCK, end = 0;

    for (size_t j = first; j < last; j++) {
        if (tile->end[j] > 0 && tile->begin[j] < begin)
            begin = tile->begin[j];
        end = tile->end[j] > end ? tile->end[j] : end;
    }
    for (size_t lane = begin / step * step; lane < end; lane += step)
        ori_attn_scores(tile, kind, keys, first, lane, n, width);
    for (size_t j = first; j < last; j++)
        if (tile->end[j] > 0)
            ori_attn_weigh(tile, j);
    if (n == 1)
        alone(tile, rows, first, tile->begin[first], tile->end[first]);
    else
        ori_attn_add_all(tile, kind, alone, rows, first, n);
}

/* All queries of a tile over one block, before the next one. */
typedef void ori_attn_block_fn(struct ori_attn_tile *tile, const uint8_t *block,
                               const uint8_t *next);

/* Which of the block's positions each query sees.  False when none sees any. */
static bool ori_attn_enter(struct ori_attn_tile *tile, size_t block)
{
    const size_t stop = block + ORI_ATTN_BLOCK;
    bool any = false;

    for (size_t j = 0; j < tile->n; j++) {
        const size_t begin = tile->queries[j].begin, end = tile->queries[j].end;
        const bool sees = begin < stop && end > block;

        tile->begin[j] = sees && begin > block ? begin - block : 0;
        tile->end[j] = !sees ? 0 : end < stop ? end - block : ORI_ATTN_BLOCK;
        any |= sees;
    }
    return any;
}

static void ori_attn_start(struct ori_attn_tile *tile)
{
    static const float first_is_1[16] = {1.0f};
    const size_t dim = tile->attn->head_dim;

    for (size_t j = 0, n; j < tile->n; j += n) {
        n = ori_attn_together(tile, j);
        for (size_t k = 0; k < n; k++)
            for (size_t i = 0; i < dim; i++)
                tile->packed[j * dim + i * n + k] = tile->queries[j + k].q[i];
    }
    for (size_t j = 0; j < tile->n; j++) {
        const float *sink = tile->queries[j].sink;
        tile->max[j] = sink ? *sink : -INFINITY;
        tile->sum[j] = sink ? ori_v16_load(first_is_1) : ori_v16_set1(0);
        memset(tile->queries[j].out, 0, dim * sizeof(float));
    }
}

static void ori_attn_finish(struct ori_attn_tile *tile)
{
    const size_t dim = tile->attn->head_dim;

    for (size_t j = 0; j < tile->n; j++) {
        const float sum = ori_v16_join(tile->sum[j]);
        float *out = tile->queries[j].out;
        size_t i = 0;

        for (; dim - i >= 16; i += 16)
            ori_v16_store(out + i, ori_v16_div(ori_v16_load(out + i), ori_v16_set1(sum)));
        for (; i < dim; i++)
            out[i] /= sum;
    }
}

static const uint8_t *ori_attn_block_of(const struct ori_attn *a, size_t position)
{
    return a->cache + position % a->slots / ORI_ATTN_BLOCK * a->block_stride;
}

static void ori_attn_walk(struct ori_attn_tile *tile, ori_attn_block_fn *block_fn)
{
    const struct ori_attn *a = tile->attn;
    size_t begin = SIZE_MAX, end = 0;

    for (size_t j = 0; j < tile->n; j++) {
        begin = tile->queries[j].begin < begin ? tile->queries[j].begin : begin;
        end = tile->queries[j].end > end ? tile->queries[j].end : end;
    }
    ori_attn_start(tile);
    for (size_t t = begin - begin % ORI_ATTN_BLOCK; t < end; t += ORI_ATTN_BLOCK)
        if (ori_attn_enter(tile, t)) {
            const size_t next = t + ORI_ATTN_BLOCK < end ? t + ORI_ATTN_BLOCK : t;
            block_fn(tile, ori_attn_block_of(a, t), ori_attn_block_of(a, next));
        }
    ori_attn_finish(tile);
}

static void ori_attn_run(const struct ori_attn *a, enum ori_kv_type type,
                         ori_attn_block_fn *block_fn)
{
    const size_t room = ORI_ATTN_PACKED / a->head_dim;
    struct ori_attn_tile tile;

    tile.attn = a;
    tile.stride = ori_kv_stride(type, a->head_dim);
    tile.part = ori_kv_part_bytes(type, a->head_dim);
    for (size_t first = 0; first < a->n_queries; first += tile.n) {
        const size_t left = a->n_queries - first;
        tile.n = room < ORI_ATTN_TILE ? room : ORI_ATTN_TILE;
        tile.n = left < tile.n ? left : tile.n;
        tile.queries = a->queries + first;
        ori_attn_walk(&tile, block_fn);
    }
}

/* Defines ori_attention_<type>_<tier>. */
#define ORI_DEFINE_ATTENTION(tier, name)                                                           \
    static void alone_##name(struct ori_attn_tile *tile, const uint8_t *rows, size_t j,            \
                             size_t begin, size_t end)                                             \
    {                                                                                              \
        if (begin < end)                                                                           \
            ori_attn_add(tile, &ori_attn_##name, rows, j, begin, end, 1);                          \
    }                                                                                              \
    static void block_##name(struct ori_attn_tile *tile, const uint8_t *block,                     \
                             const uint8_t *next)                                                  \
    {                                                                                              \
        for (size_t j = 0, n; j < tile->n; j += n) {                                               \
            const uint8_t *keys = ori_attn_head(tile, block, j);                                   \
            n = ori_attn_together(tile, j);                                                        \
            tile->soon = j + n < tile->n ? ori_attn_head(tile, block, j + n)                       \
                                         : ori_attn_head(tile, next, 0);                           \
            switch (n) {                                                                           \
            case 1:                                                                                \
                ori_attn_block(tile, &ori_attn_##name, alone_##name, keys, j, 1);                  \
                break;                                                                             \
            case 2:                                                                                \
                ori_attn_block(tile, &ori_attn_##name, alone_##name, keys, j, 2);                  \
                break;                                                                             \
            case 3:                                                                                \
                ori_attn_block(tile, &ori_attn_##name, alone_##name, keys, j, 3);                  \
                break;                                                                             \
            case 4:                                                                                \
                ori_attn_block(tile, &ori_attn_##name, alone_##name, keys, j, 4);                  \
                break;                                                                             \
            case 5:                                                                                \
                ori_attn_block(tile, &ori_attn_##name, alone_##name, keys, j, 5);                  \
                break;                                                                             \
            default:                                                                               \
                ori_attn_block(tile, &ori_attn_##name, alone_##name, keys, j, ORI_ATTN_TOGETHER);  \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    void ori_attention_##name##_##tier(const struct ori_attn *a)                                   \
    {                                                                                              \
        ori_attn_run(a, ori_attn_##name.type, block_##name);                                       \
    }

#endif
