/* Random tokens through a session, with a clock beside them. */
#include "runtime/bench.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

/* Any ids do: what a product costs does not depend on its numbers.  The same
 * ones in each run, so that the cache still holds the depth of the last one. */
static void draw_tokens(int32_t *tokens, size_t n, uint32_t n_vocab)
{
    uint64_t state = 1;

    for (size_t i = 0; i < n; i++) { /* Knuth's MMIX generator; its low bits are poor */
        state = state * 6364136223846793005u + 1442695040888963407u;
        tokens[i] = (int32_t)((state >> 33) % n_vocab);
    }
}

static orion_status check_room(const struct ori_session *s, uint32_t n_tokens,
                               uint32_t depth_tokens, orion_error *err)
{
    if (n_tokens == 0)
        return ori_fail(err, ORION_E_ARGUMENT, "a measurement needs at least one token");
    if (n_tokens > s->engine.context_tokens || depth_tokens > s->engine.context_tokens - n_tokens)
        return ori_fail(err, ORION_E_TOO_LONG,
                        "%u tokens after %u do not fit the context of %u; ask for a larger context",
                        n_tokens, depth_tokens, s->engine.context_tokens);
    return ORION_OK;
}

/* Make the cache hold tokens[n_tokens] and nothing else. */
static orion_status reach(struct ori_session *s, const int32_t *tokens, uint32_t n_tokens,
                          orion_error *err)
{
    uint32_t n_cached;

    if (n_tokens > 0)
        return ori_session_prefill(s, tokens, n_tokens, &n_cached, err);
    ori_session_reset(s);
    return ORION_OK;
}

void ori_bench_weights(const struct ori_layer *layer,
                       const struct ori_weight *out[ORI_BENCH_WEIGHTS])
{
    const struct ori_weight *const weights[ORI_BENCH_WEIGHTS] = {
        &layer->q, &layer->k, &layer->v, &layer->attn_out, &layer->gate, &layer->up, &layer->down};

    memcpy(out, weights, sizeof(weights));
}

static void count_weight(const struct ori_weight *w, uint64_t passes, uint64_t n_tokens,
                         orion_bench_result *out)
{
    out->weight_bytes += passes * w->n_rows * w->row_bytes;
    out->multiply_adds += n_tokens * w->n_rows * w->n;
}

/* What the products of a run take: n_tokens in `passes` batches, and the
 * logits of n_logits of them. */
static void count_work(const struct ori_model *model, uint64_t passes, uint64_t n_tokens,
                       uint64_t n_logits, orion_bench_result *out)
{
    for (uint32_t i = 0; i < model->hp.n_layers; i++) {
        const struct ori_weight *weights[ORI_BENCH_WEIGHTS];
        ori_bench_weights(&model->layers[i], weights);
        for (size_t w = 0; w < ORI_BENCH_WEIGHTS; w++)
            count_weight(weights[w], passes, n_tokens, out);
    }
    count_weight(&model->output, n_logits, n_logits, out);
}

/* What memory gives changes within a second, so it is measured token by token. */
static orion_status decode(struct ori_session *s, const int32_t *tokens, uint32_t n_tokens,
                           orion_bench_result *out, orion_error *err)
{
    const uint32_t n_layers = s->engine.model->hp.n_layers;
    double read_ms = 0;
    uint64_t read_bytes = 0;

    for (uint32_t i = 0; i < n_tokens; i++) {
        const double wall_ms = ori_now_ms(), cpu_ms = ori_cpu_ms();
        const orion_status status = ori_session_append(s, tokens + i, 1, err);
        if (status != ORION_OK)
            return status;
        out->wall_ms += ori_now_ms() - wall_ms;
        out->cpu_ms += ori_cpu_ms() - cpu_ms;
        ori_bench_read_layer(s, i % n_layers, &read_ms, &read_bytes);
    }
    if (read_ms > 0)
        out->read_bytes_per_second = (double)read_bytes / read_ms * 1e3;
    count_work(s->engine.model, n_tokens, n_tokens, n_tokens, out);
    return ORION_OK;
}

static orion_status prefill(struct ori_session *s, const int32_t *tokens, uint32_t depth_tokens,
                            uint32_t n_tokens, orion_bench_result *out, orion_error *err)
{
    const double wall_ms = ori_now_ms(), cpu_ms = ori_cpu_ms();
    const orion_status status = reach(s, tokens, depth_tokens + n_tokens, err);

    if (status != ORION_OK)
        return status;
    out->wall_ms = ori_now_ms() - wall_ms;
    out->cpu_ms = ori_cpu_ms() - cpu_ms;
    count_work(s->engine.model, (n_tokens - 1) / s->engine.batch_tokens + 1, n_tokens, 1, out);
    return ORION_OK;
}

static orion_status measure(struct ori_session *s, orion_bench_kind kind, const int32_t *tokens,
                            uint32_t n_tokens, uint32_t depth_tokens, orion_bench_result *out,
                            orion_error *err)
{
    orion_status status = reach(s, tokens, depth_tokens, err);
    if (status != ORION_OK)
        return status;
    if (kind == ORION_BENCH_DECODE)
        return decode(s, tokens + depth_tokens, n_tokens, out, err);
    return prefill(s, tokens, depth_tokens, n_tokens, out, err);
}

orion_status ori_bench(struct ori_session *s, orion_bench_kind kind, uint32_t n_tokens,
                       uint32_t depth_tokens, orion_bench_result *out, orion_error *err)
{
    *out = (orion_bench_result){0};
    orion_status status = check_room(s, n_tokens, depth_tokens, err);
    if (status != ORION_OK)
        return status;
    const size_t n = (size_t)depth_tokens + n_tokens;
    int32_t *tokens = ori_alloc_array(n, sizeof(*tokens));
    if (!tokens)
        return ori_fail_nomem(err, "the tokens of a measurement");
    draw_tokens(tokens, n, s->engine.model->hp.n_vocab);
    /* Computing is measured, not the disk; and such tokens are not worth keeping. */
    const struct ori_prefixes *prefixes = s->engine.prefixes;
    s->engine.prefixes = NULL;
    status = measure(s, kind, tokens, n_tokens, depth_tokens, out, err);
    s->engine.prefixes = prefixes;
    free(tokens);
    return status;
}
