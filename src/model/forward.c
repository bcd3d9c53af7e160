#include "model/forward.h"

#include "model/experts.h"

#include <assert.h>
#include <stdlib.h>

struct ori_forward {
    const struct ori_model *model;
    const struct ori_compute *compute;
    const struct ori_rope *rope;
    uint32_t max_batch;
    size_t bytes; /* of all rows, but acts */
    struct ori_acts acts;
    struct ori_experts *experts; /* owned; NULL: the model has none */

    const struct ori_batch_item *items; /* [n], of the batch in progress */
    uint32_t n;                         /* items of the last batch */

    /* [max_batch][...] each, 64-byte aligned */
    float *x;         /* [n_embd] the residual stream */
    float *normed;    /* [n_embd] */
    float *q;         /* [n_heads][head_dim] */
    float *k, *v;     /* [n_heads_kv][head_dim] */
    float *mixed;     /* [n_heads][head_dim] what attention brings together */
    float *added;     /* [n_embd] what a block adds to the stream */
    float *gate, *up; /* [n_ff]; NULL when there are experts */
    float *angles;    /* [n_rot] cosines and sines in pairs */
    float *local;     /* [n_rot] those of layers with a window; = angles when they are the same */
};

void ori_forward_free(struct ori_forward *f)
{
    if (!f)
        return;
    ori_acts_release(&f->acts);
    ori_experts_free(f->experts);
    free(f->x);
    free(f->normed);
    free(f->q);
    free(f->k);
    free(f->v);
    free(f->mixed);
    free(f->added);
    free(f->gate);
    free(f->up);
    if (f->local != f->angles)
        free(f->local);
    free(f->angles);
    free(f);
}

static bool alloc_rows(struct ori_forward *f, float **out, size_t row)
{
    size_t n;
    if (!ori_mul(row, f->max_batch, &n))
        return false;
    *out = ori_alloc_aligned_raw(n, sizeof(float)); /* large batches may never come */
    f->bytes += n * sizeof(float);
    return *out != NULL;
}

size_t ori_forward_bytes(const struct ori_forward *f)
{
    const struct ori_hparams *hp = &f->model->hp;
    const size_t experts = hp->n_experts > 0 ? ori_experts_token_bytes(hp) * f->max_batch : 0;

    return f->bytes + f->acts.bytes + experts;
}

static size_t max_row(const struct ori_hparams *hp)
{
    size_t max = hp->n_embd;
    const size_t heads = (size_t)hp->n_heads * hp->head_dim;
    if (heads > max)
        max = heads;
    return hp->n_experts == 0 && hp->n_ff > max ? hp->n_ff : max;
}

/* What the feed-forward block needs. */
static bool alloc_feed_forward(struct ori_forward *f)
{
    const struct ori_hparams *hp = &f->model->hp;

    if (hp->n_experts == 0)
        return alloc_rows(f, &f->gate, hp->n_ff) && alloc_rows(f, &f->up, hp->n_ff);
    f->experts = ori_experts_new(f->model, f->compute, f->max_batch);
    return f->experts != NULL;
}

orion_status ori_forward_new(const struct ori_model *model, const struct ori_compute *compute,
                             const struct ori_rope *rope, uint32_t max_batch,
                             struct ori_forward **out, orion_error *err)
{
    const struct ori_hparams *hp = &model->hp;
    const size_t q_row = (size_t)hp->n_heads * hp->head_dim;
    const size_t kv_row = (size_t)hp->n_heads_kv * hp->head_dim;

