#include "runtime/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_CONTEXT 4096u
#define MAX_BATCH 8192u

static orion_status choose_sizes(struct ori_session *s, const struct ori_session_options *options,
                                 orion_error *err)
{
    const uint32_t trained = s->model->hp.context_tokens;

    s->context_tokens = options->context_tokens;
    if (s->context_tokens == 0)
        s->context_tokens = trained < DEFAULT_MAX_CONTEXT ? trained : DEFAULT_MAX_CONTEXT;
    if (s->context_tokens > trained)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "a context of %u tokens was asked for, but the model was made for %u; ask "
                        "for at most that",
                        s->context_tokens, trained);
    s->batch_tokens = options->batch_tokens > 0 ? options->batch_tokens : ORI_BATCH_TOKENS;
    if (s->batch_tokens > MAX_BATCH)
        return ori_fail(err, ORION_E_ARGUMENT, "batches of %u tokens are too large; at most %u",
                        s->batch_tokens, MAX_BATCH);
    if (s->batch_tokens > s->context_tokens)
        s->batch_tokens = s->context_tokens;
    return ORION_OK;
}

/* Rows that are never written never become resident. */
static float *new_logits(uint32_t n_vocab)
{
    size_t n;
    return ori_mul(n_vocab, 1 + ORI_MAX_DRAFT, &n) ? ori_alloc_aligned_raw(n, sizeof(float)) : NULL;
}

static orion_status set_up(struct ori_session *s, const struct ori_session_options *options,
                           orion_error *err)
{
    orion_status status;

    if ((status = choose_sizes(s, options, err)) != ORION_OK ||
        (status = ori_kernels_choose(&s->kernels, err)) != ORION_OK ||
        (status = ori_pool_new(options->threads, &s->pool, err)) != ORION_OK)
        return status;
    s->compute = (struct ori_compute){&s->kernels, s->pool};
    if ((status = ori_rope_init(&s->rope, s->model, s->context_tokens, err)) != ORION_OK ||
        (status = ori_kv_init(&s->kv, &s->model->hp, options->kv_type, s->context_tokens,
                              s->batch_tokens, err)) != ORION_OK ||
        (status = ori_forward_new(s->model, &s->compute, &s->rope, s->batch_tokens, &s->forward,
                                  err)) != ORION_OK)
        return status;

    s->tokens = ori_calloc_array(s->context_tokens, sizeof(*s->tokens));
    s->items = ori_calloc_array(s->batch_tokens, sizeof(*s->items));
    s->logits = new_logits(s->model->hp.n_vocab);
    if (!s->tokens || !s->items || !s->logits)
        return ori_fail_nomem(err, "the session");
    ori_readahead_init(&s->ahead, s->model);
    return options->prefixes ? ori_snapshot_attach(s, options->prefixes, err) : ORION_OK;
}

orion_status ori_session_new(const struct ori_model *model, struct ori_session_options options,
                             struct ori_session **out, orion_error *err)
{
    *out = NULL;
    if (model->vocab_only)
        return ori_fail(err, ORION_E_UNSUPPORTED,
                        "the model was opened for its vocabulary only; it cannot generate");
    struct ori_session *s = calloc(1, sizeof(*s));
    if (!s)
        return ori_fail_nomem(err, "the session");
    s->model = model;
    const orion_status status = set_up(s, &options, err);
    if (status != ORION_OK) {
        ori_session_free(s);
        return status;
    }
    *out = s;
    return ORION_OK;
}

void ori_session_free(struct ori_session *s)
{
    if (!s)
        return;
    ori_readahead_release(&s->ahead);
    ori_forward_free(s->forward);
    ori_kv_release(&s->kv);
    ori_rope_release(&s->rope);
    ori_pool_free(s->pool);
    free(s->tokens);
    free(s->items);
    free(s->logits);
    free(s);
}

void ori_session_reset(struct ori_session *s)
{
    s->n_tokens = 0;
    s->n_reached = 0;
}

void ori_session_cancel(struct ori_session *s)
{
    atomic_store(&s->cancel, true);
}

bool ori_session_take_cancel(struct ori_session *s)
{
    return atomic_exchange(&s->cancel, false);
}

