#include "model/pooling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_dense(const struct ori_model *model)
{
    return model->dense[0].n_rows > 0 || model->dense[1].n_rows > 0;
}

orion_status ori_pooling_init(struct ori_pooling_pass *pass, const struct ori_model *model,
                              const struct ori_compute *compute, uint32_t max_texts,
                              orion_error *err)
{
    const size_t n_embd = model->hp.n_embd, between = model->dense[0].n_rows;
    const size_t widest = between > n_embd ? between : n_embd;
    size_t pooled_count, between_count;

    *pass = (struct ori_pooling_pass){.model = model, .compute = compute};
    if (!has_dense(model))
        return ORION_OK;
    if (!ori_mul(max_texts, n_embd, &pooled_count) || !ori_mul(max_texts, widest, &between_count) ||
        !(pass->pooled = ori_alloc_aligned(pooled_count, sizeof(float))) ||
        !(pass->between = ori_alloc_aligned(between_count, sizeof(float))))
        return ori_fail_nomem(err, "pooled vectors");
    return ori_acts_init(&pass->acts, widest, max_texts, err);
}

void ori_pooling_release(struct ori_pooling_pass *pass)
{
    ori_acts_release(&pass->acts);
    free(pass->pooled);
    free(pass->between);
    *pass = (struct ori_pooling_pass){0};
}

/* ---- steps over texts; each is a pool loop body ---- */

struct pool_job {
    const struct ori_pooling_pass *pass;
    const float *hidden;
    const uint32_t *n_tokens;
    float *out; /* [n_texts][n_embd] */
};

static void take_mean(const struct ori_kernels *kernels, const float *rows, size_t n_rows, size_t n,
                      float *out)
{
    const float share = 1.0f / (float)n_rows;

    memcpy(out, rows, n * sizeof(*out));
    for (size_t i = 1; i < n_rows; i++)
        kernels->add(out, rows + i * n, n);
    for (size_t i = 0; i < n; i++)
        out[i] *= share;
}

static void pool_texts(void *arg, size_t begin, size_t end, uint32_t worker)
{
    const struct pool_job *job = arg;
    const struct ori_hparams *hp = &job->pass->model->hp;
    const size_t n = hp->n_embd;
    const float *rows = job->hidden;

    (void)worker;
    for (size_t i = 0; i < begin; i++)
        rows += job->n_tokens[i] * n;
    for (size_t i = begin; i < end; i++) {
        const size_t n_rows = job->n_tokens[i];
        if (hp->pooling == ORI_POOLING_MEAN)
            take_mean(job->pass->compute->kernels, rows, n_rows, n, job->out + i * n);
        else
            memcpy(job->out + i * n,
                   hp->pooling == ORI_POOLING_CLS ? rows : rows + (n_rows - 1) * n,
                   n * sizeof(float));
        rows += n_rows * n;
    }
}

/* ---- the pass ---- */

/* The vectors through the dense layers that there are; the last brings them to `out`. */
static void pass_dense(struct ori_pooling_pass *pass, uint32_t n_texts, float *out)
{
    const struct ori_weight *dense = pass->model->dense;
    const float *x = pass->pooled;

    for (size_t i = 0; i < ORI_COUNT(pass->model->dense); i++) {
        const bool last = i + 1 == ORI_COUNT(pass->model->dense) || dense[i + 1].n_rows == 0;
        const struct ori_product product = {&dense[i], last ? out : pass->between, dense[i].n_rows,
                                            0, 0};
        if (dense[i].n_rows == 0)
            continue;
        ori_linear(pass->compute, &pass->acts, x, n_texts, &product, 1);
        x = product.out;
    }
}

/* False when its length is no number.  A vector of zeros stays. */
static bool normalise(float *x, size_t n)
{
    double squares = 0;

    for (size_t i = 0; i < n; i++)
        squares += (double)x[i] * (double)x[i];
    if (!isfinite(squares))
        return false;
    const double inverse = squares > 0 ? 1 / sqrt(squares) : 0;
    for (size_t i = 0; i < n; i++)
        x[i] = (float)((double)x[i] * inverse);
    return true;
}

orion_status ori_pooling_run(struct ori_pooling_pass *pass, const float *hidden,
                             const uint32_t *n_tokens, uint32_t n_texts, float *out,
                             orion_error *err)
{
    const size_t n = ori_model_embedding_length(pass->model);
    struct pool_job job = {pass, hidden, n_tokens, has_dense(pass->model) ? pass->pooled : out};

    ori_pool_for(pass->compute->pool, n_texts, 1, pool_texts, &job);
    if (has_dense(pass->model))
        pass_dense(pass, n_texts, out);
    for (size_t i = 0; i < n_texts; i++)
        if (!normalise(out + i * n, n))
            return ori_fail(err, ORION_E_FORMAT,
                            "the model's output is not a number; its weights are broken");
    return ORION_OK;
}