    *out = NULL;
    struct ori_forward *f = calloc(1, sizeof(*f));
    if (!f)
        return ori_fail_nomem(err, "the forward pass");
    f->model = model;
    f->compute = compute;
    f->rope = rope;
    f->max_batch = max_batch;
    if (ori_acts_init(&f->acts, max_row(hp), max_batch, NULL) != ORION_OK ||
        !alloc_rows(f, &f->x, hp->n_embd) || !alloc_rows(f, &f->normed, hp->n_embd) ||
        !alloc_rows(f, &f->q, q_row) || !alloc_rows(f, &f->k, kv_row) ||
        !alloc_rows(f, &f->v, kv_row) || !alloc_rows(f, &f->mixed, q_row) ||
        !alloc_rows(f, &f->added, hp->n_embd) || !alloc_feed_forward(f) ||
        !alloc_rows(f, &f->angles, hp->n_rot) ||
        (rope->local && !alloc_rows(f, &f->local, hp->n_rot))) {
        ori_forward_free(f);
        return ori_fail(err, ORION_E_NOMEM,
                        "not enough memory to compute %u tokens at a time; use smaller batches",
                        max_batch);
    }
    if (!rope->local)
        f->local = f->angles;
    *out = f;
    return ORION_OK;
}

/* ---- steps over the items of a batch; each is a pool loop body ---- */

static void scale(float *x, size_t n, float by)
{
    if (by != 1.0f)
        for (size_t i = 0; i < n; i++)
            x[i] *= by;
}

static void norm_row(const struct ori_forward *f, const struct ori_norm *norm, const float *x,
                     float *out)
{
    const struct ori_kernels *kernels = f->compute->kernels;
    const struct ori_hparams *hp = &f->model->hp;

    if (norm->bias)
        kernels->layer_norm(x, norm->weight, norm->bias, out, hp->n_embd, hp->norm_eps);
    else
        kernels->rms_norm(x, norm->weight, out, hp->n_embd, hp->norm_eps);
}

static void read_row(const struct ori_forward *f, const struct ori_weight *w, size_t row,
                     float *out)
{
    f->compute->kernels->types[w->type].dequantize(w->data + row * w->row_bytes, out, w->n);
}

/* Add a row of a matrix that a model may have; `scratch` is as long. */
static void add_row(const struct ori_forward *f, const struct ori_weight *w, size_t row, float *x,
                    float *scratch)
{
    if (w->n_rows == 0)
        return;
    read_row(f, w, row, scratch);
    f->compute->kernels->add(x, scratch, w->n);
}

/* What comes into the first layer for an item. */
static void embed_item(const struct ori_forward *f, size_t i)
{
    const struct ori_model *model = f->model;
    const struct ori_batch_item *item = &f->items[i];
    const size_t n = model->hp.n_embd;
    float *x = f->x + i * n, *scratch = f->normed + i * n;

    read_row(f, &model->token_embd, (size_t)item->token, x);
    scale(x, n, model->hp.embedding_scale);
    add_row(f, &model->token_types, 0, x, scratch);
    add_row(f, &model->positions, item->position, x, scratch);
    if (model->embedding_norm.weight)
        norm_row(f, &model->embedding_norm, x, x);
}

static void embed_items(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct ori_forward *f = arg;
    const uint32_t n_rot = f->model->hp.n_rot;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const struct ori_batch_item *item = &f->items[i];
        embed_item(f, i);
        ori_rope_angles(f->rope, f->rope->frequency, item->position, f->angles + i * n_rot);
        if (f->rope->local)
            ori_rope_angles(f->rope, f->rope->local, item->position, f->local + i * n_rot);
    }
}

/* Between two blocks. */
struct norm_job {
    struct ori_forward *forward;
    bool add;               /* add what the block before has in f->added to the stream, */
    struct ori_norm after;  /* itself normed by this, or the sum is; */
    struct ori_norm before; /* then norm the stream for the next one */
};

static void add_block(const struct norm_job *job, float *x, float *added)
{
    const struct ori_forward *f = job->forward;
    const struct ori_kernels *kernels = f->compute->kernels;
    const struct ori_hparams *hp = &f->model->hp;
    const bool norm = job->after.weight != NULL, sum = f->model->arch->norm_sum;

    if (norm && !sum)
        norm_row(f, &job->after, added, added);
    scale(added, hp->n_embd, hp->residual_scale);
    kernels->add(x, added, hp->n_embd);
    if (norm && sum)
        norm_row(f, &job->after, x, x);
}

