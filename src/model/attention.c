#include "model/attention.h"

/* Attention of a stretch of items, by heads of keys. */
struct attend_job {
    const struct ori_attention *all;
    uint32_t layer;
    size_t first, n;      /* items of the stretch */
    uint32_t group;       /* query heads that share a head of keys: n_heads / n_heads_kv */
    size_t n_queries;     /* of one head of keys; they are cut into tiles */
    size_t tile, n_tiles; /* queries in a tile; tiles of one head of keys */
};

/* Of a model that norms all heads of a token together. */
static void norm_whole_rows(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct attend_job *job = arg;
    const struct ori_attention *a = job->all;
    const struct ori_layer *layer = &a->model->layers[job->layer];
    const struct ori_hparams *hp = &a->model->hp;
    const size_t n_q = (size_t)hp->n_heads * hp->head_dim;
    const size_t n_k = (size_t)hp->n_heads_kv * hp->head_dim;

    (void)worker;
    for (size_t i = job->first + begin; i < job->first + end; i++) {
        float *queries = a->q + i * n_q, *keys = a->k + i * n_k;
        a->compute->kernels->rms_norm(queries, layer->q_norm, queries, n_q, hp->norm_eps);
        a->compute->kernels->rms_norm(keys, layer->k_norm, keys, n_k, hp->norm_eps);
    }
}

/* A head of a token, normed by itself if it is to be, and rotated. */
static void turn_head(const struct attend_job *job, const float *norm, const float *angles,
                      float *head)
{
    const struct ori_attention *a = job->all;
    const struct ori_hparams *hp = &a->model->hp;

    if (norm && a->model->arch->qk_norm == ORI_QK_NORM_HEADS)
        a->compute->kernels->rms_norm(head, norm, head, hp->head_dim, hp->norm_eps);
    a->compute->kernels->rope(head, angles, hp->n_rot, a->model->arch->rope_neox);
}

/* How many items from i on, before `end`, stand beside each other in a block. */
static size_t run_of(const struct ori_batch_item *items, size_t i, size_t end)
{
    size_t n = 1;

    while (i + n < end && items[i + n].kv == items[i].kv &&
           items[i + n].position == items[i].position + n &&
           items[i + n].position % ORI_ATTN_BLOCK != 0)
        n++;
    return n;
}

/* Items [begin, end) of the stretch: queries and keys of a head of keys get ready, keys
 * and values go into the cache, where the elements of neighbours' keys are neighbours. */
static void place(const struct attend_job *job, uint32_t head_kv, size_t begin, size_t end)
{
    const struct ori_attention *a = job->all;
    const struct ori_hparams *hp = &a->model->hp;
    const struct ori_layer *layer = &a->model->layers[job->layer];
    const float *all_angles = ori_layer_is_local(hp, job->layer) ? a->local : a->angles;
    const size_t dim = hp->head_dim, stride = hp->n_heads_kv * dim;

    for (size_t i = job->first + begin, n; i < job->first + end; i += n) {
        const struct ori_batch_item *item = &a->items[i];
        const size_t at = i * stride + head_kv * dim;

        n = run_of(a->items, i, job->first + end);
        for (size_t k = i; k < i + n; k++) {
            const float *angles = all_angles + k * hp->n_rot;
            float *queries = a->q + (k * hp->n_heads + (size_t)head_kv * job->group) * dim;

            for (uint32_t h = 0; h < job->group; h++)
                turn_head(job, layer->q_norm, angles, queries + h * dim);
            turn_head(job, layer->k_norm, angles, a->k + at + (k - i) * stride);
        }
        ori_kv_store(a->compute->kernels, item->kv->type, dim,
                     &(struct ori_kv_rows){a->k + at, a->v + at, stride, n},
                     item->position % ORI_ATTN_BLOCK,
                     ori_kv_block(item->kv, job->layer, head_kv, item->position / ORI_ATTN_BLOCK));
    }
}

/* The positions that an item sees: those up to its own, of an encoder all of its
 * text, as far as the layer's window lets it. */
static void stretch_of(const struct ori_attention *a, uint32_t layer,
                       const struct ori_batch_item *item, struct ori_attn_query *out)
{
    const uint32_t window = ori_layer_window(&a->model->hp, layer);
    const bool encoder = a->model->arch->encoder;
    const uint32_t before = encoder ? window / 2 : window - 1; /* with a window */
    const uint32_t stop = encoder ? item->text_tokens : item->position + 1;

    out->begin = window > 0 && item->position > before ? item->position - before : 0;
    out->end = encoder && window > 0 && stop - item->position > before + 1
                   ? item->position + before + 1
                   : stop;
}

static struct ori_attn_query query_of(const struct attend_job *job, size_t head_kv, size_t index)
{
    const struct ori_attention *a = job->all;
    const struct ori_hparams *hp = &a->model->hp;
    const size_t item = job->first + index / job->group;
    const size_t head = head_kv * job->group + index % job->group;
    const size_t at = (item * hp->n_heads + head) * hp->head_dim;
    const float *sinks = a->model->layers[job->layer].sinks;
    struct ori_attn_query query = {
        .q = a->q + at,
        .out = a->mixed + at,
        .sink = sinks ? sinks + head : NULL,
    };

    stretch_of(a, job->layer, &a->items[item], &query);
    return query;
}

