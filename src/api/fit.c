/* Would it run here?  Reads a model's header, wherever the model is, and
 * compares what it needs with what this machine has. */
#include "api/manager.h"

#include <stdio.h>
#include <string.h>

#include "gguf/gguf.h"
#include "model/experts.h"
#include "model/kv.h"

#define FIRST_BYTES (256u << 10)
#define DEFAULT_MAX_CONTEXT 4096u

/* ---- the header ---- */

static orion_status read_header(struct ori_header *header, struct ori_gguf **out, orion_error *err)
{
    const uint64_t file_bytes = ori_header_file_bytes(header);
    const void *data;
    bool more = true;
    size_t n;
    orion_status status = ORION_OK;

    *out = NULL;
    for (size_t bytes = FIRST_BYTES; more; bytes *= 4) {
        if (bytes > ORI_GGUF_MAX_HEADER)
            bytes = ORI_GGUF_MAX_HEADER;
        status = ori_header_need(header, bytes, &data, &n, err);
        if (status != ORION_OK)
            return status;
        status =
            ori_gguf_parse_header(data, n, file_bytes, ori_header_name(header), out, &more, err);
        more = more && n < file_bytes && n < ORI_GGUF_MAX_HEADER;
    }
    return status;
}

/* ---- what it says ---- */

static void take_tensors(const struct ori_gguf *gguf, orion_fit *out)
{
    for (size_t i = 0; i < ori_gguf_n_tensors(gguf); i++) {
        const struct ori_gguf_tensor *t = ori_gguf_tensor_at(gguf, i);
        /* No overflow: the reader has checked each product, and that all fit the file. */
        out->n_params += t->dims[0] * t->dims[1] * t->dims[2] * t->dims[3];
        out->weights_bytes += t->size_bytes;
    }
}

static void cannot_run(orion_fit *out, const char *why)
{
    out->runs = false;
    if (!out->why_not[0])
        (void)snprintf(out->why_not, sizeof(out->why_not), "%.255s", why);
}

/* Hyper-parameters, as far as the keys that most architectures share tell.
 * Fails only with ORION_E_NOMEM, as does what follows. */
static orion_status take_shape(const struct ori_gguf *gguf, orion_fit *out, struct ori_hparams *hp,
                               orion_error *err)
{
    const struct ori_gguf_kv *tokens = ori_gguf_find(gguf, "tokenizer.ggml.tokens");
    const uint32_t n_vocab = tokens ? (uint32_t)tokens->count : 0;
    const struct ori_arch like = {.name = out->architecture, .experts = true};
    const struct ori_str name = {out->architecture, strlen(out->architecture)};
    const struct ori_arch *arch = ori_arch_find(name);
    orion_error why;

    if (!arch) {
        char sentence[256];
        ori_arch_refusal(name, sentence, sizeof(sentence));
        cannot_run(out, sentence);
    }
    const orion_status status =
        ori_hparams_read(gguf, arch ? arch : &like, n_vocab, false, hp, &why);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "a model's shape");
    if (status != ORION_OK) {
        *hp = (struct ori_hparams){0};
        cannot_run(out, why.message);
    }
    out->trained_tokens = hp->context_tokens;
    out->n_experts = hp->n_experts;
    out->n_experts_used = hp->n_experts_used;
    out->active_bytes = ori_active_bytes(gguf, hp);
    return ORION_OK;
}

static orion_status check_vocabulary(const struct ori_gguf *gguf, orion_fit *out, orion_error *err)
{
    struct ori_vocab *vocab = NULL;
    orion_error why;

    const orion_status status = ori_vocab_new(gguf, NULL, &vocab, &why);
    ori_vocab_free(vocab);
    if (status == ORION_E_NOMEM)
        return ori_fail_nomem(err, "a vocabulary");
    if (status != ORION_OK)
        cannot_run(out, why.message);
    return ORION_OK;
}

/* ---- memory ---- */

/* The program, its libraries, heap and stacks, as measured. */
#define PROGRAM_BYTES (10ull << 20)

/* What a process takes besides the weights and the cache: rows of floats for
 * each token of a batch and their 8-bit copies; what experts need; logits of a draft and what draws
 * it up; the sampler's list of candidates; the vocabulary; the program. */
static uint64_t buffer_bytes(const struct ori_hparams *hp, uint32_t context_tokens)
{
    const uint64_t batch = context_tokens < ORI_BATCH_TOKENS ? context_tokens : ORI_BATCH_TOKENS;
    const uint64_t q = (uint64_t)hp->n_heads * hp->head_dim;
    const uint64_t kv = (uint64_t)hp->n_heads_kv * hp->head_dim;
    const uint64_t n_ff = hp->n_experts == 0 ? hp->n_ff : 0; /* that of experts is theirs */
    const uint64_t widest = n_ff > hp->n_embd ? n_ff : hp->n_embd;
    const uint64_t row = 3ull * hp->n_embd + 2 * q + 2 * kv + 2 * n_ff + hp->n_rot;
    const uint64_t experts = hp->n_experts > 0 ? ori_experts_token_bytes(hp) : 0;

    return batch * (row * sizeof(float) + ori_acts_col_bytes(widest) + experts) +
           (1ull + ORI_DEFAULT_DRAFT) * hp->n_vocab * sizeof(float) +
           hp->n_vocab * sizeof(struct ori_candidate) +
           (uint64_t)context_tokens * 4 * sizeof(int32_t) + ori_vocab_bytes(hp->n_vocab) +
           PROGRAM_BYTES;
}