static void norm_items(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct norm_job *job = arg;
    struct ori_forward *f = job->forward;
    const size_t n = f->model->hp.n_embd;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float *x = f->x + i * n;
        if (job->add)
            add_block(job, x, f->added + i * n);
        if (job->before.weight)
            norm_row(f, &job->before, x, f->normed + i * n);
    }
}

/* Attention of a stretch of items, by heads of keys. */
struct attend_job {
    struct ori_forward *forward;
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
    struct ori_forward *f = job->forward;
    const struct ori_layer *layer = &f->model->layers[job->layer];
    const struct ori_hparams *hp = &f->model->hp;
    const size_t n_q = (size_t)hp->n_heads * hp->head_dim;
    const size_t n_k = (size_t)hp->n_heads_kv * hp->head_dim;

    (void)worker;
    for (size_t i = job->first + begin; i < job->first + end; i++) {
        float *queries = f->q + i * n_q, *keys = f->k + i * n_k;
        f->compute->kernels->rms_norm(queries, layer->q_norm, queries, n_q, hp->norm_eps);
        f->compute->kernels->rms_norm(keys, layer->k_norm, keys, n_k, hp->norm_eps);
    }
}

/* A head of a token, normed by itself if it is to be, and rotated. */
static void turn_head(const struct attend_job *job, const float *norm, const float *angles,
                      float *head)
{
    const struct ori_forward *f = job->forward;
    const struct ori_hparams *hp = &f->model->hp;

    if (norm && f->model->arch->qk_norm == ORI_QK_NORM_HEADS)
        f->compute->kernels->rms_norm(head, norm, head, hp->head_dim, hp->norm_eps);
    f->compute->kernels->rope(head, angles, hp->n_rot, f->model->arch->rope_neox);
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
    struct ori_forward *f = job->forward;
    const struct ori_hparams *hp = &f->model->hp;
    const struct ori_layer *layer = &f->model->layers[job->layer];
    const float *all_angles = ori_layer_is_local(hp, job->layer) ? f->local : f->angles;
    const size_t dim = hp->head_dim, stride = hp->n_heads_kv * dim;

    for (size_t i = job->first + begin, n; i < job->first + end; i += n) {
        const struct ori_batch_item *item = &f->items[i];
        const size_t at = i * stride + head_kv * dim;

        n = run_of(f->items, i, job->first + end);
        for (size_t k = i; k < i + n; k++) {
            const float *angles = all_angles + k * hp->n_rot;
            float *queries = f->q + (k * hp->n_heads + (size_t)head_kv * job->group) * dim;

            for (uint32_t h = 0; h < job->group; h++)
                turn_head(job, layer->q_norm, angles, queries + h * dim);
            turn_head(job, layer->k_norm, angles, f->k + at + (k - i) * stride);
        }
        ori_kv_store(f->compute->kernels, item->kv->type, dim,
                     &(struct ori_kv_rows){f->k + at, f->v + at, stride, n},
                     item->position % ORI_ATTN_BLOCK,
                     ori_kv_block(item->kv, job->layer, head_kv, item->position / ORI_ATTN_BLOCK));
    }
}

/* The positions that an item sees: those up to its own, of an encoder all of its
 * text, as far as the layer's window lets it. */
static void stretch_of(const struct ori_forward *f, uint32_t layer,
                       const struct ori_batch_item *item, struct ori_attn_query *out)
{
    const uint32_t window = ori_layer_window(&f->model->hp, layer);
    const bool encoder = f->model->arch->encoder;
    const uint32_t before = encoder ? window / 2 : window - 1; /* with a window */
    const uint32_t stop = encoder ? item->text_tokens : item->position + 1;

    out->begin = window > 0 && item->position > before ? item->position - before : 0;
    out->end = encoder && window > 0 && stop - item->position > before + 1
                   ? item->position + before + 1
                   : stop;
}

static struct ori_attn_query query_of(const struct attend_job *job, size_t head_kv, size_t index)
{
    const struct ori_forward *f = job->forward;
    const struct ori_hparams *hp = &f->model->hp;
    const size_t item = job->first + index / job->group;
    const size_t head = head_kv * job->group + index % job->group;
    const size_t at = (item * hp->n_heads + head) * hp->head_dim;
    const float *sinks = f->model->layers[job->layer].sinks;
    struct ori_attn_query query = {
        .q = f->q + at,
        .out = f->mixed + at,
        .sink = sinks ? sinks + head : NULL,
    };

