#include "model/linear.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define GRAIN_ROWS 32 /* as the kernels take them */

/* Row lengths are whole blocks of whatever layout they are put in. */
static size_t col_bytes(int kind, size_t max_n)
{
    size_t bytes = 0;

    (void)ori_act_bytes((enum ori_act)kind, (max_n + 255) / 256 * 256, &bytes);
    return bytes;
}

size_t ori_acts_col_bytes(size_t max_n)
{
    size_t sum = 0;

    for (int kind = ORI_ACT_F32 + 1; kind < ORI_ACT_COUNT; kind++)
        sum += col_bytes(kind, max_n);
    return sum;
}

orion_status ori_acts_init(struct ori_acts *acts, size_t max_n, size_t max_cols, orion_error *err)
{
    *acts = (struct ori_acts){.max_n = max_n, .max_cols = max_cols};
    for (int kind = ORI_ACT_F32 + 1; kind < ORI_ACT_COUNT; kind++) {
        acts->data[kind] = ori_alloc_aligned_raw(max_cols, col_bytes(kind, max_n));
        if (!acts->data[kind]) {
            ori_acts_release(acts);
            return ori_fail_nomem(err, "activations");
        }
    }
    acts->bytes = max_cols * ori_acts_col_bytes(max_n);
    return ORION_OK;
}

void ori_acts_release(struct ori_acts *acts)
{
    for (int kind = ORI_ACT_F32 + 1; kind < ORI_ACT_COUNT; kind++)
        free(acts->data[kind]);
    *acts = (struct ori_acts){0};
}

struct quantize_job {
    void (*quantize)(const float *x, void *out, size_t n);
    const struct ori_columns *columns;
    uint8_t *out;
    size_t n;
    size_t out_bytes;
};

static void quantize_columns(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct quantize_job *job = arg;
    const struct ori_columns *columns = job->columns;

    (void)worker;
    for (size_t c = begin; c < end; c++) {
        const uint32_t *to = columns->to ? columns->to + c * columns->n_copies : NULL;
        uint8_t *first = job->out + (to ? to[0] : c) * job->out_bytes;

        job->quantize(columns->x + c * job->n, first, job->n);
        for (size_t i = 1; to && i < columns->n_copies; i++)
            memcpy(job->out + to[i] * job->out_bytes, first, job->out_bytes);
    }
}

struct linear_job {
    const struct ori_kernels *kernels;
    const struct ori_product *products;
    size_t n_products;
    size_t n_cols; /* all */
    const uint8_t *acts[ORI_ACT_COUNT];
    size_t act_bytes[ORI_ACT_COUNT];
};

/* Rows [from, to) of one matrix. */
static void multiply(const struct linear_job *job, const struct ori_product *p, size_t from,
                     size_t to)
{
    const struct ori_weight *w = p->weight;
    const struct ori_type_kernels *type = &job->kernels->types[w->type];
    const size_t n_cols = p->n_cols > 0 ? p->n_cols : job->n_cols;
    const size_t act_bytes = job->act_bytes[type->act];
    float *out = p->out + p->first_col * p->out_stride + from;

    type->matmul(w->data + from * w->row_bytes, w->row_bytes, to - from, w->n,
                 job->acts[type->act] + p->first_col * act_bytes, act_bytes, n_cols, out,
                 p->out_stride);
    for (size_t c = 0; w->bias && c < n_cols; c++)
        job->kernels->add(out + c * p->out_stride, w->bias + from, to - from);
}

/* Rows [begin, end) of all the matrices put one below the other. */
static void multiply_rows(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct linear_job *job = arg;
    size_t first = 0; /* of this matrix, in the common numbering */

    (void)worker;
    for (size_t i = 0; i < job->n_products && first < end; i++) {
        const struct ori_product *p = &job->products[i];
        const size_t from = begin > first ? begin - first : 0;
        const size_t to = end > first ? end - first : 0;
        const size_t stop = to < p->weight->n_rows ? to : p->weight->n_rows;

        if (from < stop)
            multiply(job, p, from, stop);
        first += p->weight->n_rows;
    }
}

/* Columns of n elements in a layout, for the products of the job. */
static void prepare(const struct ori_compute *compute, struct ori_acts *acts, enum ori_act kind,
                    const struct ori_columns *columns, size_t n, struct linear_job *job)
{
    struct quantize_job quantize = {.quantize = compute->kernels->quantize_act[kind],
                                    .columns = columns,
                                    .out = acts->data[kind],
                                    .n = n};

    /* Cannot fail: the weights' rows are whole blocks of this layout. */
    (void)ori_act_bytes(kind, n, &quantize.out_bytes);
    job->act_bytes[kind] = quantize.out_bytes;
    job->acts[kind] = acts->data[kind];
    if (kind == ORI_ACT_F32 && !columns->to)
        job->acts[kind] = (const uint8_t *)columns->x;
    else
        ori_pool_for(compute->pool, columns->n, 4, quantize_columns, &quantize);
}

void ori_linear_columns(const struct ori_compute *compute, struct ori_acts *acts,
                        const struct ori_columns *columns, const struct ori_product *products,
                        size_t n_products)
{
    const size_t n = products[0].weight->n;
    size_t total_rows = 0;
    struct linear_job job = {
        .kernels = compute->kernels,
        .products = products,
        .n_products = n_products,
        .n_cols = columns->to ? columns->n * columns->n_copies : columns->n,
    };

    assert(n <= acts->max_n && job.n_cols <= acts->max_cols);
    for (size_t i = 0; i < n_products; i++) {
        const enum ori_act kind = compute->kernels->types[products[i].weight->type].act;
        total_rows += products[i].weight->n_rows;
        if (!job.acts[kind])
            prepare(compute, acts, kind, columns, n, &job);
    }
    ori_pool_share(compute->pool, total_rows, GRAIN_ROWS, multiply_rows, &job);
}

void ori_linear(const struct ori_compute *compute, struct ori_acts *acts, const float *x,
                size_t n_cols, const struct ori_product *products, size_t n_products)
{
    const struct ori_columns columns = {.x = x, .n = n_cols};
    ori_linear_columns(compute, acts, &columns, products, n_products);
}

struct gate_job {
    void (*gate_mul)(const float *gate, const float *up, float *out, size_t n);
    float *gate;
    const float *up;
    size_t n;
};

static void gate_columns(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct gate_job *job = arg;

    (void)worker;
    for (size_t at = begin * job->n; at < end * job->n; at += job->n)
        job->gate_mul(job->gate + at, job->up + at, job->gate + at, job->n);
}

void ori_gate(const struct ori_compute *compute, enum ori_activation activation, float *gate,
              const float *up, size_t n_cols, size_t n)
{
    const struct ori_kernels *kernels = compute->kernels;
    struct gate_job job = {
        .gate_mul = activation == ORI_GELU             ? kernels->gelu_mul
                    : activation == ORI_CLAMPED_SWIGLU ? kernels->clamped_swiglu
                                                       : kernels->silu_mul,
        .gate = gate,
        .up = up,
        .n = n,
    };

    ori_pool_for(compute->pool, n_cols, 4, gate_columns, &job);
}
