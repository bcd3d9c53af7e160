/* How well a model predicts a text, and a digest of every logit on the way. */
#include "runtime/session.h"
#include "runtime/snapshot.h"

#include "base/sha256.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Logits are taken so many positions at a time: 32 x 128,000 x 4 bytes is
 * 16 MiB, whatever the length of the text. */
#define SLICE 32u

struct measure {
    struct ori_session *session;
    struct ori_sha256 hash;
    bool want_digest;
    orion_score_fn on_score; /* or NULL */
    void *user;
    float *logits; /* [SLICE][n_vocab] */
    double nll;    /* sum of negative log-likelihoods */
    uint64_t n;    /* predicted tokens */
};

static int32_t likeliest(const float *row, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (row[i] > row[best])
            best = i;
    return (int32_t)best;
}

/* `row` holds the logits for the token at `position`. */
static orion_status take_token(struct measure *m, const float *row, uint32_t position,
                               orion_error *err)
{
    const struct ori_session *s = m->session;
    const size_t n_vocab = s->engine.model->hp.n_vocab;
    const int32_t token = s->sequence.tokens[position];
    const double nll = s->engine.kernels.log_sum_exp(row, n_vocab) - (double)row[token];

    m->nll += nll;
    m->n++;
    if (!m->on_score)
        return ORION_OK;
    const orion_token_score score = {position, token, likeliest(row, n_vocab), -nll};
    return m->on_score(&score, m->user) ? ori_fail(err, ORION_E_CANCELLED, "cancelled") : ORION_OK;
}

/* The positions [first, first+n) of the batch at `from` are computed. */
static orion_status take_slice(struct measure *m, uint32_t from, uint32_t first, uint32_t n,
                               uint32_t window_tokens, orion_error *err)
{
    struct ori_session *s = m->session;
    const size_t n_vocab = s->engine.model->hp.n_vocab;

    orion_status status = ori_forward_logits(s->engine.forward, first, n, m->logits, err);
    if (status != ORION_OK)
        return status;
    if (m->want_digest)
        ori_sha256_update(&m->hash, m->logits, n * n_vocab * sizeof(float));
    for (uint32_t i = 0; i < n && status == ORION_OK; i++) {
        const uint32_t next = from + first + i + 1;
        if (next >= window_tokens)
            break;
        status = take_token(m, m->logits + i * n_vocab, next, err);
    }
    return status;
}

/* Whole blocks that were computed go to disk and come back: what is computed
 * upon them must not show it.  The cache itself is made worthless in between. */
static orion_status through_disk(struct ori_session *s, uint32_t n, orion_error *err)
{
    orion_status status;

    if (!s->engine.prefixes || n % ORI_PREFIX_BLOCK != 0)
        return ORION_OK;
    status = ori_snapshot_save(&s->engine, &s->sequence, err);
    ori_session_reset(s);
    ori_kv_spoil(&s->sequence.kv);
    if (status == ORION_OK)
        status = ori_snapshot_restore(&s->engine, &s->sequence, n, err);
    if (status == ORION_OK && s->sequence.n_tokens != n)
        status = ori_fail(err, ORION_E_NO_SPACE,
                          "the prefix cache gave back %u of %u tokens; it is too small for this "
                          "text, or another process deletes from it",
                          s->sequence.n_tokens, n);
    return status;
}

/* One stretch of text that starts anew: s->sequence.tokens[0, n) are set. */
static orion_status take_window(struct measure *m, uint32_t n, orion_error *err)
{
    struct ori_session *s = m->session;

    ori_session_reset(s);
    for (uint32_t from = 0; from < n;) {
        const uint32_t batch =
            n - from < s->engine.batch_tokens ? n - from : s->engine.batch_tokens;
        ori_sequence_enter(&s->sequence, batch, s->items);
        orion_status status = ori_session_forward(s, batch, err);
        for (uint32_t i = 0; i < batch && status == ORION_OK; i += SLICE)
            status = take_slice(m, from, i, batch - i < SLICE ? batch - i : SLICE, n, err);
        if (status == ORION_OK)
            ori_sequence_computed(&s->sequence, batch);
        from += batch;
        if (status == ORION_OK && from < n)
            status = through_disk(s, from, err);
        if (status != ORION_OK)
            return status;
    }
    return ORION_OK;
}

static orion_status take_text(struct measure *m, const struct ori_tokens *tokens, orion_error *err)
{
    struct ori_session *s = m->session;
    const int32_t bos = ori_vocab_bos(s->engine.model->vocab);
    const bool adds_bos = ori_vocab_adds_bos(s->engine.model->vocab) && bos != ORI_NO_TOKEN;
    const uint32_t room = s->engine.context_tokens - (adds_bos ? 1 : 0);

    for (size_t done = 0; done < tokens->count;) {
        const size_t left = tokens->count - done;
        const uint32_t n = left < room ? (uint32_t)left : room;
        if (adds_bos)
            s->sequence.tokens[0] = bos;
        memcpy(s->sequence.tokens + (adds_bos ? 1 : 0), tokens->ids + done,
               n * sizeof(*tokens->ids));
        const orion_status status = take_window(m, n + (adds_bos ? 1 : 0), err);
        if (status != ORION_OK)
            return status;
        done += n;
    }
    return ORION_OK;
}

orion_status ori_perplexity(struct ori_session *s, const char *text, size_t len, bool want_digest,
                            orion_perplexity_result *out, orion_error *err)
{
    return ori_perplexity_each(s, text, len, want_digest, NULL, NULL, out, err);
}

orion_status ori_perplexity_each(struct ori_session *s, const char *text, size_t len,
                                 bool want_digest, orion_score_fn on_score, void *user,
                                 orion_perplexity_result *out, orion_error *err)
{
    const struct ori_piece piece = {text, len, false};
    struct ori_tokens tokens = {0};
    struct measure m = {
        .session = s, .want_digest = want_digest, .on_score = on_score, .user = user};

    *out = (orion_perplexity_result){0};
    ori_session_reset(s);
    orion_status status = ori_vocab_encode(s->engine.model->vocab, &piece, 1, 0, &tokens, err);
    if (status != ORION_OK)
        goto done;
    if (tokens.count < 2) {
        status = ori_fail(err, ORION_E_ARGUMENT,
                          "the text has %zu token(s); at least two are needed", tokens.count);
        goto done;
    }
    if (s->engine.context_tokens < 3) {
        status = ori_fail(err, ORION_E_ARGUMENT, "a context of %u tokens is too small",
                          s->engine.context_tokens);
        goto done;
    }
    m.logits = ori_alloc_aligned((size_t)SLICE * s->engine.model->hp.n_vocab, sizeof(*m.logits));
    if (!m.logits) {
        status = ori_fail_nomem(err, "logits");
        goto done;
    }
    ori_sha256_init(&m.hash);
    status = take_text(&m, &tokens, err);
    if (status != ORION_OK)
        goto done;
    if (!isfinite(m.nll)) {
        status = ori_fail(err, ORION_E_FORMAT,
                          "the model's output is not a number; its weights are broken");
        goto done;
    }
    out->perplexity = ori_exp(m.nll / (double)m.n);
    out->n_tokens = m.n;
    if (want_digest)
        ori_sha256_hex(&m.hash, out->digest);
done:
    ori_session_reset(s);
    ori_tokens_release(&tokens);
    free(m.logits);
    return status;
}
