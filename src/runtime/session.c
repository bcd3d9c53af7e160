#include "runtime/session.h"

#include "runtime/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static orion_status set_up(struct ori_session *s, const struct ori_model *model,
                           const struct ori_engine_options *options, orion_error *err)
{
    orion_status status;

    if ((status = ori_engine_init(&s->engine, model, options, err)) != ORION_OK ||
        (status = ori_sequence_init(&s->sequence, &s->engine, err)) != ORION_OK)
        return status;
    s->items = ori_calloc_array(s->engine.batch_tokens, sizeof(*s->items));
    s->logits = ori_engine_new_logits(&s->engine, 1 + ORI_MAX_DRAFT);
    if (!s->items || !s->logits)
        return ori_fail_nomem(err, "the session");
    return options->prefixes
               ? ori_snapshot_attach(&s->engine, &s->sequence.kv, options->prefixes, err)
               : ORION_OK;
}

orion_status ori_session_new(const struct ori_model *model, struct ori_engine_options options,
                             struct ori_session **out, orion_error *err)
{
    *out = NULL;
    struct ori_session *s = calloc(1, sizeof(*s));
    if (!s)
        return ori_fail_nomem(err, "the session");
    const orion_status status = set_up(s, model, &options, err);
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
    ori_engine_release(&s->engine);
    ori_sequence_release(&s->sequence);
    free(s->items);
    free(s->logits);
    free(s);
}

void ori_session_reset(struct ori_session *s)
{
    ori_sequence_reset(&s->sequence);
}

void ori_session_cancel(struct ori_session *s)
{
    atomic_store(&s->cancel, true);
}

bool ori_session_take_cancel(struct ori_session *s)
{
    return atomic_exchange(&s->cancel, false);
}

orion_status ori_session_forward(struct ori_session *s, uint32_t n, orion_error *err)
{
    const orion_status status = ori_forward_run(s->engine.forward, s->items, n, &s->cancel, err);

    if (status == ORION_E_CANCELLED)
        (void)ori_session_take_cancel(s);
    return status;
}

/* Compute the next n <= batch_tokens tokens, which are set, and put them in the
 * cache. */
static orion_status compute_batch(struct ori_session *s, uint32_t n, orion_error *err)
{
    ori_sequence_enter(&s->sequence, n, s->items);
    const orion_status status = ori_session_forward(s, n, err);
    if (status == ORION_OK)
        ori_sequence_computed(&s->sequence, n);
    return status;
}

/* Hold as many of the first `limit` of tokens[n] as cache and disk have.  The rest
 * is set, but does not count until it is computed. */
static orion_status reuse(struct ori_session *s, const int32_t *tokens, uint32_t n, uint32_t limit,
                          orion_error *err)
{
    ori_sequence_turn_to(&s->sequence, tokens, n, limit);
    return s->engine.prefixes ? ori_snapshot_restore(&s->engine, &s->sequence, limit, err)
                              : ORION_OK;
}

orion_status ori_session_save(struct ori_session *s, orion_error *err)
{
    if (!s->engine.prefixes)
        return ori_fail(err, ORION_E_ARGUMENT, "the session was made without a prefix cache");
    return ori_snapshot_save(&s->engine, &s->sequence, err);
}

orion_status ori_session_restore(struct ori_session *s, const int32_t *tokens, size_t n,
                                 uint32_t *n_restored, orion_error *err)
{
    const uint32_t context = s->engine.context_tokens;
    const uint32_t count = n < context ? (uint32_t)n : context;

    *n_restored = 0;
    if (!s->engine.prefixes)
        return ori_fail(err, ORION_E_ARGUMENT, "the session was made without a prefix cache");
    const orion_status status = reuse(s, tokens, count, count, err);
    if (status == ORION_OK)
        *n_restored = s->sequence.n_tokens;
    return status;
}

orion_status ori_session_prefill(struct ori_session *s, const int32_t *prompt, uint32_t n_prompt,
                                 uint32_t *n_cached, orion_error *err)
{
    uint32_t last_batch = 0;

    /* The last token's logits are not kept: it is computed in any case. */
    (void)reuse(s, prompt, n_prompt, n_prompt - 1, NULL);
    *n_cached = s->sequence.n_tokens;
    while (s->sequence.n_tokens < n_prompt) {
        const uint32_t left = n_prompt - s->sequence.n_tokens;
        last_batch = left < s->engine.batch_tokens ? left : s->engine.batch_tokens;
        const orion_status status = compute_batch(s, last_batch, err);
        if (status != ORION_OK)
            return status;
        if (s->engine.prefixes)
            (void)ori_snapshot_save(&s->engine, &s->sequence, NULL);
    }
    return ori_forward_logits(s->engine.forward, last_batch - 1, 1, s->logits, err);
}

orion_status ori_session_advance(struct ori_session *s, uint32_t n, orion_error *err)
{
    assert(n >= 1 && n <= 1 + ORI_MAX_DRAFT && n <= s->engine.batch_tokens);
    const orion_status status = compute_batch(s, n, err);
    return status != ORION_OK ? status
                              : ori_forward_logits(s->engine.forward, 0, n, s->logits, err);
}

orion_status ori_session_append(struct ori_session *s, const int32_t *tokens, uint32_t n,
                                orion_error *err)
{
    struct ori_sequence *sequence = &s->sequence;

    assert(n <= sequence->context_tokens - sequence->n_tokens);
    memcpy(sequence->tokens + sequence->n_tokens, tokens, n * sizeof(*tokens));
    return ori_session_advance(s, n, err);
}

void ori_session_drop(struct ori_session *s, uint32_t n)
{
    ori_sequence_drop(&s->sequence, n);
}
