#include "runtime/embed.h"

#include <assert.h>
#include <stdlib.h>

/* Short texts are put together until a batch has so many tokens: products gain
 * no more from more columns. */
#define FULL_BATCH 512u
/* Slots of keys that a batch may take; each text takes whole blocks. */
#define MIN_SLOTS (64u * ORI_ATTN_BLOCK)
/* The keys and values of texts that are computed at once need not be small. */
#define KV_TYPE ORI_KV_F32

/* ---- sizes ---- */

static uint32_t usual_tokens(const struct ori_hparams *hp)
{
    return hp->context_tokens < ORI_EMBED_USUAL_TOKENS ? hp->context_tokens
                                                       : ORI_EMBED_USUAL_TOKENS;
}

static uint32_t slots_for(uint32_t batch_tokens)
{
    const uint32_t longest = ori_kv_whole_blocks(batch_tokens);

    return longest > MIN_SLOTS ? longest : MIN_SLOTS;
}

orion_status ori_embed_kv_bytes(const struct ori_hparams *hp, uint32_t batch_tokens, size_t *out,
                                orion_error *err)
{
    return ori_kv_passing_bytes(hp, KV_TYPE, slots_for(batch_tokens), out, err);
}

/* ---- setting up ---- */

static orion_status set_up(struct ori_embedder *e, const struct ori_model *model,
                           const struct ori_embed_options *options, orion_error *err)
{
    const uint32_t most =
        options->batch_tokens > 0 ? options->batch_tokens : usual_tokens(&model->hp);
    const struct ori_engine_options inner = {
        .embeds = true, .context_tokens = most, .batch_tokens = most, .threads = options->threads};
    orion_status status;

    if ((status = ori_engine_init(&e->engine, model, &inner, err)) != ORION_OK)
        return status;
    const uint32_t slots = slots_for(e->engine.batch_tokens);
    e->max_texts = slots / ORI_ATTN_BLOCK;
    if ((status = ori_kv_init_passing(&e->kv, &model->hp, KV_TYPE, slots, err)) != ORION_OK ||
        (status = ori_pooling_init(&e->pooling, model, &e->engine.compute, e->max_texts, err)) !=
            ORION_OK)
        return status;
    e->items = ori_calloc_array(e->engine.batch_tokens, sizeof(*e->items));
    e->parts = ori_calloc_array(e->max_texts, sizeof(*e->parts));
    e->lengths = ori_calloc_array(e->max_texts, sizeof(*e->lengths));
    size_t n_layers;
    if (ori_mul(e->max_texts, model->hp.n_layers, &n_layers))
        e->layers = ori_calloc_array(n_layers, sizeof(*e->layers));
    return e->items && e->parts && e->layers && e->lengths ? ORION_OK
                                                           : ori_fail_nomem(err, "the embedder");
}

orion_status ori_embedder_new(const struct ori_model *model,
                              const struct ori_embed_options *options, struct ori_embedder **out,
                              orion_error *err)
{
    *out = NULL;
    struct ori_embedder *e = calloc(1, sizeof(*e));
    if (!e)
        return ori_fail_nomem(err, "the embedder");
    const orion_status status = set_up(e, model, options, err);
    if (status != ORION_OK) {
        ori_embedder_free(e);
        return status;
    }
    *out = e;
    return ORION_OK;
}

void ori_embedder_free(struct ori_embedder *e)
{
    if (!e)
        return;
    ori_pooling_release(&e->pooling);
    ori_kv_release(&e->kv);
    ori_engine_release(&e->engine);
    free(e->items);
    free(e->parts);
    free(e->layers);
    free(e->lengths);
    free(e);
}

/* ---- inputs to tokens ---- */

/* The tokens of all inputs, one after the other. */
struct encoded {
    struct ori_tokens tokens;
    uint32_t *lengths; /* [n_inputs] */
};

static orion_status add_tokens(const struct ori_model *model, const orion_embed_input *input,
                               size_t index, struct ori_tokens *out, orion_error *err)
{
    for (size_t i = 0; i < input->n_tokens; i++) {
        const int32_t token = input->tokens[i];
        if (token < 0 || (uint32_t)token >= model->hp.n_vocab)
            return ori_fail(err, ORION_E_ARGUMENT,
                            "input %zu: token %d is outside the vocabulary, which has %u",
                            index + 1, token, model->hp.n_vocab);
        if (ori_tokens_add(out, token) != ORION_OK)
            return ori_fail_nomem(err, "the tokens");
    }
    return ORION_OK;
}

