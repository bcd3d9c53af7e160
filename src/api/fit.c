/* Would it run here?  What a model needs, beside what this machine has. */
#include "api/manager.h"

#include <stdio.h>
#include <string.h>

#include "model/experts.h"
#include "model/kv.h"
#include "runtime/embed.h"

#define DEFAULT_MAX_CONTEXT 4096u

/* ---- memory ---- */

/* The program, its libraries, heap and stacks, as measured. */
#define PROGRAM_BYTES (10ull << 20)

/* What is asked about: how many sequences of what shape; or an embedder, whose
 * context is a text, computed in one batch. */
struct asked {
    const struct ori_hparams *hp;
    enum ori_kv_type kv_type;
    uint32_t sequences; /* 1 of an embedder */
    bool embeds;
};

static uint32_t batch_tokens(const struct asked *asked, uint32_t context_tokens)
{
    const uint64_t all = (uint64_t)context_tokens * asked->sequences;
    return asked->embeds || all < ORI_BATCH_TOKENS ? (uint32_t)all : ORI_BATCH_TOKENS;
}

/* For each token of a batch rows of floats and their 8-bit copies, and what experts need. */
static uint64_t token_bytes(const struct ori_hparams *hp)
{
    const uint64_t q = (uint64_t)hp->n_heads * hp->head_dim;
    const uint64_t kv = (uint64_t)hp->n_heads_kv * hp->head_dim;
    const uint64_t n_ff = hp->n_experts == 0 ? hp->n_ff : 0; /* that of experts is theirs */
    const uint64_t widest = n_ff > hp->n_embd ? n_ff : hp->n_embd;
    const uint64_t row = 3ull * hp->n_embd + 2 * q + 2 * kv + 2 * n_ff + hp->n_rot;
    const uint64_t experts = hp->n_experts > 0 ? ori_experts_token_bytes(hp) : 0;

    return row * sizeof(float) + ori_acts_col_bytes(widest) + experts;
}

/* Logits of each sequence, of a draft, and what draws it up; the samplers' lists of candidates. */
static uint64_t answer_bytes(const struct asked *asked, uint32_t context_tokens)
{
    const uint64_t n = asked->sequences, n_vocab = asked->hp->n_vocab;

    return (n + ORI_DEFAULT_DRAFT) * n_vocab * sizeof(float) +
           n * n_vocab * sizeof(struct ori_candidate) + n * context_tokens * 4 * sizeof(int32_t);
}

/* What a process takes besides the weights and the cache. */
static uint64_t buffer_bytes(const struct asked *asked, uint32_t context_tokens)
{
    return batch_tokens(asked, context_tokens) * token_bytes(asked->hp) +
           (asked->embeds ? 0 : answer_bytes(asked, context_tokens)) +
           ori_vocab_bytes(asked->hp->n_vocab) + PROGRAM_BYTES;
}

static orion_status sequence_kv_bytes(const struct asked *asked, uint32_t context_tokens,
                                      size_t *out, orion_error *err)
{
    const uint32_t batch = batch_tokens(asked, context_tokens);

    return asked->embeds ? ori_embed_kv_bytes(asked->hp, batch, out, err)
                         : ori_kv_bytes(asked->hp, asked->kv_type, context_tokens, batch, out, err);
}

/* Of all sequences together. */
static orion_status kv_bytes(const struct asked *asked, uint32_t context_tokens, uint64_t *out,
                             orion_error *err)
{
    size_t bytes = 0;

    *out = 0;
    const orion_status status = sequence_kv_bytes(asked, context_tokens, &bytes, err);
    if (status != ORION_OK)
        return status;
    if (!ori_mul(bytes, asked->sequences, &bytes))
        return ori_fail(err, ORION_E_NOMEM,
                        "caches for %u times %u tokens are larger than any memory",
                        asked->sequences, context_tokens);
    *out = bytes;
    return ORION_OK;
}

/* UINT64_MAX when it is more than can be counted. */
static uint64_t memory_bytes(const orion_fit *fit, const struct asked *asked, uint32_t context)
{
    uint64_t kv, sum;

    if (kv_bytes(asked, context, &kv, NULL) != ORION_OK ||
        !ori_add_u64(fit->weights_bytes, kv, &sum) ||
        !ori_add_u64(sum, buffer_bytes(asked, context), &sum))
        return UINT64_MAX;
    return sum;
}

/* The longest that there is, whatever the memory; 0: unknown. */
static uint32_t longest_context(const struct asked *asked)
{
    const uint32_t trained = asked->hp->context_tokens;

    return asked->embeds && trained > ORI_MAX_BATCH_TOKENS ? ORI_MAX_BATCH_TOKENS : trained;
}

