#include "model/linear.h"

#include <assert.h>
#include <stdlib.h>

orion_status ori_acts_init(struct ori_acts *acts, size_t max_n, size_t max_cols, orion_error *err)
{
    /* Row lengths are whole blocks of whatever layout they are put in. */
    const size_t padded = (max_n + 255) / 256 * 256;

    *acts = (struct ori_acts){.max_n = max_n, .max_cols = max_cols};
    for (int kind = ORI_ACT_F32 + 1; kind < ORI_ACT_COUNT; kind++) {
        size_t bytes;
        if (ori_act_bytes((enum ori_act)kind, padded, &bytes))
            acts->data[kind] = ori_alloc_aligned(max_cols, bytes);
        if (!acts->data[kind]) {
            ori_acts_release(acts);
            return ori_fail_nomem(err, "activations");
        }
        acts->bytes += max_cols * bytes;
    }
    return ORION_OK;
}

void ori_acts_release(struct ori_acts *acts)
{
    for (int kind = 0; kind < ORI_ACT_COUNT; kind++)
        free(acts->data[kind]);
    *acts = (struct ori_acts){0};
}

struct quantize_job {
    void (*quantize)(const float *x, void *out, size_t n);
    const float *x;
    uint8_t *out;
    size_t n;
    size_t out_bytes;
};

static void quantize_columns(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct quantize_job *job = arg;
    (void)worker;
    for (size_t c = begin; c < end; c++)
        job->quantize(job->x + c * job->n, job->out + c * job->out_bytes, job->n);
}

struct linear_job {
    const struct ori_kernels *kernels;
    const struct ori_product *products;
    size_t n_products;
    size_t n_cols;
    const void *acts[ORI_ACT_COUNT];
    size_t act_bytes[ORI_ACT_COUNT];
};

/* Rows [from, to) of one matrix. */
static void multiply(const struct linear_job *job, const struct ori_product *p, size_t from,
                     size_t to)
{
    const struct ori_weight *w = p->weight;
    const struct ori_type_kernels *type = &job->kernels->types[w->type];

    type->matmul(w->data + from * w->row_bytes, w->row_bytes, to - from, w->n, job->acts[type->act],
                 job->act_bytes[type->act], job->n_cols, p->out + from, p->out_stride);
    for (size_t c = 0; w->bias && c < job->n_cols; c++)
        job->kernels->add(p->out + c * p->out_stride + from, w->bias + from, to - from);
}

/* Rows [begin, end) of all the matrices put one below the other. */
static void multiply_rows(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct linear_job *job = arg;
    size_t first = 0; /* of this matrix, in the common numbering */

    (void)worker;
    for (size_t i = 0; i < job->n_products; i++) {
        const struct ori_product *p = &job->products[i];
        const size_t from = begin > first ? begin - first : 0;
        const size_t to = end > first ? end - first : 0;
        const size_t stop = to < p->weight->n_rows ? to : p->weight->n_rows;

        if (from < stop)
            multiply(job, p, from, stop);
        first += p->weight->n_rows;
    }
}

/* Small enough that no thread is left waiting for long, large enough that
 * handing out costs nothing; whole groups of 32 rows, as the kernels take them. */
static size_t grain_for(size_t n_rows, uint32_t n_threads)
{
    size_t grain = n_rows / ((size_t)n_threads * 8);
    grain = (grain + 31) / 32 * 32;
    return grain < 32 ? 32 : grain > 256 ? 256 : grain;
}

void ori_linear(const struct ori_compute *compute, struct ori_acts *acts, const float *x,
                size_t n_cols, const struct ori_product *products, size_t n_products)
{
    const size_t n = products[0].weight->n;
    size_t total_rows = 0;
    struct linear_job job = {
        .kernels = compute->kernels,
        .products = products,
        .n_products = n_products,
        .n_cols = n_cols,
        .acts[ORI_ACT_F32] = x,
        .act_bytes[ORI_ACT_F32] = n * sizeof(float),
    };

    assert(n_products <= ORI_MAX_PRODUCTS && n <= acts->max_n && n_cols <= acts->max_cols);
    for (size_t i = 0; i < n_products; i++) {
        const enum ori_act kind = compute->kernels->types[products[i].weight->type].act;
        total_rows += products[i].weight->n_rows;
        if (job.acts[kind])
            continue;
        struct quantize_job quantize = {.quantize = compute->kernels->quantize_act[kind],
                                        .x = x,
                                        .out = acts->data[kind],
                                        .n = n};
        /* Cannot fail: the weights' rows are whole blocks of this layout. */
        (void)ori_act_bytes(kind, n, &quantize.out_bytes);
        ori_pool_for(compute->pool, n_cols, 4, quantize_columns, &quantize);
        job.acts[kind] = acts->data[kind];
        job.act_bytes[kind] = quantize.out_bytes;
    }
    ori_pool_for(compute->pool, total_rows, grain_for(total_rows, ori_pool_threads(compute->pool)),
                 multiply_rows, &job);
}