static orion_status encode_input(const struct ori_embedder *e, const orion_embed_input *input,
                                 size_t index, struct encoded *out, orion_error *err)
{
    const struct ori_model *model = e->engine.model;
    const struct ori_piece piece = {input->text, input->text_bytes, false};
    const size_t before = out->tokens.count;
    const orion_status status =
        input->tokens
            ? add_tokens(model, input, index, &out->tokens, err)
            : ori_vocab_encode(model->vocab, &piece, 1, ORI_BEGIN | ORI_END, &out->tokens, err);
    const size_t n = out->tokens.count - before;

    if (status != ORION_OK)
        return status;
    if (n == 0)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "input %zu is empty; there is nothing to make a vector of", index + 1);
    if (n > e->engine.batch_tokens)
        return ori_fail(err, ORION_E_TOO_LONG,
                        "input %zu has %zu tokens, but a text may have %u here (the model was made "
                        "for %u); nothing was cut: divide it",
                        index + 1, n, e->engine.batch_tokens, model->hp.context_tokens);
    out->lengths[index] = (uint32_t)n;
    return ORION_OK;
}

/* ---- batches ---- */

/* Put a text into the batch of n_items items; its slots begin at `slot`. */
static void enter(struct ori_embedder *e, uint32_t text, const int32_t *tokens, uint32_t n,
                  uint32_t n_items, uint32_t slot)
{
    e->lengths[text] = n;
    e->parts[text] = ori_kv_part(&e->kv, slot, ori_kv_whole_blocks(n),
                                 e->layers + (size_t)text * e->kv.n_layers);
    for (uint32_t i = 0; i < n; i++)
        e->items[n_items + i] = (struct ori_batch_item){
            .token = tokens[i], .position = i, .kv = &e->parts[text], .text_tokens = n};
}

struct batch {
    uint32_t n_texts, n_items;
};

/* A batch of as many of the texts as fit, the first in any case; lengths[n_texts]. */
static struct batch gather(struct ori_embedder *e, const int32_t *tokens, const uint32_t *lengths,
                           size_t n_texts)
{
    struct batch batch = {0};
    uint32_t slots = 0;

    while (batch.n_texts < n_texts) {
        const uint32_t n = lengths[batch.n_texts];
        const uint32_t more = ori_kv_whole_blocks(n);
        const bool fits = batch.n_items + n <= e->engine.batch_tokens &&
                          batch.n_items + n <= FULL_BATCH && slots + more <= e->kv.n_slots;
        if (batch.n_texts > 0 && !fits)
            break;
        enter(e, batch.n_texts, tokens + batch.n_items, n, batch.n_items, slots);
        batch.n_texts++;
        batch.n_items += n;
        slots += more;
    }
    assert(batch.n_texts <= e->max_texts);
    return batch;
}

static orion_status compute(struct ori_embedder *e, const struct ori_embed *what,
                            const struct encoded *encoded, float *out, orion_error *err)
{
    const size_t n = ori_model_embedding_length(e->engine.model);
    const int32_t *tokens = encoded->tokens.ids;

    for (size_t done = 0; done < what->n_inputs;) {
        const struct batch batch =
            gather(e, tokens, encoded->lengths + done, what->n_inputs - done);
        orion_status status =
            ori_forward_run(e->engine.forward, e->items, batch.n_items, NULL, err);
        if (status == ORION_OK)
            status = ori_pooling_run(&e->pooling, ori_forward_hidden(e->engine.forward), e->lengths,
                                     batch.n_texts, out + done * n, err);
        if (status != ORION_OK)
            return status;
        done += batch.n_texts;
        tokens += batch.n_items;
        if (what->on_progress && what->on_progress(done, what->n_inputs, what->user))
            return ori_fail(err, ORION_E_CANCELLED, "cancelled");
    }
    return ORION_OK;
}

orion_status ori_embed(struct ori_embedder *e, const struct ori_embed *what, float *out,
                       uint32_t *n_tokens, orion_error *err)
{
    struct encoded encoded = {.lengths = ori_calloc_array(what->n_inputs, sizeof(uint32_t))};
    orion_status status = encoded.lengths ? ORION_OK : ori_fail_nomem(err, "the inputs");

    for (size_t i = 0; i < what->n_inputs && status == ORION_OK; i++)
        status = encode_input(e, &what->inputs[i], i, &encoded, err);
    if (status == ORION_OK)
        status = compute(e, what, &encoded, out, err);
    for (size_t i = 0; i < what->n_inputs && n_tokens; i++)
        n_tokens[i] = status == ORION_OK ? encoded.lengths[i] : 0;
    ori_tokens_release(&encoded.tokens);
    free(encoded.lengths);
    return status;
}