/* The largest context whose memory is available; memory grows with it. */
static uint32_t largest_context(const orion_fit *fit, const struct asked *asked)
{
    uint32_t fits = 0, beyond = longest_context(asked) + 1; /* contexts are at most 2^26 */

    while (beyond - fits > 1) {
        const uint32_t middle = fits + (beyond - fits) / 2;
        if (memory_bytes(fit, asked, middle) <= fit->available_bytes)
            fits = middle;
        else
            beyond = middle;
    }
    return fits;
}

static orion_status choose_context(const struct asked *asked, uint32_t wanted, uint32_t *out,
                                   orion_error *err)
{
    const uint32_t usual = asked->embeds ? ORI_EMBED_USUAL_TOKENS : DEFAULT_MAX_CONTEXT;
    const uint32_t longest = longest_context(asked);

    if (longest > 0 && wanted > longest)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "a context of %u tokens was asked for, but %s %u; ask for at most that",
                        wanted,
                        longest < asked->hp->context_tokens ? "a text for embeddings has at most"
                                                            : "the model was made for",
                        longest);
    *out = wanted > 0 ? wanted : usual;
    if (wanted == 0 && longest > 0 && longest < usual)
        *out = longest;
    return ORION_OK;
}

static void judge(const struct asked *asked, orion_fit *out)
{
    orion_machine machine;

    orion_machine_get(&machine);
    out->buffer_bytes = buffer_bytes(asked, out->context_tokens);
    out->memory_bytes = memory_bytes(out, asked, out->context_tokens);
    out->available_bytes = machine.available_bytes;
    if (out->available_bytes > 0 && asked->hp->context_tokens > 0)
        out->max_context_tokens = largest_context(out, asked);
    out->verdict = orion_fit_judge(out->memory_bytes, out->available_bytes);
}

/* ---- all of it ---- */

static void take_facts(const struct ori_header *header, const struct ori_header_facts *facts,
                       orion_fit *out)
{
    out->local = ori_header_is_local(header);
    out->file_bytes = ori_header_file_bytes(header);
    out->download_bytes = ori_header_download_bytes(header);
    out->runs = facts->runs;
    out->embeds = facts->embeds;
    out->n_params = facts->n_params;
    out->weights_bytes = facts->weights_bytes;
    out->active_bytes = facts->active_bytes;
    out->trained_tokens = facts->hp.context_tokens;
    out->n_experts = facts->hp.n_experts;
    out->n_experts_used = facts->hp.n_experts_used;
    (void)snprintf(out->why_not, sizeof(out->why_not), "%s", facts->why_not);
    (void)snprintf(out->name, sizeof(out->name), "%s", facts->name);
    (void)snprintf(out->architecture, sizeof(out->architecture), "%s", facts->architecture);
    (void)snprintf(out->quantization, sizeof(out->quantization), "%s", facts->quantization);
}

orion_status ori_api_fit(orion_manager *handle, const char *name, const orion_fit_options *options,
                         orion_fit *out, orion_error *err)
{
    struct ori_header *header = NULL;
    struct ori_header_facts facts;
    struct asked asked = {.hp = &facts.hp,
                          .kv_type = (enum ori_kv_type)options->kv_type,
                          .sequences = options->sequences > 0 ? options->sequences : 1};
    orion_fit fit = {0};

    *out = (orion_fit){0};
    if (asked.sequences > ORI_MAX_SEQUENCES)
        return ori_fail(err, ORION_E_ARGUMENT, "%u requests at once are too many; the limit is %u",
                        asked.sequences, ORI_MAX_SEQUENCES);
    orion_status status = ori_header_open(handle->manager, name, &header, err);
    if (status == ORION_OK)
        status = ori_headers_find(&handle->headers, header, &facts, err);
    if (status == ORION_OK) {
        take_facts(header, &facts, &fit);
        asked.embeds = facts.embeds;
        fit.sequences = asked.sequences = facts.embeds ? 1 : asked.sequences;
        status = choose_context(&asked, options->context_tokens, &fit.context_tokens, err);
    }
    if (status == ORION_OK)
        status = kv_bytes(&asked, fit.context_tokens, &fit.kv_bytes, err);
    if (status == ORION_OK) {
        judge(&asked, &fit);
        fit.disk_free_bytes = ori_manager_free_bytes(handle->manager);
        *out = fit;
    }
    ori_header_close(header);
    return status;
}
