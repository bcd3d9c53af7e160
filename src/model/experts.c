#include "model/experts.h"

#include <stdlib.h>
#include <string.h>

/* A token that an expert computes is a column of the batch's; the columns of an
 * expert lie side by side, in the order of the tokens. */
struct ori_experts {
    const struct ori_model *model;
    const struct ori_compute *compute;
    uint32_t n_used;
    struct ori_acts acts;
    struct ori_product *products; /* [2 * n_experts] */
    uint32_t *first;              /* [n_experts + 1] column of each expert */

    float *scores;    /* [max_batch][n_experts] by the router */
    uint32_t *chosen; /* [max_batch][n_used] experts, the best first */
    float *weights;   /* [max_batch][n_used] of theirs */
    uint32_t *column; /* [max_batch][n_used] where each computes the token */
    float *gate, *up; /* [max_batch * n_used][n_ff] */
    float *given;     /* [max_batch * n_used][n_embd] what the experts give */
};

size_t ori_experts_token_bytes(const struct ori_hparams *hp)
{
    const size_t widest = hp->n_ff > hp->n_embd ? hp->n_ff : hp->n_embd;
    const size_t column = (2 * (size_t)hp->n_ff + hp->n_embd + 1) * sizeof(float) +
                          2 * sizeof(uint32_t) + ori_acts_col_bytes(widest);

    return hp->n_experts * sizeof(float) + hp->n_experts_used * column;
}

void ori_experts_free(struct ori_experts *e)
{
    if (!e)
        return;
    e->acts.data[ORI_ACT_F32] = NULL; /* borrowed from given */
    ori_acts_release(&e->acts);
    free(e->products);
    free(e->first);
    free(e->scores);
    free(e->chosen);
    free(e->weights);
    free(e->column);
    free(e->gate);
    free(e->up);
    free(e->given);
    free(e);
}

/* [n_columns][row]; false when memory is short. */
static bool alloc_rows(float **out, size_t n_columns, size_t row)
{
    size_t n;

    *out = ori_mul(n_columns, row, &n) ? ori_alloc_aligned_raw(n, sizeof(float)) : NULL;
    return *out != NULL;
}

static bool alloc_all(struct ori_experts *e, const struct ori_hparams *hp, uint32_t max_batch)
{
    const size_t widest = hp->n_ff > hp->n_embd ? hp->n_ff : hp->n_embd;
    const size_t n_columns = (size_t)max_batch * e->n_used;

    if (ori_acts_init(&e->acts, widest, n_columns, NULL) != ORION_OK ||
        !alloc_rows(&e->scores, max_batch, hp->n_experts) ||
        !alloc_rows(&e->weights, n_columns, 1) || !alloc_rows(&e->gate, n_columns, hp->n_ff) ||
        !alloc_rows(&e->up, n_columns, hp->n_ff) || !alloc_rows(&e->given, n_columns, hp->n_embd))
        return false;
    /* Columns in floats are gathered where nothing has been given yet. */
    e->acts.data[ORI_ACT_F32] = e->given;
    e->products = ori_calloc_array(2 * (size_t)hp->n_experts, sizeof(*e->products));
    e->first = ori_calloc_array((size_t)hp->n_experts + 1, sizeof(*e->first));
    e->chosen = ori_calloc_array(n_columns, sizeof(*e->chosen));
    e->column = ori_calloc_array(n_columns, sizeof(*e->column));
    return e->products && e->first && e->chosen && e->column;
}

struct ori_experts *ori_experts_new(const struct ori_model *model,
                                    const struct ori_compute *compute, uint32_t max_batch)
{
    struct ori_experts *e = calloc(1, sizeof(*e));

    if (!e)
        return NULL;
    e->model = model;
    e->compute = compute;
    e->n_used = model->hp.n_experts_used;
    if (alloc_all(e, &model->hp, max_batch))
        return e;
    ori_experts_free(e);
    return NULL;
}

/* ---- who computes what ---- */

/* The best experts by score, the best first; of equal ones that with the lower
 * index.  A score that is no number is not better than any other. */
static void choose(const float *scores, uint32_t n_experts, uint32_t n_used, uint32_t *chosen)
{
    uint32_t n = 0;

    for (uint32_t expert = 0; expert < n_experts; expert++) {
        uint32_t rank = n;
        while (rank > 0 && scores[expert] > scores[chosen[rank - 1]])
            rank--;
        if (rank == n_used)
            continue;
        n += n < n_used;
        for (uint32_t i = n - 1; i > rank; i--)
            chosen[i] = chosen[i - 1];
        chosen[rank] = expert;
    }
}