    stretch_of(f, job->layer, &f->items[item], &query);
    return query;
}

/* Queries [first, last), all of one sequence, of each of n_heads heads of keys: at most
 * ORI_ATTN_TILE in all. */
static void attend_sequence(const struct attend_job *job, size_t head_kv, size_t n_heads,
                            size_t first, size_t last)
{
    const struct ori_forward *f = job->forward;
    const struct ori_hparams *hp = &f->model->hp;
    const struct ori_kv *kv = f->items[job->first + first / job->group].kv;
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
    f->compute->kernels->attention[kv->type](&attn);
}

/* Queries [first, last), at most ORI_ATTN_TILE, of each of the heads [begin, end).  As
 * many heads together as there is room for: beside each other they are read in order. */
static void attend_heads(const struct attend_job *job, size_t begin, size_t end, size_t first,
                         size_t last)
{
    const struct ori_batch_item *items = job->forward->items + job->first;

    for (size_t stop = first; first < last; first = stop) {
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
    const uint32_t n_heads = job->forward->model->hp.n_heads_kv;

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
static void attend_stretch(struct ori_forward *f, uint32_t layer, size_t first, size_t n)
{
    const struct ori_hparams *hp = &f->model->hp;
    struct ori_pool *pool = f->compute->pool;
    const uint32_t group = hp->n_heads / hp->n_heads_kv;
    const size_t n_queries = n * group;
    const size_t full = pieces(n_queries, ORI_ATTN_TILE);
    const size_t wanted = pieces(ori_pool_threads(pool), hp->n_heads_kv);
    const size_t tile = pieces(n_queries, full > wanted ? full : wanted);
    struct attend_job job = {f, layer, first, n, group, n_queries, tile, pieces(n_queries, tile)};

    if (f->model->arch->qk_norm == ORI_QK_NORM_ROWS)
        ori_pool_for(pool, n, 4, norm_whole_rows, &job);
    if (job.n_tiles == 1) {
        ori_pool_share(pool, hp->n_heads_kv, 1, place_and_attend, &job);
        return;
    }
    ori_pool_for(pool, pieces(n, PLACE_ITEMS) * hp->n_heads_kv, 1, place_some, &job);
    ori_pool_for(pool, job.n_tiles * hp->n_heads_kv, 1, attend, &job);
}

/* A stretch at a time where the layer is a ring that has no room for more. */
static void attention(struct ori_forward *f, uint32_t layer)
{
    const bool ring = ori_layer_window(&f->model->hp, layer) > 0 && !f->model->arch->encoder;
    const size_t most = ring ? ORI_KV_STRETCH : f->n;

    for (size_t first = 0; first < f->n; first += most)
        attend_stretch(f, layer, first, f->n - first < most ? f->n - first : most);
}

/* Without a gate: of what up has brought into f->gate. */
static void activate_items(void *arg, size_t begin, size_t end, uint32_t worker)
{
    struct ori_forward *f = arg;
    const size_t n = f->model->hp.n_ff;

    (void)worker;
    for (size_t i = begin; i < end; i++)
        f->compute->kernels->gelu(f->gate + i * n, n);
}

/* ---- the pass ---- */

/* From one block to the next. */
static void pass_norms(struct norm_job job)
{
    ori_pool_for(job.forward->compute->pool, job.forward->n, 4, norm_items, &job);
}

static void attention_block(struct ori_forward *f, uint32_t index)
{
    const struct ori_layer *layer = &f->model->layers[index];
    const struct ori_hparams *hp = &f->model->hp;
    const struct ori_product qkv[] = {
        {&layer->q, f->q, layer->q.n_rows, 0, 0},
        {&layer->k, f->k, layer->k.n_rows, 0, 0},
        {&layer->v, f->v, layer->v.n_rows, 0, 0},
    };
    const struct ori_product out = {&layer->attn_out, f->added, hp->n_embd, 0, 0};

    ori_linear(f->compute, &f->acts, layer->attn_norm.weight ? f->normed : f->x, f->n, qkv,
               ORI_COUNT(qkv));
    attention(f, index);
    ori_linear(f->compute, &f->acts, f->mixed, f->n, &out, 1);
}

static void feed_forward_block(struct ori_forward *f, uint32_t index)
{
    const struct ori_layer *layer = &f->model->layers[index];
    const bool gated = layer->gate.n_rows > 0;
    const struct ori_product up_gate[] = {
        {&layer->up, gated ? f->up : f->gate, layer->up.n_rows, 0, 0},
        {&layer->gate, f->gate, layer->gate.n_rows, 0, 0},
    };
    const struct ori_product down = {&layer->down, f->added, layer->down.n_rows, 0, 0};
    const float *x = layer->ffn_norm.weight ? f->normed : f->x;

    if (layer->experts) {
        ori_experts_run(f->experts, layer, x, f->n, f->added);
        return;
    }
    ori_linear(f->compute, &f->acts, x, f->n, up_gate, gated ? 2 : 1);
    if (gated)
        ori_gate(f->compute, f->model->arch->activation, f->gate, f->up, f->n, f->model->hp.n_ff);
    else
        ori_pool_for(f->compute->pool, f->n, 4, activate_items, f);
    ori_linear(f->compute, &f->acts, f->gate, f->n, &down, 1);
}

orion_status ori_forward_run(struct ori_forward *f, const struct ori_batch_item *items, uint32_t n,
                             const atomic_bool *stop, orion_error *err)
{
    const struct ori_model *model = f->model;

    assert(n >= 1 && n <= f->max_batch);
    f->items = items;
    f->n = n;
    ori_pool_for(f->compute->pool, n, 4, embed_items, f);
    pass_norms((struct norm_job){.forward = f, .before = model->layers[0].attn_norm});
    for (uint32_t i = 0; i < model->hp.n_layers; i++) {
        const struct ori_layer *layer = &model->layers[i];
        const bool last = i + 1 == model->hp.n_layers;

        if (stop && atomic_load(stop))
            return ori_fail(err, ORION_E_CANCELLED, "cancelled");
        attention_block(f, i);
        pass_norms((struct norm_job){f, true, layer->attn_post_norm, layer->ffn_norm});
        feed_forward_block(f, i);
        pass_norms((struct norm_job){f, true, layer->ffn_post_norm,
                                     last ? model->output_norm : layer[1].attn_norm});
    }
    f->items = NULL;
    return ori_gguf_check_intact(model->gguf, err);
}

const float *ori_forward_hidden(const struct ori_forward *f)
{
    return f->model->output_norm.weight ? f->normed : f->x;
}

struct logits_job {
    const struct ori_forward *forward;
    float *logits; /* [n][n_vocab] */
};

static void finish_logits(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct logits_job *job = arg;
    const struct ori_hparams *hp = &job->forward->model->hp;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float *logits = job->logits + i * hp->n_vocab;
        scale(logits, hp->n_vocab, hp->logit_scale);
        if (hp->logit_softcap > 0.0f)
            job->forward->compute->kernels->softcap(logits, hp->n_vocab, hp->logit_softcap);
    }
}

orion_status ori_forward_logits(struct ori_forward *f, uint32_t first, uint32_t n, float *out,
                                orion_error *err)
{
    const struct ori_product product = {&f->model->output, out, f->model->hp.n_vocab, 0, 0};

    assert(first + n <= f->n);
    ori_linear(f->compute, &f->acts, f->normed + (size_t)first * f->model->hp.n_embd, n, &product,
               1);
    if (f->model->hp.logit_scale != 1.0f || f->model->hp.logit_softcap > 0.0f) {
        struct logits_job job = {f, out};
        ori_pool_for(f->compute->pool, n, 1, finish_logits, &job);
    }
    return ori_gguf_check_intact(f->model->gguf, err);
}