/* A session that is asked about. */
struct asked {
    struct ori_hparams hp;
    enum ori_kv_type kv_type;
};

static orion_status kv_bytes(const struct asked *asked, uint32_t context_tokens, uint64_t *out,
                             orion_error *err)
{
    const uint32_t batch = context_tokens < ORI_BATCH_TOKENS ? context_tokens : ORI_BATCH_TOKENS;
    size_t bytes = 0;
    const orion_status status =
        ori_kv_bytes(&asked->hp, asked->kv_type, context_tokens, batch, &bytes, err);

    *out = bytes;
    return status;
}

/* UINT64_MAX when it is more than can be counted. */
static uint64_t memory_bytes(const orion_fit *fit, const struct asked *asked, uint32_t context)
{
    uint64_t kv, sum;

    if (kv_bytes(asked, context, &kv, NULL) != ORION_OK ||
        !ori_add_u64(fit->weights_bytes, kv, &sum) ||
        !ori_add_u64(sum, buffer_bytes(&asked->hp, context), &sum))
        return UINT64_MAX;
    return sum;
}

/* The largest context whose memory is available; memory grows with it. */
static uint32_t largest_context(const orion_fit *fit, const struct asked *asked)
{
    uint32_t fits = 0, beyond = asked->hp.context_tokens + 1; /* contexts are at most 2^26 */

    while (beyond - fits > 1) {
        const uint32_t middle = fits + (beyond - fits) / 2;
        if (memory_bytes(fit, asked, middle) <= fit->available_bytes)
            fits = middle;
        else
            beyond = middle;
    }
    return fits;
}

static orion_status choose_context(const struct ori_hparams *hp, uint32_t asked, orion_fit *out,
                                   orion_error *err)
{
    if (hp->context_tokens > 0 && asked > hp->context_tokens)
        return ori_fail(err, ORION_E_ARGUMENT,
                        "a context of %u tokens was asked for, but the model was made for %u; ask "
                        "for at most that",
                        asked, hp->context_tokens);
    out->context_tokens = asked > 0 ? asked : DEFAULT_MAX_CONTEXT;
    if (asked == 0 && hp->context_tokens > 0 && hp->context_tokens < DEFAULT_MAX_CONTEXT)
        out->context_tokens = hp->context_tokens;
    return ORION_OK;
}

static void judge(const struct asked *asked, orion_fit *out)
{
    orion_machine machine;

    orion_machine_get(&machine);
    out->buffer_bytes = buffer_bytes(&asked->hp, out->context_tokens);
    out->memory_bytes = memory_bytes(out, asked, out->context_tokens);
    out->available_bytes = machine.available_bytes;
    if (out->available_bytes > 0 && asked->hp.context_tokens > 0)
        out->max_context_tokens = largest_context(out, asked);
    out->verdict = orion_fit_judge(out->memory_bytes, out->available_bytes);
}

orion_status ori_api_fit(struct ori_manager *manager, const char *name, uint32_t context_tokens,
                         enum ori_kv_type kv_type, orion_fit *out, orion_error *err)
{
    struct ori_header *header = NULL;
    struct ori_gguf *gguf = NULL;
    struct asked asked = {.kv_type = kv_type};
    orion_fit fit = {.runs = true};
    orion_usage usage;

    orion_status status = ori_header_open(manager, name, &header, err);
    if (status == ORION_OK)
        status = read_header(header, &gguf, err);
    if (status == ORION_OK) {
        const struct ori_model view = {.gguf = gguf};
        fit.local = ori_header_is_local(header);
        fit.file_bytes = ori_header_file_bytes(header);
        fit.download_bytes = ori_header_download_bytes(header);
        (void)snprintf(fit.name, sizeof(fit.name), "%s", ori_gguf_text(gguf, "general.name"));
        (void)snprintf(fit.architecture, sizeof(fit.architecture), "%s",
                       ori_gguf_text(gguf, "general.architecture"));
        (void)snprintf(fit.quantization, sizeof(fit.quantization), "%s",
                       ori_model_quantization(&view));
        take_tensors(gguf, &fit);
        status = take_shape(gguf, &fit, &asked.hp, err);
    }
    if (status == ORION_OK)
        status = check_vocabulary(gguf, &fit, err);
    if (status == ORION_OK)
        status = choose_context(&asked.hp, context_tokens, &fit, err);
    if (status == ORION_OK)
        status = kv_bytes(&asked, fit.context_tokens, &fit.kv_bytes, err);
    if (status == ORION_OK) {
        judge(&asked, &fit);
        status = ori_manager_usage(manager, &usage, err);
        fit.disk_free_bytes = usage.free_bytes;
    }
    ori_gguf_close(gguf);
    ori_header_close(header);
    *out = status == ORION_OK ? fit : (orion_fit){0};
    return status;
}