/* Softmax over the chosen; the best score is the first. */
static void weigh(const float *scores, const uint32_t *chosen, uint32_t n_used, float *weights)
{
    const double best = (double)scores[chosen[0]];
    double sum = 0;

    for (uint32_t i = 0; i < n_used; i++) {
        const double p = ori_exp((double)scores[chosen[i]] - best);
        weights[i] = (float)p;
        sum += p;
    }
    for (uint32_t i = 0; i < n_used; i++)
        weights[i] = (float)((double)weights[i] / sum);
}

static void route_tokens(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct ori_experts *e = arg;
    const uint32_t n_experts = e->model->hp.n_experts;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const float *scores = e->scores + i * n_experts;
        uint32_t *chosen = e->chosen + i * e->n_used;

        choose(scores, n_experts, e->n_used, chosen);
        weigh(scores, chosen, e->n_used, e->weights + i * e->n_used);
    }
}

/* Lay the columns out: those of expert x are [first[x], first[x + 1]). */
static void place_columns(struct ori_experts *e, uint32_t n)
{
    const uint32_t n_experts = e->model->hp.n_experts;
    const size_t n_columns = (size_t)n * e->n_used;

    memset(e->first, 0, (n_experts + (size_t)1) * sizeof(*e->first));
    for (size_t i = 0; i < n_columns; i++)
        e->first[e->chosen[i] + 1]++; /* how many there are, */
    for (uint32_t x = 0; x < n_experts; x++)
        e->first[x + 1] += e->first[x]; /* where they end, */
    for (size_t i = n_columns; i-- > 0;)
        e->column[i] = --e->first[e->chosen[i] + 1]; /* and where they begin */
    memmove(e->first, e->first + 1, n_experts * sizeof(*e->first));
    e->first[n_experts] = (uint32_t)n_columns;
}

/* ---- what they compute ---- */

static struct ori_product product_of(const struct ori_experts *e, uint32_t expert,
                                     const struct ori_weight *weight, float *out)
{
    return (struct ori_product){
        .weight = weight,
        .out = out,
        .out_stride = weight->n_rows,
        .first_col = e->first[expert],
        .n_cols = e->first[expert + 1] - e->first[expert],
    };
}

static size_t gate_up_products(struct ori_experts *e, const struct ori_layer *layer)
{
    size_t n = 0;

    for (uint32_t x = 0; x < e->model->hp.n_experts; x++) {
        if (e->first[x] == e->first[x + 1])
            continue;
        e->products[n++] = product_of(e, x, &layer->experts[x].gate, e->gate);
        e->products[n++] = product_of(e, x, &layer->experts[x].up, e->up);
    }
    return n;
}

static size_t down_products(struct ori_experts *e, const struct ori_layer *layer)
{
    size_t n = 0;

    for (uint32_t x = 0; x < e->model->hp.n_experts; x++)
        if (e->first[x] < e->first[x + 1])
            e->products[n++] = product_of(e, x, &layer->experts[x].down, e->given);
    return n;
}

struct join_job {
    const struct ori_experts *experts;
    float *out; /* [n][n_embd] */
};

static void join_tokens(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct join_job *job = arg;
    const struct ori_experts *e = job->experts;
    const size_t n_embd = e->model->hp.n_embd;

    (void)worker;
    for (size_t i = begin; i < end; i++) {
        float *out = job->out + i * n_embd;
        memset(out, 0, n_embd * sizeof(float));
        for (size_t at = i * e->n_used; at < (i + 1) * e->n_used; at++)
            e->compute->kernels->add_scaled(out, e->given + e->column[at] * n_embd, e->weights[at],
                                            n_embd);
    }
}

void ori_experts_run(struct ori_experts *e, const struct ori_layer *layer, const float *x,
                     uint32_t n, float *out)
{
    const struct ori_hparams *hp = &e->model->hp;
    const size_t n_columns = (size_t)n * e->n_used;
    const struct ori_product router = {&layer->router, e->scores, hp->n_experts, 0, 0};
    const struct ori_columns tokens = {.x = x, .n = n};
    const struct ori_columns spread = {.x = x, .n = n, .to = e->column, .n_copies = e->n_used};
    const struct ori_columns gated = {.x = e->gate, .n = n_columns};
    struct join_job join = {e, out};

    ori_linear_columns(e->compute, &e->acts, &tokens, &router, 1);
    ori_pool_for(e->compute->pool, n, 4, route_tokens, e);
    place_columns(e, n);
    ori_linear_columns(e->compute, &e->acts, &spread, e->products, gate_up_products(e, layer));
    ori_gate(e->compute, e->model->arch->activation, e->gate, e->up, n_columns, hp->n_ff);
    ori_linear_columns(e->compute, &e->acts, &gated, e->products, down_products(e, layer));
    ori_pool_for(e->compute->pool, n, 1, join_tokens, &join);
}
