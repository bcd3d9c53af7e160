#include "model/forward.h"

#include "model/attention.h"
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
    const struct ori_attention attention = {
        .model = f->model,
        .compute = f->compute,
        .items = f->items,
        .n = f->n,
        .q = f->q,
        .k = f->k,
        .v = f->v,
        .mixed = f->mixed,
        .angles = f->angles,
        .local = f->local,
    };
    const struct ori_product out = {&layer->attn_out, f->added, hp->n_embd, 0, 0};

    ori_linear(f->compute, &f->acts, layer->attn_norm.weight ? f->normed : f->x, f->n, qkv,
               ORI_COUNT(qkv));
    ori_attend(&attention, index);
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