/* Queries [first, last), all of one sequence, of each of n_heads heads of keys: at most
 * ORI_ATTN_TILE in all. */
static void attend_sequence(const struct attend_job *job, size_t head_kv, size_t n_heads,
                            size_t first, size_t last)
{
    const struct ori_attention *a = job->all;
    const struct ori_hparams *hp = &a->model->hp;
    const struct ori_kv *kv = a->items[job->first + first / job->group].kv;
    struct ori_attn_query queries[ORI_ATTN_TILE];
    size_t n = 0;

    for (size_t head = 0; head < n_heads; head++)
        for (size_t i = first; i < last; i++, n++) {
            queries[n] = query_of(job, head_kv + head, i);
            queries[n].head = head;
        }
    const struct ori_attn attn = {
        .cache = ori_kv_block(kv, job->layer, (uint32_t)head_kv, 0),
        .block_stride = kv->layers[job->layer].stride,
        .slots = kv->layers[job->layer].n_slots,
        .head_dim = hp->head_dim,
        .scale = hp->attention_scale,
        .softcap = hp->attention_softcap,
        .queries = queries,
        .n_queries = n,
    };
    a->compute->kernels->attention[kv->type](&attn);
}

/* Queries [first, last), at most ORI_ATTN_TILE, of each of the heads [begin, end).  As
 * many heads together as there is room for: beside each other they are read in order. */
static void attend_heads(const struct attend_job *job, size_t begin, size_t end, size_t first,
                         size_t last)
{
    const struct ori_batch_item *items = job->all->items + job->first;

    for (size_t stop; first < last; first = stop) {
        stop = first + 1;
        while (stop < last && items[stop / job->group].kv == items[first / job->group].kv)
            stop++;
        const size_t room = ORI_ATTN_TILE / (stop - first);
        for (size_t head = begin; head < end; head += room)
            attend_sequence(job, head, end - head < room ? end - head : room, first, stop);
    }
}

/* Piece p is tile p % n_tiles of head p / n_tiles, so that neighbours share keys. */
static void attend(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct attend_job *job = arg;

    (void)worker;
    for (size_t p = begin; p < end; p++) {
        const size_t first = p % job->n_tiles * job->tile, head = p / job->n_tiles;
        const size_t left = job->n_queries - first;

        attend_heads(job, head, head + 1, first, first + (left < job->tile ? left : job->tile));
    }
}

static size_t pieces(size_t n, size_t size)
{
    return (n + size - 1) / size;
}

/* Items that are placed together: their keys share lines of memory, which threads should
 * not take from each other. */
#define PLACE_ITEMS 32

/* Piece p is head p % n_heads_kv of the p / n_heads_kv-th PLACE_ITEMS. */
static void place_some(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct attend_job *job = arg;
    const uint32_t n_heads = job->all->model->hp.n_heads_kv;

    (void)worker;
    for (size_t p = begin; p < end; p++) {
        const size_t first = p / n_heads * PLACE_ITEMS, left = job->n - first;
        place(job, (uint32_t)(p % n_heads), first,
              first + (left < PLACE_ITEMS ? left : PLACE_ITEMS));
    }
}

/* Both for whole heads, of few queries: what has just been placed is still at hand. */
static void place_and_attend(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct attend_job *job = arg;

    (void)worker;
    for (size_t head = begin; head < end; head++)
        place(job, (uint32_t)head, 0, job->n);
    attend_heads(job, begin, end, 0, job->n_queries);
}

/* Tiles are as large as the kernels like them, unless there would be fewer of
 * them than threads: then queries that share keys are divided too. */
static void attend_stretch(const struct ori_attention *a, uint32_t layer, size_t first, size_t n)
{
    const struct ori_hparams *hp = &a->model->hp;
    struct ori_pool *pool = a->compute->pool;
    const uint32_t group = hp->n_heads / hp->n_heads_kv;
    const size_t n_queries = n * group;
    const size_t full = pieces(n_queries, ORI_ATTN_TILE);
    const size_t wanted = pieces(ori_pool_threads(pool), hp->n_heads_kv);
    const size_t tile = pieces(n_queries, full > wanted ? full : wanted);
    struct attend_job job = {a, layer, first, n, group, n_queries, tile, pieces(n_queries, tile)};

    if (a->model->arch->qk_norm == ORI_QK_NORM_ROWS)
        ori_pool_for(pool, n, 4, norm_whole_rows, &job);
    if (job.n_tiles == 1) {
        ori_pool_share(pool, hp->n_heads_kv, 1, place_and_attend, &job);
        return;
    }
    ori_pool_for(pool, pieces(n, PLACE_ITEMS) * hp->n_heads_kv, 1, place_some, &job);
    ori_pool_for(pool, job.n_tiles * hp->n_heads_kv, 1, attend, &job);
}

/* A stretch at a time where the layer is a ring that has no room for more. */
void ori_attend(const struct ori_attention *a, uint32_t layer)
{
    const bool ring = ori_layer_window(&a->model->hp, layer) > 0 && !a->model->arch->encoder;
    const size_t most = ring ? ORI_KV_STRETCH : a->n;

    for (size_t first = 0; first < a->n; first += most)
        attend_stretch(a, layer, first, a->n - first < most ? a->n - first : most);
}