/* Compute tokens[from, from+n), n <= batch_tokens, and put them in the cache. */
static orion_status compute_batch(struct ori_session *s, uint32_t from, uint32_t n,
                                  orion_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        s->items[i] = (struct ori_batch_item){s->tokens[from + i], from + i, &s->kv};
    /* Until it has succeeded the cache does not count as holding them. */
    s->n_tokens = from;
    if (from == 0)
        s->n_reached = 0;
    if (s->n_reached < from + n)
        s->n_reached = from + n;
    const orion_status status = ori_forward_run(s->forward, s->items, n, err);
    if (status == ORION_OK)
        s->n_tokens = from + n;
    return status;
}

/* How many of the first `limit` tokens the cache holds. */
static uint32_t reusable(const struct ori_session *s, const int32_t *tokens, uint32_t limit)
{
    uint32_t common = 0;

    while (common < s->n_tokens && common < limit && s->tokens[common] == tokens[common])
        common++;
    return ori_kv_can_rewind(&s->kv, &s->model->hp, s->n_reached, common) ? common : 0;
}

/* Hold as many of the first `limit` of tokens[n] as cache and disk have: n_tokens.
 * The rest is set, but does not count until it is computed. */
static orion_status reuse(struct ori_session *s, const int32_t *tokens, uint32_t n, uint32_t limit,
                          orion_error *err)
{
    s->n_tokens = reusable(s, tokens, limit);
    memcpy(s->tokens + s->n_tokens, tokens + s->n_tokens, (n - s->n_tokens) * sizeof(*tokens));
    return s->prefixes ? ori_snapshot_restore(s, limit, err) : ORION_OK;
}

orion_status ori_session_save(struct ori_session *s, orion_error *err)
{
    if (!s->prefixes)
        return ori_fail(err, ORION_E_ARGUMENT, "the session was made without a prefix cache");
    return ori_snapshot_save(s, err);
}

orion_status ori_session_restore(struct ori_session *s, const int32_t *tokens, size_t n,
                                 uint32_t *n_restored, orion_error *err)
{
    *n_restored = 0;
    if (!s->prefixes)
        return ori_fail(err, ORION_E_ARGUMENT, "the session was made without a prefix cache");
    const uint32_t count = n < s->context_tokens ? (uint32_t)n : s->context_tokens;
    const orion_status status = reuse(s, tokens, count, count, err);
    if (status == ORION_OK)
        *n_restored = s->n_tokens;
    return status;
}

orion_status ori_session_prefill(struct ori_session *s, const int32_t *prompt, uint32_t n_prompt,
                                 uint32_t *n_cached, orion_error *err)
{
    orion_status status = ORION_OK;
    uint32_t last_batch = 0;

    /* The last token's logits are not kept: it is computed in any case. */
    (void)reuse(s, prompt, n_prompt, n_prompt - 1, NULL);
    uint32_t done = s->n_tokens;
    *n_cached = done;
    while (done < n_prompt) {
        if (ori_session_take_cancel(s))
            return ori_fail(err, ORION_E_CANCELLED, "cancelled");
        last_batch = n_prompt - done < s->batch_tokens ? n_prompt - done : s->batch_tokens;
        status = compute_batch(s, done, last_batch, err);
        if (status != ORION_OK)
            return status;
        if (s->prefixes)
            (void)ori_snapshot_save(s, NULL);
        done += last_batch;
    }
    return ori_forward_logits(s->forward, last_batch - 1, 1, s->logits, err);
}

orion_status ori_session_append(struct ori_session *s, const int32_t *tokens, uint32_t n,
                                orion_error *err)
{
    const uint32_t at = s->n_tokens;

    assert(n >= 1 && n <= 1 + ORI_MAX_DRAFT && n <= s->batch_tokens);
    assert(n <= s->context_tokens - at);
    memcpy(s->tokens + at, tokens, n * sizeof(*tokens));
    const orion_status status = compute_batch(s, at, n, err);
    if (status != ORION_OK)
        return status;
    return ori_forward_logits(s->forward, 0, n, s->logits, err);
}

void ori_session_drop(struct ori_session *s, uint32_t n)
{
    assert(n <= s->n_tokens && ori_kv_can_rewind(&s->kv, &s->model->hp, s->n_reached, n));
    s->n_tokens = n;
}
