#include "runtime/choices.h"

#include <math.h>
#include <stdlib.h>

/* Texts wait no longer than a stop text holds them back. */
#define MAX_BYTES (64u << 20)

void ori_choices_init(struct ori_choices *c, const struct ori_engine *engine, uint32_t n_top)
{
    const uint32_t n_vocab = engine->model->hp.n_vocab;

    *c = (struct ori_choices){.engine = engine, .n_top = n_top < n_vocab ? n_top : n_vocab};
    ori_buf_init(&c->bytes, MAX_BYTES);
}

void ori_choices_release(struct ori_choices *c)
{
    free(c->list);
    free(c->logprobs);
    ori_buf_release(&c->bytes);
    *c = (struct ori_choices){0};
}

static orion_status reserve(struct ori_choices *c)
{
    const size_t cap = c->cap > 0 ? 2 * c->cap : 16;
    size_t list_bytes, logprob_bytes;

    if (c->count < c->cap)
        return ORION_OK;
    if (!ori_mul(cap, sizeof(*c->list), &list_bytes) ||
        !ori_mul(cap, (1 + (size_t)c->n_top) * sizeof(*c->logprobs), &logprob_bytes))
        return ORION_E_NOMEM;
    orion_token_choice *list = realloc(c->list, list_bytes);
    if (list)
        c->list = list;
    orion_token_logprob *logprobs = realloc(c->logprobs, logprob_bytes);
    if (logprobs)
        c->logprobs = logprobs;
    if (!list || !logprobs)
        return ORION_E_NOMEM;
    c->cap = cap;
    return ORION_OK;
}

/* The n_top largest logits, of equal ones the lowest ids, into out[n_top].
 * Returns how many of them are numbers. */
static size_t find_top(const struct ori_choices *c, const float *logits, orion_token_logprob *out)
{
    size_t n = 0;

    if (c->n_top == 0)
        return 0;
    for (uint32_t token = 0; token < c->engine->model->hp.n_vocab; token++) {
        const float logit = logits[token];
        if (!isfinite(logit) || (n == c->n_top && logit <= out[n - 1].logprob))
            continue;
        size_t at = n < c->n_top ? n++ : n - 1;
        for (; at > 0 && logit > out[at - 1].logprob; at--)
            out[at] = out[at - 1];
        out[at] = (orion_token_logprob){.token = (int32_t)token, .logprob = logit};
    }
    return n;
}

static orion_status add_text(struct ori_choices *c, orion_token_logprob *logprob)
{
    const size_t before = c->bytes.len;
    const orion_status status =
        ori_vocab_token_bytes(c->engine->model->vocab, logprob->token, true, &c->bytes);

    logprob->n_bytes = c->bytes.len - before;
    return status;
}

orion_status ori_choices_add(struct ori_choices *c, const float *logits, int32_t token,
                             orion_error *err)
{
    const double sum = c->engine->kernels.log_sum_exp(logits, c->engine->model->hp.n_vocab);

    if (reserve(c) != ORION_OK)
        return ori_fail_nomem(err, "log-probabilities");
    orion_token_logprob *row = c->logprobs + c->count * (1 + (size_t)c->n_top);
    row[0] = (orion_token_logprob){.token = token, .logprob = logits[token]};
    const size_t n_top = find_top(c, logits, row + 1);
    for (size_t i = 0; i < 1 + n_top; i++) {
        row[i].logprob = (float)((double)row[i].logprob - sum);
        if (add_text(c, &row[i]) != ORION_OK)
            return ori_fail_nomem(err, "log-probabilities");
    }
    c->list[c->count++] = (orion_token_choice){.n_top = n_top};
    return ORION_OK;
}

const orion_token_choice *ori_choices_list(struct ori_choices *c)
{
    const char *bytes = ori_buf_text(&c->bytes);

    for (size_t i = 0; i < c->count; i++) {
        orion_token_logprob *row = c->logprobs + i * (1 + (size_t)c->n_top);
        for (size_t k = 0; k < 1 + c->list[i].n_top; k++) {
            row[k].bytes = bytes;
            bytes += row[k].n_bytes;
        }
        c->list[i].chosen = row[0];
        c->list[i].top = row + 1;
    }
    return c->list;
}

void ori_choices_clear(struct ori_choices *c)
{
    c->count = 0;
    ori_buf_clear(&c->bytes);
}
